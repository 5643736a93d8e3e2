// SPDX-License-Identifier: Apache-2.0
/* Two programs in flash, updates over the management port, with the power going */
#include "boot/crc.h"
#include "check.h"
#include "fake_flash.h"
#include "mgmt/mgmt.h"

#define PIECE	MGMT_UPDATE_DATA_DATA_SIZE

static struct update up;
static struct slot_start start;
static u32 scratch[SCRATCHES];
static u32 now;

/* What was made for a generation: bytes, and what an update begins with */
static u8 image[40000];
static u8 header[IMAGE_SIZE];

static void make(u32 length)
{
	u32 i;

	for (i = 0; i < length; i++)
		image[i] = rand32();
	memset(header, 0, sizeof(header));
	memcpy(header, "SGFW", 4);
	put32(header + IMAGE_FORMAT, 1);
	put32(header + IMAGE_LENGTH, length);
	put32(header + IMAGE_CRC, crc32(0, image, length));
	memcpy(header + IMAGE_VERSION, "1.2.3", 5);
}

/* As after an UF2: the first slot has a program, and nothing else is there */
static void begin(void)
{
	memset(&flash, 0xff, sizeof(flash));
	flash.steps = 0;
	flash.broken = false;
	memset(scratch, 0, sizeof(scratch));
	make(5000);
	memcpy(flash.program + SLOT_IMAGE(0), image, 5000);
	OK(slot_confirm(0, header));
	now = 5;
}

/* The loader. Return: CRC of what it starts */
static u32 boot(void)
{
	OK(slot_choose(scratch, &start));
	update_init(&up, &start);
	return crc32(0, flash_at(SLOT_IMAGE(start.slot)), start.length);
}

static u8 piece(u32 at)
{
	u8 buf[MGMT_UPDATE_DATA_SIZE];
	u32 length = get32(header + IMAGE_LENGTH);
	u32 n = length - at < PIECE ? length - at : PIECE;

	put32(buf, at);
	memcpy(buf + 4, image + at, n);
	return update_data(&up, buf, 4 + n);
}

static void load(void)
{
	u32 at;

	SAME(update_begin(&up, header), MGMT_RESULT_OK);
	for (at = 0; at < get32(header + IMAGE_LENGTH); at += PIECE)
		SAME(piece(at), MGMT_RESULT_OK);
}

static void restart(void)
{
	OK(update_due(&up, now + UPDATE_RESTART_MS));
	update_scratch(&up, scratch);
}

TEST(update_whole, "an update is tried, confirmed, and started from then on; the next one takes the other slot")
{
	u32 round;

	begin();
	boot();
	for (round = 1; round < 6; round++) {
		u32 crc;

		make(1 + rand_below(sizeof(image) - 1));
		crc = get32(header + IMAGE_CRC);
		load();
		SAME(update_try(&up, now), MGMT_RESULT_OK);
		OK(!update_due(&up, now));
		restart();
		SAME(boot(), crc);
		SAME(start.slot, round & 1);
		OK(start.trial);
		SAME(update_confirm(&up, header), MGMT_RESULT_OK);
		OK(!update_due(&up, UPDATE_TRIAL_MS));
		SAME(boot(), crc);
		OK(!start.trial && !start.fell_back);
		memset(scratch, 0, sizeof(scratch));
		SAME(boot(), crc);
	}
}

TEST(update_unconfirmed, "without a confirmation in time it falls back, says so, and takes another update")
{
	u32 old;

	begin();
	old = boot();
	make(9000);
	load();
	SAME(update_try(&up, now), MGMT_RESULT_OK);
	restart();
	OK(boot() != old);
	OK(!update_due(&up, UPDATE_TRIAL_MS - 1));
	SAME(update_seconds_left(&up, 1), 60);
	SAME(update_seconds_left(&up, 59001), 1);
	OK(update_due(&up, UPDATE_TRIAL_MS));
	update_scratch(&up, scratch);
	SAME(boot(), old);
	OK(start.fell_back && !start.trial);
	SAME(boot(), old);
	SAME(update_confirm(&up, header), MGMT_RESULT_ORDER);
	load();
	OK(!up.start.fell_back);
	SAME(update_try(&up, now), MGMT_RESULT_OK);
}

