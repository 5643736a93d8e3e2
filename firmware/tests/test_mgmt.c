// SPDX-License-Identifier: Apache-2.0
/* Management frames, settings in flash */
#include "check.h"
#include "fake_flash.h"
#include "boot/crc.h"
#include "mgmt/mgmt.h"

static struct target t;
static struct hub h;
static struct mgmt m;
static const struct slot_start start;

static void begin(void)
{
	static const u8 ids[] = { 3 }, own[] = { 2, 0, 0x5e, 0x10, 0, 1 };

	memset(flash.bytes, 0xff, sizeof(flash.bytes));
	target_init(&t, ids, 1);
	hub_init(&h, &t, 0, own, "gateway", "E6614C311B2A3C4D");
	hub_tick(&h, 61000);
	mgmt_init(&m, &t, &h, &start);
}

static void line(u8 byte)
{
	if (byte == 0xc0 || byte == 0xdb) {
		mgmt_input(&m, 0xdb);
		byte = byte == 0xc0 ? 0xdc : 0xdd;
	}
	mgmt_input(&m, byte);
}

static void ask(u8 request, u16 seq, const u8 *payload, u32 len, u32 damage)
{
	u8 buf[MGMT_FRAME_MAX + 64] = { request, 0, seq >> 8, seq & 0xff };
	u32 i;

	if (len)
		memcpy(buf + 4, payload, len);
	put32(buf + 4 + len, crc32(0, buf, 4 + len) ^ damage);
	mgmt_input(&m, 0xc0);
	for (i = 0; i < len + 8; i++)
		line(buf[i]);
	mgmt_input(&m, 0xc0);
}

/* Takes the answer in pieces. Return: its payload's length, or -1 where there is none */
static int answer(u8 *buf, u8 *result, u16 *seq)
{
	u8 frame[MGMT_FRAME_MAX];
	const u8 *bytes;
	u32 n, len = 0;
	bool escaped = false;

	while ((n = mgmt_output(&m, &bytes))) {
		u32 piece = n < 7 ? n : 7, i;

		for (i = 0; i < piece; i++) {
			u8 byte = bytes[i];

			if (byte == 0xc0)
				continue;
			if (byte == 0xdb) {
				escaped = true;
				continue;
			}
			if (escaped)
				byte = byte == 0xdc ? 0xc0 : 0xdb;
			escaped = false;
			OK(len < sizeof(frame));
			frame[len++] = byte;
		}
		mgmt_sent(&m, piece);
	}
	if (!len)
		return -1;
	OK(len >= 8 && frame[0] & 0x80);
	SAME(get32(frame + len - 4), crc32(0, frame, len - 4));
	*result = frame[1];
	*seq = frame[2] << 8 | frame[3];
	memcpy(buf, frame + 4, len - 8);
	return len - 8;
}

static int exchange(u8 request, const u8 *payload, u32 len, u8 *buf)
{
	static u16 seq = 0xc0d0;
	u8 result = 255;
	u16 got;
	int n;

	ask(request, ++seq, payload, len, 0);
	n = answer(buf, &result, &got);
	OK(n >= 0);
	SAME(got, seq);
	return result ? -result : n;
}

TEST(crc_vector, "the CRC-32 is that of IEEE 802.3: \"123456789\" is CBF43926h")
{
	SAME(crc32(0, (const u8 *)"123456789", 9), 0xcbf43926);
	SAME(crc32(crc32(0, (const u8 *)"1234", 4), (const u8 *)"56789", 5), 0xcbf43926);
}

TEST(mgmt_vector, "HELLO on the line, byte for byte")
{
	static const u8 bytes[] = { 0xc0, 0x01, 0, 0, 0x07, 0x07, 0x9c, 0x2d, 0xda, 0xc0 };
	u8 want[8] = { 1, 0, 0, 7 };
	u32 i;

	put32(want + 4, crc32(0, want, 4));
	OK(!memcmp(want + 4, bytes + 5, 4));
	begin();
	for (i = 0; i < sizeof(bytes); i++)
		mgmt_input(&m, bytes[i]);
	SAME(m.frame_errors, 0);
	OK(m.out_length > MGMT_HELLO_SIZE);
}

TEST(mgmt_hello, "HELLO tells version, capabilities, uptime, address, ID, serial number, firmware")
{
	u8 buf[MGMT_PAYLOAD_MAX];

	begin();
	hub_link(&h, true);
	SAME(exchange(MGMT_HELLO, NULL, 0, buf), MGMT_HELLO_SIZE);
	BYTES(buf, 18, "00 01 00 00 00 0f 00 00 00 3d 02 00 5e 10 00 01 03 01");
	OK(!memcmp(buf + 18, "E6614C311B2A3C4D0.1.0\0", 22));
	SAME(buf[MGMT_HELLO_BOARD], 2);
}

