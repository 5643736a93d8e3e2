// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: the queue of a peer, and the GETs that empty it; net.c */
#include <linux/kthread.h>

#include "rig.h"

#define FRAME		100
#define LAZY_PACKETS	64		/* as in net.c */
#define LAZY_AGE	(10 * HZ)
#define LAZY_AFTER	(4 * HZ)
#define RACE_FRAMES	20000

/* A peer that asks: its queue has the full length */
static struct rig_peer *eager(struct rig *rig, u8 number)
{
	struct rig_peer *way = rig_peer(rig, number);

	rig_get(way);
	return way;
}

static void fill(struct rig *rig, struct rig_peer *way, int n)
{
	int i;

	for (i = 0; i < n; i++)
		rig_queue(way, rig_frame(rig, way, FRAME, ETH_P_IP, i));
}

static void txq_keeps_order(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = eager(rig, 1);
	int i;

	fill(rig, way, 50);
	KUNIT_EXPECT_EQ(test, way->peer->txq_bytes, 50 * FRAME);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, -1), i);
	KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, -1), -1);
	KUNIT_EXPECT_EQ(test, way->peer->txq_bytes, 0);
}

static void txq_leaves_what_is_too_long(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = eager(rig, 1);

	rig_queue(way, rig_frame(rig, way, 1000, ETH_P_IP, 1));
	rig_queue(way, rig_frame(rig, way, 100, ETH_P_IP, 2));
	/* it does not overtake */
	KUNIT_EXPECT_EQ(test, rig_take(way, 999, -1), -1);
	KUNIT_EXPECT_EQ(test, rig_take(way, 1000, -1), 1);
	KUNIT_EXPECT_EQ(test, rig_take(way, 1000, -1), 2);
}

static void txq_takes_by_stream(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = eager(rig, 1);

	rig_queue(way, rig_frame(rig, way, FRAME, ETH_P_IP, 1));
	rig_queue(way, rig_frame(rig, way, FRAME, ETH_P_ARP, 2));
	rig_queue(way, rig_frame(rig, way, FRAME, ETH_P_IPV6, 3));
	rig_queue(way, rig_frame(rig, way, FRAME, ETH_P_ARP, 4));
	KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, IPSCSI_STREAM_ARP), 2);
	KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, IPSCSI_STREAM_IPV6), 3);
	KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, IPSCSI_STREAM_IPV6), -1);
	KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, -1), 1);
	KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, -1), 4);
}

static void txq_stops_and_wakes(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = eager(rig, 1);
	int i;

	rig_up(rig);
	fill(rig, way, IPSCSI_TXQ_PACKETS);
	KUNIT_EXPECT_FALSE(test, rig_queue_stopped(rig, way));
	fill(rig, way, 1);
	KUNIT_EXPECT_TRUE(test, rig_queue_stopped(rig, way));
	for (i = 0; i < IPSCSI_TXQ_PACKETS / 2; i++)
		rig_take(way, FRAME, -1);
	KUNIT_EXPECT_TRUE(test, rig_queue_stopped(rig, way));
	rig_take(way, FRAME, -1);
	KUNIT_EXPECT_FALSE(test, rig_queue_stopped(rig, way));
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->seg->stopped[way->peer->queue]),
			0);
}

static void txq_stops_by_bytes(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = eager(rig, 1);
	u32 len = IPSCSI_TXQ_BYTES / 16;
	int i;

	rig_up(rig);
	for (i = 0; i < 17; i++) {
		KUNIT_EXPECT_FALSE(test, rig_queue_stopped(rig, way));
		rig_queue(way, rig_frame(rig, way, len, ETH_P_IP, i));
	}
	KUNIT_EXPECT_TRUE(test, rig_queue_stopped(rig, way));
	for (i = 0; i < 9; i++) {
		KUNIT_EXPECT_TRUE(test, rig_queue_stopped(rig, way));
		rig_take(way, len, -1);
	}
	KUNIT_EXPECT_FALSE(test, rig_queue_stopped(rig, way));
}

static void txq_two_peers_stop_one_queue(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *first = eager(rig, 1), *last = first;
	int i;

	rig_up(rig);
	/* queue 0 is multicast's */
	KUNIT_EXPECT_EQ(test, first->peer->queue, 1);
	for (i = 1; i < IPSCSI_TXQ_COUNT; i++)
		last = eager(rig, 1 + i);
	KUNIT_ASSERT_EQ(test, first->peer->queue, last->peer->queue);
	fill(rig, first, IPSCSI_TXQ_PACKETS + 1);
	fill(rig, last, IPSCSI_TXQ_PACKETS + 1);
	KUNIT_EXPECT_FALSE(test, rig_queue_stopped(rig, &rig->peers[1]));
	while (rig_take(first, FRAME, -1) >= 0)
		;
	KUNIT_EXPECT_TRUE_MSG(test, rig_queue_stopped(rig, first),
			      "the other is still full");
	ipscsi_peer_set_state(last->peer, IPSCSI_PEER_DOWN);
	KUNIT_EXPECT_FALSE(test, rig_queue_stopped(rig, first));
	KUNIT_EXPECT_EQ(test, rig_counter(last, IPSCSI_C_TX_PEER_DOWN),
			IPSCSI_TXQ_PACKETS + 1);
}

