// SPDX-License-Identifier: Apache-2.0
/* The adapter as a station; sections are those of docs/protocol.md */
#include "ipscsi/hub.h"

#define TYPE_COMM	0x09
#define UPLINK		(-1)	/* where a frame comes from: the USB side */
#define PENDING_CHUNKS	256	/* one command gets no more while others wait */
#define USB_RESERVE	128	/* chunks that only the bus may take */

#define ETHERTYPE_IPV4	0x0800
#define ETHERTYPE_ARP	0x0806
#define ETHERTYPE_IPV6	0x86dd
#define ETHERTYPE_VLAN	0x8100
#define ETHERTYPE_QINQ	0x88a8

/* In an ARP packet, RFC 826 */
#define ARP_OP	6
#define ARP_SHA	8
#define ARP_SPA	14
#define ARP_THA	18
#define ARP_TPA	24

static const u8 broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const u8 zero[10];

/* What a SEND has brought, until all of it was good */
static struct {
	u16 frame[HUB_PENDING];
	u16 stream[HUB_PENDING];
	u32 length[HUB_PENDING];	/* as transferred; the frame may have less */
	bool offload[HUB_PENDING];
	u32 count;
	u32 chunks;
	u32 nomem;
	bool malformed;
} pending;

static u16 be16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

/* The first bytes of a frame, POOL_CHUNK of them in one piece */
static u8 *head(struct hub *h, u16 frame)
{
	return h->pool.data[frame];
}

/* --- queues --- */

/* Fair shares: a queue may have half of what is left */
static bool may_grow(const struct hub *h, const struct hub_queue *q)
{
	return q->chunks < 16 || q->chunks < h->pool.free / 2;
}

/* The frame at @i in a station's queue; 0 is the oldest */
static u16 *slot(struct hub_station *st, u32 i)
{
	return &st->frames[(st->queue.head + i) % HUB_QUEUE];
}

static u16 size_of(struct hub *h, u16 frame)
{
	return pool_chunks(h->pool.length[frame]);
}

static void queue_remove(struct hub *h, struct hub_station *st, u32 i)
{
	u16 frame = *slot(st, i);

	st->queue.chunks -= size_of(h, frame);
	st->queue.count--;
	if (!i) {
		st->queue.head = (st->queue.head + 1) % HUB_QUEUE;
	} else {
		for (; i < st->queue.count; i++) {
			u32 at = (st->queue.head + i) % HUB_QUEUE;

			*slot(st, i) = *slot(st, i + 1);
			st->since[at] = st->since[(at + 1) % HUB_QUEUE];
		}
	}
	pool_drop(&h->pool, frame);
}

static void purge(struct hub *h, struct hub_station *st)
{
	while (st->queue.count) {
		queue_remove(h, st, 0);
		st->counters.tx_peer_down++;
	}
}

static void set_down(struct hub *h, struct hub_station *st)
{
	st->up = false;
	st->asks = false;
	purge(h, st);
}

/* A broadcast that the receiver of a bare datagram knows for one: section 1 */
static bool bare_broadcast(const u8 *eth, u32 len)
{
	if (memcmp(eth, broadcast, 6))
		return false;
	if (be16(eth + 12) == ETHERTYPE_ARP)
		return len >= FRAME_HEADER + IPSCSI_ARP_LEN &&
		       be16(eth + FRAME_HEADER + ARP_OP) == 1;
	return be16(eth + 12) == ETHERTYPE_IPV4 && len >= FRAME_HEADER + 20 &&
	       !memcmp(eth + FRAME_HEADER + 16, broadcast, 4);
}

/*
 * On which stream a frame goes to a station, and how many bytes of it are not
 * part of the message: sections 1 and 3. Return: false where it cannot go.
 */
static bool stream_of(struct hub *h, const struct hub_station *st, u16 frame,
		      u16 *stream, u32 *pull)
{
	bool ext = st->hello && st->desc.features & IPSCSI_F_EXT;
	const u8 *eth = head(h, frame);
	u16 type = be16(eth + 12);

	*pull = FRAME_HEADER;
	if (st->port)
		goto whole;
	if (ext && (memcmp(eth + 6, h->self.addr, 6) ||
		    (memcmp(eth, st->desc.addr, 6) &&
		     !bare_broadcast(eth, h->pool.length[frame]))))
		goto whole;
	switch (type) {
	case ETHERTYPE_IPV4:
		*stream = IPSCSI_STREAM_IPV4;
		return true;
	case ETHERTYPE_ARP:
		*stream = IPSCSI_STREAM_ARP;
		return true;
	case ETHERTYPE_IPV6:
		*stream = IPSCSI_STREAM_IPV6;
		return true;
	}
	if (!ext)
		return false;
	if (type < IPSCSI_STREAM_EXT_MIN || type == IPSCSI_STREAM_CONTROL ||
	    type == IPSCSI_STREAM_CONTAINER ||
	    type == IPSCSI_STREAM_ETHERNET || type == ETHERTYPE_VLAN ||
	    type == ETHERTYPE_QINQ)
		goto whole;
	*stream = type;
	return true;
whole:
	*pull = 0;
	*stream = IPSCSI_STREAM_ETHERNET;
	return true;
}

/* An Ethernet card has such a filter, and a slow host needs it */
static bool wanted(struct hub *h, u16 frame)
{
	const u8 *eth = head(h, frame);
	u32 i;

	if (!(eth[0] & 1) || !memcmp(eth, broadcast, 6) ||
	    h->group_count > HUB_GROUPS)
		return true;
	for (i = 0; i < h->group_count; i++)
		if (!memcmp(h->groups[i], eth, 6))
			return true;
	return false;
}

