// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI: the net device, and the way of a frame to a peer
 *
 * ndo_start_xmit only puts frames on the queues of peers. It must not submit
 * a SCSI command: it runs with bottom halves off, where blk-mq's locks and
 * plug may not be used, and where 6.12 warns of it. A worker per device
 * (io.c) takes the frames from there, or the GETs that the peer left with us
 * (target.c).
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/jiffies.h>
#include <net/arp.h>
#include <net/dst.h>
#include <net/icmp.h>
#include <net/sock.h>

#include "ipscsi.h"
#include "trace.h"

/*
 * A peer that is reached through its GETs, and asks by none, may or may not
 * come. So its queue is short, keeps the newest, forgets after a while, and
 * never stops a net device queue: a station that only sends would stop others.
 */
#define LAZY_TXQ_PACKETS	64
#define LAZY_TXQ_AGE		(10 * HZ)
#define LAZY_AFTER		(4 * HZ)	/* since the last GET */
#define TXQ_PATIENCE		HZ		/* on its sender's account */

static bool peer_is_lazy(struct ipscsi_peer *peer)
{
	struct ipscsi_reverse *reverse;

	if (ipscsi_peer_sends(peer))
		return false;
	reverse = rcu_dereference(peer->reverse);
	return !reverse || (!atomic_read(&reverse->held) &&
			    (!READ_ONCE(reverse->get_seen) ||
			     time_after(jiffies, READ_ONCE(reverse->last_get) +
						 LAZY_AFTER)));
}

/*
 * A frame that may wait for long must hold nothing of its sender's: not the
 * room in a socket (ICMP has one a processor, for the whole machine), nor an
 * entry of connection tracking, nor a program's memory.
 * Return: false without memory.
 */
static bool hold_nothing(struct sk_buff *skb)
{
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC))
		return false;
	skb_orphan(skb);
	nf_reset_ct(skb);
	return true;
}

/*
 * TCP keeps about 1 ms of data below it (sk_pacing_shift 10), and a frame
 * counts until its SEND is over: with some 10 ms a command through a real
 * adapter that is far too little. 16 ms, as wireless drivers do.
 */
#define PACING_SHIFT		6

const char ipscsi_counter_names[IPSCSI_C_COUNT][ETH_GSTRING_LEN] = {
	"rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "rx_messages",
	"tx_messages", "rx_null", "tx_null", "rx_malformed", "rx_forged",
	"rx_nomem", "rx_down", "rx_reordered", "tx_no_peer", "tx_peer_down",
	"tx_queue_full", "tx_no_ext", "tx_too_big", "tx_nomem", "tx_failed",
	"get_failed", "unit_attention", "timeout", "retries", "relayed",
};

/* On which bare stream a frame may go, by what is in it; else IPSCSI_BARE_STREAMS */
static u8 bare_class(const struct sk_buff *skb)
{
	switch (((const struct ethhdr *)skb->data)->h_proto) {
	case htons(ETH_P_IP):
		return ipscsi_bare_index(IPSCSI_STREAM_IPV4);
	case htons(ETH_P_ARP):
		return ipscsi_bare_index(IPSCSI_STREAM_ARP);
	case htons(ETH_P_IPV6):
		return ipscsi_bare_index(IPSCSI_STREAM_IPV6);
	}
	return IPSCSI_BARE_STREAMS;
}

static void txq_add(struct ipscsi_peer *peer, struct sk_buff *skb)
{
	struct ipscsi_cb *cb = ipscsi_cb(skb);

	lockdep_assert_held(&peer->txq.lock);
	cb->queued = jiffies;
	cb->bare = bare_class(skb);
	__skb_queue_tail(&peer->txq, skb);
	peer->txq_bytes += skb->len;
	peer->txq_bare[cb->bare]++;
}

static void txq_remove(struct ipscsi_peer *peer, struct sk_buff *skb)
{
	lockdep_assert_held(&peer->txq.lock);
	__skb_unlink(skb, &peer->txq);
	peer->txq_bytes -= skb->len;
	peer->txq_bare[ipscsi_cb(skb)->bare]--;
}

/* Call with txq.lock held: that orders the stop and the wake-up of a queue */
static void txq_wake(struct ipscsi_peer *peer)
{
	if (!peer->stopped || peer->txq_bytes > IPSCSI_TXQ_BYTES / 2 ||
	    skb_queue_len(&peer->txq) > IPSCSI_TXQ_PACKETS / 2)
		return;
	peer->stopped = false;
	rcu_read_lock();
	/* peer_bury() purges under a segment that is still there */
	if (atomic_dec_and_test(&peer->seg->stopped[peer->queue]) &&
	    netif_running(peer->seg->dev))
		netif_tx_wake_queue(netdev_get_tx_queue(peer->seg->dev,
							peer->queue));
	rcu_read_unlock();
}

