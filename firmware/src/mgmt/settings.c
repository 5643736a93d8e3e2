// SPDX-License-Identifier: Apache-2.0
#include "mgmt/settings.h"

#include "boot/crc.h"

/* A copy, at the begin of its sector; big endian */
#define COPY_MAGIC	0	/* "SGST" */
#define COPY_LENGTH	4	/* of the settings, 32 bits */
#define COPY_GENERATION	8	/* one more with each store, wraps */
#define COPY_DATA	12	/* and the CRC of all before behind it */
#define COPY_SIZE(n)	(COPY_DATA + (n) + 4)

/* As long as the first version had them: ID, board, address, name */
#define SETTINGS_LEAST	(MGMT_SETTINGS_NAME + MGMT_SETTINGS_NAME_SIZE)

_Static_assert(COPY_SIZE(MGMT_SETTINGS_SIZE) <= FLASH_PAGE,
	       "a copy is programmed at once");

#define FLAGS	(1u << MGMT_FLAG_DAYNAPORT | 1u << MGMT_FLAG_DAYNA_PAD | \
		 1u << MGMT_FLAG_HELD_GETS)

static u32 copy_offset(int copy)
{
	return FLASH_SETTINGS + (copy ? FLASH_SECTOR : 0);
}

static bool copy_whole(const u8 *p)
{
	u32 n = get32(p + COPY_LENGTH);

	return !memcmp(p, "SGST", 4) && n >= SETTINGS_LEAST &&
	       n <= FLASH_PAGE - COPY_SIZE(0) &&
	       get32(p + COPY_DATA + n) == crc32(0, p, COPY_DATA + n);
}

/* Return: the newest copy that is whole, 0 or 1, or -1 */
static int newest(void)
{
	const u8 *a = flash_at(copy_offset(0)), *b = flash_at(copy_offset(1));
	bool whole_a = copy_whole(a), whole_b = copy_whole(b);

	if (whole_a && whole_b)
		return (int32_t)(get32(b + COPY_GENERATION) -
				 get32(a + COPY_GENERATION)) > 0;
	return whole_a ? 0 : whole_b ? 1 : -1;
}

/**
 * settings_decode - settings of a message, or of flash
 * @s: result; untouched on error
 * @buf: MGMT_SETTINGS_SIZE bytes
 *
 * Return: false where a value is out of its range.
 */
bool settings_decode(struct settings *s, const u8 *buf)
{
	const u8 *addr = buf + MGMT_SETTINGS_STATION_ADDRESS;
	u32 i, len;

	len = strnlen((const char *)buf + MGMT_SETTINGS_NAME,
		      MGMT_SETTINGS_NAME_SIZE);
	for (i = 0; i < len; i++)
		if (buf[MGMT_SETTINGS_NAME + i] < 0x20 ||
		    buf[MGMT_SETTINGS_NAME + i] == 0x7f)
			return false;
	if (buf[MGMT_SETTINGS_SCSI_ID] > 7 || buf[MGMT_SETTINGS_BOARD] > 2 ||
	    addr[0] & 1 || buf[MGMT_SETTINGS_FLAGS] & ~FLAGS ||
	    buf[MGMT_SETTINGS_DAYNA_ID] > 7 ||
	    buf[MGMT_SETTINGS_DAYNA_ADDRESS] & 1)
		return false;
	if (buf[MGMT_SETTINGS_FLAGS] & 1u << MGMT_FLAG_DAYNAPORT &&
	    buf[MGMT_SETTINGS_DAYNA_ID] == buf[MGMT_SETTINGS_SCSI_ID])
		return false;
	memset(s, 0, sizeof(*s));
	s->scsi_id = buf[MGMT_SETTINGS_SCSI_ID];
	s->board = buf[MGMT_SETTINGS_BOARD];
	memcpy(s->addr, addr, 6);
	memcpy(s->name, buf + MGMT_SETTINGS_NAME, len);
	s->flags = buf[MGMT_SETTINGS_FLAGS];
	s->dayna_id = buf[MGMT_SETTINGS_DAYNA_ID];
	memcpy(s->dayna_addr, buf + MGMT_SETTINGS_DAYNA_ADDRESS, 6);
	return true;
}

/* The other way; @buf: room for MGMT_SETTINGS_SIZE bytes */
void settings_encode(const struct settings *s, u8 *buf)
{
	memset(buf, 0, MGMT_SETTINGS_SIZE);
	buf[MGMT_SETTINGS_SCSI_ID] = s->scsi_id;
	buf[MGMT_SETTINGS_BOARD] = s->board;
	memcpy(buf + MGMT_SETTINGS_STATION_ADDRESS, s->addr, 6);
	memcpy(buf + MGMT_SETTINGS_NAME, s->name,
	       strnlen(s->name, MGMT_SETTINGS_NAME_SIZE));
	buf[MGMT_SETTINGS_FLAGS] = s->flags;
	buf[MGMT_SETTINGS_DAYNA_ID] = s->dayna_id;
	memcpy(buf + MGMT_SETTINGS_DAYNA_ADDRESS, s->dayna_addr, 6);
}

/**
 * settings_load - the settings of flash
 * @s: result; without any: ID 4, all else not set
 *
 * Return: false where there are none.
 */
bool settings_load(struct settings *s)
{
	u8 buf[MGMT_SETTINGS_SIZE] = { 0 };
	int copy = newest();

	if (copy >= 0) {
		const u8 *p = flash_at(copy_offset(copy));
		u32 n = get32(p + COPY_LENGTH);

		memcpy(buf, p + COPY_DATA, n < sizeof(buf) ? n : sizeof(buf));
		buf[MGMT_SETTINGS_FLAGS] &= FLAGS;
		if (settings_decode(s, buf))
			return true;
	}
	memset(s, 0, sizeof(*s));
	s->scsi_id = 4;
	return false;
}

/**
 * settings_store - write the settings
 * @s: the settings, all in range
 *
 * Return: false where flash does not have them afterwards; what was there
 * before still counts then.
 */
bool settings_store(const struct settings *s)
{
	u8 page[FLASH_PAGE];
	int old = newest();
	u32 at = copy_offset(old == 0), generation = 0;

	if (old >= 0)
		generation = get32(flash_at(copy_offset(old)) +
				   COPY_GENERATION) + 1;
	memset(page, 0xff, sizeof(page));
	memcpy(page, "SGST", 4);
	put32(page + COPY_LENGTH, MGMT_SETTINGS_SIZE);
	put32(page + COPY_GENERATION, generation);
	settings_encode(s, page + COPY_DATA);
	put32(page + COPY_DATA + MGMT_SETTINGS_SIZE,
	      crc32(0, page, COPY_DATA + MGMT_SETTINGS_SIZE));
	flash_erase(at);
	flash_program(at, page);
	return !memcmp(flash_at(at), page, sizeof(page));
}
