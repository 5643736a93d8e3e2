// SPDX-License-Identifier: Apache-2.0
/*
 * From boot2 to the program: runs from flash, copies what slot_choose() says
 * to RAM, and goes there. It writes no flash.
 */
#include "boot/clock.h"
#include "boot/regs.h"
#include "boot/slots.h"

#define RAM	0x20000000u

typedef void (*entry)(u32 slot, u32 trial, u32 fell_back, u32 length);

extern uint32_t stack_top[];

_Noreturn void loader(void);

/* Nothing is expected: as without a program */
static _Noreturn void fault(void)
{
	flash_usb_boot();
}

__attribute__((section(".vectors"), used))
static const void *const vectors[16] = { stack_top, loader, fault, fault };

_Noreturn void loader(void)
{
	volatile u32 *to = (volatile u32 *)RAM;
	const volatile u32 *from;
	u32 scratch[SCRATCHES], i;
	struct slot_start start;

	for (i = 0; i < SCRATCHES; i++)
		scratch[i] = REG(WATCHDOG_SCRATCH(i));
	if (!slot_choose(scratch, &start))
		flash_usb_boot();
	REG(WATCHDOG_SCRATCH(SCRATCH_STATE)) = scratch[SCRATCH_STATE];
	/* a program that does not come as far as its own watchdog has failed, too */
	if (start.trial)
		watchdog_init();
	from = (const volatile u32 *)flash_at(SLOT_IMAGE(start.slot));
	for (i = 0; i < start.length; i += 4)
		*to++ = *from++;
	REG(VTOR) = RAM;
	((entry)*(volatile u32 *)(RAM + 4))(start.slot, start.trial,
					    start.fell_back, start.length);
	fault();
}