/* The reasons that the stack knows; the counter says it more exactly */
static enum skb_drop_reason drop_reason(enum ipscsi_counter counter)
{
	switch (counter) {
	case IPSCSI_C_TX_QUEUE_FULL:
		return SKB_DROP_REASON_FULL_RING;
	case IPSCSI_C_TX_NOMEM:
	case IPSCSI_C_RX_NOMEM:
		return SKB_DROP_REASON_NOMEM;
	case IPSCSI_C_RX_MALFORMED:
		return SKB_DROP_REASON_HDR_TRUNC;
	case IPSCSI_C_RX_DOWN:
	case IPSCSI_C_TX_PEER_DOWN:
		return SKB_DROP_REASON_DEV_READY;
	case IPSCSI_C_TX_TOO_BIG:
		return SKB_DROP_REASON_PKT_TOO_BIG;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}

/**
 * ipscsi_drop - lose a packet, and say so: counter, tracepoint, drop reason
 * @peer: whose it is
 * @skb: the packet
 * @reason: the counter
 *
 * Context: any but hard interrupt.
 */
void ipscsi_drop(struct ipscsi_peer *peer, struct sk_buff *skb,
		 enum ipscsi_counter reason)
{
	ipscsi_count(peer, reason, 1);
	trace_ipscsi_drop(peer->addr, ipscsi_counter_names[reason], skb->len);
	kfree_skb_reason(skb, drop_reason(reason));
}
EXPORT_SYMBOL_GPL(ipscsi_drop);

/**
 * ipscsi_peer_queue - hand a frame to a peer
 * @peer: where it goes
 * @skb: an Ethernet frame, taken over; skb->data is its header
 *
 * Above the limit of its queue the net device queue of the peer stops. What
 * then still comes (from other queues, or relayed) is dropped and counted
 * from twice the limit on.
 *
 * Context: under rcu_read_lock(), not in hard interrupt. Takes txq.lock, and
 * a LUN's lock where the peer leaves GETs with us.
 */
void ipscsi_peer_queue(struct ipscsi_peer *peer, struct sk_buff *skb)
{
	struct ipscsi_reverse *reverse;
	struct ipscsi_idev *idev;
	struct sk_buff_head old;
	struct sk_buff *first;
	unsigned int len = skb->len;
	bool lazy;

	if (READ_ONCE(peer->state) != IPSCSI_PEER_UP) {
		ipscsi_drop(peer, skb, IPSCSI_C_TX_PEER_DOWN);
		return;
	}
	idev = ipscsi_peer_sends(peer) ? rcu_dereference(peer->idev) : NULL;
	lazy = peer_is_lazy(peer);
	if (lazy && !hold_nothing(skb)) {
		ipscsi_drop(peer, skb, IPSCSI_C_TX_NOMEM);
		return;
	}
	__skb_queue_head_init(&old);

	spin_lock_bh(&peer->txq.lock);
	while (lazy && (skb_queue_len(&peer->txq) >= LAZY_TXQ_PACKETS ||
			peer->txq_bytes > IPSCSI_TXQ_BYTES)) {
		first = skb_peek(&peer->txq);
		txq_remove(peer, first);
		__skb_queue_tail(&old, first);
	}
	if (peer->txq_bytes > 2 * IPSCSI_TXQ_BYTES ||
	    skb_queue_len(&peer->txq) > 2 * IPSCSI_TXQ_PACKETS) {
		spin_unlock_bh(&peer->txq.lock);
		ipscsi_drop(peer, skb, IPSCSI_C_TX_QUEUE_FULL);
		return;
	}
	txq_add(peer, skb);
	trace_ipscsi_queue(peer->addr, skb->len, skb_queue_len(&peer->txq));
	if (!lazy && !READ_ONCE(peer->dead) &&
	    (peer->txq_bytes > IPSCSI_TXQ_BYTES ||
	     skb_queue_len(&peer->txq) > IPSCSI_TXQ_PACKETS)) {
		if (!peer->stopped) {
			atomic_inc(&peer->seg->stopped[peer->queue]);
			WRITE_ONCE(peer->moved, jiffies);
		}
		peer->stopped = true;
		netif_tx_stop_queue(netdev_get_tx_queue(peer->seg->dev,
							peer->queue));
	}
	spin_unlock_bh(&peer->txq.lock);
	while ((first = __skb_dequeue(&old)))
		ipscsi_drop(peer, first, IPSCSI_C_TX_QUEUE_FULL);

	if (idev) {
		ipscsi_idev_send(idev, peer, len);
		return;
	}
	reverse = rcu_dereference(peer->reverse);
	if (reverse) {
		local_bh_disable();
		reverse->kick(reverse);
		local_bh_enable();
	}
}

/**
 * ipscsi_peer_dequeue - take the next frame for a peer
 * @peer: the peer
 * @max: longest frame to take, bytes; a longer one stays
 * @stream: take only what goes on this bare stream, or -1 for the first frame
 *
 * Context: any but hard interrupt; takes txq.lock.
 * Return: the frame, or NULL.
 */
struct sk_buff *ipscsi_peer_dequeue(struct ipscsi_peer *peer, u32 max,
				    int stream)
{
	bool forget = !ipscsi_peer_sends(peer);
	struct sk_buff *skb, *next, *found = NULL;
	struct sk_buff_head old;
	u32 pull;
	u16 s;

	__skb_queue_head_init(&old);
	spin_lock_bh(&peer->txq.lock);
	/* mostly so for ARP: GETs for it wait beside a full queue of others */
	if (stream >= 0 && !peer->txq_bare[ipscsi_bare_index(stream)]) {
		spin_unlock_bh(&peer->txq.lock);
		return NULL;
	}
	skb_queue_walk_safe(&peer->txq, skb, next) {
		if (forget && time_after(jiffies, ipscsi_cb(skb)->queued +
						  LAZY_TXQ_AGE)) {
			txq_remove(peer, skb);
			__skb_queue_tail(&old, skb);
			continue;
		}
		if (stream >= 0 &&
		    (ipscsi_frame_stream(peer, skb, &s, &pull) || s != stream))
			continue;
		if (skb->len <= max) {
			found = skb;
			txq_remove(peer, skb);
			WRITE_ONCE(peer->moved, jiffies);
		}
		break;
	}
	/* also where frames were only forgotten: nobody else would */
	txq_wake(peer);
	spin_unlock_bh(&peer->txq.lock);
	while ((skb = __skb_dequeue(&old)))
		ipscsi_drop(peer, skb, IPSCSI_C_TX_PEER_DOWN);
	return found;
}
EXPORT_SYMBOL_GPL(ipscsi_peer_dequeue);

/**
 * ipscsi_peer_age - what time does to the frames that wait for a peer
 * @peer: the peer
 *
 * Where only its GETs lead to a peer, and it sends none, nobody comes for
 * them: those that are too old are dropped and counted, the others wait on
 * nobody's account any more. To be called a few times a second.
 *
 * Context: any but hard interrupt; takes txq.lock.
 */
void ipscsi_peer_age(struct ipscsi_peer *peer)
{
	struct sk_buff *skb, *next;
	struct sk_buff_head old;
	bool lazy;

	if (ipscsi_peer_sends(peer) || skb_queue_empty_lockless(&peer->txq))
		return;
	rcu_read_lock();
	lazy = peer_is_lazy(peer);
	rcu_read_unlock();
	__skb_queue_head_init(&old);
	spin_lock_bh(&peer->txq.lock);
	skb_queue_walk_safe(&peer->txq, skb, next) {
		unsigned long queued = ipscsi_cb(skb)->queued;

		if (time_after(jiffies, queued + LAZY_TXQ_AGE)) {
			txq_remove(peer, skb);
			__skb_queue_tail(&old, skb);
		} else if (lazy || time_after(jiffies, queued + TXQ_PATIENCE)) {
			/* without memory the next time will do */
			hold_nothing(skb);
		} else {
			break;	/* they are in order */
		}
	}
	txq_wake(peer);
	spin_unlock_bh(&peer->txq.lock);
	while ((skb = __skb_dequeue(&old)))
		ipscsi_drop(peer, skb, IPSCSI_C_TX_PEER_DOWN);
}
EXPORT_SYMBOL_GPL(ipscsi_peer_age);

/**
 * ipscsi_peer_purge - drop and count what waits for a peer
 * @peer: the peer
 * @reason: the counter
 *
 * Context: any but hard interrupt; takes txq.lock.
 */
void ipscsi_peer_purge(struct ipscsi_peer *peer, enum ipscsi_counter reason)
{
	struct sk_buff_head old;
	struct sk_buff *skb;

	__skb_queue_head_init(&old);
	spin_lock_bh(&peer->txq.lock);
	skb_queue_splice_init(&peer->txq, &old);
	peer->txq_bytes = 0;
	memset(peer->txq_bare, 0, sizeof(peer->txq_bare));
	txq_wake(peer);
	spin_unlock_bh(&peer->txq.lock);
	while ((skb = __skb_dequeue(&old)))
		ipscsi_drop(peer, skb, reason);
}
EXPORT_SYMBOL_GPL(ipscsi_peer_purge);

/* A broadcast that base_destination() in rx.c restores from the datagram */
static bool bare_broadcast(const struct sk_buff *skb)
{
	const struct ethhdr *eth = (const struct ethhdr *)skb->data;

	if (!is_broadcast_ether_addr(eth->h_dest))
		return false;
	if (eth->h_proto == htons(ETH_P_ARP))
		return skb_headlen(skb) >= ETH_HLEN + IPSCSI_ARP_LEN &&
		       ((const struct arphdr *)(eth + 1))->ar_op ==
		       htons(ARPOP_REQUEST);
	return eth->h_proto == htons(ETH_P_IP) &&
	       skb_headlen(skb) >= ETH_HLEN + sizeof(struct iphdr) &&
	       ipv4_is_lbcast(((const struct iphdr *)(eth + 1))->daddr);
}

/**
 * ipscsi_frame_stream - on which stream a frame goes to a peer
 * @peer: the peer
 * @skb: an Ethernet frame; skb->data is its header
 * @stream: result: the stream
 * @pull: result: bytes of the frame that are not part of the message
 *
 * docs/protocol.md sections 1 and 3: what is from our own address and for
 * the peer is a bare datagram, and so are those broadcasts that a receiver
 * knows for such. All else travels as a whole frame, which the peer must know. A relay to a base station loses the
 * source address, which RFC 2143 has no place for.
 *
 * Return: 0, or -EPROTONOSUPPORT: the peer has no EXT.
 */
int ipscsi_frame_stream(const struct ipscsi_peer *peer,
			const struct sk_buff *skb, u16 *stream, u32 *pull)
{
	const struct ethhdr *eth = (const struct ethhdr *)skb->data;
	bool ext = READ_ONCE(peer->features) & IPSCSI_F_EXT;
	u16 proto = ntohs(eth->h_proto);

	*pull = ETH_HLEN;
	if (ext && (!ether_addr_equal(eth->h_source, peer->seg->dev->dev_addr) ||
		    (!ether_addr_equal(eth->h_dest, peer->addr) &&
		     !bare_broadcast(skb)))) {
		*pull = 0;
		*stream = IPSCSI_STREAM_ETHERNET;
		return 0;
	}
	switch (proto) {
	case ETH_P_IP:
		*stream = IPSCSI_STREAM_IPV4;
		return 0;
	case ETH_P_ARP:
		*stream = IPSCSI_STREAM_ARP;
		return 0;
	case ETH_P_IPV6:
		*stream = IPSCSI_STREAM_IPV6;
		return 0;
	}
	if (!ext)
		return -EPROTONOSUPPORT;
	/* VLAN tags, 802.3 lengths and our own types need the whole frame */
	if (proto < IPSCSI_STREAM_EXT_MIN || proto == IPSCSI_STREAM_CONTROL ||
	    proto == IPSCSI_STREAM_CONTAINER ||
	    proto == IPSCSI_STREAM_ETHERNET || eth_type_vlan(eth->h_proto)) {
		*pull = 0;
		*stream = IPSCSI_STREAM_ETHERNET;
		return 0;
	}
	*stream = proto;
	return 0;
}
EXPORT_SYMBOL_GPL(ipscsi_frame_stream);

/*
 * A base station need not know of ARP at all. Where it has sent a datagram
 * from the address that is asked for, we know the answer ourselves.
 */
static bool answer_arp_for_base(struct ipscsi_seg *seg,
				struct ipscsi_peer *peer,
				const struct sk_buff *skb)
{
	const struct arphdr *arp;
	const u8 *sha;
	__be32 sip, tip;
	struct sk_buff *reply;

	if (READ_ONCE(peer->hello) || !READ_ONCE(peer->arp_ip) ||
	    skb_headlen(skb) < ETH_HLEN + IPSCSI_ARP_LEN ||
	    ((const struct ethhdr *)skb->data)->h_proto != htons(ETH_P_ARP))
		return false;
	arp = (const struct arphdr *)(skb->data + ETH_HLEN);
	sha = (const u8 *)(arp + 1);
	memcpy(&sip, sha + ETH_ALEN, sizeof(sip));
	memcpy(&tip, sha + 2 * ETH_ALEN + sizeof(sip), sizeof(tip));
	if (arp->ar_op != htons(ARPOP_REQUEST) ||
	    tip != READ_ONCE(peer->arp_ip) || tip == sip)
		return false;
	reply = arp_create(ARPOP_REPLY, ETH_P_ARP, sip, seg->dev, tip, sha,
			   peer->addr, sha);
	if (!reply)
		return false;
	skb_reset_mac_header(reply);
	__skb_pull(reply, ETH_HLEN);
	reply->ip_summed = CHECKSUM_UNNECESSARY;
	reply->pkt_type = PACKET_HOST;
	netif_rx(reply);
	return true;
}

/* RFC 2143 section 4: a broadcast is one SEND to every peer in turn */
static void xmit_to_all(struct ipscsi_seg *seg, struct sk_buff *skb)
{
	struct ipscsi_peer *peer;
	bool any = false;

	list_for_each_entry_rcu(peer, &seg->peers, node) {
		struct sk_buff *copy;

		if (READ_ONCE(peer->state) != IPSCSI_PEER_UP)
			continue;
		any = true;
		if (answer_arp_for_base(seg, peer, skb))
			continue;
		copy = skb_clone(skb, GFP_ATOMIC);
		if (copy)
			ipscsi_peer_queue(peer, copy);
		else
			ipscsi_count(peer, IPSCSI_C_TX_NOMEM, 1);
	}
	if (!any)
		atomic64_inc(&seg->tx_drops);
	consume_skb(skb);
}

/* The hub that takes what is for other stations: docs/protocol.md section 7 */
static struct ipscsi_peer *find_relay(struct ipscsi_seg *seg)
{
	struct ipscsi_peer *peer;

