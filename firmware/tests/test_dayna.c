// SPDX-License-Identifier: Apache-2.0
/* A DaynaPORT SCSI/Link, as its drivers use it */
#include "boot/crc.h"
#include "check.h"
#include "dayna/dayna.h"
#include "fake_phy.h"

static struct target t;
static struct hub h;
static struct dayna d;

static const u8 own[6] = { 0x02, 0, 0x5e, 0x10, 0, 0x01 };
static const u8 vintage[6] = { 0, 0x80, 0x19, 1, 2, 3 };
static const u8 other[6] = { 2, 9, 9, 9, 9, 9 };

static int run(const u8 *cdb, const u8 *out, u32 nout)
{
	struct target_command cmd;

	fake_command(5, 7, 0, cdb, 6, out, nout);
	if (target_poll(&t, &cmd) == TARGET_COMMAND) {
		SAME(cmd.unit, 1);
		dayna_command(&d, &cmd);
	}
	return fake.nstatus ? fake.status[0] : -1;
}

static int six(u8 opcode, u16 len, u8 control, const u8 *out, u32 nout)
{
	const u8 cdb[6] = { opcode, 0, 0, len >> 8, len & 0xff, control };

	return run(cdb, out, nout);
}

static void begin(u8 shortest)
{
	static const u8 ids[] = { 3, 5 };

	fake_clear();
	target_init(&t, ids, 2);
	target_quiet(&t, 1);
	hub_init(&h, &t, 0, own, "gateway", "E6614C311B2A3C4D");
	hub_link(&h, true);
	hub_tick(&h, 1000);
	dayna_init(&d, &t, &h, vintage, shortest);
}

static void begin_on(u8 shortest)
{
	begin(shortest);
	SAME(six(0x0e, 0, 0x80, NULL, 0), SCSI_GOOD);
}

/* A frame of the USB side */
static u32 make(u8 *buf, const u8 *to, const u8 *from, u32 len)
{
	u32 i;

	for (i = 12; i < len; i++)
		buf[i] = rand32();
	memcpy(buf, to, 6);
	memcpy(buf + 6, from, 6);
	return len;
}

static void downlink(const u8 *buf, u32 len)
{
	u16 frame = hub_frame_new(&h, len);
	u32 at, n;

	OK(frame != POOL_NONE);
	for (at = 0; at < len; at += n) {
		u8 *piece;

		n = len - at;
		piece = pool_piece(&h.pool, frame, at, &n);
		memcpy(piece, buf + at, n);
	}
	hub_frame_put(&h, frame);
}

static u32 uplink(u8 *buf)
{
	u16 frame = hub_uplink(&h);
	u32 at, n, len;

	if (frame == POOL_NONE)
		return 0;
	len = h.pool.length[frame];
	for (at = 0; at < len; at += n) {
		const u8 *piece;

		n = len - at;
		piece = pool_piece(&h.pool, frame, at, &n);
		memcpy(buf + at, piece, n);
	}
	hub_uplink_done(&h);
	return len;
}

/* A record of READ's data at @at: @frame of @len, padded to @least. Return: where the next begins */
static u32 expect_record(u32 at, const u8 *frame, u32 len, u32 least, bool more)
{
	u32 size = len < least ? least : len, i, crc;
	const u8 *p = fake.in + at;

	SAME(p[0] << 8 | p[1], size + 4);
	SAME(get32(p + 2), more ? 0x10 : 0);
	OK(!memcmp(p + 6, frame, len));
	for (i = len; i < size; i++)
		SAME(p[6 + i], 0);
	crc = crc32(0, p + 6, size);
	p += 6 + size;
	SAME(p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24, crc);
	return at + 6 + size + 4;
}