/* The frame gets a reference more, where it is taken */
static void queue_frame(struct hub *h, struct hub_station *st, u16 frame)
{
	u16 stream;
	u32 pull, at;

	if (st->port && !wanted(h, frame))
		return;
	if (st->port && h->pool.length[frame] > HUB_PORT_FRAME) {
		st->counters.tx_too_big++;
		return;
	}
	if (!st->up) {
		st->counters.tx_peer_down++;
		return;
	}
	if (!stream_of(h, st, frame, &stream, &pull)) {
		st->counters.tx_no_ext++;
		return;
	}
	/* a base station may never come for them: the newest are of use then */
	while (st->queue.count && !st->hello &&
	       (st->queue.count >= HUB_BASE_QUEUE || !may_grow(h, &st->queue))) {
		queue_remove(h, st, 0);
		st->counters.tx_queue_full++;
	}
	if (st->queue.count == HUB_QUEUE || !may_grow(h, &st->queue)) {
		st->counters.tx_queue_full++;
		return;
	}
	at = (st->queue.head + st->queue.count) % HUB_QUEUE;
	st->frames[at] = frame;
	st->since[at] = h->now;
	st->queue.count++;
	st->queue.chunks += size_of(h, frame);
	pool_hold(&h->pool, frame);
}

static void queue_uplink(struct hub *h, u16 frame)
{
	struct hub_queue *q = &h->uplink;

	if (!h->link || q->count == HUB_UPLINK ||
	    (h->stalled && (q->count >= HUB_STALL_QUEUE || !may_grow(h, q)))) {
		h->up_dropped++;
		return;
	}
	if (!q->count)
		h->uplink_moved = h->now;
	h->uplink_frames[(q->head + q->count++) % HUB_UPLINK] = frame;
	q->chunks += size_of(h, frame);
	pool_hold(&h->pool, frame);
}

/**
 * hub_uplink - the oldest frame for the USB side
 * @h: the hub
 *
 * Return: the frame, to look at until hub_uplink_done(), or POOL_NONE.
 */
u16 hub_uplink(struct hub *h)
{
	return h->uplink.count ? h->uplink_frames[h->uplink.head] : POOL_NONE;
}

/* hub_uplink()'s frame has gone */
void hub_uplink_done(struct hub *h)
{
	u16 frame = hub_uplink(h);

	if (frame == POOL_NONE)
		return;
	h->uplink.head = (h->uplink.head + 1) % HUB_UPLINK;
	h->uplink.count--;
	h->uplink.chunks -= size_of(h, frame);
	h->uplink_moved = h->now;
	h->stalled = false;
	h->up_packets++;
	pool_drop(&h->pool, frame);
}

/* --- the switch: section 7 --- */

/* A base station may know no ARP: we answer what we know ourselves. Section 4 */
static bool answer_arp(struct hub *h, struct hub_station *st, u16 frame)
{
	const u8 *arp = head(h, frame) + FRAME_HEADER;
	u8 *eth;
	u16 reply;

	if (st->hello || !st->has_ip ||
	    h->pool.length[frame] < FRAME_HEADER + IPSCSI_ARP_LEN ||
	    be16(arp - 2) != ETHERTYPE_ARP || be16(arp + ARP_OP) != 1 ||
	    memcmp(arp + ARP_TPA, st->ip, 4) || !memcmp(arp + ARP_SPA, st->ip, 4))
		return false;
	reply = pool_take(&h->pool, FRAME_HEADER + IPSCSI_ARP_LEN);
	if (reply == POOL_NONE) {
		h->up_dropped++;
		return true;
	}
	eth = head(h, reply);
	memcpy(eth, arp + ARP_SHA, 6);
	memcpy(eth + 6, st->desc.addr, 6);
	memcpy(eth + 12, arp - 2, 2 + ARP_OP);
	eth[FRAME_HEADER + ARP_OP] = 0;
	eth[FRAME_HEADER + ARP_OP + 1] = 2;
	memcpy(eth + FRAME_HEADER + ARP_SHA, st->desc.addr, 6);
	memcpy(eth + FRAME_HEADER + ARP_SPA, st->ip, 4);
	memcpy(eth + FRAME_HEADER + ARP_THA, arp + ARP_SHA, 10);
	queue_uplink(h, reply);
	pool_drop(&h->pool, reply);
	return true;
}

static struct hub_station *find(struct hub *h, const u8 *addr)
{
	int i;

	for (i = 0; i < HUB_STATIONS; i++)
		if (h->stations[i].known &&
		    !memcmp(h->stations[i].desc.addr, addr, 6))
			return &h->stations[i];
	return NULL;
}

/* Takes the caller's reference. @from: a station's number, or UPLINK */
static void forward(struct hub *h, int from, u16 frame)
{
	const u8 *eth = head(h, frame);
	struct hub_station *to;
	int i;

	if (eth[0] & 1) {
		for (i = 0; i < HUB_STATIONS; i++) {
			to = &h->stations[i];
			if (i == from || !to->known || !to->up)
				continue;
			if (from == UPLINK && answer_arp(h, to, frame))
				continue;
			if (from != UPLINK)
				h->stations[from].counters.relayed++;
			queue_frame(h, to, frame);
		}
		if (from != UPLINK)
			queue_uplink(h, frame);
		pool_drop(&h->pool, frame);
		return;
	}
	to = memcmp(eth, h->self.addr, 6) ? find(h, eth) : NULL;
	if (to && (from == UPLINK || to != &h->stations[from])) {
		if (from != UPLINK)
			h->stations[from].counters.relayed++;
		else if (answer_arp(h, to, frame))
			goto out;
		queue_frame(h, to, frame);
	} else if (from == UPLINK) {
		h->down_unknown++;
	} else {
		queue_uplink(h, frame);
	}
out:
	pool_drop(&h->pool, frame);
}

/**
 * hub_frame_new - room for a frame of the USB side
 * @h: the hub
 * @len: bytes, FRAME_HEADER + 1 to FRAME_MAX
 *
 * Return: the frame, to fill and give to hub_frame_put(); POOL_NONE: not now,
 * let the host wait.
 */
u16 hub_frame_new(struct hub *h, u32 len)
{
	if (h->pool.free < USB_RESERVE + pool_chunks(len))
		return POOL_NONE;
	return pool_take(&h->pool, len);
}

