// SPDX-License-Identifier: Apache-2.0
#include "boot/slots.h"

#include "boot/crc.h"

/**
 * image_header_good - the begin of an update is one that this loader can start
 * @header: IMAGE_SIZE bytes
 */
bool image_header_good(const u8 *header)
{
	u32 length = get32(header + IMAGE_LENGTH);

	return !memcmp(header, "SGFW", 4) && get32(header + IMAGE_FORMAT) == 1 &&
	       length && length <= SLOT_IMAGE_MAX;
}

/* The program is in the slot, header or not */
bool slot_image_whole(u8 slot, u32 length, u32 crc)
{
	return length && length <= SLOT_IMAGE_MAX &&
	       crc32(0, flash_at(SLOT_IMAGE(slot)), length) == crc;
}

static bool header_whole(u8 slot)
{
	const u8 *p = flash_at(SLOT_OFFSET(slot));

	return image_header_good(p) && get32(p + SLOT_CRC) == crc32(0, p, SLOT_CRC);
}

static u32 generation(u8 slot)
{
	return get32(flash_at(SLOT_OFFSET(slot)) + SLOT_GENERATION);
}

static bool startable(u8 slot, struct slot_start *start)
{
	const u8 *p = flash_at(SLOT_OFFSET(slot));

	if (!header_whole(slot) ||
	    !slot_image_whole(slot, get32(p + IMAGE_LENGTH), get32(p + IMAGE_CRC)))
		return false;
	start->slot = slot;
	start->length = get32(p + IMAGE_LENGTH);
	return true;
}

/**
 * slot_choose - what to start
 * @scratch: the SCRATCHES registers; SCRATCH_STATE is changed
 * @start: result
 *
 * Return: false where no program is whole.
 */
bool slot_choose(u32 *scratch, struct slot_start *start)
{
	u32 state = scratch[SCRATCH_STATE];
	u8 slot = state & 1;

	memset(start, 0, sizeof(*start));
	if ((state & ~1u) == SCRATCH_TRY) {
		scratch[SCRATCH_STATE] = SCRATCH_TRIED | slot;
		if (slot_image_whole(slot, scratch[SCRATCH_LENGTH],
				     scratch[SCRATCH_CRC])) {
			start->slot = slot;
			start->length = scratch[SCRATCH_LENGTH];
			start->trial = true;
			return true;
		}
	}
	slot = header_whole(1) &&
	       (!header_whole(0) || (int32_t)(generation(1) - generation(0)) > 0);
	if (!startable(slot, start) && !startable(!slot, start))
		return false;
	start->fell_back = scratch[SCRATCH_STATE] == (SCRATCH_TRIED | !start->slot);
	return true;
}

/**
 * slot_confirm - what was tried is started from now on
 * @slot: its slot
 * @header: IMAGE_SIZE bytes, what the update began with
 *
 * Return: false where flash does not have it afterwards.
 */
bool slot_confirm(u8 slot, const u8 *header)
{
	u8 page[FLASH_PAGE];

	memset(page, 0xff, sizeof(page));
	memcpy(page, header, IMAGE_SIZE);
	put32(page + SLOT_GENERATION,
	      header_whole(!slot) ? generation(!slot) + 1 : 0);
	put32(page + SLOT_CRC, crc32(0, page, SLOT_CRC));
	flash_erase(SLOT_OFFSET(slot));
	flash_program(SLOT_OFFSET(slot), page);
	return !memcmp(flash_at(SLOT_OFFSET(slot)), page, sizeof(page));
}