	list_for_each_entry_rcu(peer, &seg->peers, node)
		if (rcu_access_pointer(peer->idev) &&
		    READ_ONCE(peer->state) == IPSCSI_PEER_UP &&
		    READ_ONCE(peer->features) & IPSCSI_F_RELAY &&
		    READ_ONCE(peer->features) & IPSCSI_F_EXT)
			return peer;
	return NULL;
}

/* Where a frame goes. Return: NULL, and the frame is for all, or for nobody */
static struct ipscsi_peer *find_way(struct ipscsi_seg *seg, const u8 *dest)
{
	struct ipscsi_peer *peer = ipscsi_peer_find(seg, dest);

	if (!peer && seg->nfdb)
		peer = ipscsi_fdb_lookup(seg, dest);
	return peer ?: find_relay(seg);
}

/* As a switch does with an address that it has not seen: to all bridges */
static bool xmit_unknown(struct ipscsi_seg *seg, struct sk_buff *skb)
{
	struct ipscsi_peer *peer, *last = NULL;
	struct sk_buff *copy;

	list_for_each_entry_rcu(peer, &seg->peers, node) {
		if (!READ_ONCE(peer->bridge) ||
		    READ_ONCE(peer->state) != IPSCSI_PEER_UP)
			continue;
		copy = last ? skb_clone(skb, GFP_ATOMIC) : NULL;
		if (copy)
			ipscsi_peer_queue(last, copy);
		else if (last)
			ipscsi_count(last, IPSCSI_C_TX_NOMEM, 1);
		last = peer;
	}
	if (last)
		ipscsi_peer_queue(last, skb);
	return last;
}

/*
 * The longest message of a frame's kind that goes to a peer now, bytes. Where
 * only its GETs lead there, it is what the last one had room for. Call under
 * rcu_read_lock().
 */
static u32 longest_message(const struct ipscsi_peer *peer,
			   const struct sk_buff *skb)
{
	u16 features = READ_ONCE(peer->features);
	const struct ipscsi_reverse *reverse;
	u32 room = 0;

	if (ipscsi_peer_sends(peer)) {
		room = READ_ONCE(peer->send_max);
		/* what is left to the receiver needs a record */
		if (features & IPSCSI_F_OFFLOAD)
			room = min(room, READ_ONCE(peer->cont_max)) -
			       IPSCSI_CONT_ONE;
		return min_t(u32, room, READ_ONCE(peer->base_max));
	}
	reverse = rcu_dereference(peer->reverse);
	if (reverse)
		room = READ_ONCE(reverse->room[features & IPSCSI_F_CONTAINER ?
					       IPSCSI_BARE_STREAMS :
					       bare_class(skb)]);
	/* less is no station's: the next GET may have more */
	return room >= IPSCSI_MTU_MIN ? room : IPSCSI_MESSAGE_MAX;
}

#define TOO_LONG_MAX	16	/* packets that wait for seg->work */

/*
 * Drops a packet that is longer than the way to its peer takes, though not
 * longer than the MTU. Its sender is told (RFC 1191, RFC 8201) by seg->work:
 * the answer may have to go out by the very queue that we are called from.
 * Return: whether it was too long.
 */
static bool drop_too_long(struct ipscsi_seg *seg, struct ipscsi_peer *peer,
			  struct sk_buff *skb)
{
	u32 max = longest_message(peer, skb), pull;
	u16 stream;

