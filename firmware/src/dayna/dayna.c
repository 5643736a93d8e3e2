// SPDX-License-Identifier: Apache-2.0
#include "dayna/dayna.h"

#include "boot/crc.h"

#define TEST_UNIT_READY	0x00
#define READ		0x08
#define STATISTICS	0x09
#define WRITE		0x0a
#define SET_MODE	0x0c
#define SET_GROUPS	0x0d
#define SWITCH		0x0e
#define INQUIRY		0x12

#define READ_BLIND	0x40	/* in byte 5 */
#define WRITE_FRAMED	0x80
#define MODE_SET	0x80
#define MODE_ADDRESS	0x40

#define FLAG_MORE	0x10

/* Slow hosts need them: after a record's header, and between records */
#define HEADER_US	75
#define RECORD_US	300

static const u8 zero[64];

static u16 be16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

/**
 * dayna_init - switched off
 * @d: the device
 * @t: the target that its commands come from
 * @h: the hub that it is a station of
 * @addr: its address
 * @shortest: 64 or 128: what frames are padded to, with FCS
 */
void dayna_init(struct dayna *d, struct target *t, struct hub *h,
		const u8 *addr, u8 shortest)
{
	memset(d, 0, sizeof(*d));
	d->target = t;
	d->hub = h;
	memcpy(d->addr, addr, 6);
	d->shortest = shortest;
}

static void good(struct dayna *d)
{
	target_finish(d->target, SCSI_GOOD);
}

static void invalid_field(struct dayna *d, int byte)
{
	target_check(d->target, SENSE_ILLEGAL_REQUEST, 0x24, 0, byte);
}

static u32 padded(const struct dayna *d, u32 len)
{
	u32 least = d->shortest - DAYNA_FCS;

	return len < least ? least : len;
}

static u32 record_size(const struct dayna *d, u16 frame)
{
	return DAYNA_HEADER + padded(d, d->hub->pool.length[frame]) + DAYNA_FCS;
}

static bool put(struct dayna *d, u32 *crc, const u8 *data, u32 len)
{
	*crc = crc32(*crc, data, len);
	return target_data_in(d->target, data, len);
}

static bool put_frame(struct dayna *d, u16 frame, u32 *crc)
{
	struct pool *pool = &d->hub->pool;
	u32 at, n, end = pool->length[frame], pad;

	for (at = 0; at < end; at += n) {
		const u8 *from;

		n = end - at;
		from = pool_piece(pool, frame, at, &n);
		if (!put(d, crc, from, n))
			return false;
	}
	for (pad = padded(d, end) - end; pad; pad -= n) {
		n = pad < sizeof(zero) ? pad : sizeof(zero);
		if (!put(d, crc, zero, n))
			return false;
	}
	return true;
}

static bool put_record(struct dayna *d, u16 frame, bool more)
{
	u32 len = record_size(d, frame) - DAYNA_HEADER, crc = 0;
	u8 header[DAYNA_HEADER] = { len >> 8, len & 0xff, 0, 0, 0,
				    more ? FLAG_MORE : 0 };
	u8 fcs[DAYNA_FCS];

	if (!target_data_in(d->target, header, sizeof(header)))
		return false;
	target_pause(d->target, HEADER_US);
	if (!put_frame(d, frame, &crc))
		return false;
	/* as on the wire: the lowest byte first */
	fcs[0] = crc & 0xff;
	fcs[1] = crc >> 8 & 0xff;
	fcs[2] = crc >> 16 & 0xff;
	fcs[3] = crc >> 24;
	return target_data_in(d->target, fcs, sizeof(fcs));
}

/*
 * Blind: records go on within the command, as long as their flag says so, and
 * it does only where the next one fits, too. Polled: one, and the flag says
 * that asking again is worth it.
 */
static void read(struct dayna *d, const u8 *cdb)
{
	u32 room = be16(cdb + 3), total = 0;
	bool blind = cdb[5] & READ_BLIND, more;
	u16 frame, next;

	if (room == 1) {
		invalid_field(d, 3);
		return;
	}
	while ((frame = hub_port_frame(d->hub, 0)) != POOL_NONE &&
	       record_size(d, frame) > room && room >= DAYNA_HEADER)
		hub_port_too_big(d->hub);
	if (frame == POOL_NONE || room < DAYNA_HEADER) {
		target_data_in(d->target, zero,
			       room < DAYNA_HEADER ? room : DAYNA_HEADER);
		good(d);
		return;
	}
	if (room > DAYNA_READ_MAX)
		room = DAYNA_READ_MAX;
	for (;;) {
		total += record_size(d, frame);
		next = hub_port_frame(d->hub, 1);
		more = next != POOL_NONE &&
		       (!blind || total + record_size(d, next) <= room);
		/* it stays in the queue until it has arrived */
		if (!put_record(d, frame, more))
			break;
		hub_port_done(d->hub);
		if (!blind || !more)
			break;
		target_pause(d->target, RECORD_US);
		frame = next;
	}
	good(d);
}

