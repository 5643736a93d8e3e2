// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver's container walks stand on: pages, scatter lists, counters
 *
 * Pages are 64 bytes and allocated one by one, so that AddressSanitizer sees
 * a step past the end of a page, and short messages cross many of them. Where
 * a walk calls a helper that is new, give it one here or add it to the list in
 * the Makefile.
 */
#include <stdlib.h>

#include "walk.h"

#define PAGE_SHIFT	6
#define PAGE_SIZE	(1u << PAGE_SHIFT)
#define IPSCSI_CHUNK_SIZE (2 * PAGE_SIZE)	/* io.c: 8 pages */
#define IPSCSI_CONT_SHORT 65528
#define CHUNKS_MAX	(0x110000 / IPSCSI_CHUNK_SIZE)

#define min(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define min3(a, b, c) min(min(a, b), c)
#define min_t(type, a, b) min((type)(a), (type)(b))
#define offset_in_page(p) ((p) & (PAGE_SIZE - 1))

struct page {
	u8 byte[PAGE_SIZE];
};

struct scatterlist {
	struct page *page;
	u32 offset;
	u32 length;
	struct scatterlist *next;
};

struct se_cmd {
	struct scatterlist *t_data_sg;
	u32 data_length;
};

struct sk_buff {
	u32 len;
	u8 *data;
};

struct ipscsi_peer {
	struct walk *out;
};

struct ipscsi_cmd {
	struct ipscsi_peer *peer;
	struct page *chunk[CHUNKS_MAX];
	bool full;
};

enum ipscsi_counter {
	IPSCSI_C_RX_MALFORMED,
	IPSCSI_C_RX_NULL,
	IPSCSI_C_RX_MESSAGES,
};

static void *page_address(struct page *page)
{
	return page;
}

static struct page *sg_page(struct scatterlist *sg)
{
	return sg->page;
}

static struct scatterlist *sg_next(struct scatterlist *sg)
{
	return sg->next;
}

static void *kmap_local_page(struct page *page)
{
	return page;
}

static void kunmap_local(void *addr)
{
	(void)addr;
}

static void ipscsi_count(struct ipscsi_peer *peer, enum ipscsi_counter counter,
			 u64 n)
{
	if (counter == IPSCSI_C_RX_MALFORMED)
		peer->out->malformed += n;
	else if (counter == IPSCSI_C_RX_NULL)
		peer->out->null += n;
}

u64 walk_hash(const u8 *payload, size_t len, const u8 *vnet)
{
	u64 hash = 0xcbf29ce484222325ull;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ payload[i]) * 0x100000001b3ull;
	for (i = 0; i < 10; i++)
		hash = (hash ^ vnet[i]) * 0x100000001b3ull;
	return hash;
}

static void ipscsi_rx(struct ipscsi_peer *peer, u16 stream, struct sk_buff *skb,
		      const u8 *vnet)
{
	struct walk *out = peer->out;

	if (out->count == WALK_RECORDS)
		abort();
	out->stream[out->count] = stream;
	out->length[out->count] = skb->len;
	out->hash[out->count++] = walk_hash(skb->data, skb->len, vnet);
	free(skb->data);
	free(skb);
}

/* The real one also looks at the time */
static void get_null(struct ipscsi_cmd *cmd)
{
	ipscsi_count(cmd->peer, IPSCSI_C_RX_NULL, 1);
}

static void ipscsi_rx_sequence(struct ipscsi_peer *peer, u32 seq)
{
	peer->out->seq = seq;
}

/* The real one has the next GET sent sooner */
static void get_soon(struct ipscsi_cmd *cmd)
{
	(void)cmd;
}

/* The real one lets softirqs run */
#define jiffies 0ul
static void ipscsi_rx_breathe(unsigned int n, unsigned long *since)
{
	(void)n;
	(void)since;
}

static struct sk_buff *skb_of(u32 len)
{
	struct sk_buff *skb = malloc(sizeof(*skb));
	u8 *data = malloc(len);

	if (!skb || !data)
		abort();
	skb->len = len;
	skb->data = data;
	return skb;
}

static void copy_out(struct ipscsi_cmd *cmd, u32 off, void *to, u32 len);

/* The real ones make socket buffers of these; the bytes are the same */
static struct sk_buff *get_skb(struct ipscsi_cmd *cmd, u32 off, u32 len,
			       bool alone)
{
	struct sk_buff *skb = skb_of(len);

	(void)alone;
	copy_out(cmd, off, skb->data, len);
	return skb;
}

struct sg_cursor;
static bool cursor_read(struct sg_cursor *c, void *to, u32 len);

static struct sk_buff *cursor_read_skb(struct sg_cursor *c, struct se_cmd *cmd,
				       struct ipscsi_peer *peer, u32 len,
				       const u8 *vnet)
{
	struct sk_buff *skb = skb_of(len);

	(void)cmd;
	(void)vnet;
	if (cursor_read(c, skb->data, len))
		return skb;
	peer->out->malformed++;
	free(skb->data);
	free(skb);
	return NULL;
}

#include "build/walk_io.inc"
#include "build/walk_target.inc"

static struct page *piece(const u8 *from, size_t len)
{
	u8 *memory = malloc(len ? len : 1);

	if (!memory)
		abort();
	if (len)
		memcpy(memory, from, len);
	return (struct page *)memory;
}

/* As a GET brings it: in chunks, the last of them only as long as needed */
void walk_get(const u8 *buf, size_t len, struct walk *out)
{
	static struct ipscsi_cmd cmd;
	struct ipscsi_peer peer = { .out = out };
	size_t off, n = 0;

	memset(out, 0, sizeof(*out));
	cmd.peer = &peer;
	for (off = 0; off < len && n < CHUNKS_MAX; off += IPSCSI_CHUNK_SIZE)
		cmd.chunk[n++] = piece(buf + off, min((size_t)IPSCSI_CHUNK_SIZE,
						      len - off));
	get_container(&cmd, len);
	while (n--) {
		free(cmd.chunk[n]);
		cmd.chunk[n] = NULL;
	}
}

/* As a SEND brings it: in pieces of uneven lengths, at uneven offsets */
void walk_send(const u8 *buf, size_t len, struct walk *out)
{
	struct ipscsi_peer peer = { .out = out };
	struct scatterlist *sg = NULL, **last = &sg;
	struct se_cmd cmd = { .data_length = len };
	size_t off = 0;
	u32 next = 7;

	memset(out, 0, sizeof(*out));
	while (off < len) {
		struct scatterlist *s = calloc(1, sizeof(*s));
		u8 *memory;

		if (!s)
			abort();
		next = next * 13 + 5;
		s->offset = next % PAGE_SIZE;
		s->length = min((u32)(len - off), next % 300 + 1);
		memory = malloc(s->offset + s->length);
		if (!memory)
			abort();
		memset(memory, 0xee, s->offset);
		memcpy(memory + s->offset, buf + off, s->length);
		s->page = (struct page *)memory;
		off += s->length;
		*last = s;
		last = &s->next;
	}
	cmd.t_data_sg = sg;
	exec_container(&peer, &cmd, len);
	while (sg) {
		struct scatterlist *s = sg;

		sg = sg->next;
		free(s->page);
		free(s);
	}
}
