/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOCK_H
#define CLOCK_H

#include "ipscsi_codec.h"

#define CLOCK_SYS_MHZ 125

/* Crystal 12 MHz, clk_sys 125 MHz, clk_usb 48 MHz, timer at 1 MHz */
void clock_init(void);

/* Microseconds since the start; wraps after 71 minutes */
u32 clock_us(void);

/* Restarts the chip where watchdog_feed() is not called for 3 s */
void watchdog_init(void);
void watchdog_feed(void);

/* As after the reset, but for the scratch registers: slots.h */
_Noreturn void watchdog_restart(void);

#endif
