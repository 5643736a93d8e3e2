// SPDX-License-Identifier: Apache-2.0
/* From the loader to main_loop(). All of it is in RAM, the vectors, too: flash may be written at any time */
#include <stdint.h>

extern uint32_t bss_begin[], bss_end[], stack_top[];

_Noreturn void main_loop(uint32_t slot, uint32_t trial, uint32_t fell_back, uint32_t length);
_Noreturn void reset_handler(uint32_t slot, uint32_t trial, uint32_t fell_back, uint32_t length);

/* The only interrupt; usb.c has it */
void usb_interrupt(void);

/* Nothing else is expected: it waits for the watchdog */
static _Noreturn void fault(void)
{
	for (;;)
		;
}

_Noreturn void reset_handler(uint32_t slot, uint32_t trial, uint32_t fell_back, uint32_t length)
{
	volatile uint32_t *to;

	for (to = bss_begin; to < bss_end;)
		*to++ = 0;
	main_loop(slot, trial, fell_back, length);
}

__attribute__((section(".vectors"), used, aligned(256)))
static const void *const vectors[16 + 6] = {
	stack_top, reset_handler, fault, fault, [11] = fault, [14] = fault,
	fault, [16 + 5] = usb_interrupt,
};
