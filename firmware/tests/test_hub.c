// SPDX-License-Identifier: Apache-2.0
/* The adapter as a station: docs/protocol.md */
#include "check.h"
#include "fake_phy.h"
#include "ipscsi/hub.h"

static struct target t;
static struct hub h;
static u32 now;

static const u8 own[6] = { 0x02, 0, 0x5e, 0x10, 0, 0x01 };
static const u8 addr_a[6] = { 0x02, 0, 0x5e, 0x10, 0, 0x0a };
static const u8 addr_b[6] = { 0x02, 0, 0x5e, 0x10, 0, 0x0b };

/* Runs one command to its end. Return: the status, or -1 */
static int run(u8 initiator, const u8 *cdb, u32 ncdb, const u8 *out, u32 nout)
{
	struct target_command cmd;

	fake_command(3, initiator, 0, cdb, ncdb, out, nout);
	if (target_poll(&t, &cmd) == TARGET_COMMAND)
		hub_command(&h, &cmd);
	return fake.nstatus ? fake.status[0] : -1;
}

static int send(u8 initiator, u16 stream, const u8 *out, u32 nout)
{
	u8 cdb[12];
	size_t len = ipscsi_cdb_build(cdb, true, stream, nout, 0);

	return run(initiator, cdb, len, out, nout);
}

static int get(u8 initiator, u16 stream, u32 room)
{
	u8 cdb[12];
	size_t len = ipscsi_cdb_build(cdb, false, stream, room, 0);

	return run(initiator, cdb, len, NULL, 0);
}

static void expect_sense(u8 initiator, u8 key, u8 asc, u8 ascq, int pointer)
{
	static const u8 cdb[6] = { 0x03, 0, 0, 0, 18 };

	SAME(run(initiator, cdb, 6, NULL, 0), SCSI_GOOD);
	SAME(fake.in[2], key);
	SAME(fake.in[12], asc);
	SAME(fake.in[13], ascq);
	SAME(fake.in[15], pointer < 0 ? 0 : 0xc0);
	SAME(fake.in[17], pointer < 0 ? 0 : pointer);
}

static void expect_check(int status, u8 initiator, u8 key, u8 asc, u8 ascq,
			 int pointer)
{
	SAME(status, SCSI_CHECK_CONDITION);
	expect_sense(initiator, key, asc, ascq, pointer);
}

/* A hub whose initiators have had their unit attentions */
static void begin(void)
{
	static const u8 ids[] = { 3 };
	static const u8 tur[6];
	int i;

	fake_clear();
	target_init(&t, ids, 1);
	hub_init(&h, &t, 0, own, "gateway", "E6614C311B2A3C4D");
	hub_link(&h, true);
	now = 1000;
	hub_tick(&h, now);
	for (i = 0; i < PHY_INITIATORS; i++) {
		SAME(run(i, tur, 6, NULL, 0), SCSI_CHECK_CONDITION);
		SAME(run(i, tur, 6, NULL, 0), SCSI_GOOD);
	}
}

static size_t hello_message(u8 *buf, const u8 *addr, u16 features)
{
	struct ipscsi_desc desc = { .version = 1, .features = features,
				    .base_max = 65535, .cont_max = 65535,
				    .gets = 8, .name = "host" };
	u8 value[IPSCSI_DESC_MAX];
	size_t len;

	memcpy(desc.addr, addr, 6);
	len = ipscsi_desc_build(value, sizeof(value), &desc);
	return ipscsi_tlv_build(buf, 256, IPSCSI_TLV_HELLO, value, len);
}

static void hello(u8 initiator, const u8 *addr)
{
	u8 buf[256];
	size_t len = hello_message(buf, addr, IPSCSI_F_EXT | IPSCSI_F_CONTAINER);

	SAME(send(initiator, IPSCSI_STREAM_CONTROL, buf, len), SCSI_GOOD);
}

/* The next frame for the USB side, on the heap. Return: its length, or 0 */
static u32 uplink(u8 *buf)
{
	u16 frame = hub_uplink(&h);
	u32 at = 0, len;

	if (frame == POOL_NONE)
		return 0;
	len = h.pool.length[frame];
	while (at < len) {
		u32 n = len - at;
		const u8 *piece = pool_piece(&h.pool, frame, at, &n);

		memcpy(buf + at, piece, n);
		at += n;
	}
	hub_uplink_done(&h);
	return len;
}

/* Return: whether there was room for it */
static bool downlink(const u8 *buf, u32 len)
{
	u16 frame = hub_frame_new(&h, len);
	u32 at = 0;

	if (frame == POOL_NONE)
		return false;
	while (at < len) {
		u32 n = len - at;
		u8 *piece = pool_piece(&h.pool, frame, at, &n);

		memcpy(piece, buf + at, n);
		at += n;
	}
	hub_frame_put(&h, frame);
	return true;
}

/* An Ethernet frame with IPv4 in it. Return: its length */
static u32 ipv4_frame(u8 *buf, const u8 *to, const u8 *from, u32 payload)
{
	u32 i, total = 20 + payload;

	memset(buf, 0, FRAME_HEADER + 20);
	memcpy(buf, to, 6);
	memcpy(buf + 6, from, 6);
	buf[12] = 8;
	buf[14] = 0x45;
	buf[16] = total >> 8;
	buf[17] = total & 0xff;
	buf[26] = 10;
	buf[29] = from[5];
	buf[30] = 10;
	buf[33] = to[5];
	for (i = 0; i < payload; i++)
		buf[34 + i] = i;
	return FRAME_HEADER + total;
}

static u32 used(void)
{
	return POOL_CHUNKS - h.pool.free;
}