TEST(mgmt_counters, "COUNTERS and STATION have every counter at its place")
{
	u8 buf[MGMT_PAYLOAD_MAX], i = 7;

	begin();
	t.counters.commands = 0x01020304;
	t.counters.selections[8] = 5;
	h.busy = 9;
	h.stations[7].known = true;
	h.stations[7].counters.relayed = 6;
	SAME(exchange(MGMT_COUNTERS, NULL, 0, buf), 4 * MGMT_COUNTERS_COUNT);
	BYTES(buf, 4, "01 02 03 04");
	SAME(get32(buf + 4 * MGMT_COUNTERS_NO_ROOM), 9);
	SAME(get32(buf + 4 * (MGMT_COUNTERS_COUNT - 1)), 5);
	SAME(exchange(MGMT_STATION, &i, 1, buf), MGMT_STATION_SIZE + 4 * MGMT_STATION_COUNTERS_COUNT);
	BYTES(buf, 2, "07 01");
	SAME(get32(buf + MGMT_STATION_SIZE + 4 * MGMT_STATION_COUNTERS_RELAYED), 6);
	i = HUB_STATIONS;
	SAME(exchange(MGMT_STATION, &i, 1, buf), -MGMT_RESULT_VALUE);
	SAME(exchange(MGMT_STATION, NULL, 0, buf), -MGMT_RESULT_LENGTH);
	SAME(exchange(99, NULL, 0, buf), -MGMT_RESULT_UNKNOWN);
}

TEST(mgmt_damage, "what is damaged, too long, badly escaped or cut is counted and not answered")
{
	u8 buf[MGMT_PAYLOAD_MAX + 32] = { 0 }, result;
	u16 seq;

	begin();
	ask(MGMT_HELLO, 1, NULL, 0, 1);
	SAME(answer(buf, &result, &seq), -1);
	ask(MGMT_HELLO, 1, buf, MGMT_PAYLOAD_MAX + 1, 0);
	SAME(answer(buf, &result, &seq), -1);
	mgmt_input(&m, 0xdb);
	mgmt_input(&m, 1);
	mgmt_input(&m, 0xc0);
	mgmt_input(&m, 0xdb);
	mgmt_input(&m, 0xc0);
	mgmt_input(&m, 1);
	mgmt_input(&m, 0xc0);
	ask(0x81, 1, NULL, 0, 0);
	SAME(m.frame_errors, 6);
	SAME(answer(buf, &result, &seq), -1);
	SAME(exchange(MGMT_HELLO, NULL, 0, buf), MGMT_HELLO_SIZE);
	ask(99, 1, buf, MGMT_PAYLOAD_MAX, 0);
	SAME(answer(buf, &result, &seq), 0);
	SAME(result, MGMT_RESULT_UNKNOWN);
}

TEST(mgmt_again, "a request that comes again gets the same answer, and is not carried out twice")
{
	u8 buf[MGMT_PAYLOAD_MAX], set[MGMT_SETTINGS_SIZE] = { 2 }, result;
	u16 seq;
	u32 generation;

	begin();
	ask(MGMT_SETTINGS_SET, 1, set, sizeof(set), 0);
	generation = get32(flash.bytes + 8);
	flash.steps = 1;	/* flash is not touched again */
	ask(MGMT_SETTINGS_SET, 1, set, sizeof(set), 0);
	SAME(answer(buf, &result, &seq), 0);
	SAME(result, MGMT_RESULT_OK);
	SAME(get32(flash.bytes + 8), generation);
	flash.steps = 0;
	mgmt_closed(&m);
	ask(MGMT_SETTINGS_SET, 1, set, sizeof(set), 0);
	SAME(get32(flash.bytes + FLASH_SECTOR + 8), generation + 1);
}

