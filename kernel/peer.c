// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI: peers of a segment
 *
 * A peer can appear in any context that may take a spinlock: the target side
 * learns of it while it executes a command. What needs a process (sysfs,
 * carrier) is left to seg->work.
 */
#include <linux/jhash.h>
#include <linux/slab.h>

#include "ipscsi.h"

static struct hlist_head *peer_bucket(struct ipscsi_seg *seg, const u8 *addr)
{
	return &seg->hash[jhash(addr, ETH_ALEN, 0) &
			  ((1 << IPSCSI_HASH_BITS) - 1)];
}

/**
 * ipscsi_peer_find - the peer that has a station address
 * @seg: the segment
 * @addr: station address
 *
 * Context: under rcu_read_lock(); the result is valid as long.
 * Return: the peer, or NULL.
 */
struct ipscsi_peer *ipscsi_peer_find(struct ipscsi_seg *seg, const u8 *addr)
{
	struct ipscsi_peer *peer;

	hlist_for_each_entry_rcu(peer, peer_bucket(seg, addr), hnode,
				 lockdep_is_held(&seg->lock))
		if (ether_addr_equal(peer->addr, addr))
			return peer;
	return NULL;
}
EXPORT_SYMBOL_GPL(ipscsi_peer_find);

/*
 * Queue 0 is that of multicast, and of what nobody is known for: no peer ever
 * stops it, unless the operator wanted a single queue.
 */
static u16 next_queue(struct ipscsi_seg *seg)
{
	u32 n = min_t(u32, IPSCSI_TXQ_COUNT, seg->dev->real_num_tx_queues);

	return n > 1 ? 1 + seg->next_queue++ % (n - 1) : 0;
}

static struct ipscsi_peer *peer_alloc(struct ipscsi_seg *seg, const u8 *addr)
{
	struct ipscsi_peer *peer;
	int cpu;

	peer = kzalloc(sizeof(*peer), GFP_ATOMIC | __GFP_NOWARN);
	if (!peer)
		return NULL;
	peer->stats = alloc_percpu_gfp(struct ipscsi_stats,
				       GFP_ATOMIC | __GFP_NOWARN);
	if (!peer->stats) {
		kfree(peer);
		return NULL;
	}
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(peer->stats, cpu)->sync);
	peer->seg = seg;
	ether_addr_copy(peer->addr, addr);
	peer->base_max = IPSCSI_MESSAGE_MAX;
	peer->cont_max = IPSCSI_MESSAGE_MAX;
	peer->send_max = IPSCSI_MESSAGE_MAX;
	skb_queue_head_init(&peer->txq);
	kobject_init(&peer->kobj, &ipscsi_peer_ktype);
	return peer;
}

/**
 * ipscsi_peer_get - find a peer or make it, and take a reference
 * @seg: the segment
 * @addr: station address
 *
 * Context: any but hard interrupt; takes seg->lock.
 * Return: the peer, to be given back with ipscsi_peer_put(), or NULL: no
 * memory, the segment is closing or full, or @addr is the segment's own.
 */
struct ipscsi_peer *ipscsi_peer_get(struct ipscsi_seg *seg, const u8 *addr)
{
	struct ipscsi_peer *peer;

	if (ether_addr_equal(addr, seg->dev->dev_addr))
		return NULL;

	spin_lock_bh(&seg->lock);
	peer = ipscsi_peer_find(seg, addr);
	if (!peer && !seg->closing && seg->npeers < IPSCSI_PEER_MAX) {
		peer = peer_alloc(seg, addr);
		if (peer) {
			peer->queue = next_queue(seg);
			list_add_tail_rcu(&peer->node, &seg->peers);
			hlist_add_head_rcu(&peer->hnode,
					   peer_bucket(seg, addr));
			seg->npeers++;
			mod_delayed_work(ipscsi_wq, &seg->work, 0);
		}
	}
	if (peer)
		kobject_get(&peer->kobj);
	spin_unlock_bh(&seg->lock);
	return peer;
}
EXPORT_SYMBOL_GPL(ipscsi_peer_get);