TEST(update_wrong, "what is damaged, too long, for another loader or out of its order is refused")
{
	u8 buf[MGMT_UPDATE_DATA_SIZE] = { 0 };
	u32 i;

	begin();
	boot();
	make(3 * PIECE + 1);
	SAME(piece(0), MGMT_RESULT_ORDER);
	SAME(update_try(&up, now), MGMT_RESULT_ORDER);
	for (i = 0; i < 4; i++) {
		u8 bad[IMAGE_SIZE];

		memcpy(bad, header, sizeof(bad));
		if (i == 0)
			bad[0] = 's';
		else if (i == 1)
			bad[IMAGE_FORMAT + 3] = 2;
		else
			put32(bad + IMAGE_LENGTH, i == 2 ? 0 : SLOT_IMAGE_MAX + 1);
		SAME(update_begin(&up, bad), MGMT_RESULT_IMAGE);
	}
	SAME(update_begin(&up, header), MGMT_RESULT_OK);
	SAME(piece(PIECE), MGMT_RESULT_ORDER);
	SAME(update_data(&up, buf, 4 + PIECE - 1), MGMT_RESULT_LENGTH);
	for (i = 0; i < 3; i++)
		SAME(piece(i * PIECE), MGMT_RESULT_OK);
	SAME(update_try(&up, now), MGMT_RESULT_ORDER);
	put32(buf, 3 * PIECE);
	SAME(update_data(&up, buf, 6), MGMT_RESULT_LENGTH);
	image[3 * PIECE] ^= 1;
	SAME(piece(3 * PIECE), MGMT_RESULT_OK);
	SAME(update_data(&up, buf, 5), MGMT_RESULT_ORDER);
	SAME(update_try(&up, now), MGMT_RESULT_IMAGE);
	OK(!update_due(&up, now + UPDATE_RESTART_MS));
	flash.broken = true;
	SAME(update_begin(&up, header), MGMT_RESULT_OK);
	SAME(piece(0), MGMT_RESULT_FLASH);
	SAME(piece(PIECE), MGMT_RESULT_ORDER);
}

TEST(update_trial_takes_none, "a program on trial takes no update: what it falls back to is kept")
{
	begin();
	boot();
	make(700);
	load();
	update_try(&up, now);
	SAME(update_begin(&up, header), MGMT_RESULT_ORDER);
	restart();
	boot();
	SAME(update_begin(&up, header), MGMT_RESULT_ORDER);
	put32(header + IMAGE_CRC, 1);
	SAME(update_confirm(&up, header), MGMT_RESULT_IMAGE);
	OK(start.trial);
}

TEST(update_power, "wherever the power goes, two thousand times, the old program or the new one starts, and a confirmed one stays")
{
	volatile u32 cut, cuts = 0, old, fresh;
	volatile bool confirming;
	u32 got;

	begin();
	old = boot();
	for (cut = 0; cut < 2000; cut++) {
		/* how far it comes: data, trial, confirmation */
		make(1 + rand_below(8000));
		fresh = get32(header + IMAGE_CRC);
		confirming = false;
		flash.steps = 1 + rand_below(30000);
		if (!setjmp(flash.off)) {
			load();
			SAME(update_try(&up, now), MGMT_RESULT_OK);
			restart();
			SAME(boot(), fresh);
			/* half of them lose it in the confirmation */
			if (cut & 1)
				flash.steps = 1 + rand_below(FLASH_SECTOR + FLASH_PAGE);
			confirming = true;
			SAME(update_confirm(&up, header), MGMT_RESULT_OK);
			flash.steps = 0;
			old = fresh;
		} else {
			cuts++;
		}
		memset(scratch, 0, sizeof(scratch));
		/* the header's last bytes are of no use: it may be whole already */
		got = boot();
		OK(got == old || (confirming && got == fresh));
		OK(!start.trial);
		old = got;
	}
	OK(cuts > 500);
}

TEST(update_damaged_slot, "where the newest program is damaged the other one starts; without any there is none")
{
	u32 old;

	begin();
	old = boot();
	make(6000);
	load();
	update_try(&up, now);
	restart();
	boot();
	SAME(update_confirm(&up, header), MGMT_RESULT_OK);
	flash.program[SLOT_IMAGE(1) + 77] ^= 4;
	SAME(boot(), old);
	SAME(start.slot, 0);
	flash.program[SLOT_IMAGE(0)] ^= 4;
	OK(!slot_choose(scratch, &start));
}
