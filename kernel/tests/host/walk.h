/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two walks through a container that the driver has, on the host
 *
 * They are the driver's own functions, cut out of io.c (a GET's answer) and
 * target.c (a SEND) by the script `extract`; walk.c has what they stand on.
 */
#ifndef WALK_H
#define WALK_H

#include "../../ipscsi_codec.h"

#define WALK_RECORDS 4096

/**
 * struct walk - what came out of a container
 * @count: records
 * @stream: of each
 * @length: of each
 * @hash: of each one's payload and offload data
 * @seq: the sequence number
 * @malformed: how often that was counted
 * @null: how often a null message was counted
 */
struct walk {
	unsigned int count;
	u16 stream[WALK_RECORDS];
	u32 length[WALK_RECORDS];
	u64 hash[WALK_RECORDS];
	u32 seq;
	unsigned int malformed;
	unsigned int null;
};

void walk_get(const u8 *buf, size_t len, struct walk *out);
void walk_send(const u8 *buf, size_t len, struct walk *out);

/* FNV-1a over a payload and its ten bytes of offload data */
u64 walk_hash(const u8 *payload, size_t len, const u8 *vnet);

#endif
