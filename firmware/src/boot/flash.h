/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flash that the program runs from. flash.c writes it with the boot ROM's
 * functions; tests/fake_flash.c has one that loses its power.
 */
#ifndef FLASH_H
#define FLASH_H

#include "ipscsi_codec.h"

#define FLASH_SECTOR	4096u	/* bytes that are erased together */
#define FLASH_PAGE	256u	/* and programmed */
#define FLASH_SIZE	0x200000u
/* The last two sectors of 2 MB are the settings': no program is that long */
#define FLASH_SETTINGS	(FLASH_SIZE - 2 * FLASH_SECTOR)

/* The boot ROM's disk, which waits for an UF2 */
_Noreturn void flash_usb_boot(void);

/* What is at an offset, to read */
const u8 *flash_at(u32 offset);

/* A sector to FFh. Takes up to 400 ms, in which nothing else runs */
void flash_erase(u32 offset);

/* One page, that was erased before. Takes up to 3 ms */
void flash_program(u32 offset, const u8 *page);

#endif
