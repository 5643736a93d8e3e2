// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: addresses behind bridges, fdb.c */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "rig.h"

#define FDB_MAX		4096	/* as in fdb.c */
#define RACE_ADDRESSES	64
#define RACE_MS		300

static struct ipscsi_peer *lookup(struct rig *rig, u32 number)
{
	u8 addr[ETH_ALEN] = { 2, 0xbb, number >> 24, number >> 16, number >> 8,
			      number };
	struct ipscsi_peer *peer;

	rcu_read_lock();
	peer = ipscsi_fdb_lookup(rig->seg, addr);
	rcu_read_unlock();
	return peer;
}

/* Of a bridge alone */
static void learn(struct rig *rig, struct rig_peer *way, u32 number)
{
	u8 addr[ETH_ALEN] = { 2, 0xbb, number >> 24, number >> 16, number >> 8,
			      number };
	bool bridge = way->peer->bridge;

	WRITE_ONCE(way->peer->bridge, true);
	rcu_read_lock();
	ipscsi_fdb_learn(rig->seg, way->peer, addr);
	rcu_read_unlock();
	WRITE_ONCE(way->peer->bridge, bridge);
}

static void flush(struct rig *rig, struct rig_peer *way)
{
	spin_lock_bh(&rig->seg->lock);
	ipscsi_fdb_flush(rig->seg, way ? way->peer : NULL);
	spin_unlock_bh(&rig->seg->lock);
}

/* As `bridge fdb add` does */
static int fix(struct rig *rig, u32 number, u16 vid, u16 flags)
{
	u8 addr[ETH_ALEN] = { 2, 0xbb, number >> 24, number >> 16, number >> 8,
			      number };
	struct net_device *dev = rig->seg->dev;
	struct netlink_ext_ack ack = {};
	struct ndmsg ndm = {};
	int err;

	rtnl_lock();
	err = dev->netdev_ops->ndo_fdb_add(&ndm, NULL, dev, addr, vid, flags,
					   &ack);
	rtnl_unlock();
	return err;
}

static int unfix(struct rig *rig, u32 number)
{
	u8 addr[ETH_ALEN] = { 2, 0xbb, number >> 24, number >> 16, number >> 8,
			      number };
	struct net_device *dev = rig->seg->dev;
	struct netlink_ext_ack ack = {};
	struct ndmsg ndm = {};
	int err;

	rtnl_lock();
	err = dev->netdev_ops->ndo_fdb_del(&ndm, NULL, dev, addr, 0, &ack);
	rtnl_unlock();
	return err;
}

static void fdb_learns(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *a = rig_peer(rig, 1), *b = rig_peer(rig, 2);

	KUNIT_EXPECT_NULL(test, lookup(rig, 7));
	learn(rig, a, 7);
	KUNIT_EXPECT_PTR_EQ(test, lookup(rig, 7), a->peer);
	KUNIT_EXPECT_NULL(test, lookup(rig, 8));
	learn(rig, a, 7);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 1);
	/* it moved behind the other one */
	learn(rig, b, 7);
	KUNIT_EXPECT_PTR_EQ(test, lookup(rig, 7), b->peer);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 1);
}

static void fdb_forgets(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *a = rig_peer(rig, 1), *b = rig_peer(rig, 2);
	int i;

	for (i = 0; i < 100; i++)
		learn(rig, i % 2 ? a : b, i);
	flush(rig, NULL);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 100);
	flush(rig, a);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 50);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_PTR_EQ(test, lookup(rig, i), i % 2 ? NULL : b->peer);
	flush(rig, b);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 0);
}

static void fdb_is_limited(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *a = rig_peer(rig, 1), *b = rig_peer(rig, 2);
	int i;

	for (i = 0; i < FDB_MAX + 100; i++)
		learn(rig, a, i);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, FDB_MAX);
	KUNIT_EXPECT_PTR_EQ(test, lookup(rig, FDB_MAX - 1), a->peer);
	KUNIT_EXPECT_NULL(test, lookup(rig, FDB_MAX));
	/* what is known may still move */
	learn(rig, b, 0);
	KUNIT_EXPECT_PTR_EQ(test, lookup(rig, 0), b->peer);
}

