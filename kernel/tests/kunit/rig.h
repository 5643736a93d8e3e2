/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KUnit tests of ipscsi: a segment with peers that nobody is behind
 *
 * The segment is a real net device, registered in the initial namespace. What
 * leads to its peers is a ring of GETs that the tests fill and empty.
 */
#ifndef IPSCSI_KUNIT_RIG_H
#define IPSCSI_KUNIT_RIG_H

#include <kunit/test.h>

#include "../../ipscsi.h"

#define RIG_PEERS	(IPSCSI_TXQ_COUNT + 1)	/* two on one queue */

/**
 * struct rig_peer - a peer, and its end of the reverse path
 * @reverse: what the driver sees; @reverse.held counts GETs
 * @peer: the peer, with a reference
 * @kicks: how often the driver told of a frame
 * @answer: a kick takes frames, as many as there are GETs
 * @answered: frames that were taken so
 */
struct rig_peer {
	struct ipscsi_reverse reverse;
	struct ipscsi_peer *peer;
	atomic_t kicks;
	bool answer;
	atomic_t answered;
};

struct rig {
	struct kunit *test;
	struct ipscsi_seg *seg;
	unsigned int npeers;
	struct rig_peer peers[RIG_PEERS];
};

/* vectors.txt, NUL terminated; rig.c */
extern const char ipscsi_vectors_begin[];

/* For suites: test->priv is a rig */
int rig_init(struct kunit *test);
void rig_exit(struct kunit *test);

/* A peer with the address 02:00:00:00:00:<number>, up, with EXT */
struct rig_peer *rig_peer(struct rig *rig, u8 number);
/* Starts the segment's net device, without IPv6: it would send by itself */
void rig_up(struct rig *rig);
/* Lets a GET come, or answers those that are there */
void rig_get(struct rig_peer *way);

/* An Ethernet frame of @len bytes to the peer, @mark in its last byte */
struct sk_buff *rig_frame(struct rig *rig, struct rig_peer *way, u32 len,
			  u16 proto, u8 mark);
/* Hands it to the driver */
void rig_queue(struct rig_peer *way, struct sk_buff *skb);
/* Takes the next one, says its mark and frees it; -1 where there is none */
int rig_take(struct rig_peer *way, u32 max, int stream);
u64 rig_counter(struct rig_peer *way, enum ipscsi_counter counter);
bool rig_queue_stopped(struct rig *rig, struct rig_peer *way);

/* The bytes of a vector of docs/protocol.md, in memory of exactly that size */
u8 *rig_vector(struct kunit *test, const char *name, size_t *len);
/* The same for any bytes: KASAN sees the first byte read behind them */
u8 *rig_exact(struct kunit *test, const void *from, size_t len);

extern struct kunit_suite ipscsi_codec_suite;
extern struct kunit_suite ipscsi_container_suite;
extern struct kunit_suite ipscsi_fdb_suite;
extern struct kunit_suite ipscsi_txq_suite;
extern struct kunit_suite ipscsi_rx_suite;

#endif /* IPSCSI_KUNIT_RIG_H */
