/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the RP2040, by its data sheet's names: what is used of them */
#ifndef REGS_H
#define REGS_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
/* 2.1.2: the same register, bits set or cleared at once */
#define REG_SET(address) REG((address) + 0x2000)
#define REG_CLEAR(address) REG((address) + 0x3000)

/* 4.10.13 SSI */
#define SSI_SSIENR		0x18000008
#define SSI_TXFLR		0x18000020
#define SSI_RXFLR		0x18000024
#define SSI_SR			0x18000028
#define SSI_DR0			0x18000060
#define QSPI_SS_CTRL		0x4001800c

/* 2.14.3 resets */
#define RESETS_RESET		0x4000c000
#define RESETS_DONE		0x4000c008
#define RESET_IO_BANK0		(1u << 5)
#define RESET_PADS_BANK0	(1u << 8)
#define RESET_PIO0		(1u << 10)
#define RESET_PLL_SYS		(1u << 12)
#define RESET_PLL_USB		(1u << 13)
#define RESET_TIMER		(1u << 21)
#define RESET_USBCTRL		(1u << 24)

/* 2.16, 2.18, 2.15: crystal, PLLs, clocks */
#define XOSC_CTRL		0x40024000
#define XOSC_STATUS		0x40024004
#define XOSC_STARTUP		0x4002400c
#define PLL_SYS			0x40028000
#define PLL_USB			0x4002c000
#define PLL_CS			0x0
#define PLL_PWR			0x4
#define PLL_FBDIV		0x8
#define PLL_PRIM		0xc
#define CLK_REF_CTRL		0x40008030
#define CLK_REF_SELECTED	0x40008038
#define CLK_SYS_CTRL		0x4000803c
#define CLK_SYS_SELECTED	0x40008044
#define CLK_USB_CTRL		0x40008054

/* 4.7, 4.6: watchdog and its tick, timer */
#define WATCHDOG_CTRL		0x40058000
#define WATCHDOG_LOAD		0x40058004
#define WATCHDOG_SCRATCH(n)	(0x4005800c + 4 * (n))
#define WATCHDOG_TICK		0x4005802c
#define PSM_WDSEL		0x40010008
#define TIMER_RAWL		0x40054028

/* 2.19: pins */
#define GPIO_CTRL(n)		(0x40014004 + 8 * (n))
#define GPIO_INTR(n)		(0x400140f0 + 4 * ((n) / 8))
#define GPIO_EDGE_LOW(n)	(4u << 4 * ((n) % 8))
#define PAD(n)			(0x4001c004 + 4 * (n))
#define SIO_GPIO_IN		0xd0000004
#define SIO_OUT_SET		0xd0000014
#define SIO_OUT_CLR		0xd0000018
#define SIO_OE_SET		0xd0000024
#define SIO_OE_CLR		0xd0000028

/* 3.7: PIO0, its state machine 0 */
#define PIO_CTRL		0x50200000
#define PIO_ENABLE		(1u << 0)
#define PIO_RESTART		(1u << 4)
#define PIO_FSTAT		0x50200004
#define PIO_RX_EMPTY		(1u << 8)
#define PIO_TX_FULL		(1u << 16)
#define PIO_TX_EMPTY		(1u << 24)
#define PIO_FLEVEL		0x5020000c
#define PIO_TXF			0x50200010
#define PIO_RXF			0x50200020
#define PIO_INSTR_MEM(n)	(0x50200048 + 4 * (n))
#define PIO_EXECCTRL		0x502000cc
#define PIO_SHIFTCTRL		0x502000d0
#define PIO_ADDR		0x502000d4
#define PIO_INSTR		0x502000d8
#define PIO_PINCTRL		0x502000dc

/* 4.1.4: USB */
#define USB_DPRAM		0x50100000
#define USB_ADDR		0x50110000
#define USB_MAIN_CTRL		0x50110040
#define USB_SIE_CTRL		0x5011004c
#define USB_SIE_STATUS		0x50110050
#define USB_BUFF_STATUS		0x50110058
#define USB_STALL_ARM		0x50110068
#define USB_MUXING		0x50110074
#define USB_PWR			0x50110078

#define USB_INTE		0x50110090
#define USB_INT_BUFF_STATUS	(1u << 4)

#define VTOR			0xe000ed08
#define NVIC_ISER		0xe000e100
#define NVIC_ICER		0xe000e180
#define IRQ_USB			5

#endif
