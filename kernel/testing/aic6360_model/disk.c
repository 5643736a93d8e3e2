// SPDX-License-Identifier: GPL-2.0-only
/* A disk on the modelled bus; sections are those of SCSI-2 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/minmax.h>
#else
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define min(a, b) ((a) < (b) ? (a) : (b))
#endif
#include "disk.h"

#define CHECK_CONDITION	0x02
#define BUSY		0x08
#define MSG_COMPLETE	0x00
#define MSG_EXTENDED	0x01
#define MSG_DISCONNECT	0x04
#define MSG_ABORT	0x06
#define MSG_REJECT	0x07
#define MSG_BDR		0x0c
#define MSG_IDENTIFY	0x80
#define MSG_SDTR	0x01

static void receive_message(struct disk *disk);

static struct disk *to_disk(struct sbus_device *dev)
{
	return container_of(dev, struct disk, dev);
}

static void transfer(struct disk *disk, u16 phase, u8 *buf, u32 len,
		     void (*next)(struct disk *disk))
{
	disk->phase = phase;
	disk->buf = buf;
	disk->len = len;
	disk->pos = 0;
	disk->next = next;
	disk->dev.lines = SIG_BSY | phase;
	disk->dev.drives_data = false;
}

static void free_bus(struct disk *disk)
{
	disk->connected = false;
	disk->selecting = false;
	disk->answering = false;
	disk->next = NULL;
	disk->messages = 0;
	disk->dev.lines = 0;
	disk->dev.drives_data = false;
}

static void forget(struct disk *disk)
{
	free_bus(disk);
	disk->active = false;
	disk->dev.wants_bus = false;
	disk->dev.deadline = SBUS_NEVER;
}

/* The connection has failed, and its command with it */
static void drop(struct disk *disk)
{
	if (disk->active && disk->owner != disk->initiator)
		free_bus(disk);
	else
		forget(disk);
}

static void complete(struct disk *disk)
{
	disk->active = false;
	free_bus(disk);
}

/* ATN: the initiator found bad parity in the data, or in the status */
static bool heeds_attention(struct disk *disk, void (*then)(struct disk *disk))
{
	if (!(disk->dev.bus->lines & SIG_ATN))
		return false;
	disk->then = then;
	transfer(disk, PHASE_MSG_OUT, disk->message, 1, receive_message);
	return true;
}

static void send_complete(struct disk *disk)
{
	if (heeds_attention(disk, send_complete))
		return;
	disk->answer[0] = MSG_COMPLETE;
	transfer(disk, PHASE_MSG_IN, disk->answer, 1, complete);
}

static void status_phase(struct disk *disk)
{
	if (heeds_attention(disk, status_phase))
		return;
	transfer(disk, PHASE_STATUS, &disk->status, 1, send_complete);
}

static void data_phase(struct disk *disk)
{
	if (disk->data_len)
		transfer(disk, disk->data_in ? PHASE_DATA_IN : PHASE_DATA_OUT,
			 disk->data, disk->data_len, status_phase);
	else
		status_phase(disk);
}

static void gone(struct disk *disk)
{
	free_bus(disk);
	disk->dev.deadline = disk->dev.bus->now + disk->busy_ns;
}

/* 6.6.6: the initiator keeps its pointers itself: no data yet */
static void disconnect(struct disk *disk)
{
	disk->answer[0] = MSG_DISCONNECT;
	transfer(disk, PHASE_MSG_IN, disk->answer, 1, gone);
}

static void fail(struct disk *disk, u8 key, u8 asc)
{
	disk->status = CHECK_CONDITION;
	disk->sense_key = key;
	disk->asc = asc;
	disk->data_len = 0;
}

static void reply(struct disk *disk, u32 len, u32 allocated)
{
	disk->data = disk->reply;
	disk->data_len = min(len, allocated);
	disk->data_in = true;
}