	/* nearly always, whatever its headers */
	if (likely(skb->len <= max))
		return false;
	if (ipscsi_frame_stream(peer, skb, &stream, &pull) ||
	    skb->len - pull <= max)
		return false;
	if (skb_dst(skb) && skb_queue_len_lockless(&seg->too_long) < TOO_LONG_MAX) {
		ipscsi_count(peer, IPSCSI_C_TX_TOO_BIG, 1);
		trace_ipscsi_drop(peer->addr,
				  ipscsi_counter_names[IPSCSI_C_TX_TOO_BIG],
				  skb->len);
		ipscsi_cb(skb)->mtu = max + pull - skb_network_offset(skb);
		skb_orphan(skb);
		skb_queue_tail(&seg->too_long, skb);
		mod_delayed_work(ipscsi_wq, &seg->work, 0);
	} else {
		ipscsi_drop(peer, skb, IPSCSI_C_TX_TOO_BIG);
	}
	return true;
}

/**
 * ipscsi_seg_tell_senders - say of packets that they were too long for a peer
 * @seg: the segment
 *
 * The route remembers it, too, so that what comes next is cut up.
 *
 * Context: process.
 */
void ipscsi_seg_tell_senders(struct ipscsi_seg *seg)
{
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&seg->too_long))) {
		int mtu = ipscsi_cb(skb)->mtu;

		local_bh_disable();
		if (vlan_get_protocol(skb) == htons(ETH_P_IP) &&
		    mtu >= IPSCSI_MTU_MIN) {
			skb_dst_update_pmtu_no_confirm(skb, mtu);
			icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
				      htonl(mtu));
#if IS_ENABLED(CONFIG_IPV6)
		} else if (vlan_get_protocol(skb) == htons(ETH_P_IPV6) &&
			   mtu >= IPV6_MIN_MTU) {
			skb_dst_update_pmtu_no_confirm(skb, mtu);
			icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
#endif
		}
		local_bh_enable();
		kfree_skb_reason(skb, SKB_DROP_REASON_PKT_TOO_BIG);
	}
}