/* Forwards a filled frame of hub_frame_new() */
void hub_frame_put(struct hub *h, u16 frame)
{
	const u8 *eth = head(h, frame);

	if (h->pool.length[frame] <= FRAME_HEADER || eth[6] & 1 ||
	    !memcmp(eth + 6, zero, 6)) {
		h->down_malformed++;
		pool_drop(&h->pool, frame);
		return;
	}
	h->down_packets++;
	forward(h, UPLINK, frame);
}

/* --- stations --- */

/* GETs that are held for it */
static u8 held_of(const struct hub *h, const struct hub_station *st)
{
	u8 n, count = 0;

	for (n = 0; n < h->target->held_count; n++)
		count += h->target->held[n].command.unit == h->unit &&
			 h->target->held[n].command.initiator == st - h->stations;
	return count;
}

static bool elapsed(const struct hub *h, const struct hub_station *st, u32 ms)
{
	return h->now - st->last_seen >= ms;
}

static void forget(struct hub *h, struct hub_station *st)
{
	set_down(h, st);
	st->known = false;
	st->hello = false;
	st->has_ip = false;
	st->desc.features = 0;
}

static void come(struct hub *h, struct hub_station *st, const u8 *addr)
{
	forget(h, st);
	memset(&st->counters, 0, sizeof(st->counters));
	memcpy(st->desc.addr, addr, 6);
	st->desc.base_max = IPSCSI_MESSAGE_MAX;
	st->desc.cont_max = IPSCSI_CONT_MIN;
	st->desc.name[0] = '\0';
	st->tx_seq = 0;
	st->rx_seq = 0;
	st->known = true;
}

/*
 * Ties initiator @i to an address: section 4. Return: false where the address
 * is ours, or that of another one that is alive.
 */
static bool bind(struct hub *h, int i, const u8 *addr)
{
	struct hub_station *st = &h->stations[i], *other = find(h, addr);

	if (!memcmp(addr, h->self.addr, 6))
		return false;
	if (other == st)
		return true;
	if (other) {
		if (!elapsed(h, other, HUB_ALIVE_MS)) {
			other->counters.rx_forged++;
			return false;
		}
		forget(h, other);
	}
	come(h, st, addr);
	return true;
}

/*
 * A parallel bus has no names of ports: "spi:<our address>:<ID>" stands for
 * one. Section 4.
 */
static void base_address(const struct hub *h, int i, u8 *addr)
{
	static const char digits[] = "0123456789abcdef";
	char port[20] = "spi:";
	int n;

	for (n = 0; n < 6; n++) {
		port[4 + 2 * n] = digits[h->self.addr[n] >> 4];
		port[5 + 2 * n] = digits[h->self.addr[n] & 15];
	}
	port[16] = ':';
	port[17] = '0' + i;
	ipscsi_addr_from_port(port, addr);
}

/* Who sends or asks is there. Return: NULL where it cannot be a station */
static struct hub_station *station(struct hub *h, int i)
{
	struct hub_station *st = &h->stations[i];
	u8 addr[6];

	if (!st->known) {
		base_address(h, i, addr);
		if (!bind(h, i, addr))
			return NULL;
	}
	st->last_seen = h->now;
	st->up = true;
	return st;
}

/* --- from a message to frames --- */

/* Return: false where it is not what it should be; counted */
static bool frame_of_datagram(struct hub *h, struct hub_station *st, u16 stream,
			      u16 frame, u32 length)
{
	u8 *eth = head(h, frame), *data = eth + FRAME_HEADER;
	u32 stored = h->pool.length[frame] - FRAME_HEADER;
	u16 type = stream;
	int len;

	memcpy(eth, h->self.addr, 6);
	memcpy(eth + 6, st->desc.addr, 6);
	if (stream < IPSCSI_STREAM_EXT_MIN) {
		len = ipscsi_message_length(stream, data,
					    stored < 40 ? stored : 40, length);
		if (len <= 0) {
			st->counters.rx_malformed++;
			return false;
		}
		length = len;
	}
	if (length > stored) {
		st->counters.rx_too_big++;
		return false;
	}
	pool_trim(&h->pool, frame, FRAME_HEADER + length);
	switch (stream) {
	case IPSCSI_STREAM_IPV4:
		type = ETHERTYPE_IPV4;
		if (!memcmp(data + 16, broadcast, 4)) {
			memcpy(eth, broadcast, 6);
		} else if (data[16] >> 4 == 14) {	/* RFC 1112 */
			memcpy(eth, "\x01\x00\x5e", 3);
			eth[3] = data[17] & 0x7f;
			eth[4] = data[18];
			eth[5] = data[19];
		}
		if (!st->hello) {
			memcpy(st->ip, data + 12, 4);
			st->has_ip = memcmp(st->ip, zero, 4);
		}
		break;
	case IPSCSI_STREAM_IPV6:
		type = ETHERTYPE_IPV6;
		if (data[24] == 0xff) {			/* RFC 2464 */
			eth[0] = eth[1] = 0x33;
			memcpy(eth + 2, data + 36, 4);
		}
		break;
	case IPSCSI_STREAM_ARP:
		type = ETHERTYPE_ARP;
		if (be16(data + ARP_OP) == 1)
			memcpy(eth, broadcast, 6);
		if (!st->hello) {
			memcpy(data + ARP_SHA, st->desc.addr, 6);
			memcpy(st->ip, data + ARP_SPA, 4);
			st->has_ip = memcmp(st->ip, zero, 4);
		} else if (memcmp(data + ARP_SHA, st->desc.addr, 6)) {
			st->counters.rx_forged++;
			return false;
		}
		break;
	}
	eth[12] = type >> 8;
	eth[13] = type & 0xff;
	return true;
}

static u16 short_stream(u16 stream)
{
	switch (stream) {
	case ETHERTYPE_IPV4:
		return IPSCSI_STREAM_IPV4;
	case ETHERTYPE_ARP:
		return IPSCSI_STREAM_ARP;
	case ETHERTYPE_IPV6:
		return IPSCSI_STREAM_IPV6;
	}
	return stream;
}

