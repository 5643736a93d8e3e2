// SPDX-License-Identifier: Apache-2.0
#include "usb/ntb.h"

#define NTH_LENGTH	12
#define NDP_HEADER	8
#define NDP_LENGTH	(NDP_HEADER + 4 * (NTB_IN_FRAMES + 1))
#define TABLES_MAX	8
#define ALIGN		4u

static u16 get16(const u8 *p)
{
	return p[0] | p[1] << 8;
}

static void put16(u8 *p, u32 v)
{
	p[0] = v & 0xff;
	p[1] = v >> 8 & 0xff;
}

/* Return: false where there is no table at @at */
static bool enter_table(struct ntb_reader *r, u16 at)
{
	const u8 *ndp = r->buf + at;
	u16 len;

	if (++r->tables > TABLES_MAX || at < NTH_LENGTH || at % ALIGN ||
	    at + NDP_HEADER + 4u > r->length || memcmp(ndp, "NCM0", 4))
		return false;
	len = get16(ndp + 4);
	if (len < NDP_HEADER + 4 || len % 4 || at + len > r->length)
		return false;
	r->entry = at + NDP_HEADER;
	r->table_end = at + len;
	r->next_table = get16(ndp + 6);
	return true;
}

/**
 * ntb_read - begin to read a block
 * @r: the reader
 * @buf: the block; it must stay there
 * @len: bytes of the transfer
 *
 * Return: false where its header or first table is malformed.
 */
bool ntb_read(struct ntb_reader *r, const u8 *buf, u32 len)
{
	u16 block;

	memset(r, 0, sizeof(*r));
	if (len < NTH_LENGTH || memcmp(buf, "NCMH", 4) ||
	    get16(buf + 4) != NTH_LENGTH)
		return false;
	block = get16(buf + 8);
	if (block > len || (block && block < NTH_LENGTH))
		return false;
	r->buf = buf;
	r->length = block ? block : len;	/* 0: as long as the transfer */
	r->sequence = get16(buf + 6);
	return enter_table(r, get16(buf + 10));
}

/**
 * ntb_next - step to the next frame of a block
 * @r: the reader, after ntb_read()
 * @offset: result: where it begins
 * @len: result: its bytes, 1 to the block's length
 *
 * Return: NTB_FRAME, or NTB_END, or NTB_BAD: count and forget what follows.
 */
enum ntb_next ntb_next(struct ntb_reader *r, u32 *offset, u32 *len)
{
	for (;;) {
		if (!r->entry)
			return NTB_END;
		if (r->entry + 4 > r->table_end) {	/* no end mark */
			r->entry = 0;
			return NTB_BAD;
		}
		*offset = get16(r->buf + r->entry);
		*len = get16(r->buf + r->entry + 2);
		r->entry += 4;
		if (*offset && *len)
			break;
		r->entry = 0;
		if (r->next_table && !enter_table(r, r->next_table)) {
			r->entry = 0;
			return NTB_BAD;
		}
	}
	if (++r->entries > NTB_FRAMES || *offset < NTH_LENGTH ||
	    *offset + *len > r->length) {
		r->entry = 0;
		return NTB_BAD;
	}
	return NTB_FRAME;
}

/**
 * ntb_write - begin a block
 * @w: the writer
 * @buf: room for it
 * @size: bytes of room, NTH_LENGTH + NDP_LENGTH (72) to 65535
 * @sequence: one more with each block
 */
void ntb_write(struct ntb_writer *w, u8 *buf, u32 size, u16 sequence)
{
	w->buf = buf;
	w->size = size;
	w->length = NTH_LENGTH + NDP_LENGTH;
	w->sequence = sequence;
	w->frames = 0;
	memset(buf, 0, w->length);
}

/**
 * ntb_add - room for one more frame
 * @w: the writer
 * @len: bytes, not 0
 *
 * Return: where to put it, or NULL where the block is full.
 */
u8 *ntb_add(struct ntb_writer *w, u32 len)
{
	u32 at = (w->length + ALIGN - 1) & ~(ALIGN - 1);
	u8 *entry = w->buf + NTH_LENGTH + NDP_HEADER + 4 * w->frames;

	if (w->frames == NTB_IN_FRAMES || at > w->size || len > w->size - at)
		return NULL;
	memset(w->buf + w->length, 0, at - w->length);
	put16(entry, at);
	put16(entry + 2, len);
	w->frames++;
	w->length = at + len;
	return w->buf + at;
}

/* Finishes a block. Return: its length, 0 where nothing is in it */
u32 ntb_end(struct ntb_writer *w)
{
	u8 *ndp = w->buf + NTH_LENGTH;

	if (!w->frames)
		return 0;
	memcpy(w->buf, "NCMH", 4);
	put16(w->buf + 4, NTH_LENGTH);
	put16(w->buf + 6, w->sequence);
	put16(w->buf + 8, w->length);
	put16(w->buf + 10, NTH_LENGTH);
	memcpy(ndp, "NCM0", 4);
	put16(ndp + 4, NDP_HEADER + 4 * (w->frames + 1));
	return w->length;
}

/* The answer to GET_NTB_PARAMETERS: NTB_PARAMETERS bytes. NCM 6.2.1 */
void ntb_parameters(u8 *buf)
{
	memset(buf, 0, NTB_PARAMETERS);
	put16(buf, NTB_PARAMETERS);
	put16(buf + 2, 1);		/* NTB16 only */
	put16(buf + 4, NTB_IN_SIZE);
	put16(buf + 8, ALIGN);		/* divisor, remainder, alignment */
	put16(buf + 12, ALIGN);
	put16(buf + 16, NTB_OUT_SIZE);
	put16(buf + 20, ALIGN);
	put16(buf + 24, ALIGN);
	put16(buf + 26, NTB_FRAMES);
}