static netdev_tx_t ipscsi_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	struct ipscsi_peer *peer;

	if (!pskb_may_pull(skb, ETH_HLEN)) {
		atomic64_inc(&seg->tx_drops);
		dev_kfree_skb_any(skb);
		return NETDEV_TX_OK;
	}
	skb_tx_timestamp(skb);
	sk_pacing_shift_update(skb->sk, PACING_SHIFT);

	rcu_read_lock();
	if (is_multicast_ether_addr(skb->data)) {
		skb_dst_drop(skb);
		xmit_to_all(seg, skb);
	} else {
		peer = find_way(seg, skb->data);
		if (peer && drop_too_long(seg, peer, skb)) {
			rcu_read_unlock();
			return NETDEV_TX_OK;
		}
		skb_dst_drop(skb);
		if (peer) {
			ipscsi_peer_queue(peer, skb);
		} else if (!xmit_unknown(seg, skb)) {
			atomic64_inc(&seg->tx_drops);
			dev_kfree_skb_any(skb);
		}
	}
	rcu_read_unlock();
	return NETDEV_TX_OK;
}

/*
 * Every peer has one net device queue, so that one peer stops only that, and
 * what goes to it by way of a bridge or a relay takes the same
 */
static u16 ipscsi_select_queue(struct net_device *dev, struct sk_buff *skb,
			       struct net_device *sb_dev)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	struct ipscsi_peer *peer;
	u16 queue = 0;

	if (skb_headlen(skb) < ETH_HLEN || is_multicast_ether_addr(skb->data))
		return 0;
	rcu_read_lock();
	peer = find_way(seg, skb->data);
	if (peer)
		queue = peer->queue;
	rcu_read_unlock();
	return queue;
}