TEST(mgmt_settings, "settings are read back as they were set; values out of range are refused")
{
	u8 set[MGMT_SETTINGS_SIZE] = { 5, 2, 2, 0, 0, 0, 0, 9, 'n', 'a', 'm', 'e' };
	u8 buf[MGMT_PAYLOAD_MAX];

	begin();
	SAME(exchange(MGMT_SETTINGS_GET, NULL, 0, buf), MGMT_SETTINGS_SIZE);
	SAME(buf[0], 4);
	SAME(exchange(MGMT_SETTINGS_SET, set, sizeof(set), buf), 0);
	SAME(exchange(MGMT_SETTINGS_GET, NULL, 0, buf), MGMT_SETTINGS_SIZE);
	OK(!memcmp(buf, set, sizeof(set)));
	mgmt_init(&m, &t, &h, &start);
	SAME(m.settings.scsi_id, 5);
	OK(!strcmp(m.settings.name, "name"));
	set[0] = 8;
	SAME(exchange(MGMT_SETTINGS_SET, set, sizeof(set), buf), -MGMT_RESULT_VALUE);
	set[0] = 0;
	set[1] = 3;
	SAME(exchange(MGMT_SETTINGS_SET, set, sizeof(set), buf), -MGMT_RESULT_VALUE);
	set[1] = 0;
	set[2] = 3;
	SAME(exchange(MGMT_SETTINGS_SET, set, sizeof(set), buf), -MGMT_RESULT_VALUE);
	set[2] = 2;
	set[8] = '\n';
	SAME(exchange(MGMT_SETTINGS_SET, set, sizeof(set), buf), -MGMT_RESULT_VALUE);
	set[8] = 'n';
	set[MGMT_SETTINGS_FLAGS] = 0x80;
	SAME(exchange(MGMT_SETTINGS_SET, set, sizeof(set), buf), -MGMT_RESULT_VALUE);
	/* a DaynaPORT on the station's own ID */
	set[MGMT_SETTINGS_FLAGS] = 1u << MGMT_FLAG_DAYNAPORT;
	SAME(exchange(MGMT_SETTINGS_SET, set, sizeof(set), buf), -MGMT_RESULT_VALUE);
	set[MGMT_SETTINGS_DAYNA_ID] = 3;
	flash.broken = true;
	SAME(exchange(MGMT_SETTINGS_SET, set, sizeof(set), buf), -MGMT_RESULT_FLASH);
	SAME(m.settings.scsi_id, 5);
}

TEST(settings_power, "whenever the power goes in a store, the settings are the old ones or the new ones")
{
	/* one store is this many bytes erased and programmed */
	static const u32 steps = FLASH_SECTOR + FLASH_PAGE;
	struct settings s = { .scsi_id = 0 }, got;
	volatile u32 cut;
	volatile u8 id = 0;

	begin();
	for (cut = 0; cut < 3000; cut++) {
		s.scsi_id = (id + 1) & 7;
		/* most of it happens where something is programmed */
		flash.steps = 1 + (cut & 1 ? rand_below(steps) :
					    FLASH_SECTOR + rand_below(FLASH_PAGE));
		if (!cut)
			flash.steps = 0;
		if (!setjmp(flash.off)) {
			OK(settings_store(&s));
			SAME(flash.steps > 0, cut > 0);
		}
		flash.steps = 0;
		OK(settings_load(&got));
		OK(got.scsi_id == id || got.scsi_id == s.scsi_id);
		id = got.scsi_id;
		if (cut % 8 == 0) {
			OK(settings_store(&s));
			id = s.scsi_id;
		}
	}
}

TEST(settings_versions, "settings of an earlier version count, with zeros for what is new; a later version's are read as far as they are known")
{
	struct settings s = { .scsi_id = 6, .flags = 1u << MGMT_FLAG_DAYNAPORT, .dayna_id = 2 }, got;
	u8 *p = flash.bytes;
	u32 n = MGMT_SETTINGS_NAME + MGMT_SETTINGS_NAME_SIZE;

	begin();
	OK(settings_store(&s));
	OK(settings_load(&got));
	SAME(got.dayna_id, 2);
	put32(p + 4, n);
	put32(p + 12 + n, crc32(0, p, 12 + n));
	OK(settings_load(&got));
	SAME(got.scsi_id, 6);
	SAME(got.flags, 0);
	OK(settings_store(&s));
	flash.bytes[0] = 0;
	p += FLASH_SECTOR;
	n = MGMT_SETTINGS_SIZE + 20;
	p[12 + MGMT_SETTINGS_FLAGS] |= 0x80;
	memset(p + 12 + MGMT_SETTINGS_SIZE, 7, 20);
	put32(p + 4, n);
	put32(p + 12 + n, crc32(0, p, 12 + n));
	OK(settings_load(&got));
	SAME(got.scsi_id, 6);
	SAME(got.flags, 1u << MGMT_FLAG_DAYNAPORT);
	put32(p + 4, 250);
	OK(!settings_load(&got));
}

TEST(settings_wrap, "the generation may wrap; random bytes are no settings")
{
	struct settings s = { .scsi_id = 1 }, got;
	u32 i;

	begin();
	SAME(settings_load(&got), false);
	OK(settings_store(&s));
	put32(flash.bytes + 8, 0xffffffff);
	i = 12 + MGMT_SETTINGS_SIZE;
	put32(flash.bytes + i, crc32(0, flash.bytes, i));
	s.scsi_id = 2;
	OK(settings_store(&s));
	OK(settings_load(&got));
	SAME(got.scsi_id, 2);
	s.scsi_id = 3;
	OK(settings_store(&s));
	OK(settings_load(&got));
	SAME(got.scsi_id, 3);
	for (i = 0; i < 1000; i++) {
		flash.bytes[rand_below(sizeof(flash.bytes))] ^= 1 << rand_below(8);
		settings_load(&got);
		OK(got.scsi_id <= 4);
	}
}