TEST(hub_page, "the station page is that of docs/protocol.md, byte for byte, but for sizes and GETs")
{
	static const u8 cdb[6] = { 0x12, 1, 0xc0, 0, 255 };
	u8 want[256];
	size_t len = golden(want, sizeof(want), "station-page");

	begin();
	SAME(run(7, cdb, 6, NULL, 0), SCSI_GOOD);
	SAME(fake.nin, len);
	/* 1518 bytes, containers of 16384, one GET */
	memcpy(want + 4 + IPSCSI_DESC_BASE_MAX, "\x05\xee\0\0\x40\0\0\x01", 8);
	OK(!memcmp(fake.in, want, len));
}

TEST(hub_inquiry, "INQUIRY: type 09h, SCSI-2, pages 00h, 80h, 83h; others and page codes without EVPD are wrong")
{
	u8 cdb[6] = { 0x12, 0, 0, 0, 255 };

	begin();
	SAME(run(7, cdb, 6, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "09 00 02 02 1f 00 00 02 53 43 53 49 47 41 54 45 49 50 20 53 54 41 54 49 4f 4e 20 20 20 20 20 20 31 2e 30 20");
	cdb[2] = 1;
	expect_check(run(7, cdb, 6, NULL, 0), 7, 5, 0x24, 0, 2);
	cdb[1] = 1;
	expect_check(run(7, cdb, 6, NULL, 0), 7, 5, 0x24, 0, 2);
	cdb[2] = 0;
	SAME(run(7, cdb, 6, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "09 00 00 04 00 80 83 c0");
	cdb[2] = 0x80;
	SAME(run(7, cdb, 6, NULL, 0), SCSI_GOOD);
	SAME(fake.nin, 20);
	OK(!memcmp(fake.in + 4, "E6614C311B2A3C4D", 16));
	cdb[2] = 0x83;
	SAME(run(7, cdb, 6, NULL, 0), SCSI_GOOD);
	SAME(fake.nin, 48);
	SAME(fake.in[3], 44);
	SAME(fake.in[7], 40);
	cdb[4] = 3;
	SAME(run(7, cdb, 6, NULL, 0), SCSI_GOOD);
	SAME(fake.nin, 3);
}

TEST(hub_others, "TEST UNIT READY, READ CAPACITY, MODE SENSE, SEND DIAGNOSTIC; anything else 05/20/00")
{
	u8 cdb[10] = { 0x25 };
	int opcode;

	begin();
	SAME(run(7, cdb, 10, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "00 00 ff ff 00 00 00 01");
	SAME(run(7, (const u8[]){ 0x1a, 0, 0x3f, 0, 255, 0 }, 6, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "0b 00 00 00 0a 06 00 00 00 00 00 00");
	SAME(run(7, (const u8[]){ 0x5a, 0, 0x0a, 0, 0, 0, 0, 0, 255, 0 }, 10, NULL, 0), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "00 0e 00 00 00 00 00 00 0a 06 00 00 00 00 00 00");
	expect_check(run(7, (const u8[]){ 0x1a, 0, 1, 0, 255, 0 }, 6, NULL, 0), 7, 5, 0x24, 0, 2);
	expect_check(run(7, (const u8[]){ 0x1a, 0, 0xca, 0, 255, 0 }, 6, NULL, 0), 7, 5, 0x39, 0, -1);
	SAME(run(7, (const u8[]){ 0x1d, 4, 0, 0, 0, 0 }, 6, NULL, 0), SCSI_GOOD);
	expect_check(run(7, (const u8[]){ 0x1d, 0, 0, 0, 0, 0 }, 6, NULL, 0), 7, 5, 0x24, 0, 1);
	expect_check(run(7, (const u8[]){ 0x1d, 4, 0, 0, 8, 0 }, 6, NULL, 0), 7, 5, 0x24, 0, 3);
	for (opcode = 0; opcode < 256; opcode++) {
		u8 any[16] = { opcode };

		if (memchr("\x00\x03\x12\x1a\x5a\x1d\x25\xa0\x0a\x2a\xaa\x08\x28\xa8", opcode, 14))
			continue;
		expect_check(run(7, any, 16, NULL, 0), 7, 5, 0x20, 0, -1);
	}
}

TEST(hub_down, "while the USB side is down: 02/04/00, but for what needs no segment")
{
	static const u8 tur[6], inquiry[6] = { 0x12, 1, 0xc0, 0, 255 };
	u8 buf[64] = { 0x45 };

	begin();
	hub_link(&h, false);
	expect_check(run(7, tur, 6, NULL, 0), 7, 2, 4, 0, -1);
	expect_check(send(7, 0, buf, 64), 7, 2, 4, 0, -1);
	expect_check(send(7, 0x88b5, buf, 4), 7, 2, 4, 0, -1);
	expect_check(get(7, 0, 1500), 7, 2, 4, 0, -1);
	SAME(run(7, inquiry, 6, NULL, 0), SCSI_GOOD);
	SAME(send(7, 0, NULL, 0), SCSI_GOOD);
}

TEST(hub_send_checks, "SEND is checked in the order of section 1")
{
	static const u8 too_long[12] = { 0xaa, 0, 0, 0, 0x88, 0xb6, 0, 0x10, 0, 1 };
	static const u8 long_base[12] = { 0xaa, 0, 0, 0, 0, 0, 0, 1, 0, 0 };
	static const u8 six[6] = { 0x0a, 0, 1, 0, 0 };
	u8 buf[64] = { 0 };

	begin();
	expect_check(run(7, too_long, 12, NULL, 0), 7, 5, 0x24, 0, -1);
	expect_check(send(7, 1, buf, 64), 7, 5, 0x24, 0, 4);
	expect_check(send(7, 0x05ff, buf, 64), 7, 5, 0x24, 0, 4);
	expect_check(run(7, long_base, 12, NULL, 0), 7, 5, 0x24, 0, 6);
	expect_check(run(7, six, 6, NULL, 0), 7, 5, 0x24, 0, 2);
	expect_check(send(7, 0x6558, buf, 64), 7, 6, 0x29, 7, -1);
	expect_check(send(7, 0x88b6, buf, 64), 7, 6, 0x29, 7, -1);
	SAME(h.stations[7].known, false);
	SAME(used(), 0);
}

TEST(hub_base_send, "the vectors' datagrams come up as frames from the base station's address")
{
	u8 buf[256], frame[FRAME_MAX], addr[6];
	size_t len = golden(buf, sizeof(buf), "message-ipv4");

	begin();
	ipscsi_addr_from_port("spi:02005e100001:7", addr);
	buf[len] = 0xee;	/* adapters round up */
	SAME(send(7, 0, buf, len + 1), SCSI_GOOD);
	SAME(uplink(frame), 14 + len);
	OK(!memcmp(frame, own, 6) && !memcmp(frame + 6, addr, 6));
	BYTES(frame + 12, 2, "08 00");
	OK(!memcmp(frame + 14, buf, len));
	len = golden(buf, sizeof(buf), "message-arp");
	SAME(send(7, 6, buf, len), SCSI_GOOD);
	SAME(uplink(frame), 14 + len);
	BYTES(frame, 6, "ff ff ff ff ff ff");
	OK(!memcmp(frame + 6, addr, 6) && !memcmp(frame + 14 + 8, addr, 6));
	SAME(used(), 0);
	SAME(h.stations[7].counters.rx_packets, 2);
}

TEST(hub_six, "a SEND(6) is IPv4, from an initiator without an ID, too")
{
	static const u8 cdb[6] = { 0x0a, 0, 0, 0, 32 };
	u8 buf[256], frame[FRAME_MAX];

	begin();
	golden(buf, sizeof(buf), "message-ipv4");
	SAME(run(PHY_NO_INITIATOR, cdb, 6, buf, 32), SCSI_GOOD);
	SAME(uplink(frame), 46);
}

TEST(hub_multicast, "destinations of IPv4 and IPv6 multicast and of the limited broadcast are made")
{
	u8 buf[64] = { 0x45, 0, 0, 20, [16] = 224, 0x81, 2, 3 }, frame[FRAME_MAX];
	u8 six[64] = { 0x60, [24] = 0xff, 2, [36] = 1, 2, 3, 4 };

	begin();
	SAME(send(7, 0, buf, 20), SCSI_GOOD);
	SAME(uplink(frame), 34);
	BYTES(frame, 6, "01 00 5e 01 02 03");
	memset(buf + 16, 255, 4);
	SAME(send(7, 0, buf, 20), SCSI_GOOD);
	SAME(uplink(frame), 34);
	BYTES(frame, 6, "ff ff ff ff ff ff");
	SAME(send(7, 0x0d, six, 40), SCSI_GOOD);
	SAME(uplink(frame), 54);
	BYTES(frame, 6, "33 33 01 02 03 04");
}

TEST(hub_malformed, "a malformed datagram is counted, dropped, and answered GOOD")
{
	static const u8 cut[20] = { 0x45, 0, 0, 21 };
	static const u8 four[20] = { 0x35, 0, 0, 20 };

	begin();
	SAME(send(7, 0, cut, 20), SCSI_GOOD);
	SAME(send(7, 0, four, 20), SCSI_GOOD);
	SAME(send(7, 6, cut, 20), SCSI_GOOD);
	SAME(send(7, 0x0d, cut, 1), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_malformed, 4);
	SAME(hub_uplink(&h), POOL_NONE);
	SAME(used(), 0);
}

TEST(hub_too_big, "65535 bytes are taken from the bus; a datagram longer than our MTU is counted")
{
	u8 *buf = heap(NULL, 65535), frame[FRAME_MAX];

	begin();
	buf[0] = 0x45;
	buf[2] = 0xff;
	buf[3] = 0xff;
	SAME(send(7, 0, buf, 65535), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_too_big, 1);
	/* the datagram is what counts, not what was transferred */
	buf[2] = 5;
	buf[3] = 0xdc;
	SAME(send(7, 0, buf, 65535), SCSI_GOOD);
	SAME(uplink(frame), 1514);
	hello(7, addr_a);
	SAME(send(7, 0x6558, buf, 1519), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_forged, 1);
	memcpy(buf + 6, addr_a, 6);
	SAME(send(7, 0x6558, buf, 1519), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_too_big, 1);
	SAME(used(), 0);
	free(buf);
}

TEST(hub_hello, "HELLO of the vectors ties the nexus to its address")
{
	u8 buf[256], frame[FRAME_MAX];
	size_t len = golden(buf, sizeof(buf), "control-hello");

	begin();
	SAME(send(7, 0x88b5, buf, len), SCSI_GOOD);
	OK(!memcmp(h.stations[7].desc.addr, addr_a, 6));
	OK(!strcmp(h.stations[7].desc.name, "station-a"));
	len = golden(buf, sizeof(buf), "message-ipv4");
	SAME(send(7, 0x0800, buf, len), SCSI_GOOD);
	SAME(uplink(frame), 46);
	OK(!memcmp(frame + 6, addr_a, 6));
	/* BYE: a base station from now on, with the address that it had */
	len = golden(buf, sizeof(buf), "control-bye");
	SAME(send(7, 0x88b5, buf, len), SCSI_GOOD);
	expect_check(get(7, 0x88b6, 65528), 7, 6, 0x29, 7, -1);
	OK(!memcmp(h.stations[7].desc.addr, addr_a, 6));
	SAME(h.stations[7].up, false);
}

TEST(hub_hello_refused, "HELLO is refused: our address, another's that is alive, the second, cut, too long")
{
	u8 buf[2048];
	size_t len;

	begin();
	hello(6, addr_b);
	len = hello_message(buf, own, 0);
	expect_check(send(7, 0x88b5, buf, len), 7, 5, 0x26, 0, -1);
	len = hello_message(buf, addr_b, 0);
	expect_check(send(7, 0x88b5, buf, len), 7, 5, 0x26, 0, -1);
	SAME(h.stations[6].counters.rx_forged, 1);
	now += HUB_ALIVE_MS;
	hub_tick(&h, now);
	SAME(send(7, 0x88b5, buf, len), SCSI_GOOD);
	SAME(h.stations[6].known, false);
	len += hello_message(buf + len, addr_a, 0);
	expect_check(send(7, 0x88b5, buf, len), 7, 5, 0x26, 0, -1);
	OK(!memcmp(h.stations[7].desc.addr, addr_b, 6));
	expect_check(send(7, 0x88b5, buf, len - 1 - 4), 7, 5, 0x26, 0, -1);
	memset(buf, 0, sizeof(buf));
	expect_check(send(7, 0x88b5, buf, 1025), 7, 5, 0x26, 0, -1);
	SAME(send(7, 0x88b5, buf, 1024), SCSI_GOOD);
}

TEST(hub_container, "the vectors' container brings its two records; its sequence number is looked at")
{
	u8 buf[256], frame[FRAME_MAX];
	size_t len = golden(buf, sizeof(buf), "container");

	begin();
	hello(7, addr_a);
	SAME(send(7, 0x88b6, buf, len), SCSI_GOOD);
	SAME(uplink(frame), 46);
	SAME(uplink(frame), 42);
	BYTES(frame + 12, 2, "08 06");
	SAME(h.stations[7].counters.rx_reordered, 1);
	buf[11] = 8;
	SAME(send(7, 0x88b6, buf, len), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_reordered, 1);
	/* a cut last record goes, the first one counts; padding may be missing */
	hub_link(&h, false);
	hub_link(&h, true);
	buf[7] = 0x6c;
	SAME(send(7, 0x88b6, buf, 0x6c), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_malformed, 0);
	buf[16 + 16 + 32 + 15] = 29;
	SAME(send(7, 0x88b6, buf, 0x6c), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_malformed, 1);
	SAME(h.uplink.count, 3);
	buf[0] = 2;
	SAME(send(7, 0x88b6, buf, len), SCSI_GOOD);
	SAME(send(7, 0x88b6, buf, 3), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_malformed, 3);
	SAME(h.uplink.count, 3);
}

TEST(hub_offload, "a record with offload data is malformed: we do not tell OFFLOAD")
{
	u8 buf[256], frame[FRAME_MAX];
	size_t len = golden(buf, sizeof(buf), "container");

	begin();
	hello(7, addr_a);
	buf[18] = 1;
	SAME(send(7, 0x88b6, buf, len), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_malformed, 1);
	SAME(uplink(frame), 42);
}

TEST(hub_forged, "a station sends from its own address only")
{
	u8 buf[FRAME_MAX], frame[FRAME_MAX];
	u32 len;

	begin();
	hello(7, addr_a);
	len = ipv4_frame(buf, own, addr_b, 10);
	SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_forged, 1);
	golden(buf, sizeof(buf), "message-arp");
	memcpy(buf + 8, addr_b, 6);
	SAME(send(7, 6, buf, 28), SCSI_GOOD);
	SAME(h.stations[7].counters.rx_forged, 2);
	len = ipv4_frame(buf, own, addr_a, 10);
	SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
	SAME(uplink(frame), len);
	OK(!memcmp(frame, buf, len));
}

TEST(hub_get_null, "a GET is answered at once: null where nothing is there")
{
	begin();
	SAME(get(7, 0, 1500), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "00 00 00 00");
	SAME(get(7, 6, 1), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "00");
	hello(7, addr_a);
	SAME(get(7, 0x88b6, 65528), SCSI_GOOD);
	BYTES(fake.in, fake.nin, "01 00 00 00 00 00 00 10 00 00 00 00 00 00 00 00");
	SAME(h.stations[7].counters.tx_null, 1);	/* since it has this address */
	SAME(get(7, 0, 0), SCSI_GOOD);
	SAME(fake.nin, 0);
	expect_check(get(7, 0x6558, 1500), 7, 5, 0x24, 0, 4);
	expect_check(get(7, 0x88b6, 629), 7, 5, 0x24, 0, 7);
}

TEST(hub_get_bare, "a base station fetches by stream, oldest first; what is too long is counted")
{
	u8 buf[FRAME_MAX], addr[6];
	u32 len;

	begin();
	SAME(get(7, 0, 1500), SCSI_GOOD);
	memcpy(addr, h.stations[7].desc.addr, 6);
	len = ipv4_frame(buf, addr, own, 1400);
	OK(downlink(buf, len));
	len = ipv4_frame(buf, addr, own, 30);
	OK(downlink(buf, len));
	buf[12] = 0x12;
	OK(downlink(buf, len));
	SAME(h.stations[7].counters.tx_no_ext, 1);
	SAME(get(7, 6, 1500), SCSI_GOOD);
	SAME(fake.nin, 4);
	SAME(get(7, 0, 1000), SCSI_GOOD);
	SAME(fake.nin, 50);
	OK(!memcmp(fake.in, buf + 14, 50));
	SAME(h.stations[7].counters.tx_too_big, 1);
	SAME(get(7, 0, 1000), SCSI_GOOD);
	SAME(fake.nin, 4);
	SAME(used(), 0);
}

TEST(hub_get_container, "a container brings what waits, in order, within the room; sequence numbers count")
{
	struct ipscsi_record record;
	struct ipscsi_cont cont;
	u8 buf[FRAME_MAX];
	u32 i, at, got = 0, seq = 0, len;

	begin();
	hello(7, addr_a);
	for (i = 0; i < 20; i++) {
		/* every second one is from elsewhere: a whole frame */
		len = ipv4_frame(buf, addr_a, i & 1 ? addr_b : own, 1 + i * 60);
		OK(downlink(buf, len));
	}
	while (got < 20) {
		SAME(get(7, 0x88b6, 4096), SCSI_GOOD);
		OK(fake.nin <= 4096);
		SAME(ipscsi_cont_parse(fake.in, fake.nin, &cont), 0);
		SAME(cont.length, fake.nin);
		SAME(cont.seq, seq++);
		OK(cont.count);
		for (at = IPSCSI_CONT_HEADER; cont.count--; got++) {
			SAME(ipscsi_record_parse(fake.in + at, fake.nin - at, &record), 0);
			len = ipv4_frame(buf, addr_a, got & 1 ? addr_b : own, 1 + got * 60);
			SAME(record.stream, got & 1 ? 0x6558 : 0);
			SAME(record.length, got & 1 ? len : len - 14);
			OK(!memcmp(fake.in + at + 16, buf + (got & 1 ? 0 : 14), record.length));
			at += ipscsi_record_size(record.length);
		}
	}
	SAME(used(), 0);
	SAME(h.stations[7].counters.tx_packets, 20);
	hello(7, addr_a);
	OK(downlink(buf, len));
	SAME(get(7, 0x88b6, 4096), SCSI_GOOD);
	ipscsi_cont_parse(fake.in, fake.nin, &cont);
	SAME(cont.seq, 0);
}

TEST(hub_get_lost, "what a GET did not bring to its end waits for the next")
{
	static const enum phy_result faults[] = { PHY_RESET, PHY_TIMEOUT };
	u8 buf[FRAME_MAX], cdb[12];
	struct target_command cmd;
	struct ipscsi_cont cont;
	size_t i;

	for (i = 0; i < COUNT(faults); i++) {
		begin();
		hello(7, addr_a);
		OK(downlink(buf, ipv4_frame(buf, addr_a, own, 1000)));
		ipscsi_cdb_build(cdb, false, 0x88b6, 4096, 0);
		fake_command(3, 7, 0, cdb, 10, NULL, 0);
		fake.fault_phase = PHY_DATA_IN;
		fake.fault_skip = 3;
		fake.fault = faults[i];
		SAME(target_poll(&t, &cmd), TARGET_COMMAND);
		hub_command(&h, &cmd);
		SAME(h.stations[7].queue.count, 1);
		SAME(h.stations[7].counters.tx_packets, 0);
		if (faults[i] == PHY_RESET)
			continue;
		SAME(get(7, 0x88b6, 4096), SCSI_GOOD);
		SAME(ipscsi_cont_parse(fake.in, fake.nin, &cont), 0);
		SAME(cont.count, 1);
		SAME(cont.seq, 0);
	}
}

TEST(hub_send_lost, "a SEND with bad parity, RST or silence in its data brings nothing; the memory is free")
{
	static const enum phy_result faults[] = { PHY_PARITY, PHY_RESET, PHY_TIMEOUT };
	u8 buf[256], cdb[12];
	struct target_command cmd;
	size_t len = golden(buf, sizeof(buf), "container"), i, skip;

	for (i = 0; i < COUNT(faults); i++)
		for (skip = 0; skip < 6; skip++) {
			begin();
			hello(7, addr_a);
			ipscsi_cdb_build(cdb, true, 0x88b6, len, 0);
			fake_command(3, 7, 0, cdb, 10, buf, len);
			fake.fault_phase = PHY_DATA_OUT;
			fake.fault_skip = skip;
			fake.fault = faults[i];
			SAME(target_poll(&t, &cmd), TARGET_COMMAND);
			hub_command(&h, &cmd);
			SAME(fake.fault_phase, -1);
			SAME(hub_uplink(&h), POOL_NONE);
			SAME(used(), 0);
			if (faults[i] == PHY_PARITY) {
				SAME(fake.status[0], SCSI_CHECK_CONDITION);
				expect_sense(7, 0x0b, 0x47, 0, -1);
			} else {
				SAME(fake.nstatus, 0);
			}
			SAME(h.stations[7].counters.rx_malformed, 0);
		}
}

TEST(hub_relay, "between stations: by address, never back, broadcast to all and to the USB side")
{
	u8 buf[FRAME_MAX], frame[FRAME_MAX];
	struct ipscsi_record record;
	u32 len;

	begin();
	hello(7, addr_a);
	hello(6, addr_b);
	SAME(get(5, 0, 1500), SCSI_GOOD);	/* a base station */
	len = ipv4_frame(buf, addr_b, addr_a, 100);
	SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
	SAME(hub_uplink(&h), POOL_NONE);
	SAME(get(6, 0x88b6, 4096), SCSI_GOOD);
	ipscsi_record_parse(fake.in + 16, fake.nin - 16, &record);
	SAME(record.stream, 0x6558);
	OK(!memcmp(fake.in + 32, buf, len));
	SAME(h.stations[7].counters.relayed, 1);
	/* to the base station: the bare datagram */
	len = ipv4_frame(buf, h.stations[5].desc.addr, addr_a, 100);
	SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
	SAME(get(5, 0, 1500), SCSI_GOOD);
	SAME(fake.nin, len - 14);
	/* broadcast */
	len = ipv4_frame(buf, (const u8 *)"\xff\xff\xff\xff\xff\xff", addr_a, 60);
	SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
	SAME(uplink(frame), len);
	SAME(h.stations[7].queue.count, 0);
	SAME(h.stations[6].queue.count, 1);
	SAME(h.stations[5].queue.count, 1);
	SAME(get(6, 0x88b6, 4096), SCSI_GOOD);
	SAME(get(5, 0, 1500), SCSI_GOOD);
	SAME(used(), 0);
	/* unknown: to the USB side; from there: counted */
	len = ipv4_frame(buf, (const u8 *)"\x02\x99\x99\x99\x99\x99", addr_a, 60);
	SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
	SAME(uplink(frame), len);
	memcpy(buf + 6, own, 6);
	OK(downlink(buf, len));
	SAME(h.down_unknown, 1);
	SAME(used(), 0);
}

TEST(hub_arp, "ARP for a base station's last address is answered to the USB side, without asking it")
{
	u8 buf[256], frame[FRAME_MAX], arp[42] = { 0 };

	begin();
	golden(buf, sizeof(buf), "message-ipv4");
	SAME(send(7, 0, buf, 32), SCSI_GOOD);
	SAME(uplink(frame), 46);
	memset(arp, 0xff, 6);
	memcpy(arp + 6, own, 6);
	from_hex(arp + 12, 30, "08 06 00 01 08 00 06 04 00 01 02 00 5e 10 00 01 c0 a8 4d 01 00 00 00 00 00 00 c0 a8 4d 0a");
	OK(downlink(arp, 42));
	SAME(h.stations[7].queue.count, 0);
	SAME(uplink(frame), 42);
	OK(!memcmp(frame, own, 6) && !memcmp(frame + 6, h.stations[7].desc.addr, 6));
	BYTES(frame + 12, 10, "08 06 00 01 08 00 06 04 00 02");
	OK(!memcmp(frame + 22, h.stations[7].desc.addr, 6));
	BYTES(frame + 28, 14, "c0 a8 4d 0a 02 00 5e 10 00 01 c0 a8 4d 01");
	arp[41] = 0x0b;
	OK(downlink(arp, 42));
	SAME(h.stations[7].queue.count, 1);
	SAME(hub_uplink(&h), POOL_NONE);
}

TEST(hub_busy, "without room SEND is answered BUSY, and what was answered GOOD is all there")
{
	u8 buf[FRAME_MAX], frame[FRAME_MAX];
	u32 len, good = 0, status, up = 0;

	begin();
	hello(7, addr_a);
	len = ipv4_frame(buf, own, addr_a, 1480);
	while ((status = send(7, 0x6558, buf, len)) == SCSI_GOOD)
		good++;
	SAME(status, SCSI_BUSY);
	SAME(h.busy, 1);
	OK(good > 20);
	/* control messages and GETs go on */
	hello(7, addr_a);
	SAME(get(7, 0x88b6, 4096), SCSI_GOOD);
	while (uplink(frame))
		up++;
	SAME(up, good);
	SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
	SAME(h.up_dropped, 0);
}

TEST(hub_stalled, "a USB host that takes nothing for 1 s is not waited for; what is lost is counted")
{
	u8 buf[FRAME_MAX], frame[FRAME_MAX];
	u32 len, good = 0, i;

	begin();
	hello(7, addr_a);
	len = ipv4_frame(buf, own, addr_a, 1480);
	while (send(7, 0x6558, buf, len) == SCSI_GOOD)
		good++;
	now += HUB_STALL_MS - 1;
	hub_tick(&h, now);
	SAME(send(7, 0x6558, buf, len), SCSI_BUSY);
	hub_tick(&h, ++now);
	SAME(h.up_dropped, good);
	for (i = 0; i < 500; i++)
		SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
	SAME(h.up_dropped + h.uplink.count, good + 500);
	OK(h.uplink.count > 20);
	/* it takes again: all is as it was */
	while (uplink(frame))
		good++;
	SAME(h.stalled, false);
	for (i = 0; send(7, 0x6558, buf, len) == SCSI_GOOD; i++)
		;
	SAME(h.uplink.count, i);
}

TEST(hub_shares, "stations that fetch nothing leave room for the bus and for others; each loss is counted")
{
	u8 buf[FRAME_MAX], addr[6] = { 2, 0, 0, 0, 0, 0 };
	u32 len, i, put[8] = { 0 }, lost;

	begin();
	for (i = 0; i < 8; i++) {
		addr[5] = i;
		hello(i, addr);
	}
	for (i = 0; i < 4000; i++) {
		addr[5] = i & 7;
		len = ipv4_frame(buf, addr, own, 1 + rand_below(1480));
		if (downlink(buf, len))
			put[i & 7]++;
	}
	OK(h.pool.free >= 128);
	for (i = 0; i < 8; i++) {
		lost = h.stations[i].counters.tx_queue_full;
		SAME(put[i], lost + h.stations[i].queue.count);
		OK(h.stations[i].queue.count > 3);
	}
	len = ipv4_frame(buf, own, addr, 1480);
	SAME(send(7, 0x6558, buf, len), SCSI_GOOD);
}

TEST(hub_gone, "a station that asked by GET and is silent for 4 s is gone; what waited is counted")
{
	u8 buf[FRAME_MAX];
	u32 len;

	begin();
	hello(7, addr_a);
	SAME(get(7, 0x88b6, 4096), SCSI_GOOD);
	len = ipv4_frame(buf, addr_a, own, 100);
	OK(downlink(buf, len));
	now += HUB_ALIVE_MS - 1;
	hub_tick(&h, now);
	SAME(h.stations[7].queue.count, 1);
	hub_tick(&h, ++now);
	SAME(h.stations[7].queue.count, 0);
	SAME(h.stations[7].counters.tx_peer_down, 1);
	OK(downlink(buf, len));
	SAME(h.stations[7].counters.tx_peer_down, 2);
	SAME(used(), 0);
	/* it is still known, and comes back by itself */
	SAME(get(7, 0x88b6, 4096), SCSI_GOOD);
	OK(downlink(buf, len));
	SAME(h.stations[7].queue.count, 1);
	now += HUB_SILENT_MS;
	hub_tick(&h, now);
	SAME(h.stations[7].known, false);
	SAME(used(), 0);
}

TEST(hub_base_queue, "for a base station the newest 64 wait, 10 s at most")
{
	u8 buf[FRAME_MAX];
	u32 i, len;

	begin();
	golden(buf, sizeof(buf), "message-ipv4");
	SAME(send(7, 0, buf, 32), SCSI_GOOD);
	for (i = 0; i < 100; i++) {
		len = ipv4_frame(buf, h.stations[7].desc.addr, own, 10);
		buf[40] = i;
		OK(downlink(buf, len));
	}
	SAME(h.stations[7].queue.count, 64);
	SAME(h.stations[7].counters.tx_queue_full, 36);
	SAME(get(7, 0, 1500), SCSI_GOOD);
	SAME(fake.in[26], 36);
	now += HUB_BASE_MS;
	h.stations[7].asks = false;
	hub_tick(&h, now);
	SAME(h.stations[7].queue.count, 0);
	SAME(h.stations[7].counters.tx_peer_down, 63);
}

TEST(hub_reset_forgets, "after a bus reset stations say HELLO anew")
{
	struct target_command cmd;
	static const u8 tur[6];

	begin();
	hello(7, addr_a);
	fake.reset = true;
	SAME(target_poll(&t, &cmd), TARGET_WAS_RESET);
	hub_reset(&h);
	expect_check(run(7, tur, 6, NULL, 0), 7, 6, 0x29, 0, -1);
	expect_check(get(7, 0x88b6, 4096), 7, 6, 0x29, 7, -1);
	hello(7, addr_a);
	SAME(get(7, 0x88b6, 4096), SCSI_GOOD);
}

TEST(hub_random, "thousands of random frames between USB side and stations: every byte arrives, or is counted")
{
	static const u8 *const addrs[] = { addr_a, addr_b };
	u32 i, len, down = 0, down_bytes = 0, up = 0, up_sent = 0;
	u8 buf[FRAME_MAX], frame[FRAME_MAX];
	struct ipscsi_cont cont;

	begin();
	hello(6, addr_a);
	hello(5, addr_b);
	for (i = 0; i < 20000; i++) {
		u32 who = rand_below(2);

		switch (rand_below(4)) {
		case 0:
			len = ipv4_frame(buf, addrs[who], own, 1 + rand_below(1480));
			down += downlink(buf, len);
			break;
		case 1:
			SAME(get(6 - who, 0x88b6, 630 + rand_below(20000)), SCSI_GOOD);
			SAME(ipscsi_cont_parse(fake.in, fake.nin, &cont), 0);
			down_bytes += fake.nin > 16;
			break;
		case 2:
			len = ipv4_frame(buf, own, addrs[who], 1 + rand_below(1480));
			up_sent += send(6 - who, 0x6558, buf, len) == SCSI_GOOD;
			break;
		case 3:
			up += !!uplink(frame);
			break;
		}
	}
	while (uplink(frame))
		up++;
	SAME(up, up_sent);
	SAME(down, h.down_packets);
	len = 0;
	for (i = 5; i < 7; i++) {
		const struct hub_counters *c = &h.stations[i].counters;

		len += c->tx_packets + c->tx_queue_full + c->tx_too_big + h.stations[i].queue.count;
		SAME(c->rx_malformed + c->rx_forged + c->rx_nomem, 0);
	}
	SAME(len, down);
	OK(down_bytes > 100);
	hub_reset(&h);
	SAME(used(), 0);
}

/* A GET with a tag, of an initiator that lets us disconnect */
static int get_tagged(u8 initiator, u16 stream, u8 tag)
{
	struct target_command cmd;
	u8 cdb[12];
	size_t len = ipscsi_cdb_build(cdb, false, stream, 4096, 0);

	fake_command(3, initiator, 0, cdb, len, NULL, 0);
	fake.messages[0] |= 0x40;
	fake.messages[1] = 0x20;
	fake.messages[2] = tag;
	fake.nmessages = 3;
	if (target_poll(&t, &cmd) == TARGET_COMMAND)
		hub_command(&h, &cmd);
	return fake.nstatus ? fake.status[0] : -1;
}

static void pass(u32 ms)
{
	hub_tick(&h, now += ms);
}

static void begin_hold(void)
{
	begin();
	hub_hold(&h);
	hello(7, addr_a);
}

TEST(hub_hold_get, "with the setting, a tagged GET that finds nothing is held, the bus free; the frame that comes brings it back with its tag")
{
	u8 frame[FRAME_MAX];
	u32 len;

	begin_hold();
	SAME(get_tagged(7, IPSCSI_STREAM_CONTAINER, 0x55), -1);
	BYTES(fake.message_in, fake.nmessage_in, "04");
	SAME(fake.nin, 0);
	OK(!fake.busy);
	fake_clear();
	hub_held(&h);
	SAME(fake.reselections, 0);
	len = ipv4_frame(frame, addr_a, addr_b, 100);
	OK(downlink(frame, len));
	/* not before 200 us have passed */
	hub_held(&h);
	SAME(fake.reselections, 0);
	pass(HUB_APART_MS);
	hub_held(&h);
	SAME(fake.reselections, 1);
	SAME(fake.reselected, 7);
	BYTES(fake.message_in, fake.nmessage_in, "80 20 55 00");
	SAME(fake.status[0], SCSI_GOOD);
	OK(fake.nin > 100 && fake.in[3] == 1);
	OK(!fake.busy);
	SAME(t.held_count, 0);
	SAME(used(), 0);
	SAME(t.counters.disconnects, 1);
	SAME(t.counters.reselections, 1);
}

TEST(hub_hold_end, "held GETs come back null after the hold time, on FLUSH, BYE, a new HELLO, and when the segment goes down")
{
	static const u8 flush[4] = { 0, 3, 0, 0 }, bye[4] = { 0, 2, 0, 0 };
	int way;

	for (way = 0; way < 5; way++) {
		begin_hold();
		SAME(get_tagged(7, IPSCSI_STREAM_CONTAINER, way), -1);
		pass(way ? HUB_APART_MS : HUB_HOLD_MS - 1);
		fake_clear();
		hub_held(&h);
		SAME(fake.reselections, 0);
		if (way == 0)
			pass(1);
		else if (way == 1)
			SAME(send(7, IPSCSI_STREAM_CONTROL, flush, 4), SCSI_GOOD);
		else if (way == 2)
			SAME(send(7, IPSCSI_STREAM_CONTROL, bye, 4), SCSI_GOOD);
		else if (way == 3)
			hello(7, addr_a);
		else
			hub_link(&h, false);
		fake_clear();
		hub_held(&h);
		SAME(fake.reselections, 1);
		SAME(fake.status[0], SCSI_GOOD);
		BYTES(fake.in, fake.nin, "01 00 00 00 00 00 00 10 00 00 00 00 00 00 00 00");
		SAME(t.held_count, 0);
	}
}

TEST(hub_hold_not, "without a tag, without the privilege, beyond four, or rejected, a GET is answered at once")
{
	struct target_command cmd;
	u8 cdb[12], i;
	size_t len = ipscsi_cdb_build(cdb, false, IPSCSI_STREAM_CONTAINER, 4096, 0);

	begin_hold();
	SAME(get(7, IPSCSI_STREAM_CONTAINER, 4096), SCSI_GOOD);
	SAME(fake.nin, 16);
	fake_command(3, 7, 0, cdb, len, NULL, 0);
	fake.messages[1] = 0x20;
	fake.nmessages = 3;
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	hub_command(&h, &cmd);
	SAME(fake.status[0], SCSI_GOOD);
	/* MESSAGE REJECT of DISCONNECT */
	fake_command(3, 7, 0, cdb, len, NULL, 0);
	fake.messages[0] |= 0x40;
	fake.messages[1] = 0x20;
	fake.nmessages = 3;
	fake.later_phase = PHY_MESSAGE_IN;
	fake.later[0] = 7;
	fake.nlater = 1;
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	hub_command(&h, &cmd);
	SAME(fake.status[0], SCSI_GOOD);
	SAME(t.held_count, 0);
	for (i = 0; i < HUB_GETS; i++)
		SAME(get_tagged(7, IPSCSI_STREAM_CONTAINER, i), -1);
	SAME(get_tagged(7, IPSCSI_STREAM_CONTAINER, i), SCSI_GOOD);
	SAME(t.held_count, HUB_GETS);
	/* the page tells how many */
	SAME(h.self.gets, HUB_GETS);
}

TEST(hub_hold_abort, "ABORT, ABORT TAG, a tag that comes again, and a reset end what is held")
{
	static const u8 tur[6];
	struct target_command cmd;
	u8 i;

	begin_hold();
	for (i = 0; i < 3; i++)
		SAME(get_tagged(7, IPSCSI_STREAM_CONTAINER, i), -1);
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.messages[1] = 0x20;
	fake.messages[2] = 1;
	fake.messages[3] = 0x0d;
	fake.nmessages = 4;
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(t.held_count, 2);
	SAME(t.held[1].tag, 2);
	expect_check(get_tagged(7, IPSCSI_STREAM_CONTAINER, 2), 7, 0x0b, 0x4d, 2, -1);
	SAME(t.held_count, 1);
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.messages[1] = 0x06;
	fake.nmessages = 2;
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(t.held_count, 0);
	SAME(get_tagged(7, IPSCSI_STREAM_CONTAINER, 1), -1);
	fake_clear();
	fake.reset = true;
	SAME(target_poll(&t, &cmd), TARGET_WAS_RESET);
	hub_reset(&h);
	SAME(t.held_count, 0);
}

TEST(hub_hold_yield, "where others want the bus it tries again; an initiator that does not answer three times is given up; what did not arrive stays")
{
	u8 frame[FRAME_MAX];
	u32 len;
	int i;

	begin_hold();
	len = ipv4_frame(frame, addr_a, addr_b, 100);
	SAME(get_tagged(7, IPSCSI_STREAM_CONTAINER, 9), -1);
	OK(downlink(frame, len));
	pass(HUB_APART_MS);
	for (i = 0; i < 10; i++) {
		fake_clear();
		fake.reselect = i & 1 ? PHY_YIELDED : PHY_NOT_FREE;
		hub_held(&h);
		SAME(t.held_count, 1);
	}
	SAME(t.counters.yields, 5);
	/* with what it holds, it is not taken for gone */
	hub_tick(&h, now + HUB_ALIVE_MS + 10);
	OK(h.stations[7].up);
	hub_tick(&h, now);
	fake_clear();
	fake.reselect = PHY_NOBODY;
	for (i = 0; i < TARGET_TRIES; i++) {
		SAME(t.held_count, 1);
		hub_held(&h);
	}
	SAME(t.held_count, 0);
	SAME(t.counters.unanswered, TARGET_TRIES);
	SAME(h.stations[7].queue.count, 1);
	fake_clear();
	SAME(get(7, IPSCSI_STREAM_CONTAINER, 4096), SCSI_GOOD);
	OK(fake.nin > 100);
	/* ABORT in the middle of it */
	SAME(get_tagged(7, IPSCSI_STREAM_CONTAINER, 9), -1);
	OK(downlink(frame, len));
	pass(HUB_APART_MS);
	fake_clear();
	fake.later_phase = PHY_MESSAGE_IN;
	fake.later[0] = 6;
	fake.nlater = 1;
	hub_held(&h);
	SAME(t.held_count, 0);
	SAME(fake.nstatus, 0);
	OK(!fake.busy);
	SAME(h.stations[7].queue.count, 1);
}