/* A super-packet is only for a peer that can cut it up */
static netdev_features_t ipscsi_features_check(struct sk_buff *skb,
					       struct net_device *dev,
					       netdev_features_t features)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	struct ipscsi_peer *peer;
	bool offload = false;

	if (!skb_is_gso(skb))
		return features;
	rcu_read_lock();
	peer = find_way(seg, skb->data);
	if (peer)
		offload = READ_ONCE(peer->features) & IPSCSI_F_OFFLOAD &&
			  skb->len <= longest_message(peer, skb);
	rcu_read_unlock();
	if (!offload || skb->encapsulation)
		features &= ~NETIF_F_GSO_MASK;
	return vlan_features_check(skb, features);
}

static int ipscsi_open(struct net_device *dev)
{
	netif_tx_start_all_queues(dev);
	return 0;
}

static int ipscsi_stop(struct net_device *dev)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	struct ipscsi_peer *peer;

	netif_tx_stop_all_queues(dev);
	rcu_read_lock();
	list_for_each_entry_rcu(peer, &seg->peers, node)
		ipscsi_peer_purge(peer, IPSCSI_C_TX_PEER_DOWN);
	rcu_read_unlock();
	return 0;
}

/**
 * ipscsi_seg_count - add up the counters of a segment
 * @seg: the segment
 * @sum: result, IPSCSI_C_COUNT values
 *
 * Context: any but hard interrupt; takes seg->lock.
 */