/* Takes the frame */
static void receive(struct hub *h, int i, u16 stream, u16 frame, u32 length,
		    bool offload)
{
	struct hub_station *st = &h->stations[i];
	const u8 *eth = head(h, frame);

	stream = short_stream(stream);
	/* we do not tell OFFLOAD */
	if (offload || stream == IPSCSI_STREAM_CONTROL ||
	    stream == IPSCSI_STREAM_CONTAINER ||
	    (stream < IPSCSI_STREAM_EXT_MIN && stream != IPSCSI_STREAM_IPV4 &&
	     stream != IPSCSI_STREAM_ARP && stream != IPSCSI_STREAM_IPV6)) {
		st->counters.rx_malformed++;
		goto drop;
	}
	if (stream != IPSCSI_STREAM_ETHERNET) {
		if (!frame_of_datagram(h, st, stream, frame, length))
			goto drop;
	} else if (length <= FRAME_HEADER) {
		st->counters.rx_malformed++;
		goto drop;
	} else if (memcmp(eth + 6, st->desc.addr, 6)) {
		st->counters.rx_forged++;
		goto drop;
	} else if (length > FRAME_MAX) {
		st->counters.rx_too_big++;
		goto drop;
	}
	st->counters.rx_packets++;
	st->counters.rx_bytes += h->pool.length[frame];
	forward(h, i, frame);
	return;
drop:
	pool_drop(&h->pool, frame);
}

/* --- SEND --- */

static void pending_drop(struct hub *h)
{
	while (pending.count)
		pool_drop(&h->pool, pending.frame[--pending.count]);
	memset(&pending, 0, sizeof(pending));
}

static bool skip(struct hub *h, u32 len)
{
	static u8 nowhere[POOL_CHUNK];

	while (len) {
		u32 n = len < sizeof(nowhere) ? len : sizeof(nowhere);

		if (!target_data_out(h->target, nowhere, n))
			return false;
		len -= n;
	}
	return true;
}

enum taken { TAKEN, NO_ROOM, FAILED };

/* One payload off the bus, to what is pending */
static enum taken take(struct hub *h, u16 stream, u32 length, bool offload)
{
	u32 begin = short_stream(stream) == IPSCSI_STREAM_ETHERNET ?
			    0 : FRAME_HEADER;
	u32 size = begin + length, at;
	u16 frame = POOL_NONE;

	if (size > FRAME_MAX)
		size = FRAME_MAX;
	if (pending.count < HUB_PENDING)
		frame = pool_take(&h->pool, size < FRAME_HEADER + 1 ?
						    FRAME_HEADER + 1 : size);
	if (frame == POOL_NONE) {
		/* it comes again, unless it alone is too much */
		if (pending.count < HUB_PENDING &&
		    pending.chunks < PENDING_CHUNKS)
			return NO_ROOM;
		pending.nomem++;
		return skip(h, length) ? TAKEN : FAILED;
	}
	pending.frame[pending.count] = frame;
	pending.stream[pending.count] = stream;
	pending.length[pending.count] = length;
	pending.offload[pending.count++] = offload;
	pending.chunks += size_of(h, frame);
	/* a short whole frame is malformed anyway: nothing old is shown */
	memset(head(h, frame), 0, FRAME_HEADER + 1);
	for (at = begin; at < size;) {
		u32 n = size - at;
		u8 *to = pool_piece(&h->pool, frame, at, &n);

		if (!target_data_out(h->target, to, n))
			return FAILED;
		at += n;
	}
	return skip(h, length - (size - begin)) ? TAKEN : FAILED;
}

static enum taken take_container(struct hub *h, u32 len, u32 *seq,
				 bool *counted)
{
	u8 buf[IPSCSI_CONT_HEADER];	/* a record's is as long */
	struct ipscsi_record record;
	struct ipscsi_cont cont;
	enum taken taken;
	u32 left, n;

	*counted = false;
	if (len < IPSCSI_CONT_HEADER) {
		pending.malformed = true;
		return skip(h, len) ? TAKEN : FAILED;
	}
	if (!target_data_out(h->target, buf, IPSCSI_CONT_HEADER))
		return FAILED;
	len -= IPSCSI_CONT_HEADER;
	if (ipscsi_cont_parse(buf, len + IPSCSI_CONT_HEADER, &cont)) {
		pending.malformed = true;
		return skip(h, len) ? TAKEN : FAILED;
	}
	*counted = cont.count;
	*seq = cont.seq;
	left = cont.length - IPSCSI_CONT_HEADER;
	while (cont.count--) {
		if (left < IPSCSI_CONT_RECORD)
			goto malformed;
		if (!target_data_out(h->target, buf, IPSCSI_CONT_RECORD))
			return FAILED;
		len -= IPSCSI_CONT_RECORD;
		if (ipscsi_record_parse(buf, left, &record))
			goto malformed;
		left -= IPSCSI_CONT_RECORD;
		taken = take(h, record.stream, record.length,
			     memcmp(record.vnet, zero, sizeof(zero)));
		if (taken != TAKEN)
			return taken;
		left -= record.length;
		len -= record.length;
		n = ipscsi_record_size(record.length) - IPSCSI_CONT_RECORD -
		    record.length;
		if (n > left)	/* the last one's may be missing */
			n = left;
		if (!skip(h, n))
			return FAILED;
		left -= n;
		len -= n;
	}
	return skip(h, len) ? TAKEN : FAILED;
malformed:
	pending.malformed = true;
	return skip(h, len) ? TAKEN : FAILED;
}

static void sequence(struct hub_station *st, u32 seq)
{
	if (seq && seq != st->rx_seq)
		st->counters.rx_reordered++;
	if (!seq || (int32_t)(seq - st->rx_seq) >= 0)
		st->rx_seq = seq + 1;
}

static void invalid_field(struct hub *h, int byte)
{
	target_check(h->target, SENSE_ILLEGAL_REQUEST, 0x24, 0, byte);
}

