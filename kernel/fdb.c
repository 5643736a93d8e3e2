// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI: addresses that are behind a peer
 *
 * A peer that the operator marked as a bridge sends for others, too. Which of
 * them are behind which peer is learned from what it sends, as a switch does,
 * forgotten after a while, and shown and changed by `bridge fdb`.
 * docs/protocol.md section 7.
 */
#include <linux/jhash.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "ipscsi.h"

#define FDB_AGE		(300 * HZ)	/* IEEE 802.1D's default */
#define FDB_MAX		4096		/* learned addresses of a segment */

/**
 * struct ipscsi_fdb - an address behind a peer
 * @hnode: in seg->fdb; seg->lock, readers under RCU
 * @rcu: for freeing
 * @peer: the peer, with a reference
 * @addr: the address
 * @fixed: the operator made it: does not age
 * @updated: jiffies when it was last learned
 */
struct ipscsi_fdb {
	struct hlist_node hnode;
	struct rcu_head rcu;
	struct ipscsi_peer *peer;
	u8 addr[ETH_ALEN];
	bool fixed;
	unsigned long updated;
};

static struct hlist_head *fdb_bucket(struct ipscsi_seg *seg, const u8 *addr)
{
	return &seg->fdb[jhash(addr, ETH_ALEN, 0) &
			 ((1 << IPSCSI_HASH_BITS) - 1)];
}

static bool fdb_expired(const struct ipscsi_fdb *entry)
{
	return !entry->fixed &&
	       time_after(jiffies, READ_ONCE(entry->updated) + FDB_AGE);
}

static struct ipscsi_fdb *fdb_find(struct ipscsi_seg *seg, const u8 *addr)
{
	struct ipscsi_fdb *entry;

	hlist_for_each_entry_rcu(entry, fdb_bucket(seg, addr), hnode,
				 lockdep_is_held(&seg->lock))
		if (ether_addr_equal(entry->addr, addr))
			return entry;
	return NULL;
}

static void fdb_remove(struct ipscsi_seg *seg, struct ipscsi_fdb *entry)
{
	lockdep_assert_held(&seg->lock);
	hlist_del_rcu(&entry->hnode);
	seg->nfdb--;
	ipscsi_peer_put(entry->peer);
	kfree_rcu(entry, rcu);
}

static int fdb_insert(struct ipscsi_seg *seg, struct ipscsi_peer *peer,
		      const u8 *addr, bool fixed)
{
	struct ipscsi_fdb *entry;

	lockdep_assert_held(&seg->lock);
	if (seg->closing || peer->dead)
		return -ENODEV;
	if (seg->nfdb >= FDB_MAX)
		return -ENOSPC;
	entry = kzalloc(sizeof(*entry), GFP_ATOMIC | __GFP_NOWARN);
	if (!entry)
		return -ENOMEM;
	kobject_get(&peer->kobj);
	entry->peer = peer;
	ether_addr_copy(entry->addr, addr);
	entry->fixed = fixed;
	entry->updated = jiffies;
	hlist_add_head_rcu(&entry->hnode, fdb_bucket(seg, addr));
	seg->nfdb++;
	return 0;
}

/**
 * ipscsi_fdb_lookup - the peer that an address is behind
 * @seg: the segment
 * @addr: the address
 *
 * Context: under rcu_read_lock(); the result is valid as long.
 * Return: the peer, or NULL.
 */
struct ipscsi_peer *ipscsi_fdb_lookup(struct ipscsi_seg *seg, const u8 *addr)
{
	struct ipscsi_fdb *entry = fdb_find(seg, addr);

	if (!entry || fdb_expired(entry) || READ_ONCE(entry->peer->dead))
		return NULL;
	return entry->peer;
}

/**
 * ipscsi_fdb_learn - a frame of that address came from a peer
 * @seg: the segment
 * @peer: the peer, marked as a bridge
 * @addr: the source address of the frame
 *
 * An address that the operator has fixed stays where it is.
 *
 * Context: under rcu_read_lock(), not in hard interrupt; may take seg->lock.
 */
void ipscsi_fdb_learn(struct ipscsi_seg *seg, struct ipscsi_peer *peer,
		      const u8 *addr)
{
	struct ipscsi_fdb *entry = fdb_find(seg, addr);

	if (entry && entry->peer == peer) {
		if (READ_ONCE(entry->updated) != jiffies)
			WRITE_ONCE(entry->updated, jiffies);
		return;
	}
	spin_lock_bh(&seg->lock);
	entry = fdb_find(seg, addr);
	if (READ_ONCE(peer->bridge) &&
	    (!entry || (entry->peer != peer && !entry->fixed))) {
		if (entry)
			fdb_remove(seg, entry);
		fdb_insert(seg, peer, addr, false);
		queue_delayed_work(ipscsi_wq, &seg->work, HZ);
	}
	spin_unlock_bh(&seg->lock);
}

