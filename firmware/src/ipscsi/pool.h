/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for Ethernet frames: chunks in chains, all of it static
 *
 * A frame is the index of its first chunk. It may be in several queues, each
 * with a reference. The first POOL_CHUNK bytes of a frame lie together, so
 * headers can be looked at in place.
 */
#ifndef POOL_H
#define POOL_H

#include "ipscsi_codec.h"

#define POOL_CHUNK	128	/* bytes */
#define POOL_CHUNKS	1024
#define POOL_NONE	0xffff

/* Longest frame: MTU 1500, Ethernet header, one VLAN tag; no FCS */
#define FRAME_MAX	1518
#define FRAME_HEADER	14

struct pool {
	u8 data[POOL_CHUNKS][POOL_CHUNK];
	u16 next[POOL_CHUNKS];
	u16 length[POOL_CHUNKS];	/* of a frame, at its first chunk */
	u8 refs[POOL_CHUNKS];
	u16 first_free;
	u16 free;			/* chunks */
};

void pool_init(struct pool *p);
u16 pool_take(struct pool *p, u32 len);
void pool_hold(struct pool *p, u16 frame);
void pool_drop(struct pool *p, u16 frame);
void pool_trim(struct pool *p, u16 frame, u32 len);
u8 *pool_piece(struct pool *p, u16 frame, u32 offset, u32 *len);

static inline u16 pool_chunks(u32 len)
{
	return len ? (len + POOL_CHUNK - 1) / POOL_CHUNK : 1;
}

#endif