static void fdb_operator(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *a = rig_peer(rig, 1), *b = rig_peer(rig, 2);

	KUNIT_EXPECT_EQ_MSG(test, fix(rig, 1, 0, 0), -EINVAL, "no bridge");
	WRITE_ONCE(a->peer->bridge, true);
	KUNIT_EXPECT_EQ(test, fix(rig, 1, 0, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, lookup(rig, 1), a->peer);
	KUNIT_EXPECT_EQ_MSG(test, fix(rig, 1, 5, 0), -EINVAL, "with a VLAN");
	KUNIT_EXPECT_EQ(test, fix(rig, 1, 0, NLM_F_EXCL), -EEXIST);
	/* it stays where the operator put it */
	learn(rig, b, 1);
	KUNIT_EXPECT_PTR_EQ(test, lookup(rig, 1), a->peer);
	WRITE_ONCE(b->peer->bridge, true);
	KUNIT_EXPECT_EQ_MSG(test, fix(rig, 2, 0, 0), -EINVAL, "two bridges");
	KUNIT_EXPECT_EQ(test, unfix(rig, 1), 0);
	KUNIT_EXPECT_EQ(test, unfix(rig, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 0);
}

static void fdb_goes_with_its_peer(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *a = rig_peer(rig, 1);
	int i;

	for (i = 0; i < 10; i++)
		learn(rig, a, i);
	ipscsi_peer_set_reverse(a->peer, NULL);
	ipscsi_peer_release_ways(a->peer);
	for (i = 0; i < 50 && READ_ONCE(rig->seg->nfdb); i++)
		msleep(100);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 0);
	KUNIT_EXPECT_NULL(test, lookup(rig, 1));
}

struct race {
	struct rig *rig;
	struct rig_peer *way;
};

static int race_learn(void *data)
{
	struct race *race = data;
	u32 i = 0;

	while (!kthread_should_stop()) {
		learn(race->rig, race->way, i++ % RACE_ADDRESSES);
		cond_resched();
	}
	return 0;
}

/* Two that learn the same addresses, one that forgets them, one that reads */
static void fdb_race(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct race races[2] = {
		{ rig, rig_peer(rig, 1) }, { rig, rig_peer(rig, 2) },
	};
	struct task_struct *task[2];
	unsigned long end;
	u32 i = 0;

	task[0] = kthread_run(race_learn, &races[0], "ipscsi_kunit0");
	task[1] = kthread_run(race_learn, &races[1], "ipscsi_kunit1");
	end = jiffies + msecs_to_jiffies(RACE_MS);
	while (time_before(jiffies, end)) {
		struct ipscsi_peer *peer = lookup(rig, i++ % RACE_ADDRESSES);

		if (peer && peer != races[0].way->peer &&
		    peer != races[1].way->peer)
			KUNIT_FAIL(test, "a peer that is not there");
		if (!(i % 100))
			flush(rig, races[i / 100 % 2].way);
		cond_resched();
	}
	for (i = 0; i < 2; i++)
		if (!IS_ERR(task[i]))
			kthread_stop(task[i]);
	KUNIT_EXPECT_LE(test, rig->seg->nfdb, (unsigned int)RACE_ADDRESSES);
	flush(rig, races[0].way);
	flush(rig, races[1].way);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 0);
}

static struct kunit_case fdb_cases[] = {
	KUNIT_CASE(fdb_learns),
	KUNIT_CASE(fdb_forgets),
	KUNIT_CASE(fdb_is_limited),
	KUNIT_CASE(fdb_operator),
	KUNIT_CASE(fdb_goes_with_its_peer),
	KUNIT_CASE(fdb_race),
	{}
};

struct kunit_suite ipscsi_fdb_suite = {
	.name = "ipscsi_fdb",
	.init = rig_init,
	.exit = rig_exit,
	.test_cases = fdb_cases,
};