static void not_ready(struct hub *h)
{
	target_check(h->target, SENSE_NOT_READY, 0x04, 0, TARGET_NO_POINTER);
}

static void nexus_loss(struct hub *h)
{
	target_check(h->target, SENSE_UNIT_ATTENTION, 0x29, 0x07,
		     TARGET_NO_POINTER);
}

/* Whatever GETs of this station are held come back without anything */
static void held_due(struct hub *h, int i)
{
	u8 n;

	for (n = 0; n < h->target->held_count; n++)
		if (h->target->held[n].command.unit == h->unit &&
		    h->target->held[n].command.initiator == i)
			h->target->held[n].due = true;
}

static bool hello(struct hub *h, int i, const struct ipscsi_tlv *tlv)
{
	struct hub_station *st = &h->stations[i];
	struct ipscsi_desc desc;

	if (ipscsi_desc_parse(tlv->value, tlv->len, &desc) ||
	    !bind(h, i, desc.addr))
		return false;
	if (desc.base_max < IPSCSI_MTU_MIN)
		desc.base_max = IPSCSI_MTU_MIN;
	if (desc.cont_max < IPSCSI_CONT_MIN)
		desc.cont_max = IPSCSI_CONT_MIN;
	held_due(h, i);		/* of the session before */
	st->desc = desc;
	st->last_seen = h->now;
	st->up = true;
	st->hello = true;
	st->asks = false;
	st->tx_seq = 0;
	return true;
}

static void bye(struct hub *h, struct hub_station *st)
{
	/* it keeps its address: neighbours know it by that */
	held_due(h, st - h->stations);
	st->hello = false;
	st->desc.features = 0;
	if (st->known)
		set_down(h, st);
}

/* Return: false where the message is cut, or a HELLO is refused */
static bool obey_control(struct hub *h, int i, const u8 *buf, u32 len)
{
	bool said = false, good = true;
	struct ipscsi_tlv tlv;
	size_t pos = 0;
	int more;

	while ((more = ipscsi_tlv_next(buf, len, &pos, &tlv)) > 0) {
		if (tlv.type == IPSCSI_TLV_FLUSH)
			held_due(h, i);
		if (tlv.type == IPSCSI_TLV_HELLO) {
			good &= !said && hello(h, i, &tlv);
			said = true;
		} else if (tlv.type == IPSCSI_TLV_BYE) {
			bye(h, &h->stations[i]);
		}
	}
	return good && !more;
}

/* Section 4 */
static void control(struct hub *h, int i, u32 len)
{
	static u8 buf[IPSCSI_CONTROL_MAX];
	bool fits = len <= sizeof(buf);

	if (fits ? target_data_out(h->target, buf, len) : skip(h, len)) {
		if (!fits || !obey_control(h, i, buf, len)) {
			target_check(h->target, SENSE_ILLEGAL_REQUEST, 0x26, 0,
				     TARGET_NO_POINTER);
			return;
		}
	}
	/* where data did not come, the target tells why */
	target_finish(h->target, SCSI_GOOD);
}

static bool base_stream(u16 stream)
{
	return stream == IPSCSI_STREAM_IPV4 || stream == IPSCSI_STREAM_ARP ||
	       stream == IPSCSI_STREAM_IPV6;
}

/* A command that carries nothing, or that comes while the segment is down, is answered here; then this is true. */
static bool answered_at_once(struct hub *h, const struct ipscsi_cdb *cdb)
{
	if (!cdb->length)
		target_finish(h->target, SCSI_GOOD);
	else if (!h->link)
		not_ready(h);
	else
		return false;
	return true;
}

/* Section 1, "Answers to SEND MESSAGE", in that order */
static void send(struct hub *h, int i, const struct ipscsi_cdb *cdb)
{
	struct hub_station *st;
	bool counted = false;
	enum taken taken;
	u32 seq = 0, n;

	if (cdb->stream < IPSCSI_STREAM_EXT_MIN && !base_stream(cdb->stream)) {
		invalid_field(h, cdb->stream_byte);
		return;
	}
	if (cdb->length > IPSCSI_MESSAGE_MAX &&
	    cdb->stream != IPSCSI_STREAM_CONTAINER) {
		invalid_field(h, cdb->length_byte);
		return;
	}
	if (answered_at_once(h, cdb))
		return;
	if (cdb->stream == IPSCSI_STREAM_CONTROL) {
		control(h, i, cdb->length);
		return;
	}
	if (cdb->stream >= IPSCSI_STREAM_EXT_MIN && !h->stations[i].hello) {
		nexus_loss(h);
		return;
	}
	st = station(h, i);
	if (!st) {
		target_finish(h->target, SCSI_TASK_SET_FULL);
		return;
	}
	/* the USB side is behind: the initiator waits, and nothing is lost */
	if (!h->stalled && (!may_grow(h, &h->uplink) ||
			    h->uplink.count > HUB_UPLINK - HUB_PENDING)) {
		h->busy++;
		target_finish(h->target, SCSI_BUSY);
		return;
	}
	if (cdb->stream == IPSCSI_STREAM_CONTAINER)
		taken = take_container(h, cdb->length, &seq, &counted);
	else
		taken = take(h, cdb->stream, cdb->length, false);
	if (taken != TAKEN) {
		pending_drop(h);
		h->busy += taken == NO_ROOM;
		target_finish(h->target, taken == NO_ROOM ? SCSI_BUSY :
							    SCSI_GOOD);
		return;
	}
	st->counters.rx_messages++;
	st->counters.rx_malformed += pending.malformed;
	st->counters.rx_nomem += pending.nomem;
	if (counted)
		sequence(st, seq);
	for (n = 0; n < pending.count; n++)
		receive(h, i, pending.stream[n], pending.frame[n],
			pending.length[n], pending.offload[n]);
	pending.count = 0;
	pending_drop(h);
	target_finish(h->target, SCSI_GOOD);
}

/* --- GET: section 5 --- */

