/* SPDX-License-Identifier: Apache-2.0 */
/* A flash that may lose its power: see boot/flash.h */
#ifndef FAKE_FLASH_H
#define FAKE_FLASH_H

#include <setjmp.h>

#include "boot/flash.h"

/*
 * @program: up to the settings; @bytes: of the settings' two sectors. @steps: bytes that are erased or
 * programmed until the power goes, to @off; 0: it stays. @broken: what is
 * programmed does not stay.
 */
struct fake_flash {
	u8 program[FLASH_SETTINGS];
	u8 bytes[2 * FLASH_SECTOR];
	u32 steps;
	jmp_buf off;
	bool broken;
};

extern struct fake_flash flash;

#endif