TEST(dayna_inquiry, "INQUIRY: a processor of Dayna, 37 bytes; no unit attention before, TEST UNIT READY is GOOD at once")
{
	begin(64);
	SAME(six(0x00, 0, 0, NULL, 0), SCSI_GOOD);
	SAME(six(0x12, 255, 0, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "03 00 02 02 20 00 00 00 44 61 79 6e 61 20 20 20 53 43 53 49 2f 4c 69 6e 6b 20 20 20 20 20 20 20 31 2e 34 61 00");
	SAME(six(0x12, 5, 0, NULL, 0), SCSI_GOOD);
	SAME(fake.nin, 5);
	SAME(six(0x1a, 4, 0, NULL, 0), SCSI_CHECK_CONDITION);
	SAME(six(0x03, 18, 0, NULL, 0), SCSI_GOOD);
	SAME(fake.in[12], 0x20);
	fake.reset = true;
	SAME(target_poll(&t, &(struct target_command){ 0 }), TARGET_WAS_RESET);
	SAME(six(0x00, 0, 0, NULL, 0), SCSI_GOOD);
}

TEST(dayna_station, "switched on, it is a station with its address; switched off, or silent for 4 s, it is down; a command brings it back")
{
	begin(64);
	OK(!h.stations[HUB_PORT].known);
	SAME(six(0x08, 1524, 0xc0, NULL, 0), SCSI_GOOD);
	OK(!h.stations[HUB_PORT].known);
	SAME(six(0x0e, 0, 0x80, NULL, 0), SCSI_GOOD);
	OK(h.stations[HUB_PORT].up);
	OK(!memcmp(h.stations[HUB_PORT].desc.addr, vintage, 6));
	hub_tick(&h, 1000 + HUB_ALIVE_MS);
	OK(!h.stations[HUB_PORT].up);
	SAME(six(0x08, 1524, 0xc0, NULL, 0), SCSI_GOOD);
	OK(h.stations[HUB_PORT].up);
	hub_tick(&h, 1000 + 2 * HUB_SILENT_MS);
	OK(!h.stations[HUB_PORT].known);
	SAME(six(0x00, 0, 0, NULL, 0), SCSI_GOOD);
	OK(h.stations[HUB_PORT].up);
	SAME(six(0x0e, 0, 0x00, NULL, 0), SCSI_GOOD);
	OK(!h.stations[HUB_PORT].up);
}

TEST(dayna_read_polled, "READ, polled: one record a command, padded to 64, its flag says whether another waits; nothing is six zeros")
{
	u8 a[1514], b[1514];
	u32 len_a, len_b;

	begin_on(64);
	SAME(six(0x08, 1524, 0x80, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "00 00 00 00 00 00");
	len_a = make(a, vintage, other, 42);
	len_b = make(b, vintage, other, 1514);
	downlink(a, len_a);
	downlink(b, len_b);
	SAME(six(0x08, 1524, 0x80, NULL, 0), SCSI_GOOD);
	SAME(expect_record(0, a, len_a, 60, true), fake.nin);
	SAME(fake.paused, 75);
	SAME(six(0x08, 1524, 0x80, NULL, 0), SCSI_GOOD);
	SAME(expect_record(0, b, len_b, 60, false), fake.nin);
	SAME(six(0x08, 1524, 0x80, NULL, 0), SCSI_GOOD);
	SAME(fake.nin, 6);
	SAME(h.pool.free, POOL_CHUNKS);
	SAME(h.stations[HUB_PORT].counters.tx_packets, 2);
}

TEST(dayna_read_blind, "READ, blind: records go on while their flag is set, as far as there is room, with pauses in between")
{
	u8 frames[6][1514];
	u32 lens[6], i, at;

	begin_on(64);
	for (i = 0; i < 6; i++) {
		lens[i] = make(frames[i], vintage, other, i < 3 ? 60 : 1400);
		downlink(frames[i], lens[i]);
	}
	SAME(six(0x08, 1524, 0xc0, NULL, 0), SCSI_GOOD);
	at = expect_record(0, frames[0], 60, 60, true);
	at = expect_record(at, frames[1], 60, 60, true);
	at = expect_record(at, frames[2], 60, 60, false);
	SAME(at, fake.nin);
	SAME(fake.paused, 3 * 75 + 2 * 300);
	SAME(six(0x08, 3000, 0xc0, NULL, 0), SCSI_GOOD);
	at = expect_record(0, frames[3], 1400, 60, true);
	at = expect_record(at, frames[4], 1400, 60, false);
	SAME(at, fake.nin);
	SAME(six(0x08, 65535, 0xc0, NULL, 0), SCSI_GOOD);
	SAME(expect_record(0, frames[5], 1400, 60, false), fake.nin);
	/* the real one has some 6 KB */
	for (i = 0; i < 6; i++)
		downlink(frames[3], 1400);
	SAME(six(0x08, 65535, 0xc0, NULL, 0), SCSI_GOOD);
	SAME(fake.nin, 4 * 1410);
	SAME(h.pool.free, POOL_CHUNKS - 2 * pool_chunks(1400));
}

TEST(dayna_read_pad, "for NetBSD frames are padded to 128; too little room drops and counts; length 1 is refused; what did not arrive stays")
{
	u8 a[200];
	u32 len = make(a, vintage, other, 90);

	begin_on(128);
	downlink(a, len);
	SAME(six(0x08, 1524, 0x80, NULL, 0), SCSI_GOOD);
	SAME(expect_record(0, a, len, 124, false), fake.nin);
	downlink(a, len);
	SAME(six(0x08, 133, 0x80, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "00 00 00 00 00 00");
	SAME(h.stations[HUB_PORT].counters.tx_too_big, 1);
	SAME(six(0x08, 1, 0x80, NULL, 0), SCSI_CHECK_CONDITION);
	downlink(a, len);
	SAME(six(0x08, 3, 0x80, NULL, 0), SCSI_GOOD);
	SAME(fake.nin, 3);
	{
		const u8 cdb[6] = { 0x08, 0, 0, 5, 0, 0x80 };
		struct target_command cmd;

		fake_command(5, 7, 0, cdb, 6, NULL, 0);
		fake.fault_phase = PHY_DATA_IN;
		fake.fault_skip = 1;
		fake.fault = PHY_TIMEOUT;
		SAME(target_poll(&t, &cmd), TARGET_COMMAND);
		dayna_command(&d, &cmd);
	}
	SAME(six(0x08, 1524, 0x80, NULL, 0), SCSI_GOOD);
	SAME(expect_record(0, a, len, 124, false), fake.nin);
}

TEST(dayna_write, "WRITE, bare and framed, comes to the USB side; forged, cut and bad parity does not")
{
	u8 a[1514], framed[1522] = { 0 }, got[FRAME_MAX];
	u32 len;

	begin_on(64);
	len = make(a, own, vintage, 1514);
	SAME(six(0x0a, len, 0x00, a, len), SCSI_GOOD);
	SAME(uplink(got), len);
	OK(!memcmp(got, a, len));
	len = make(a, own, vintage, 77);
	framed[1] = 77;
	memcpy(framed + 4, a, len);
	SAME(six(0x0a, len, 0x80, framed, len + 8), SCSI_GOOD);
	SAME(fake.pos - fake.ncdb, len + 8);
	SAME(uplink(got), len);
	OK(!memcmp(got, a, len));
	/* the header may say less than the command */
	framed[1] = 60;
	SAME(six(0x0a, len, 0x80, framed, len + 8), SCSI_GOOD);
	SAME(uplink(got), 60);
	framed[1] = 0;
	SAME(six(0x0a, len, 0x80, framed, len + 8), SCSI_GOOD);
	SAME(uplink(got), 0);
	SAME(h.stations[HUB_PORT].counters.rx_malformed, 1);
	make(a, own, other, 77);
	SAME(six(0x0a, 77, 0x00, a, 77), SCSI_GOOD);
	SAME(uplink(got), 0);
	SAME(h.stations[HUB_PORT].counters.rx_forged, 1);
	SAME(six(0x0a, 0, 0x00, NULL, 0), SCSI_GOOD);
	SAME(six(0x0a, FRAME_MAX + 1, 0x00, a, 77), SCSI_CHECK_CONDITION);
	make(a, own, vintage, 77);
	SAME(six(0x0a, 77, 0x00, a, 50), -1);	/* it stops */
	SAME(uplink(got), 0);
	SAME(h.pool.free, POOL_CHUNKS);
}

TEST(dayna_groups, "multicast comes where it was asked for, broadcast always; with too many groups all of it")
{
	static const u8 apple[6] = { 9, 0, 7, 0xff, 0xff, 0xff }, all[6] = { 255, 255, 255, 255, 255, 255 };
	u8 a[100], many[6 * (HUB_GROUPS + 2)] = { 0 }, foreign[6] = { 1, 0, 0x5e, 0, 0, 1 };
	u32 i;

	begin_on(64);
	downlink(a, make(a, apple, other, 100));
	SAME(h.stations[HUB_PORT].queue.count, 0);
	downlink(a, make(a, all, other, 100));
	SAME(h.stations[HUB_PORT].queue.count, 1);
	SAME(six(0x0d, 6, 0, apple, 6), SCSI_GOOD);
	SAME(six(0x0d, 6, 0, apple, 6), SCSI_GOOD);
	SAME(h.group_count, 1);
	downlink(a, make(a, apple, other, 100));
	SAME(h.stations[HUB_PORT].queue.count, 2);
	downlink(a, make(a, foreign, other, 100));
	SAME(h.stations[HUB_PORT].queue.count, 2);
	SAME(six(0x0d, 7, 0, many, 7), SCSI_CHECK_CONDITION);
	for (i = 0; i < sizeof(many); i += 6)
		many[i + 5] = many[i] = i + 1;
	SAME(six(0x0d, sizeof(many), 0, many, sizeof(many)), SCSI_GOOD);
	downlink(a, make(a, foreign, other, 100));
	SAME(h.stations[HUB_PORT].queue.count, 3);
	SAME(six(0x0e, 0, 0, NULL, 0), SCSI_GOOD);
	SAME(h.group_count, 0);
	SAME(h.pool.free, POOL_CHUNKS);
}

TEST(dayna_address, "the host sets its address, also while it is on; not one of the hub or of a group; statistics tell it")
{
	u8 a[6] = { 0, 0x80, 0x19, 7, 7, 7 };

	begin_on(64);
	SAME(six(0x0c, 6, 0x40, a, 6), SCSI_GOOD);
	OK(!memcmp(h.stations[HUB_PORT].desc.addr, a, 6));
	SAME(six(0x0c, 0, 0x80, NULL, 0), SCSI_GOOD);
	SAME(six(0x0c, 0, 0x20, NULL, 0), SCSI_CHECK_CONDITION);
	SAME(six(0x0c, 6, 0x40, own, 6), SCSI_CHECK_CONDITION);
	a[0] = 1;
	SAME(six(0x0c, 6, 0x40, a, 6), SCSI_CHECK_CONDITION);
	a[0] = 0;
	h.stations[HUB_PORT].counters.tx_queue_full = 0x0102;
	SAME(six(0x09, 18, 0, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "00 80 19 07 07 07 00 00 00 00 00 00 00 00 02 01 00 00");
}

TEST(dayna_between, "frames between the DaynaPORT's host and a station on the other ID are relayed, byte for byte")
{
	u8 hello[256], a[600], cdb[12];
	struct ipscsi_desc desc = { .version = 1, .features = IPSCSI_F_EXT | IPSCSI_F_CONTAINER,
				    .base_max = 65535, .cont_max = 65535, .name = "host" };
	struct target_command cmd;
	u8 value[IPSCSI_DESC_MAX];
	size_t len, n;
	int tries;

	begin_on(64);
	memcpy(desc.addr, other, 6);
	n = ipscsi_desc_build(value, sizeof(value), &desc);
	len = ipscsi_tlv_build(hello, sizeof(hello), IPSCSI_TLV_HELLO, value, n);
	n = ipscsi_cdb_build(cdb, true, IPSCSI_STREAM_CONTROL, len, 0);
	for (tries = 0; tries < 2; tries++) {	/* a unit attention first */
		fake_command(3, 6, 0, cdb, n, hello, len);
		if (target_poll(&t, &cmd) == TARGET_COMMAND)
			hub_command(&h, &cmd);
	}
	OK(h.stations[6].hello);
	make(a, other, vintage, 600);
	SAME(six(0x0a, 600, 0, a, 600), SCSI_GOOD);
	SAME(h.stations[6].queue.count, 1);
	SAME(h.stations[HUB_PORT].counters.relayed, 1);
	n = ipscsi_cdb_build(cdb, false, IPSCSI_STREAM_CONTAINER, 4096, 0);
	fake_command(3, 6, 0, cdb, n, NULL, 0);
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	hub_command(&h, &cmd);
	OK(!memcmp(fake.in + 32, a, 600));
	make(a, vintage, other, 600);
	n = ipscsi_cdb_build(cdb, true, IPSCSI_STREAM_ETHERNET, 600, 0);
	fake_command(3, 6, 0, cdb, n, a, 600);
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	hub_command(&h, &cmd);
	SAME(six(0x08, 1524, 0xc0, NULL, 0), SCSI_GOOD);
	SAME(expect_record(0, a, 600, 60, false), fake.nin);
}