static bool data_of_frame(struct hub *h, u16 frame, u32 pull)
{
	u32 at, end = h->pool.length[frame];

	for (at = pull; at < end;) {
		u32 n = end - at;
		const u8 *from = pool_piece(&h->pool, frame, at, &n);

		if (!target_data_in(h->target, from, n))
			return false;
		at += n;
	}
	return true;
}

/* What get() works on */
struct get {
	const struct target_command *command;
	struct ipscsi_cdb cdb;
	bool resumed;	/* it was held */
};

/* Nothing is there: hold it. Return: false where it has to be ended */
static bool hold(struct hub *h, struct hub_station *st, const struct get *get)
{
	return h->hold && !get->resumed && held_of(h, st) < HUB_GETS &&
	       target_disconnect(h->target, get->command, h->now);
}

static void null_message(struct hub *h, struct hub_station *st,
			 const struct get *get)
{
	struct ipscsi_cont cont = { .length = IPSCSI_CONT_HEADER };
	u8 buf[IPSCSI_CONT_HEADER] = { 0 };
	u32 len = IPSCSI_NULL_MESSAGE, room = get->cdb.length;

	if (hold(h, st, get))
		return;
	if (get->cdb.stream == IPSCSI_STREAM_CONTAINER) {
		ipscsi_cont_build(buf, &cont);
		len = IPSCSI_CONT_HEADER;
	}
	if (target_data_in(h->target, buf, len < room ? len : room))
		st->counters.tx_null++;
	target_finish(h->target, SCSI_GOOD);
}

static void sent(struct hub *h, struct hub_station *st, u32 i)
{
	st->counters.tx_packets++;
	st->counters.tx_bytes += h->pool.length[*slot(st, i)];
	queue_remove(h, st, i);
}

static void get_bare(struct hub *h, struct hub_station *st,
		     const struct get *get)
{
	u16 wanted = get->cdb.stream, stream;
	u32 room = get->cdb.length;
	u32 i = 0, pull;

	while (i < st->queue.count) {
		u16 frame = *slot(st, i);

		if (!stream_of(h, st, frame, &stream, &pull)) {
			st->counters.tx_no_ext++;
			queue_remove(h, st, i);
		} else if (stream != wanted) {
			i++;
		} else if (h->pool.length[frame] - pull > room) {
			st->counters.tx_too_big++;
			queue_remove(h, st, i);
		} else {
			/* it stays in the queue until it has arrived */
			if (data_of_frame(h, frame, pull)) {
				st->counters.tx_messages++;
				sent(h, st, i);
			}
			target_finish(h->target, SCSI_GOOD);
			return;
		}
	}
	null_message(h, st, get);
}

static bool data_of_container(struct hub *h, struct hub_station *st,
			      const struct ipscsi_cont *cont)
{
	u8 buf[IPSCSI_CONT_HEADER];
	u32 i;

	ipscsi_cont_build(buf, cont);
	if (!target_data_in(h->target, buf, sizeof(buf)))
		return false;
	for (i = 0; i < cont->count; i++) {
		struct ipscsi_record record = { 0 };
		u16 frame = *slot(st, i);
		u32 pull;

		stream_of(h, st, frame, &record.stream, &pull);
		record.length = h->pool.length[frame] - pull;
		ipscsi_record_build(buf, &record);
		if (!target_data_in(h->target, buf, IPSCSI_CONT_RECORD) ||
		    !data_of_frame(h, frame, pull) ||
		    !target_data_in(h->target, zero,
				    ipscsi_record_size(record.length) -
					    IPSCSI_CONT_RECORD - record.length))
			return false;
	}
	return true;
}

static void get_container(struct hub *h, struct hub_station *st,
			  const struct get *get)
{
	u32 room = get->cdb.length;
	struct ipscsi_cont cont = { .length = IPSCSI_CONT_HEADER };
	u16 stream;
	u32 pull;

	if (room > st->desc.cont_max)
		room = st->desc.cont_max;
	while (cont.count < st->queue.count) {
		u16 frame = *slot(st, cont.count);
		u32 size, len = h->pool.length[frame];

		if (!stream_of(h, st, frame, &stream, &pull)) {
			st->counters.tx_no_ext++;
			queue_remove(h, st, cont.count);
			continue;
		}
		size = ipscsi_record_size(len - pull);
		if (len - pull > st->desc.base_max ||
		    (!cont.count && cont.length + size > room)) {
			st->counters.tx_too_big++;
			queue_remove(h, st, cont.count);
			continue;
		}
		if (cont.length + size > room)
			break;
		cont.length += size;
		cont.count++;
	}
	if (!cont.count) {
		null_message(h, st, get);
		return;
	}
	cont.seq = st->tx_seq;
	if (data_of_container(h, st, &cont)) {
		st->tx_seq++;
		st->counters.tx_messages++;
		while (cont.count--)
			sent(h, st, 0);
	}
	target_finish(h->target, SCSI_GOOD);
}

static void get(struct hub *h, int i, const struct get *get)
{
	const struct ipscsi_cdb *cdb = &get->cdb;
	struct hub_station *st;

	if (cdb->stream != IPSCSI_STREAM_CONTAINER && !base_stream(cdb->stream)) {
		invalid_field(h, cdb->stream_byte);
		return;
	}
	if (cdb->stream == IPSCSI_STREAM_CONTAINER &&
	    cdb->length < IPSCSI_CONT_MIN) {
		invalid_field(h, cdb->length_byte);
		return;
	}
	if (answered_at_once(h, cdb))
		return;
	if (cdb->stream == IPSCSI_STREAM_CONTAINER && !h->stations[i].hello) {
		nexus_loss(h);
		return;
	}
	st = station(h, i);
	if (!st) {
		target_finish(h->target, SCSI_TASK_SET_FULL);
		return;
	}
	st->asks = true;
	if (cdb->stream == IPSCSI_STREAM_CONTAINER)
		get_container(h, st, get);
	else
		get_bare(h, st, get);
}

