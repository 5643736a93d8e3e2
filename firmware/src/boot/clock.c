// SPDX-License-Identifier: Apache-2.0
#include "boot/clock.h"

#include "boot/regs.h"

#define WATCHDOG_US	3000000u

static void unreset(u32 bits)
{
	REG_CLEAR(RESETS_RESET) = bits;
	while ((REG(RESETS_DONE) & bits) != bits)
		;
}

/* VCO = 12 MHz * @fbdiv, 750 to 1600 MHz; output = VCO / @div1 / @div2. 2.18.2 */
static void pll_init(u32 pll, u32 fbdiv, u32 div1, u32 div2)
{
	REG(pll + PLL_CS) = 1;			/* reference / 1 */
	REG(pll + PLL_FBDIV) = fbdiv;
	REG_CLEAR(pll + PLL_PWR) = 1u << 0 | 1u << 5;	/* PD, VCOPD */
	while (!(REG(pll + PLL_CS) & 1u << 31))
		;
	REG(pll + PLL_PRIM) = div1 << 16 | div2 << 12;
	REG_CLEAR(pll + PLL_PWR) = 1u << 3;	/* POSTDIVPD */
}

void clock_init(void)
{
	/* 2.16.3: 1 to 15 MHz; 47 * 256 cycles are 1 ms */
	REG(XOSC_CTRL) = 0xaa0;
	REG(XOSC_STARTUP) = 47;
	REG_SET(XOSC_CTRL) = 0xfab << 12;
	while (!(REG(XOSC_STATUS) & 1u << 31))
		;
	REG(CLK_SYS_CTRL) = 0;			/* clk_ref, while PLLs change */
	while (!(REG(CLK_SYS_SELECTED) & 1))
		;
	REG(CLK_REF_CTRL) = 2;			/* crystal */
	while (!(REG(CLK_REF_SELECTED) & 1u << 2))
		;
	REG_SET(RESETS_RESET) = RESET_PLL_SYS | RESET_PLL_USB;
	unreset(RESET_PLL_SYS | RESET_PLL_USB);
	pll_init(PLL_SYS, 125, 6, 2);		/* 1500 MHz / 12 */
	pll_init(PLL_USB, 100, 5, 5);		/* 1200 MHz / 25 */
	REG(CLK_SYS_CTRL) = 0 << 5;		/* aux: PLL_SYS */
	REG_SET(CLK_SYS_CTRL) = 1;
	while (!(REG(CLK_SYS_SELECTED) & 1u << 1))
		;
	REG(CLK_USB_CTRL) = 1u << 11;		/* PLL_USB, on */
	REG(WATCHDOG_TICK) = 1u << 9 | 12;	/* 12 MHz / 12 */
	unreset(RESET_IO_BANK0 | RESET_PADS_BANK0 | RESET_PIO0 |
		RESET_TIMER);
	REG_SET(RESETS_RESET) = RESET_USBCTRL;
	unreset(RESET_USBCTRL);
}

u32 clock_us(void)
{
	return REG(TIMER_RAWL);
}

/* Before clock_init() it counts the ring oscillator's cycles, which are longer or shorter, but not for ever */
void watchdog_init(void)
{
	REG_CLEAR(WATCHDOG_CTRL) = 1u << 30;
	REG(WATCHDOG_TICK) = 1u << 9 | 12;
	REG(PSM_WDSEL) = 0x1fffc;	/* all but the oscillators */
	watchdog_feed();
	REG_SET(WATCHDOG_CTRL) = 1u << 30;
}

/* RP2040-E1: it counts twice a tick */
void watchdog_feed(void)
{
	REG(WATCHDOG_LOAD) = 2 * WATCHDOG_US;
}

_Noreturn void watchdog_restart(void)
{
	for (;;)
		REG_SET(WATCHDOG_CTRL) = 1u << 31;
}