/**
 * ipscsi_peer_put - give a reference back
 * @peer: the peer, or NULL
 *
 * Context: any but hard interrupt.
 */
void ipscsi_peer_put(struct ipscsi_peer *peer)
{
	if (peer)
		kobject_put(&peer->kobj);
}
EXPORT_SYMBOL_GPL(ipscsi_peer_put);

/**
 * ipscsi_peer_describe - take over what a peer tells of itself
 * @peer: the peer
 * @desc: its station page or HELLO
 * @safe: checksums may be left out, see ipscsi_self_describe()
 *
 * Context: any but hard interrupt; takes seg->lock.
 */
void ipscsi_peer_describe(struct ipscsi_peer *peer,
			  const struct ipscsi_desc *desc, bool safe)
{
	u16 features = 0;

	rcu_read_lock();
	if (!READ_ONCE(peer->dead)) {
		features = desc->features & READ_ONCE(peer->seg->features);
		spin_lock_bh(&peer->seg->lock);
		strscpy(peer->name, desc->name, sizeof(peer->name));
		spin_unlock_bh(&peer->seg->lock);
	}
	rcu_read_unlock();
	/* a record carries what OFFLOAD has to say */
	if (!safe || !(features & IPSCSI_F_CONTAINER))
		features &= ~IPSCSI_F_OFFLOAD;
	/* RELAY is said of the peer alone, the others need both ends */
	WRITE_ONCE(peer->features, features | (desc->features & IPSCSI_F_RELAY));
	WRITE_ONCE(peer->base_max, max_t(u16, desc->base_max, IPSCSI_MTU_MIN));
	WRITE_ONCE(peer->cont_max, clamp_t(u32, desc->cont_max, IPSCSI_CONT_MIN,
					   IPSCSI_CONT_MAX));
	WRITE_ONCE(peer->hello, true);
}
EXPORT_SYMBOL_GPL(ipscsi_peer_describe);

static void peer_changed(struct ipscsi_peer *peer)
{
	rcu_read_lock();
	if (!READ_ONCE(peer->dead))
		mod_delayed_work(ipscsi_wq, &peer->seg->work, 0);
	rcu_read_unlock();
}

/**
 * ipscsi_peer_claim - make a device the way to a peer, if there is none
 * @peer: the peer
 * @idev: the device; the caller keeps it for an RCU grace period
 *
 * Context: any but hard interrupt; takes seg->lock.
 * Return: false where another device leads there, or the peer is gone.
 */
bool ipscsi_peer_claim(struct ipscsi_peer *peer, struct ipscsi_idev *idev)
{
	struct ipscsi_idev *other;
	bool ours = false;

	rcu_read_lock();
	if (!READ_ONCE(peer->dead)) {
		spin_lock_bh(&peer->seg->lock);
		other = rcu_dereference_protected(peer->idev,
						  lockdep_is_held(&peer->seg->lock));
		ours = !other || other == idev;
		if (ours)
			rcu_assign_pointer(peer->idev, idev);
		spin_unlock_bh(&peer->seg->lock);
	}
	rcu_read_unlock();
	return ours;
}

/**
 * ipscsi_peer_set_idev - say which device leads to a peer
 * @peer: the peer
 * @idev: the device, or NULL; the caller keeps it for an RCU grace period
 *
 * Context: any.
 */
void ipscsi_peer_set_idev(struct ipscsi_peer *peer, struct ipscsi_idev *idev)
{
	rcu_assign_pointer(peer->idev, idev);
	peer_changed(peer);
}

/**
 * ipscsi_peer_set_reverse - say whose GETs lead to a peer
 * @peer: the peer
 * @reverse: the way, or NULL; the caller keeps it for an RCU grace period
 *
 * Context: any.
 */
void ipscsi_peer_set_reverse(struct ipscsi_peer *peer,
			     struct ipscsi_reverse *reverse)
{
	rcu_assign_pointer(peer->reverse, reverse);
	peer_changed(peer);
}
EXPORT_SYMBOL_GPL(ipscsi_peer_set_reverse);

/**
 * ipscsi_peer_set_state - a peer is there, or not
 * @peer: the peer
 * @state: the new state
 *
 * What is queued for a peer that is down is dropped and counted.
 *
 * Context: any but hard interrupt.
 */