/* Something waits that this GET may bring */
static bool answerable(struct hub *h, struct hub_station *st, u16 wanted)
{
	u16 stream;
	u32 i, pull;

	if (wanted == IPSCSI_STREAM_CONTAINER)
		return st->queue.count;
	for (i = 0; i < st->queue.count; i++)
		if (stream_of(h, st, *slot(st, i), &stream, &pull) &&
		    stream == wanted)
			return true;
	return false;
}

/* Hold GETs that find nothing, where initiators let us */
void hub_hold(struct hub *h)
{
	h->hold = true;
	h->self.gets = HUB_GETS;
}

/**
 * hub_held - end a GET that is held, where it is time
 * @h: the hub
 *
 * Call it while no command is under way. Time: that of one GET.
 */
void hub_held(struct hub *h)
{
	u8 n;

	for (n = 0; n < h->target->held_count; n++) {
		const struct target_held *held = &h->target->held[n];
		struct target_command cmd = held->command;
		struct hub_station *st = &h->stations[cmd.initiator];
		struct get resumed = { .command = &cmd, .resumed = true };
		bool due = held->due || !h->link ||
			   h->now - held->since >= HUB_HOLD_MS;

		if (cmd.unit != h->unit || h->now - held->since < HUB_APART_MS ||
		    ipscsi_cdb_parse(cmd.cdb, &resumed.cdb) ||
		    (!due && !answerable(h, st, resumed.cdb.stream)))
			continue;
		due = held->due || !h->link;
		if (!target_reselect(h->target, n))
			return;
		if (due)
			null_message(h, st, &resumed);
		else
			get(h, cmd.initiator, &resumed);
		return;
	}
}

/* --- a station that takes whole frames --- */

/**
 * hub_port_open - its host is there; silent ones are taken for gone
 * @h: the hub
 * @addr: its address, from now on
 *
 * Return: false where another station has that.
 */
bool hub_port_open(struct hub *h, const u8 *addr)
{
	struct hub_station *st = &h->stations[HUB_PORT];

	if (!bind(h, HUB_PORT, addr))
		return false;
	memcpy(st->desc.name, "DaynaPORT", sizeof("DaynaPORT"));
	st->last_seen = h->now;
	st->up = true;
	st->asks = true;
	return true;
}

/* Its host has switched it off */
void hub_port_close(struct hub *h)
{
	set_down(h, &h->stations[HUB_PORT]);
	h->group_count = 0;
}

/* It wants frames for this multicast address */
void hub_port_group(struct hub *h, const u8 *addr)
{
	u32 i;

	for (i = 0; i < h->group_count && i < HUB_GROUPS; i++)
		if (!memcmp(h->groups[i], addr, 6))
			return;
	if (h->group_count < HUB_GROUPS)
		memcpy(h->groups[h->group_count], addr, 6);
	if (h->group_count <= HUB_GROUPS)
		h->group_count++;
}

/* It, with its counters */
const struct hub_station *hub_port(const struct hub *h)
{
	return &h->stations[HUB_PORT];
}

/* What waits for it; 0 is the oldest. Return: to look at until hub_port_done(), or POOL_NONE */
u16 hub_port_frame(struct hub *h, u32 i)
{
	struct hub_station *st = &h->stations[HUB_PORT];

	return i < st->queue.count ? *slot(st, i) : POOL_NONE;
}

/* The oldest has arrived */
void hub_port_done(struct hub *h)
{
	struct hub_station *st = &h->stations[HUB_PORT];

	st->counters.tx_messages++;
	sent(h, st, 0);
}

/* The oldest is longer than the host has room for */
void hub_port_too_big(struct hub *h)
{
	struct hub_station *st = &h->stations[HUB_PORT];

	st->counters.tx_too_big++;
	queue_remove(h, st, 0);
}

/* Room for a frame from it, 1 to FRAME_MAX bytes. Return: POOL_NONE: drop it, that is counted */
u16 hub_port_new(struct hub *h, u32 len)
{
	/* never more than its share of what the USB side is behind with */
	u16 frame = may_grow(h, &h->uplink) ? pool_take(&h->pool, len) :
					      POOL_NONE;

	if (frame == POOL_NONE)
		h->stations[HUB_PORT].counters.rx_nomem++;
	return frame;
}

/* A frame of hub_port_new(), filled; @len bytes of it count */
void hub_port_put(struct hub *h, u16 frame, u32 len)
{
	struct hub_station *st = &h->stations[HUB_PORT];

	st->counters.rx_messages++;
	if (!st->up) {	/* it is switched off */
		st->counters.rx_malformed++;
		pool_drop(&h->pool, frame);
		return;
	}
	if (len)
		pool_trim(&h->pool, frame, len);
	receive(h, HUB_PORT, IPSCSI_STREAM_ETHERNET, frame, len, false);
}

/* --- the other commands: section 2 --- */

/* A parameter block, as much of it as the initiator has room for */
static void answer(struct hub *h, const u8 *buf, u32 len, u32 room)
{
	target_data_in(h->target, buf, len < room ? len : room);
	target_finish(h->target, SCSI_GOOD);
}

static void test_unit_ready(struct hub *h, int i)
{
	if (h->stations[i].known)
		h->stations[i].last_seen = h->now;
	if (h->link)
		target_finish(h->target, SCSI_GOOD);
	else
		not_ready(h);
}

static void inquiry(struct hub *h, const u8 *cdb)
{
	/* type, SCSI-2, tags */
	static const u8 standard[36] = "\x09\0\x02\x02\x1f\0\0\x02"
				       "SCSIGATEIP STATION      1.0 ";
	u8 buf[4 + IPSCSI_DESC_MAX] = { TYPE_COMM, cdb[2] };
	u32 room = be16(cdb + 3), len, serial = strnlen(h->serial, 16);

	if (!(cdb[1] & 1)) {
		if (cdb[2])
			invalid_field(h, 2);
		else
			answer(h, standard, sizeof(standard), room);
		return;
	}
	switch (cdb[2]) {
	case 0x00:
		memcpy(buf + 4, "\x00\x80\x83\xc0", 4);
		len = 4;
		break;
	case 0x80:
		memcpy(buf + 4, h->serial, serial);
		len = serial;
		break;
	case 0x83:	/* vendor, product, serial number in ASCII */
		buf[4] = 2;
		buf[5] = 1;
		buf[7] = 24 + serial;
		memcpy(buf + 8, standard + 8, 24);
		memcpy(buf + 32, h->serial, serial);
		len = 28 + serial;
		break;
	case IPSCSI_VPD_STATION:
		len = ipscsi_desc_build(buf + 4, sizeof(buf) - 4, &h->self);
		break;
	default:
		invalid_field(h, 2);
		return;
	}
	buf[3] = len;
	answer(h, buf, len + 4, room);
}