static void txq_drops_above_twice_the_limit(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = eager(rig, 1);

	fill(rig, way, 2 * IPSCSI_TXQ_PACKETS + 11);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&way->peer->txq),
			2 * IPSCSI_TXQ_PACKETS + 1);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_TX_QUEUE_FULL), 10);
	KUNIT_EXPECT_EQ_MSG(test, rig_take(way, FRAME, -1), 0, "the oldest stay");
}

static void txq_lazy_peer_keeps_the_newest(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);

	rig_up(rig);
	fill(rig, way, 100);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&way->peer->txq), LAZY_PACKETS);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_TX_QUEUE_FULL),
			100 - LAZY_PACKETS);
	KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, -1), 100 - LAZY_PACKETS);
	KUNIT_EXPECT_FALSE(test, rig_queue_stopped(rig, way));
}

static void txq_lazy_is_who_has_not_asked_lately(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);

	way->reverse.get_seen = true;
	way->reverse.last_get = jiffies;
	fill(rig, way, 100);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&way->peer->txq), 100);
	way->reverse.last_get = jiffies - LAZY_AFTER - HZ;
	fill(rig, way, 1);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&way->peer->txq), LAZY_PACKETS);
	/* one that is held is proof enough */
	atomic_set(&way->reverse.held, 1);
	fill(rig, way, 36);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&way->peer->txq), 100);
}

static void txq_forgets_what_is_too_old(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);
	struct sk_buff *skb;
	int n = 0;

	fill(rig, way, 10);
	skb_queue_walk(&way->peer->txq, skb)
		if (n++ < 3)
			ipscsi_cb(skb)->queued = jiffies - LAZY_AGE - HZ;
	KUNIT_EXPECT_EQ(test, rig_take(way, FRAME, -1), 3);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_TX_PEER_DOWN), 3);
	KUNIT_EXPECT_EQ(test, way->peer->txq_bytes, 6 * FRAME);
}

static void txq_peer_that_is_down_gets_nothing(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = eager(rig, 1);

	fill(rig, way, 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&way->kicks), 5);
	ipscsi_peer_set_state(way->peer, IPSCSI_PEER_DOWN);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&way->peer->txq), 0);
	fill(rig, way, 5);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&way->peer->txq), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&way->kicks), 5);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_TX_PEER_DOWN), 10);
}

static void ring_answers_gets(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);
	int i;

	way->answer = true;
	for (i = 0; i < IPSCSI_GETS_DEFAULT; i++)
		rig_get(way);
	fill(rig, way, 20);
	KUNIT_EXPECT_EQ(test, atomic_read(&way->answered), IPSCSI_GETS_DEFAULT);
	KUNIT_EXPECT_EQ(test, atomic_read(&way->reverse.held), 0);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&way->peer->txq),
			20 - IPSCSI_GETS_DEFAULT);
	/* the next GETs find the rest waiting */
	for (i = 0; i < 20; i++)
		rig_get(way);
	KUNIT_EXPECT_EQ(test, atomic_read(&way->answered), 20);
	KUNIT_EXPECT_EQ(test, atomic_read(&way->reverse.held),
			IPSCSI_GETS_DEFAULT);
}

static int race_gets(void *data)
{
	struct rig_peer *way = data;

	while (!kthread_should_stop()) {
		if (atomic_read(&way->reverse.held) < IPSCSI_GETS_MAX)
			rig_get(way);
		cond_resched();
	}
	return 0;
}

/* No frame is lost or counted twice between the queue and the ring */
static void ring_race(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = eager(rig, 1);
	struct task_struct *task;
	u64 full;
	int i;

	rig_up(rig);
	way->answer = true;
	task = kthread_run(race_gets, way, "ipscsi_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (i = 0; i < RACE_FRAMES; i++) {
		rig_queue(way, rig_frame(rig, way, FRAME, ETH_P_IP, 0));
		cond_resched();
	}
	kthread_stop(task);
	full = rig_counter(way, IPSCSI_C_TX_QUEUE_FULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&way->answered) + full +
			skb_queue_len(&way->peer->txq), (u64)RACE_FRAMES);
	KUNIT_EXPECT_EQ(test, way->peer->txq_bytes,
			FRAME * skb_queue_len(&way->peer->txq));
	ipscsi_peer_purge(way->peer, IPSCSI_C_TX_PEER_DOWN);
	KUNIT_EXPECT_FALSE(test, rig_queue_stopped(rig, way));
}

static struct kunit_case txq_cases[] = {
	KUNIT_CASE(txq_keeps_order),
	KUNIT_CASE(txq_leaves_what_is_too_long),
	KUNIT_CASE(txq_takes_by_stream),
	KUNIT_CASE(txq_stops_and_wakes),
	KUNIT_CASE(txq_stops_by_bytes),
	KUNIT_CASE(txq_two_peers_stop_one_queue),
	KUNIT_CASE(txq_drops_above_twice_the_limit),
	KUNIT_CASE(txq_lazy_peer_keeps_the_newest),
	KUNIT_CASE(txq_lazy_is_who_has_not_asked_lately),
	KUNIT_CASE(txq_forgets_what_is_too_old),
	KUNIT_CASE(txq_peer_that_is_down_gets_nothing),
	KUNIT_CASE(ring_answers_gets),
	KUNIT_CASE(ring_race),
	{}
};

struct kunit_suite ipscsi_txq_suite = {
	.name = "ipscsi_txq",
	.init = rig_init,
	.exit = rig_exit,
	.test_cases = txq_cases,
};