static void statistics(struct dayna *d, const u8 *cdb)
{
	const struct hub_counters *c = &hub_port(d->hub)->counters;
	u32 lost = c->tx_queue_full + c->tx_too_big + c->rx_nomem;
	/* address; alignment errors, CRC errors, frames lost */
	u8 buf[18] = { 0 };

	memcpy(buf, d->addr, 6);
	buf[14] = lost & 0xff;
	buf[15] = lost >> 8 & 0xff;
	buf[16] = lost >> 16 & 0xff;
	buf[17] = lost >> 24;
	target_data_in(d->target, buf, cdb[4] < sizeof(buf) ? cdb[4] : sizeof(buf));
	good(d);
}

/* Bytes that are of no use. Return: as target_data_out() */
static bool skip(struct dayna *d, u32 len)
{
	u8 nowhere[64];
	u32 n;

	for (; len; len -= n) {
		n = len < sizeof(nowhere) ? len : sizeof(nowhere);
		if (!target_data_out(d->target, nowhere, n))
			return false;
	}
	return true;
}

static void write(struct dayna *d, const u8 *cdb)
{
	u32 len = be16(cdb + 3), used = len, at, n;
	bool framed = cdb[5] & WRITE_FRAMED, came;
	struct pool *pool = &d->hub->pool;
	u8 header[4];
	u16 frame;

	if (!len) {
		good(d);
		return;
	}
	if (len > FRAME_MAX) {
		invalid_field(d, 3);
		return;
	}
	if (framed) {
		if (!target_data_out(d->target, header, sizeof(header))) {
			good(d);
			return;
		}
		if (be16(header) < len)
			used = be16(header);
	}
	frame = hub_port_new(d->hub, len);
	if (frame == POOL_NONE) {
		skip(d, len + (framed ? 4 : 0));
		good(d);
		return;
	}
	for (at = 0, came = true; came && at < len; at += n) {
		u8 *to;

		n = len - at;
		to = pool_piece(pool, frame, at, &n);
		came = target_data_out(d->target, to, n);
	}
	if (came && framed)
		came = skip(d, 4);
	/* where data did not come, the target tells why */
	if (came)
		hub_port_put(d->hub, frame, used);
	else
		pool_drop(pool, frame);
	good(d);
}

static void set_mode(struct dayna *d, const u8 *cdb)
{
	u8 addr[6];

	if (cdb[5] == MODE_ADDRESS) {
		if (!target_data_out(d->target, addr, sizeof(addr))) {
			good(d);
			return;
		}
		if (addr[0] & 1 || !memcmp(addr, zero, 6) ||
		    (d->enabled && !hub_port_open(d->hub, addr))) {
			target_check(d->target, SENSE_ILLEGAL_REQUEST, 0x26, 0,
				     TARGET_NO_POINTER);
			return;
		}
		memcpy(d->addr, addr, 6);
		good(d);
	} else if (cdb[5] == MODE_SET) {
		good(d);	/* all that it would choose is so anyway */
	} else {
		invalid_field(d, 5);
	}
}

static void set_groups(struct dayna *d, const u8 *cdb)
{
	u32 len = be16(cdb + 3), i;
	u8 addr[6];

	if (!len || len % 6 || len > 6 * 64) {
		invalid_field(d, 3);
		return;
	}
	for (i = 0; i < len; i += 6) {
		if (!target_data_out(d->target, addr, sizeof(addr)))
			break;
		hub_port_group(d->hub, addr);
	}
	good(d);
}

static void set_enabled(struct dayna *d, const u8 *cdb)
{
	if (cdb[5] & 0x80) {
		if (!hub_port_open(d->hub, d->addr)) {
			target_check(d->target, SENSE_NOT_READY, 0x04, 0,
				     TARGET_NO_POINTER);
			return;
		}
		d->enabled = true;
	} else {
		hub_port_close(d->hub);
		d->enabled = false;
	}
	good(d);
}

static void inquiry(struct dayna *d, const u8 *cdb)
{
	/* type 03h, SCSI-2; drivers want 37 bytes */
	static const u8 buf[37] = "\x03\0\x02\x02\x20\0\0\0"
				  "Dayna   SCSI/Link       1.4a";
	u32 room = be16(cdb + 3);

	if (cdb[1] & 1 || cdb[2]) {
		invalid_field(d, cdb[1] & 1 ? 1 : 2);
		return;
	}
	target_data_in(d->target, buf, room < sizeof(buf) ? room : sizeof(buf));
	good(d);
}

/**
 * dayna_command - carry out a command of target_poll()
 * @d: the device
 * @cmd: the command, for its unit
 *
 * It is ended when this returns. Time: that of its data on the bus, and of
 * pauses: 375 us a record, less than 64 records.
 */
void dayna_command(struct dayna *d, const struct target_command *cmd)
{
	const u8 *cdb = cmd->cdb;

	if (d->enabled)
		hub_port_open(d->hub, d->addr);
	switch (cdb[0]) {
	case TEST_UNIT_READY:
		good(d);
		break;
	case READ:
		read(d, cdb);
		break;
	case STATISTICS:
		statistics(d, cdb);
		break;
	case WRITE:
		write(d, cdb);
		break;
	case SET_MODE:
		set_mode(d, cdb);
		break;
	case SET_GROUPS:
		set_groups(d, cdb);
		break;
	case SWITCH:
		set_enabled(d, cdb);
		break;
	case INQUIRY:
		inquiry(d, cdb);
		break;
	default:
		target_check(d->target, SENSE_ILLEGAL_REQUEST, 0x20, 0,
			     TARGET_NO_POINTER);
	}
}