void ipscsi_peer_set_state(struct ipscsi_peer *peer,
			   enum ipscsi_peer_state state)
{
	if (READ_ONCE(peer->state) == state)
		return;
	WRITE_ONCE(peer->state, state);
	if (state == IPSCSI_PEER_DOWN)
		ipscsi_peer_purge(peer, IPSCSI_C_TX_PEER_DOWN);
	peer_changed(peer);
}
EXPORT_SYMBOL_GPL(ipscsi_peer_set_state);

/**
 * ipscsi_peer_release_ways - a way to a peer was taken away
 * @peer: the peer
 *
 * A peer without any way is down, and is taken out of the segment soon.
 *
 * Context: any but hard interrupt.
 */
void ipscsi_peer_release_ways(struct ipscsi_peer *peer)
{
	if (rcu_access_pointer(peer->idev) || rcu_access_pointer(peer->reverse))
		return;
	ipscsi_peer_set_state(peer, IPSCSI_PEER_DOWN);
	peer_changed(peer);
}
EXPORT_SYMBOL_GPL(ipscsi_peer_release_ways);

/**
 * ipscsi_peer_sum - add up the counters of a peer
 * @peer: the peer
 * @sum: IPSCSI_C_COUNT values that are added to
 */
void ipscsi_peer_sum(struct ipscsi_peer *peer, u64 *sum)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct ipscsi_stats *stats = per_cpu_ptr(peer->stats, cpu);
		u64 value[IPSCSI_C_COUNT];
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&stats->sync);
			for (i = 0; i < IPSCSI_C_COUNT; i++)
				value[i] = u64_stats_read(&stats->value[i]);
		} while (u64_stats_fetch_retry(&stats->sync, start));
		for (i = 0; i < IPSCSI_C_COUNT; i++)
			sum[i] += value[i];
	}
}

/* Takes a peer out of the lists. The caller then owns the lists' reference */
static void peer_unlink(struct ipscsi_seg *seg, struct ipscsi_peer *peer)
{
	lockdep_assert_held(&seg->lock);
	WRITE_ONCE(peer->dead, true);
	list_del_rcu(&peer->node);
	hlist_del_rcu(&peer->hnode);
	ipscsi_fdb_flush(seg, peer);
	seg->npeers--;
	/* first, so that the sum has what is dropped here */
	ipscsi_peer_purge(peer, IPSCSI_C_TX_PEER_DOWN);
	ipscsi_peer_sum(peer, seg->gone);
}

static void peer_bury(struct ipscsi_peer *peer)
{
	ipscsi_peer_purge(peer, IPSCSI_C_TX_PEER_DOWN);
	if (peer->kobj.state_in_sysfs)
		kobject_del(&peer->kobj);
	ipscsi_peer_put(peer);
}

/*
 * Takes out the peers that nothing leads to any more. Who made a peer and has
 * not yet said what leads there holds a reference: it is looked at again
 * later. A bus can make many: a grace period for each would take too long.
 */
static void bury_lonely(struct ipscsi_seg *seg)
{
	struct ipscsi_peer *peer, *next, *lonely[32];
	unsigned int i, n;

	do {
		n = 0;
		spin_lock_bh(&seg->lock);
		list_for_each_entry_safe(peer, next, &seg->peers, node) {
			if (rcu_access_pointer(peer->idev) ||
			    rcu_access_pointer(peer->reverse))
				continue;
			ipscsi_fdb_flush(seg, peer);
			if (kref_read(&peer->kobj.kref) > 1) {
				queue_delayed_work(ipscsi_wq, &seg->work,
						   HZ / 10);
				continue;
			}
			peer_unlink(seg, peer);
			lonely[n++] = peer;
			if (n == ARRAY_SIZE(lonely))
				break;
		}
		spin_unlock_bh(&seg->lock);
		if (!n)
			return;
		synchronize_net();
		for (i = 0; i < n; i++) {
			netdev_dbg(seg->dev, "peer %pM goes\n",
				   lonely[i]->addr);
			peer_bury(lonely[i]);
		}
	} while (n == ARRAY_SIZE(lonely));
}