void ipscsi_seg_count(struct ipscsi_seg *seg, u64 *sum)
{
	struct ipscsi_peer *peer;

	spin_lock_bh(&seg->lock);
	memcpy(sum, seg->gone, sizeof(seg->gone));
	list_for_each_entry(peer, &seg->peers, node)
		ipscsi_peer_sum(peer, sum);
	spin_unlock_bh(&seg->lock);
	sum[IPSCSI_C_TX_NO_PEER] += atomic64_read(&seg->tx_drops);
}

static void ipscsi_get_stats64(struct net_device *dev,
			       struct rtnl_link_stats64 *stats)
{
	u64 c[IPSCSI_C_COUNT];

	ipscsi_seg_count(netdev_priv(dev), c);
	stats->rx_packets = c[IPSCSI_C_RX_PACKETS];
	stats->rx_bytes = c[IPSCSI_C_RX_BYTES];
	stats->tx_packets = c[IPSCSI_C_TX_PACKETS];
	stats->tx_bytes = c[IPSCSI_C_TX_BYTES];
	stats->rx_errors = c[IPSCSI_C_RX_MALFORMED] + c[IPSCSI_C_RX_FORGED] +
			   c[IPSCSI_C_GET_FAILED];
	stats->rx_dropped = c[IPSCSI_C_RX_NOMEM] + c[IPSCSI_C_RX_DOWN];
	stats->tx_errors = c[IPSCSI_C_TX_FAILED] + c[IPSCSI_C_TX_TOO_BIG] +
			   c[IPSCSI_C_TX_NO_EXT];
	stats->tx_dropped = c[IPSCSI_C_TX_NO_PEER] + c[IPSCSI_C_TX_PEER_DOWN] +
			    c[IPSCSI_C_TX_QUEUE_FULL] + c[IPSCSI_C_TX_NOMEM];
}

/*
 * Stations know a hub by its address, and need not ask again: so it stays as
 * it is while there are any. A station tells its hub.
 */
static int ipscsi_set_mac_address(struct net_device *dev, void *addr)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	struct ipscsi_peer *peer;
	bool hub = false;
	int err;

	rcu_read_lock();
	list_for_each_entry_rcu(peer, &seg->peers, node)
		hub |= !!rcu_access_pointer(peer->reverse);
	rcu_read_unlock();
	if (hub) {
		netdev_warn(dev,
			    "stations are attached: the address cannot be changed now\n");
		return -EBUSY;
	}
	err = eth_mac_addr(dev, addr);
	if (!err)
		ipscsi_idev_say_hello(seg);
	return err;
}

static int ipscsi_change_mtu(struct net_device *dev, int mtu)
{
	struct ipscsi_seg *seg = netdev_priv(dev);

	WRITE_ONCE(dev->mtu, mtu);
	seg->mtu_fixed = true;
	return 0;
}

/*
 * `ip link set dev ... carrier off`. Stations of our target half lose theirs,
 * too, and ask for an address anew when it is back. RTNL held.
 */
static int ipscsi_change_carrier(struct net_device *dev, bool on)
{
	struct ipscsi_seg *seg = netdev_priv(dev);

	WRITE_ONCE(seg->unplugged, !on);
	mod_delayed_work(ipscsi_wq, &seg->work, 0);
	return 0;
}

/* Changes the MTU as nobody has asked for it: a later change is possible */
static void set_own_mtu(struct ipscsi_seg *seg, unsigned int mtu)
{
	if (seg->mtu_fixed || seg->dev->mtu == mtu)
		return;
	if (!dev_set_mtu(seg->dev, mtu))
		netdev_info(seg->dev, "MTU is now %u\n", mtu);
	seg->mtu_fixed = false;
}

/**
 * ipscsi_seg_fit_mtu - an adapter or a peer takes no longer message
 * @seg: the segment
 * @limit: longest message, bytes
 *
 * docs/protocol.md section 1. An MTU that somebody has set stays.
 *
 * Context: process, RTNL held.
 */
void ipscsi_seg_fit_mtu(struct ipscsi_seg *seg, unsigned int limit)
{
	if (limit < IPSCSI_MTU_MIN)
		return;
	seg->mtu_limit = min(seg->mtu_limit, limit);
	if (limit < seg->dev->mtu)
		set_own_mtu(seg, limit);
}

/**
 * ipscsi_seg_bridged - the segment has become a bridge port, or is none now
 * @seg: the segment
 * @bridged: it is one
 *
 * Context: process, RTNL held.
 */
void ipscsi_seg_bridged(struct ipscsi_seg *seg, bool bridged)
{
	set_own_mtu(seg, min_t(unsigned int, seg->mtu_limit,
			       bridged ? IPSCSI_MTU_BRIDGED : IPSCSI_MTU_MAX));
}

