// SPDX-License-Identifier: Apache-2.0
/* From reset to main(): the program is copied to RAM, where it runs */
#include <stdint.h>

#include "boot/regs.h"

extern uint32_t image_begin[], image_end[], image_load[];
extern uint32_t bss_begin[], bss_end[], stack_top[];

_Noreturn void main_loop(void);
_Noreturn void reset_handler(void);

/* The only interrupt; usb.c has it */
void usb_interrupt(void);

/* Nothing else is expected: it waits for the watchdog */
__attribute__((section(".start"))) static _Noreturn void fault(void)
{
	for (;;)
		;
}

__attribute__((section(".start"), optimize("no-tree-loop-distribute-patterns")))
_Noreturn void reset_handler(void)
{
	volatile uint32_t *to = image_begin;
	const volatile uint32_t *from = image_load;
	/* through a register: RAM is too far for a branch from flash */
	void (*volatile go)(void) = main_loop;

	while (to < image_end)
		*to++ = *from++;
	for (to = bss_begin; to < bss_end;)
		*to++ = 0;
	go();
	fault();
}

__attribute__((section(".vectors"), used))
static const void *const vectors[16 + 6] = {
	stack_top, reset_handler, fault, fault, [11] = fault, [14] = fault,
	fault, [16 + 5] = usb_interrupt,
};
