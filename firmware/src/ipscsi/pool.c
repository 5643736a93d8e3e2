// SPDX-License-Identifier: Apache-2.0
#include "ipscsi/pool.h"

void pool_init(struct pool *p)
{
	int i;

	for (i = 0; i < POOL_CHUNKS; i++) {
		p->next[i] = i + 1 < POOL_CHUNKS ? i + 1 : POOL_NONE;
		p->refs[i] = 0;
	}
	p->first_free = 0;
	p->free = POOL_CHUNKS;
}

/**
 * pool_take - room for a frame
 * @p: the pool
 * @len: bytes, at most FRAME_MAX
 *
 * Return: the frame, with one reference, or POOL_NONE.
 */
u16 pool_take(struct pool *p, u32 len)
{
	u16 n = pool_chunks(len), first = p->first_free, last = first;

	if (n > p->free || len > FRAME_MAX)
		return POOL_NONE;
	p->free -= n;
	while (--n)
		last = p->next[last];
	p->first_free = p->next[last];
	p->next[last] = POOL_NONE;
	p->length[first] = len;
	p->refs[first] = 1;
	return first;
}

/* One more reference; at most 255, there are fewer queues */
void pool_hold(struct pool *p, u16 frame)
{
	p->refs[frame]++;
}

static void release(struct pool *p, u16 chunk)
{
	while (chunk != POOL_NONE) {
		u16 next = p->next[chunk];

		p->next[chunk] = p->first_free;
		p->first_free = chunk;
		p->free++;
		chunk = next;
	}
}

/* One reference less; with the last one the memory is free */
void pool_drop(struct pool *p, u16 frame)
{
	if (!--p->refs[frame])
		release(p, frame);
}

/* A frame gets shorter, and what it does not need is free. Who has the only reference may */
void pool_trim(struct pool *p, u16 frame, u32 len)
{
	u16 n = pool_chunks(len), last = frame;

	p->length[frame] = len;
	while (--n)
		last = p->next[last];
	release(p, p->next[last]);
	p->next[last] = POOL_NONE;
}

/**
 * pool_piece - bytes of a frame that lie together
 * @p: the pool
 * @frame: the frame
 * @offset: of the first byte, less than the frame's length
 * @len: in: bytes wanted; out: how many there are, 1 to POOL_CHUNK
 *
 * Return: the first of them.
 */
u8 *pool_piece(struct pool *p, u16 frame, u32 offset, u32 *len)
{
	u32 left = p->length[frame] - offset;

	for (; offset >= POOL_CHUNK; offset -= POOL_CHUNK)
		frame = p->next[frame];
	if (*len > left)
		*len = left;
	if (*len > POOL_CHUNK - offset)
		*len = POOL_CHUNK - offset;
	return p->data[frame] + offset;
}
