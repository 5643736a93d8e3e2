// SPDX-License-Identifier: Apache-2.0
#include "fake_flash.h"

#include <stdlib.h>

struct fake_flash flash;

static u8 *at(u32 offset, u32 align)
{
	if (offset >= FLASH_SIZE || offset % align)
		abort();
	return offset < FLASH_SETTINGS ? flash.program + offset :
					 flash.bytes + (offset - FLASH_SETTINGS);
}

const u8 *flash_at(u32 offset)
{
	return at(offset, 1);
}

static void step(u8 *p, u8 value)
{
	if (flash.steps && !--flash.steps) {
		/* half of the bits have changed */
		*p = (*p & 0xf0) | (value & 0x0f);
		longjmp(flash.off, 1);
	}
	*p = value;
}

void flash_erase(u32 offset)
{
	u8 *p = at(offset, FLASH_SECTOR);
	u32 i;

	if (!offset)	/* the loader's */
		abort();

	for (i = 0; i < FLASH_SECTOR; i++)
		step(p + i, 0xff);
}

void flash_program(u32 offset, const u8 *page)
{
	u8 *p = at(offset, FLASH_PAGE);
	u32 i;

	for (i = 0; i < FLASH_PAGE; i++)
		step(p + i, flash.broken && i == 20 ? 0 : p[i] & page[i]);
}
