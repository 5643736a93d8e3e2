/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two programs in flash, and which of them is started
 *
 * The loader has the first sector and is never written over, but by an UF2.
 * Behind it is slot 0, in the other half of flash slot 1: a sector with the
 * header, then the program as it lies in RAM. The header is written last, so
 * a slot counts as a whole or not at all; of two the later generation counts.
 *
 * A program that is to be tried has no header yet: the watchdog's scratch
 * registers name it, for one start. Whatever ends that start, the power or
 * the watchdog, ends the trial: the loader takes the program from before.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include "boot/flash.h"

#define SLOTS		2
#define SLOT_IMAGE_MAX	0x40000u	/* all of the RAM */
#define SLOT_OFFSET(slot) ((slot) ? 0x100000u : FLASH_SECTOR)
#define SLOT_IMAGE(slot) (SLOT_OFFSET(slot) + FLASH_SECTOR)

/* The header's begin is what an update begins with; big endian */
#define IMAGE_MAGIC	0	/* "SGFW" */
#define IMAGE_FORMAT	4	/* 1: for this loader, and these slots */
#define IMAGE_LENGTH	8
#define IMAGE_CRC	12
#define IMAGE_VERSION	16	/* text, zeros behind it */
#define IMAGE_VERSION_SIZE 16
#define IMAGE_SIZE	32
/* In flash: */
#define SLOT_GENERATION	32	/* one more with each update, wraps */
#define SLOT_CRC	36	/* of the header before it */
#define SLOT_SIZE	40

/* Scratch registers: what is to be tried, or has been; then its length and CRC */
#define SCRATCH_STATE	0
#define SCRATCH_LENGTH	1
#define SCRATCH_CRC	2
#define SCRATCHES	3
#define SCRATCH_TRY	0x53475400u	/* "SGT", and the slot */
#define SCRATCH_TRIED	0x53475500u

/**
 * struct slot_start - what the loader starts, and tells the program
 * @slot: 0 or 1
 * @trial: it has to be confirmed
 * @fell_back: a program before this one was tried, and not confirmed
 * @length: of the program
 */
struct slot_start {
	u8 slot;
	bool trial;
	bool fell_back;
	u32 length;
};

bool image_header_good(const u8 *header);
bool slot_choose(u32 *scratch, struct slot_start *start);
bool slot_image_whole(u8 slot, u32 length, u32 crc);
bool slot_confirm(u8 slot, const u8 *header);

#endif