static u32 be32(const u8 *p)
{
	return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put_be32(u8 *p, u32 v)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

static void inquiry(struct disk *disk)
{
	u8 *r = disk->reply;

	memset(r, 0, 36);
	r[2] = 2;
	r[3] = 2;
	r[4] = 31;
	r[7] = 0x10;	/* SYNC */
	memcpy(r + 8, "MODEL   SCRIPTED DISK   1   ", 28);
	if (disk->cdb[1] & 1)
		fail(disk, 5, 0x24);
	else
		reply(disk, 36, disk->cdb[4]);
}

static void read_write(struct disk *disk, bool in)
{
	u32 lba = be32(disk->cdb + 2);
	u32 count = disk->cdb[7] << 8 | disk->cdb[8];

	if (lba > disk->blocks || count > disk->blocks - lba) {
		fail(disk, 5, 0x21);
		return;
	}
	disk->data = disk->store + (size_t)lba * DISK_BLOCK;
	disk->data_len = count * DISK_BLOCK;
	disk->data_in = in;
}

static void refused(struct disk *disk)
{
	disk->answer[0] = MSG_COMPLETE;
	transfer(disk, PHASE_MSG_IN, disk->answer, 1, free_bus);
}

static void execute(struct disk *disk)
{
	u8 *cdb = disk->cdb, *r = disk->reply;
	bool sense_busy = disk->sense_busy && cdb[0] == 0x03;

	if (disk->active || sense_busy) {
		disk->sense_busy -= sense_busy;
		disk->answer[0] = BUSY;
		transfer(disk, PHASE_STATUS, disk->answer, 1, refused);
		return;
	}
	disk->commands++;
	disk->active = true;
	disk->owner = disk->initiator;
	disk->owner_identify = disk->identify;
	disk->status = 0;
	disk->data_len = 0;
	if (disk->attention && cdb[0] != 0x12 && cdb[0] != 0x03) {
		disk->attention = false;
		fail(disk, 6, 0x29);
		status_phase(disk);
		return;
	}
	if (disk->identify & 7 && cdb[0] != 0x12 && cdb[0] != 0x03) {
		fail(disk, 5, 0x25);
		status_phase(disk);
		return;
	}
	switch (cdb[0]) {
	case 0x00:	/* TEST UNIT READY */
	case 0x35:	/* SYNCHRONIZE CACHE */
		break;
	case 0x03:	/* REQUEST SENSE */
		memset(r, 0, 18);
		r[0] = 0x70;
		r[2] = disk->sense_key;
		r[7] = 10;
		r[12] = disk->asc;
		disk->sense_key = 0;
		disk->asc = 0;
		reply(disk, 18, cdb[4]);
		break;
	case 0x12:
		inquiry(disk);
		if (disk->identify & 7)
			r[0] = 0x7f;	/* no such LUN */
		break;
	case 0x1a:	/* MODE SENSE(6): a header */
		memset(r, 0, 4);
		r[0] = 3;
		reply(disk, 4, cdb[4]);
		break;
	case 0x25:	/* READ CAPACITY */
		put_be32(r, disk->blocks - 1);
		put_be32(r + 4, DISK_BLOCK);
		reply(disk, 8, 8);
		break;
	case 0x28:
	case 0x2a:
		read_write(disk, cdb[0] == 0x28);
		break;
	default:
		fail(disk, 5, 0x20);
	}
	if (disk->disconnects && (disk->identify & 0x40) && disk->data_len)
		disconnect(disk);
	else
		data_phase(disk);
}

static void rest_of_command(struct disk *disk)
{
	static const u8 length[8] = { 6, 10, 10, 6, 6, 12, 6, 6 };
	u8 len = length[disk->cdb[0] >> 5];

	transfer(disk, PHASE_COMMAND, disk->cdb + 1, len - 1, execute);
}

static void first_of_command(struct disk *disk)
{
	transfer(disk, PHASE_COMMAND, disk->cdb, 1, rest_of_command);
}

static void after_messages(struct disk *disk)
{
	disk->messages = 0;
	if (!heeds_attention(disk, disk->then))
		disk->then(disk);
}

static void reject(struct disk *disk)
{
	disk->answer[0] = MSG_REJECT;
	transfer(disk, PHASE_MSG_IN, disk->answer, 1, after_messages);
}

static void extended(struct disk *disk)
{
	u8 *m = disk->message;

	if (m[1] != 3 || m[2] != MSG_SDTR || !disk->sync) {
		reject(disk);
		return;
	}
	memcpy(disk->answer, m, 5);	/* whatever was asked for: granted */
	transfer(disk, PHASE_MSG_IN, disk->answer, 5, after_messages);
}

static void receive_message(struct disk *disk)
{
	u8 *m = disk->message;
	unsigned int n = ++disk->messages;

	if (m[0] == MSG_EXTENDED) {
		if (n < 2 || n < m[1] + 2U) {
			if (n == DISK_MESSAGES) {
				reject(disk);
				return;
			}
			transfer(disk, PHASE_MSG_OUT, m + n, 1,
				 receive_message);
			return;
		}
		extended(disk);
		return;
	}
	if (m[0] & MSG_IDENTIFY) {
		disk->identify = m[0];
	} else if (m[0] == MSG_ABORT) {
		disk->aborts++;
		drop(disk);
		return;
	} else if (m[0] == MSG_BDR) {
		disk->resets++;
		disk->attention = true;
		forget(disk);
		return;
	} else if (m[0] == MSG_REJECT) {
		disk->rejected++;
	} else if (m[0] != 0x08) {
		reject(disk);
		return;
	}
	after_messages(disk);
}

static void reselected(struct disk *disk)
{
	disk->connected = true;
	disk->initiator = disk->owner;
	disk->identify = disk->owner_identify;
	disk->then = data_phase;
	disk->answer[0] = MSG_IDENTIFY | (disk->identify & 7);
	transfer(disk, PHASE_MSG_IN, disk->answer, 1, after_messages);
}

static void selected(struct disk *disk)
{
	disk->connected = true;
	disk->identify = 0;
	disk->then = first_of_command;
	after_messages(disk);
}

static bool eval_transfer(struct disk *disk)
{
	struct sbus_device *dev = &disk->dev;
	struct sbus *bus = dev->bus;
	bool in = disk->phase & SIG_IO;

	if (dev->lines & SIG_REQ) {
		if (!(bus->lines & SIG_ACK))
			return false;
		if (!in && sbus_latch(bus)) {
			disk->buf[disk->pos] = bus->data;
		} else if (!in) {		/* parity error */
			if (bus->lines & SIG_CD) {
				drop(disk);
				return true;
			}
			fail(disk, 11, 0x47);
		}
		disk->pos++;
		dev->lines &= ~SIG_REQ;
		return true;
	}
	if (bus->lines & SIG_ACK)
		return false;
	if (disk->pos == disk->len) {
		disk->next(disk);
		return true;
	}
	if (in) {
		dev->data = disk->buf[disk->pos];
		dev->drives_data = true;
	}
	dev->lines |= SIG_REQ;
	return true;
}

static bool eval(struct sbus_device *dev)
{
	struct disk *disk = to_disk(dev);
	u16 bus = dev->bus->lines;

	if (bus & SIG_RST) {
		if (!dev->lines && !disk->active)
			return false;
		disk->attention = true;
		forget(disk);
		return true;
	}
	if (disk->selecting) {		/* reselecting, 6.1.4 */
		if (!(bus & SIG_BSY))
			return false;
		disk->selecting = false;
		dev->deadline = SBUS_NEVER;
		reselected(disk);
		return true;
	}
	if (disk->answering) {
		if (bus & SIG_SEL)
			return false;
		disk->answering = false;
		selected(disk);
		return true;
	}
	if (disk->connected)
		return eval_transfer(disk);
	if ((bus & (SIG_SEL | SIG_BSY | SIG_IO)) == SIG_SEL &&
	    (dev->bus->data & 1 << dev->id)) {
		u8 other = dev->bus->data & ~(1 << dev->id);

		for (disk->initiator = 7;
		     disk->initiator && !(other & 1 << disk->initiator);
		     disk->initiator--)
			;
		disk->answering = true;
		dev->lines = SIG_BSY;
		return true;
	}
	return false;
}

static void won(struct sbus_device *dev)
{
	struct disk *disk = to_disk(dev);

	disk->selecting = true;
	dev->lines = SIG_SEL | SIG_IO;
	dev->data = 1 << dev->id | 1 << disk->owner;
	dev->drives_data = true;
	dev->deadline = dev->bus->now + 250000000ULL;
}

static void expire(struct sbus_device *dev)
{
	struct disk *disk = to_disk(dev);

	if (disk->selecting)	/* the initiator is not there any more */
		forget(disk);
	else if (disk->active)
		dev->wants_bus = true;
}

void disk_init(struct disk *disk, u8 id, u8 *store, u32 blocks)
{
	memset(disk, 0, sizeof(*disk));
	disk->store = store;
	disk->blocks = blocks;
	disk->disconnects = true;
	disk->sync = true;
	disk->busy_ns = 2000000;
	disk->attention = true;
	disk->dev.id = id;
	disk->dev.eval = eval;
	disk->dev.won = won;
	disk->dev.expire = expire;
}