/* A peer that user space does not know yet as it is, with a reference */
static struct ipscsi_peer *peer_to_tell(struct ipscsi_seg *seg)
{
	struct ipscsi_peer *peer;

	spin_lock_bh(&seg->lock);
	list_for_each_entry(peer, &seg->peers, node) {
		if (!peer->in_sysfs || peer->told != READ_ONCE(peer->state)) {
			kobject_get(&peer->kobj);
			spin_unlock_bh(&seg->lock);
			return peer;
		}
	}
	spin_unlock_bh(&seg->lock);
	return NULL;
}

/* To user space: a uevent when a peer comes, goes up or down (and goes) */
static void peer_tell(struct ipscsi_seg *seg, struct ipscsi_peer *peer)
{
	enum ipscsi_peer_state state = READ_ONCE(peer->state);
	char interface[IFNAMSIZ + 16], address[32];
	char *env[] = {
		interface, address,
		state == IPSCSI_PEER_UP ? "STATE=up" : "STATE=down", NULL,
	};
	bool first = !peer->in_sysfs;

	peer->in_sysfs = true;
	peer->told = state;
	peer->kobj.kset = seg->peers_kset;
	if (first && seg->peers_kset &&
	    kobject_add(&peer->kobj, NULL, "%pM", peer->addr))
		netdev_warn(seg->dev, "peer %pM: cannot be shown in sysfs\n",
			    peer->addr);
	if (!peer->kobj.state_in_sysfs)
		return;
	snprintf(interface, sizeof(interface), "INTERFACE=%s", seg->dev->name);
	snprintf(address, sizeof(address), "PEER=%pM", peer->addr);
	kobject_uevent_env(&peer->kobj, first ? KOBJ_ADD : KOBJ_CHANGE, env);
}

/**
 * ipscsi_seg_work - bring sysfs and the carrier to what the peers are
 * @work: seg->work
 *
 * Context: process. Cancelled by ipscsi_seg_drop_peers().
 */
void ipscsi_seg_work(struct work_struct *work)
{
	struct ipscsi_seg *seg = container_of(work, struct ipscsi_seg,
					      work.work);
	struct ipscsi_peer *peer;
	bool up = false;

	ipscsi_seg_tell_senders(seg);
	bury_lonely(seg);
	while ((peer = peer_to_tell(seg))) {
		peer_tell(seg, peer);
		ipscsi_peer_put(peer);
	}

	spin_lock_bh(&seg->lock);
	ipscsi_fdb_flush(seg, NULL);
	if (seg->nfdb)
		queue_delayed_work(ipscsi_wq, &seg->work, 60 * HZ);
	spin_unlock_bh(&seg->lock);

	rcu_read_lock();
	list_for_each_entry_rcu(peer, &seg->peers, node)
		up |= READ_ONCE(peer->state) == IPSCSI_PEER_UP;
	rcu_read_unlock();
	if (up && !READ_ONCE(seg->unplugged))
		netif_carrier_on(seg->dev);
	else
		netif_carrier_off(seg->dev);
}

/**
 * ipscsi_seg_drop_peers - take all peers out, the segment goes
 * @seg: the segment; no new peer can be made from here on
 *
 * Context: process, RTNL held.
 */
void ipscsi_seg_drop_peers(struct ipscsi_seg *seg)
{
	struct ipscsi_peer *peer;

	spin_lock_bh(&seg->lock);
	seg->closing = true;
	spin_unlock_bh(&seg->lock);
	cancel_delayed_work_sync(&seg->work);

	for (;;) {
		spin_lock_bh(&seg->lock);
		peer = list_first_entry_or_null(&seg->peers,
						struct ipscsi_peer, node);
		if (peer)
			peer_unlink(seg, peer);
		spin_unlock_bh(&seg->lock);
		if (!peer)
			break;
		peer_bury(peer);
	}
	/* who still looks at peer->seg does so under RCU */
	synchronize_net();
	cancel_delayed_work_sync(&seg->work);
	/* nothing is sent any more; they hold routes, and so the device */
	skb_queue_purge(&seg->too_long);
}
