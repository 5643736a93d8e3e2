// SPDX-License-Identifier: Apache-2.0
/* Flash through the boot ROM: RP2040 data sheet 2.8.3. Writing runs from RAM */
#include "boot/flash.h"

#include "boot/regs.h"
#include "boot/serial.h"

#define XIP	0x10000000u

typedef void *(*lookup_fn)(const u16 *table, u32 code);

static void *rom(char a, char b)
{
	lookup_fn lookup = (lookup_fn)(uintptr_t)*(volatile u16 *)0x18;
	const u16 *table = (const u16 *)(uintptr_t)*(volatile u16 *)0x14;

	return lookup(table, (u32)b << 8 | a);
}

static void leave_xip(void)
{
	((void (*)(void))rom('I', 'F'))();
	((void (*)(void))rom('E', 'X'))();
}

static void enter_xip(void)
{
	((void (*)(void))rom('F', 'C'))();
	((void (*)(void))rom('C', 'X'))();
}

const u8 *flash_at(u32 offset)
{
	return (const u8 *)(uintptr_t)(XIP + offset);
}

void flash_erase(u32 offset)
{
	leave_xip();
	((void (*)(u32, u32, u32, u8))rom('R', 'E'))(offset, FLASH_SECTOR,
						     FLASH_SECTOR, 0x20);
	enter_xip();
}

void flash_program(u32 offset, const u8 *page)
{
	leave_xip();
	((void (*)(u32, const u8 *, u32))rom('R', 'P'))(offset, page,
							FLASH_PAGE);
	enter_xip();
}

_Noreturn void flash_usb_boot(void)
{
	((void (*)(u32, u32))rom('U', 'B'))(0, 0);
	for (;;)
		;
}

/* --- serial number --- */

/* Command 4Bh, four bytes that do not count, eight that do */
static u8 exchange(u8 byte)
{
	u32 tries;

	REG(SSI_DR0) = byte;
	for (tries = 0; !REG(SSI_RXFLR) && tries < 10000; tries++)
		;
	return REG(SSI_DR0);
}

void serial_read(char *serial)
{
	static const char digits[] = "0123456789ABCDEF";
	u32 i;
	u8 byte;

	leave_xip();
	/* chip select by hand: 2.19.6.2, OUTOVER low */
	REG_SET(QSPI_SS_CTRL) = 3u << 8;
	REG_CLEAR(QSPI_SS_CTRL) = 1u << 8;
	for (i = 0; i < 13; i++) {
		byte = exchange(i ? 0 : 0x4b);
		if (i < 5)
			continue;
		serial[2 * (i - 5)] = digits[byte >> 4];
		serial[2 * (i - 5) + 1] = digits[byte & 15];
	}
	serial[16] = '\0';
	REG_CLEAR(QSPI_SS_CTRL) = 3u << 8;
	enter_xip();
}
