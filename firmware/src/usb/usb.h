/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The USB device: CDC-NCM (the segment) and CDC-ACM (the management port)
 *
 * Full speed. usb_poll() does what is to be done and returns at once; packets of
 * a block that is under way go on by interrupt.
 * A host that sends faster than frames go on gets NAKs, and waits.
 */
#ifndef USB_H
#define USB_H

#include "ipscsi/hub.h"
#include "mgmt/mgmt.h"

/* Appears on the bus. @serial: at most 16 letters and digits */
void usb_init(struct hub *h, struct mgmt *m, const char *serial);

/* Call it all the time: the host gives up on what takes 500 ms */
void usb_poll(void);

/* In the vector table */
void usb_interrupt(void);

#endif