static int ipscsi_dev_init(struct net_device *dev)
{
	struct ipscsi_seg *seg = netdev_priv(dev);
	int err;

	seg->dev = dev;
	spin_lock_init(&seg->lock);
	INIT_LIST_HEAD(&seg->peers);
	skb_queue_head_init(&seg->too_long);
	INIT_DELAYED_WORK(&seg->work, ipscsi_seg_work);
	seg->features = IPSCSI_FEATURES;
	seg->relay = true;
	seg->hold_ms = IPSCSI_HOLD_MS;
	seg->gets = IPSCSI_GETS_DEFAULT;
	seg->mtu_limit = IPSCSI_MTU_MAX;
	netdev_lockdep_set_classes(dev);
	err = ipscsi_rx_start(seg);
	if (!err)
		ipscsi_addr_add(seg);
	return err;
}

static void ipscsi_dev_uninit(struct net_device *dev)
{
	struct ipscsi_seg *seg = netdev_priv(dev);

	ipscsi_addr_remove(seg);
	ipscsi_ports_detach(seg);
	ipscsi_idev_lost_seg(seg);
	ipscsi_seg_drop_peers(seg);
	ipscsi_sysfs_remove(seg);
}

/* After the last reference is gone, or where the registration failed */
static void ipscsi_dev_free(struct net_device *dev)
{
	struct ipscsi_seg *seg = netdev_priv(dev);

	ipscsi_rx_stop(seg);
}

const struct net_device_ops ipscsi_netdev_ops = {
	.ndo_init = ipscsi_dev_init,
	.ndo_uninit = ipscsi_dev_uninit,
	.ndo_open = ipscsi_open,
	.ndo_stop = ipscsi_stop,
	.ndo_start_xmit = ipscsi_xmit,
	.ndo_select_queue = ipscsi_select_queue,
	.ndo_features_check = ipscsi_features_check,
	.ndo_get_stats64 = ipscsi_get_stats64,
	.ndo_fdb_add = ipscsi_fdb_add,
	.ndo_fdb_del = ipscsi_fdb_del,
	.ndo_fdb_dump = ipscsi_fdb_dump,
	.ndo_change_mtu = ipscsi_change_mtu,
	.ndo_change_carrier = ipscsi_change_carrier,
	.ndo_set_mac_address = ipscsi_set_mac_address,
	.ndo_validate_addr = eth_validate_addr,
};

static void ipscsi_get_drvinfo(struct net_device *dev,
			       struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->version, IPSCSI_DRV_VERSION, sizeof(info->version));
	strscpy(info->bus_info, "scsi", sizeof(info->bus_info));
}

static int ipscsi_get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? IPSCSI_C_COUNT : -EOPNOTSUPP;
}

static void ipscsi_get_strings(struct net_device *dev, u32 sset, u8 *buf)
{
	if (sset == ETH_SS_STATS)
		memcpy(buf, ipscsi_counter_names, sizeof(ipscsi_counter_names));
}

static void ipscsi_get_ethtool_stats(struct net_device *dev,
				     struct ethtool_stats *stats, u64 *data)
{
	ipscsi_seg_count(netdev_priv(dev), data);
}

const struct ethtool_ops ipscsi_ethtool_ops = {
	.get_drvinfo = ipscsi_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = ipscsi_get_sset_count,
	.get_strings = ipscsi_get_strings,
	.get_ethtool_stats = ipscsi_get_ethtool_stats,
};

/**
 * ipscsi_net_setup - fill a new net device in
 * @dev: the net device
 */
void ipscsi_net_setup(struct net_device *dev)
{
	ether_setup(dev);
	eth_hw_addr_random(dev);
	dev->netdev_ops = &ipscsi_netdev_ops;
	dev->ethtool_ops = &ipscsi_ethtool_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = ipscsi_dev_free;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	/* who is told that a packet is too long is found by its route */
	netif_keep_dst(dev);
	/* a frame takes locks that a printk() under them would wait for */
	dev->priv_flags |= IFF_DISABLE_NETPOLL;
	dev->mtu = IPSCSI_MTU_MAX;
	dev->min_mtu = IPSCSI_MTU_MIN;
	dev->max_mtu = IPSCSI_MTU_MAX;
	dev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_FRAGLIST |
			   NETIF_F_HIGHDMA | NETIF_F_ALL_TSO;
	dev->features = dev->hw_features;
	/* a super-packet is one message, with its IP header */
	netif_set_tso_max_size(dev, IPSCSI_MTU_MAX + ETH_HLEN);
	netif_set_tso_max_segs(dev, IPSCSI_GSO_SEGS);
	netif_carrier_off(dev);
}
