// SPDX-License-Identifier: Apache-2.0
#include "mgmt/update.h"

#include "boot/crc.h"

_Static_assert(IMAGE_SIZE == MGMT_UPDATE_BEGIN_SIZE,
	       "an update begins with its header");
_Static_assert(MGMT_UPDATE_DATA_DATA_SIZE % FLASH_PAGE == 0 &&
	       FLASH_SECTOR % MGMT_UPDATE_DATA_DATA_SIZE == 0,
	       "a piece is some pages, and within one sector");

static u8 other(const struct update *up)
{
	return !up->start.slot;
}

/**
 * update_init - nothing is under way
 * @up: the update
 * @start: what runs
 */
void update_init(struct update *up, const struct slot_start *start)
{
	memset(up, 0, sizeof(*up));
	up->start = *start;
}

/**
 * update_begin - an update comes; what was under way is forgotten
 * @up: the update
 * @header: MGMT_UPDATE_BEGIN_SIZE bytes
 *
 * A program that is itself on trial takes none: its slot's neighbour is what it
 * falls back to. Flash is not touched before data come.
 *
 * Return: the result for the host.
 */
u8 update_begin(struct update *up, const u8 *header)
{
	if (up->start.trial || up->restart)
		return MGMT_RESULT_ORDER;
	up->active = false;
	up->tried = false;
	if (!image_header_good(header))
		return MGMT_RESULT_IMAGE;
	memcpy(up->header, header, IMAGE_SIZE);
	up->next = 0;
	up->active = true;
	up->start.fell_back = false;
	return MGMT_RESULT_OK;
}

/**
 * update_data - the next piece
 * @up: the update
 * @payload: its offset in the program, and MGMT_UPDATE_DATA_DATA_SIZE bytes,
 * fewer only where they are the last
 * @len: of both
 *
 * Takes as long as a sector's erasure, up to 400 ms, and two pages.
 *
 * Return: the result for the host.
 */
u8 update_data(struct update *up, const u8 *payload, u32 len)
{
	u32 length = get32(up->header + IMAGE_LENGTH), n, at, i;
	u8 page[FLASH_PAGE];

	if (!up->active || up->restart || get32(payload) != up->next)
		return MGMT_RESULT_ORDER;
	n = length - up->next;
	if (n > MGMT_UPDATE_DATA_DATA_SIZE)
		n = MGMT_UPDATE_DATA_DATA_SIZE;
	if (!n || len != MGMT_UPDATE_DATA_DATA + n)
		return MGMT_RESULT_LENGTH;
	payload += MGMT_UPDATE_DATA_DATA;
	at = SLOT_IMAGE(other(up)) + up->next;
	/* the header first: it must not stand for a program that is written over */
	if (!up->next)
		flash_erase(SLOT_OFFSET(other(up)));
	if (at % FLASH_SECTOR == 0)
		flash_erase(at);
	for (i = 0; i < n; i += FLASH_PAGE) {
		u32 part = n - i < FLASH_PAGE ? n - i : FLASH_PAGE;

		memset(page, 0xff, sizeof(page));
		memcpy(page, payload + i, part);
		flash_program(at + i, page);
	}
	if (memcmp(flash_at(at), payload, n)) {
		up->active = false;
		return MGMT_RESULT_FLASH;
	}
	up->next += n;
	return MGMT_RESULT_OK;
}

/* All has come: try it. Return: the result for the host */
u8 update_try(struct update *up, u32 now)
{
	u32 length = get32(up->header + IMAGE_LENGTH);

	if (!up->active || up->restart || up->next != length)
		return MGMT_RESULT_ORDER;
	if (!slot_image_whole(other(up), length, get32(up->header + IMAGE_CRC))) {
		up->active = false;
		return MGMT_RESULT_IMAGE;
	}
	up->tried = true;
	update_restart(up, now);
	return MGMT_RESULT_OK;
}

/**
 * update_confirm - the program on trial stays
 * @up: the update
 * @header: as in update_begin(): it was lost with the restart
 *
 * Return: the result for the host.
 */
u8 update_confirm(struct update *up, const u8 *header)
{
	if (!up->start.trial || up->restart)
		return MGMT_RESULT_ORDER;
	if (!image_header_good(header) ||
	    get32(header + IMAGE_LENGTH) != up->start.length ||
	    !slot_image_whole(up->start.slot, up->start.length,
			      get32(header + IMAGE_CRC)))
		return MGMT_RESULT_IMAGE;
	if (!slot_confirm(up->start.slot, header))
		return MGMT_RESULT_FLASH;
	up->start.trial = false;
	return MGMT_RESULT_OK;
}

/* Restart, when the answer has gone */
void update_restart(struct update *up, u32 now)
{
	up->restart = true;
	up->restart_at = now + UPDATE_RESTART_MS;
}

/* Of the trial, rounded up; 0 where there is none */
u32 update_seconds_left(const struct update *up, u32 now)
{
	if (!up->start.trial || now >= UPDATE_TRIAL_MS)
		return 0;
	return (UPDATE_TRIAL_MS - now + 999) / 1000;
}

/* @now: ms since the start. Return: restart now */
bool update_due(const struct update *up, u32 now)
{
	return (up->restart && (int32_t)(now - up->restart_at) >= 0) ||
	       (up->start.trial && now >= UPDATE_TRIAL_MS);
}

/* For the loader; @scratch: the SCRATCHES registers as they are, and are to be before the restart */
void update_scratch(const struct update *up, u32 *scratch)
{
	if (!up->tried) {
		/* on trial, it ends with that; otherwise this is no fall */
		if (!up->start.trial)
			scratch[SCRATCH_STATE] = 0;
		return;
	}
	scratch[SCRATCH_STATE] = SCRATCH_TRY | other(up);
	scratch[SCRATCH_LENGTH] = get32(up->header + IMAGE_LENGTH);
	scratch[SCRATCH_CRC] = get32(up->header + IMAGE_CRC);
}