/**
 * ipscsi_fdb_flush - forget addresses
 * @seg: the segment
 * @peer: those behind this peer, or NULL for those that are too old
 *
 * Context: any but hard interrupt; seg->lock held.
 */
void ipscsi_fdb_flush(struct ipscsi_seg *seg, const struct ipscsi_peer *peer)
{
	struct ipscsi_fdb *entry;
	struct hlist_node *next;
	int i;

	lockdep_assert_held(&seg->lock);
	if (!seg->nfdb)
		return;
	for (i = 0; i < ARRAY_SIZE(seg->fdb); i++)
		hlist_for_each_entry_safe(entry, next, &seg->fdb[i], hnode)
			if (peer ? entry->peer == peer : fdb_expired(entry))
				fdb_remove(seg, entry);
}

/* The only peer that is marked as a bridge, or NULL: none, or several */
static struct ipscsi_peer *only_bridge(struct ipscsi_seg *seg)
{
	struct ipscsi_peer *peer, *found = NULL;

	list_for_each_entry(peer, &seg->peers, node) {
		if (!peer->bridge)
			continue;
		if (found)
			return NULL;
		found = peer;
	}
	return found;
}

/* bridge fdb add <address> dev <segment> self */
int ipscsi_fdb_add(struct ndmsg *ndm, struct nlattr *tb[],
		   struct net_device *dev, const unsigned char *addr, u16 vid,
		   u16 flags, struct netlink_ext_ack *extack)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	struct ipscsi_fdb *entry;
	struct ipscsi_peer *peer;
	int err;

	if (vid) {
		NL_SET_ERR_MSG(extack, "Addresses have no VLAN here");
		return -EINVAL;
	}
	if (!is_valid_ether_addr(addr)) {
		NL_SET_ERR_MSG(extack, "Not an address of a host");
		return -EADDRNOTAVAIL;
	}
	spin_lock_bh(&seg->lock);
	entry = fdb_find(seg, addr);
	peer = only_bridge(seg);
	if (entry && flags & NLM_F_EXCL) {
		err = -EEXIST;
	} else if (!peer) {
		NL_SET_ERR_MSG(extack,
			       "Mark exactly one peer as a bridge first: echo 1 > ipscsi/peers/<address>/bridge");
		err = -EINVAL;
	} else {
		if (entry)
			fdb_remove(seg, entry);
		err = fdb_insert(seg, peer, addr, true);
	}
	spin_unlock_bh(&seg->lock);
	return err;
}

/* bridge fdb del <address> dev <segment> self */
int ipscsi_fdb_del(struct ndmsg *ndm, struct nlattr *tb[],
		   struct net_device *dev, const unsigned char *addr, u16 vid,
		   struct netlink_ext_ack *extack)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	struct ipscsi_fdb *entry;

	spin_lock_bh(&seg->lock);
	entry = fdb_find(seg, addr);
	if (entry)
		fdb_remove(seg, entry);
	spin_unlock_bh(&seg->lock);
	return entry ? 0 : -ENOENT;
}

static int fdb_fill(struct sk_buff *skb, struct netlink_callback *cb,
		    struct net_device *dev, const struct ipscsi_fdb *entry)
{
	struct nda_cacheinfo ci = {
		.ndm_updated = jiffies_to_clock_t(jiffies - entry->updated),
	};
	struct nlmsghdr *nlh;
	struct ndmsg *ndm;

	nlh = nlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			RTM_NEWNEIGH, sizeof(*ndm), NLM_F_MULTI);
	if (!nlh)
		return -EMSGSIZE;
	ndm = nlmsg_data(nlh);
	memset(ndm, 0, sizeof(*ndm));
	ndm->ndm_family = AF_BRIDGE;
	ndm->ndm_flags = NTF_SELF;
	ndm->ndm_ifindex = dev->ifindex;
	ndm->ndm_state = entry->fixed ? NUD_PERMANENT : NUD_REACHABLE;
	if (nla_put(skb, NDA_LLADDR, ETH_ALEN, entry->addr) ||
	    nla_put(skb, NDA_CACHEINFO, sizeof(ci), &ci)) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

/* bridge fdb show dev <segment> */
int ipscsi_fdb_dump(struct sk_buff *skb, struct netlink_callback *cb,
		    struct net_device *dev, struct net_device *filter_dev,
		    int *idx)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	struct ipscsi_fdb *entry;
	int err = 0, i;

	rcu_read_lock();
	for (i = 0; i < ARRAY_SIZE(seg->fdb); i++) {
		hlist_for_each_entry_rcu(entry, &seg->fdb[i], hnode) {
			/* where the last message was full, as in vxlan.c */
			if (*idx < cb->args[2]) {
				*idx += 1;
				continue;
			}
			err = fdb_fill(skb, cb, dev, entry);
			if (err)
				goto out;
			*idx += 1;
		}
	}
out:
	rcu_read_unlock();
	return err;
}