/* The header, and the control mode page where it is asked for; all zeros */
static void mode_sense(struct hub *h, const u8 *cdb)
{
	u8 page = cdb[2] & 0x3f, buf[16] = { 0 };
	bool ten = cdb[0] == 0x5a;
	u32 len = ten ? 8 : 4;

	if (page != 0x0a && page != 0x3f) {
		invalid_field(h, 2);
		return;
	}
	if (cdb[2] >> 6 == 3) {	/* saved values: there are none */
		target_check(h->target, SENSE_ILLEGAL_REQUEST, 0x39, 0,
			     TARGET_NO_POINTER);
		return;
	}
	buf[len] = 0x0a;
	buf[len + 1] = 6;
	len += 8;
	if (ten)
		buf[1] = len - 2;
	else
		buf[0] = len - 1;
	answer(h, buf, len, ten ? be16(cdb + 7) : cdb[4]);
}

static void send_diagnostic(struct hub *h, int i, const u8 *cdb)
{
	if (!(cdb[1] & 0x04))
		invalid_field(h, 1);
	else if (cdb[3] || cdb[4])
		invalid_field(h, 3);
	else
		test_unit_ready(h, i);
}

/**
 * hub_command - carry out a command of target_poll()
 * @h: the hub
 * @cmd: the command, for the hub's unit
 *
 * It is ended when this returns. Time: that of its data on the bus.
 */
void hub_command(struct hub *h, const struct target_command *cmd)
{
	static const u8 capacity[8] = { 0, 0, 0xff, 0xff, 0, 0, 0, 1 };
	struct get message = { .command = cmd };
	int i = cmd->initiator;

	if (!ipscsi_cdb_parse(cmd->cdb, &message.cdb)) {
		if (message.cdb.length > IPSCSI_CONT_MAX)
			invalid_field(h, TARGET_NO_POINTER);
		else if (message.cdb.send)
			send(h, i, &message.cdb);
		else
			get(h, i, &message);
		return;
	}
	switch (cmd->cdb[0]) {
	case 0x00:
		test_unit_ready(h, i);
		break;
	case 0x12:
		inquiry(h, cmd->cdb);
		break;
	case 0x1a:
	case 0x5a:
		mode_sense(h, cmd->cdb);
		break;
	case 0x1d:
		send_diagnostic(h, i, cmd->cdb);
		break;
	case 0x25:
		answer(h, capacity, sizeof(capacity), sizeof(capacity));
		break;
	default:
		target_check(h->target, SENSE_ILLEGAL_REQUEST, 0x20, 0,
			     TARGET_NO_POINTER);
	}
}

/* --- life --- */

/**
 * hub_init - a hub without stations, its link down
 * @h: the hub
 * @t: the target that its commands come from
 * @unit: which of the target's units it is
 * @addr: its station address
 * @name: host name; more than 64 bytes of it are cut
 * @serial: serial number; more than 16 bytes of it are cut
 */
void hub_init(struct hub *h, struct target *t, u8 unit, const u8 *addr,
	      const char *name, const char *serial)
{
	memset(h, 0, sizeof(*h));
	h->target = t;
	h->unit = unit;
	h->self.version = IPSCSI_VERSION;
	h->self.features = IPSCSI_F_EXT | IPSCSI_F_GET | IPSCSI_F_CONTAINER |
			   IPSCSI_F_RELAY;
	memcpy(h->self.addr, addr, 6);
	h->self.base_max = FRAME_MAX;
	h->self.cont_max = HUB_CONT_MAX;
	h->self.gets = 1;
	memcpy(h->self.name, name, strnlen(name, IPSCSI_NAME_MAX));
	memcpy(h->serial, serial, strnlen(serial, 16));
	h->stations[HUB_PORT].port = true;
	memset(&pending, 0, sizeof(pending));
	pool_init(&h->pool);
}

static void purge_uplink(struct hub *h)
{
	while (h->uplink.count) {
		hub_uplink_done(h);
		h->up_packets--;
		h->up_dropped++;
	}
}

/* The USB side takes frames, or not any more: then what waits for it is lost */
void hub_link(struct hub *h, bool up)
{
	h->link = up;
	h->stalled = false;
	if (!up)
		purge_uplink(h);
}

/* The bus was reset: initiators begin anew */
void hub_reset(struct hub *h)
{
	int i;

	for (i = 0; i < PHY_INITIATORS; i++)
		bye(h, &h->stations[i]);
}

/**
 * hub_tick - time goes on
 * @h: the hub
 * @now: ms, wraps; call it at least once a second
 */
void hub_tick(struct hub *h, u32 now)
{
	int i;

	h->now = now;
	/* its interface may be down: initiators must not wait for that */
	if (h->uplink.count && now - h->uplink_moved >= HUB_STALL_MS) {
		purge_uplink(h);
		h->stalled = true;
	}
	for (i = 0; i < HUB_STATIONS; i++) {
		struct hub_station *st = &h->stations[i];

		if (!st->known)
			continue;
		while (!st->hello && st->queue.count &&
		       now - st->since[st->queue.head] >= HUB_BASE_MS) {
			queue_remove(h, st, 0);
			st->counters.tx_peer_down++;
		}
		if (elapsed(h, st, HUB_SILENT_MS))
			forget(h, st);
		else if (st->asks && elapsed(h, st, HUB_ALIVE_MS) &&
			 !held_of(h, st))
			set_down(h, st);
	}
}
