// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI: from a received message to the network stack
 *
 * A base message has no link header (RFC 2143 section 3), so one is made: the
 * source is the peer, the destination follows from the datagram. Messages of
 * both directions end up here: SENDs that reach our LUN, and what our GETs
 * bring.
 */
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>
#include <net/if_inet6.h>
#include <net/ip.h>
#ifdef HAVE_NET_GSO_H
#include <net/gso.h>	/* it was in netdevice.h before */
#endif

#include "ipscsi.h"
#include "trace.h"

/* Offsets in an ARP packet for Ethernet-like addresses, RFC 826 */
#define ARP_SHA	8
#define ARP_SPA	14

/*
 * Memory for received messages, a ring a processor. It is used again when all
 * frames in it are gone: to take it from the allocator means to clear it,
 * where the kernel hardens that, which costs as much as a copy.
 */
#define RX_RING		64
#define RX_PAGE_ORDER	3	/* if there are such, else single pages */

#define RX_BURST	64	/* messages in one go; NAPI's weight */

struct rx_ring {
	struct page *page[RX_RING];
	unsigned int now;
	unsigned int used;
};

static DEFINE_PER_CPU(struct rx_ring, rx_rings);

/* Goes on to a page that nobody else has. Return: false without memory */
static bool rx_ring_turn(struct rx_ring *ring, gfp_t gfp)
{
	struct page **slot;

	ring->now = (ring->now + 1) % RX_RING;
	slot = &ring->page[ring->now];
	ring->used = 0;
	if (*slot && PageCompound(*slot) && page_ref_count(*slot) == 1 &&
	    !page_is_pfmemalloc(*slot))
		return true;
	if (*slot)
		put_page(*slot);
	/* the same policy as skb_page_frag_refill() */
	*slot = alloc_pages((gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_COMP |
			    __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC,
			    RX_PAGE_ORDER);
	if (!*slot)
		*slot = alloc_page(gfp | __GFP_NOWARN);
	return *slot;
}

static bool rx_ring_fill(struct sk_buff *skb, u32 len, gfp_t gfp)
{
	struct rx_ring *ring = this_cpu_ptr(&rx_rings);

	while (len) {
		struct page *page = ring->page[ring->now];
		u32 size = page ? page_size(page) : 0;
		u32 n = min(len, size - ring->used);

		/* a page may have gone, or another come, that is shorter */
		if (!page || ring->used >= size) {
			if (!rx_ring_turn(ring, gfp))
				return false;
			continue;
		}
		if (skb_shinfo(skb)->nr_frags == MAX_SKB_FRAGS)
			return false;
		get_page(page);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page,
				ring->used, n, SKB_DATA_ALIGN(n));
		ring->used = min_t(u32, ring->used + SKB_DATA_ALIGN(n), size);
		len -= n;
	}
	return true;
}

/**
 * ipscsi_rx_free - give the memory for received messages back
 *
 * Context: process; nothing is received any more.
 */
void ipscsi_rx_free(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < RX_RING; i++)
			if (per_cpu(rx_rings, cpu).page[i])
				put_page(per_cpu(rx_rings, cpu).page[i]);
}

/**
 * ipscsi_rx_alloc - room for a received message
 * @peer: where it comes from, for its counter
 * @linear: bytes of it in the linear part
 * @paged: bytes of it in fragments behind, at most IPSCSI_MESSAGE_MAX; they
 *	are not in high memory
 * @gfp: allocation flags
 *
 * There is headroom for the Ethernet header, and the network header behind it
 * is aligned.
 *
 * Context: bottom halves off, if @paged is not 0.
 * Return: the skb, or NULL, counted.
 */
struct sk_buff *ipscsi_rx_alloc(struct ipscsi_peer *peer, u32 linear,
				u32 paged, gfp_t gfp)
{
	struct sk_buff *skb;

	skb = alloc_skb(NET_SKB_PAD + ETH_HLEN + NET_IP_ALIGN + linear,
			gfp | __GFP_NOWARN);
	if (skb) {
		skb_reserve(skb, NET_SKB_PAD + ETH_HLEN + NET_IP_ALIGN);
		skb_put(skb, linear);
		if (!paged || rx_ring_fill(skb, paged, gfp))
			return skb;
		consume_skb(skb);
	}
	ipscsi_count(peer, IPSCSI_C_RX_NOMEM, 1);
	return NULL;
}
EXPORT_SYMBOL_GPL(ipscsi_rx_alloc);

/*
 * On the way through GRO, as in net/core/gro_cells.c. But what comes in one
 * go, in the containers of all GETs that are over, is more than its queue may
 * hold (netdev_max_backlog), and softirqs may be late: ksoftirqd has its turn
 * like others.
 */
#define RX_CELL_MAX	8192	/* 16 containers of 512 records */

struct ipscsi_rx_cell {
	struct sk_buff_head queue;
	struct napi_struct napi;
};

/* Bottom halves are off: the queue is this processor's */
static void receive_gro(struct ipscsi_seg *seg, struct ipscsi_peer *peer,
			struct sk_buff *skb)
{
	struct ipscsi_rx_cell *cell = this_cpu_ptr(seg->rx);

	if (skb_queue_len(&cell->queue) >= RX_CELL_MAX) {
		ipscsi_drop(peer, skb, IPSCSI_C_RX_NOMEM);
		return;
	}
	__skb_queue_tail(&cell->queue, skb);
	if (skb_queue_len(&cell->queue) == 1)
		napi_schedule(&cell->napi);
}

static int rx_cell_poll(struct napi_struct *napi, int budget)
{
	struct ipscsi_rx_cell *cell = container_of(napi, struct ipscsi_rx_cell,
						   napi);
	struct sk_buff *skb;
	int n = 0;

	while (n < budget && (skb = __skb_dequeue(&cell->queue))) {
		napi_gro_receive(napi, skb);
		n++;
	}
	if (n < budget)
		napi_complete_done(napi, n);
	return n;
}

/**
 * ipscsi_rx_start - what a segment needs to receive
 * @seg: the segment, about to be registered
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ipscsi_rx_start(struct ipscsi_seg *seg)
{
	int cpu;

	seg->rx = alloc_percpu(struct ipscsi_rx_cell);
	if (!seg->rx)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct ipscsi_rx_cell *cell = per_cpu_ptr(seg->rx, cpu);

		__skb_queue_head_init(&cell->queue);
		set_bit(NAPI_STATE_NO_BUSY_POLL, &cell->napi.state);
		netif_napi_add(seg->dev, &cell->napi, rx_cell_poll);
		napi_enable(&cell->napi);
	}
	return 0;
}

/**
 * ipscsi_rx_stop - the opposite of ipscsi_rx_start()
 * @seg: the segment; nothing is received any more
 *
 * Context: process.
 */
void ipscsi_rx_stop(struct ipscsi_seg *seg)
{
	int cpu;

	if (!seg->rx)
		return;
	for_each_possible_cpu(cpu) {
		struct ipscsi_rx_cell *cell = per_cpu_ptr(seg->rx, cpu);

		napi_disable(&cell->napi);
		__netif_napi_del(&cell->napi);
		__skb_queue_purge(&cell->queue);
	}
	/* dev->napi_list has readers under RCU */
	synchronize_net();
	free_percpu(seg->rx);
	seg->rx = NULL;
}

/**
 * ipscsi_offload_build - what a frame leaves to the receiver
 * @skb: the frame
 * @pull: bytes of it that are not part of the message
 * @vnet: room for a big endian virtio_net_hdr, ten bytes
 *
 * docs/protocol.md section 6; offsets count from the begin of the message.
 *
 * Return: 0, or -EINVAL: a segmentation that the record cannot say.
 */
int ipscsi_offload_build(struct sk_buff *skb, u32 pull, u8 *vnet)
{
	struct virtio_net_hdr hdr;
	int err;

	__skb_pull(skb, pull);
	err = virtio_net_hdr_from_skb(skb, &hdr, false, false, 0);
	__skb_push(skb, pull);
	if (err)
		return err;
	memcpy(vnet, &hdr, sizeof(hdr));
	return 0;
}
EXPORT_SYMBOL_GPL(ipscsi_offload_build);

/* The destination that the sender's stack had in mind */
static void base_destination(struct sk_buff *skb, u16 stream,
			     const struct net_device *dev, u8 *dest)
{
	ether_addr_copy(dest, dev->dev_addr);
	if (stream == IPSCSI_STREAM_IPV4) {
		__be32 daddr = ((const struct iphdr *)skb->data)->daddr;

		if (ipv4_is_lbcast(daddr))
			eth_broadcast_addr(dest);
		else if (ipv4_is_multicast(daddr))
			ip_eth_mc_map(daddr, dest);
	} else if (stream == IPSCSI_STREAM_IPV6) {
		const struct in6_addr *daddr =
			&((const struct ipv6hdr *)skb->data)->daddr;

		if (ipv6_addr_is_multicast(daddr))
			ipv6_eth_mc_map(daddr, dest);
	} else if (stream == IPSCSI_STREAM_ARP &&
		   ((const struct arphdr *)skb->data)->ar_op ==
		   htons(ARPOP_REQUEST)) {
		eth_broadcast_addr(dest);
	}
}

/*
 * What comes through the hub that we are attached to comes from its other
 * stations, too: the hub has checked it. All others send from their own
 * address, unless the operator allows more (docs/protocol.md section 7).
 */
static bool may_send_from(struct ipscsi_peer *peer, const u8 *source)
{
	return ether_addr_equal(source, peer->addr) ||
	       READ_ONCE(peer->bridge) ||
	       (rcu_access_pointer(peer->idev) &&
		READ_ONCE(peer->features) & IPSCSI_F_RELAY);
}

/*
 * A base message: check it, learn from it, and put an Ethernet header before.
 * Return: 0, or the counter of what is wrong.
 */
static int base_to_frame(struct ipscsi_peer *peer, struct net_device *dev,
			 u16 stream, struct sk_buff *skb)
{
	u32 want = min_t(u32, skb->len, 40);
	struct ethhdr *eth;
	u8 dest[ETH_ALEN];
	int len;

	if (stream < IPSCSI_STREAM_EXT_MIN) {
		if (!pskb_may_pull(skb, want))
			return IPSCSI_C_RX_NOMEM;
		len = ipscsi_message_length(stream, skb->data, want, skb->len);
		if (len <= 0)
			return IPSCSI_C_RX_MALFORMED;
		/* no trailer in RFC 2143; some adapters round the length up */
		if (pskb_trim_rcsum(skb, len))
			return IPSCSI_C_RX_NOMEM;
	}
	base_destination(skb, stream, dev, dest);

	if (stream == IPSCSI_STREAM_ARP) {
		u8 *sha = skb->data + ARP_SHA;

		if (READ_ONCE(peer->hello)) {
			if (!may_send_from(peer, sha))
				return IPSCSI_C_RX_FORGED;
		} else {
			/* it cannot know the address that we gave it */
			ether_addr_copy(sha, peer->addr);
			skb->ip_summed = CHECKSUM_NONE;
			memcpy(&peer->arp_ip, skb->data + ARP_SPA,
			       sizeof(peer->arp_ip));
		}
		skb->protocol = htons(ETH_P_ARP);
	} else if (stream == IPSCSI_STREAM_IPV4) {
		if (!READ_ONCE(peer->hello))
			WRITE_ONCE(peer->arp_ip,
				   ((const struct iphdr *)skb->data)->saddr);
		skb->protocol = htons(ETH_P_IP);
	} else if (stream == IPSCSI_STREAM_IPV6) {
		skb->protocol = htons(ETH_P_IPV6);
	} else {
		skb->protocol = htons(stream);
	}

	eth = __skb_push(skb, ETH_HLEN);
	ether_addr_copy(eth->h_dest, dest);
	ether_addr_copy(eth->h_source, peer->addr);
	eth->h_proto = skb->protocol;
	return 0;
}

/* Forward to a station that cannot take a super-packet: cut it up first */
static void relay_one(struct ipscsi_peer *to, struct ipscsi_peer *from,
		      struct sk_buff *skb)
{
	struct sk_buff *segs, *next;

	ipscsi_count(from, IPSCSI_C_RELAYED, 1);
	/* what was received as verified is sent with its checksum as it is */
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		skb->ip_summed = CHECKSUM_NONE;
	if (!skb_is_gso(skb) || READ_ONCE(to->features) & IPSCSI_F_OFFLOAD) {
		ipscsi_peer_queue(to, skb);
		return;
	}
	segs = skb_gso_segment(skb, NETIF_F_SG | NETIF_F_HW_CSUM);
	if (IS_ERR_OR_NULL(segs)) {
		ipscsi_count(to, IPSCSI_C_TX_NOMEM, 1);
		kfree_skb(skb);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, segs, next) {
		skb_mark_not_on_list(segs);
		ipscsi_peer_queue(to, segs);
	}
}

/*
 * docs/protocol.md section 7: both are targets, too (RFC 2143's own model), and
 * of one bus, where all see each other. Or @to takes bare datagrams only: who
 * sent them is lost, and it would take them for ours, and pass them on.
 */
static bool needs_no_relay(const struct ipscsi_peer *from,
			   const struct ipscsi_peer *to)
{
	const struct ipscsi_idev *one = rcu_dereference(from->idev);
	const struct ipscsi_idev *other = rcu_dereference(to->idev);

	return one && other &&
	       (!(READ_ONCE(to->features) & IPSCSI_F_EXT) ||
		ipscsi_idev_same_bus(one, other));
}

/* Another hub has relayed it to us */
static bool was_relayed(const struct ipscsi_peer *from,
			const struct sk_buff *skb)
{
	return !READ_ONCE(from->bridge) &&
	       !ether_addr_equal(skb->data + ETH_ALEN, from->addr);
}

/*
 * docs/protocol.md section 7. Only between stations that we serve, and never
 * back to where it came from. Nothing goes in circles where hubs serve each
 * other.
 * Return: true where the frame was taken.
 */
static bool relay(struct ipscsi_seg *seg, struct ipscsi_peer *from,
		  struct sk_buff *skb)
{
	const u8 *dest = skb->data;
	struct ipscsi_peer *to;
	struct sk_buff *copy;

	if (!READ_ONCE(seg->relay) || !rcu_access_pointer(from->reverse) ||
	    was_relayed(from, skb))
		return false;
	if (is_multicast_ether_addr(dest)) {
		list_for_each_entry_rcu(to, &seg->peers, node) {
			if (to == from || !rcu_access_pointer(to->reverse) ||
			    needs_no_relay(from, to) ||
			    READ_ONCE(to->state) != IPSCSI_PEER_UP)
				continue;
			/* who writes to it copies first, as behind a bridge */
			copy = skb_clone(skb, GFP_ATOMIC);
			if (copy)
				relay_one(to, from, copy);
			else
				ipscsi_count(to, IPSCSI_C_TX_NOMEM, 1);
		}
		return false;
	}
	if (ether_addr_equal(dest, seg->dev->dev_addr))
		return false;
	to = ipscsi_peer_find(seg, dest);
	if (!to && seg->nfdb)
		to = ipscsi_fdb_lookup(seg, dest);
	if (!to || to == from || !rcu_access_pointer(to->reverse))
		return false;
	relay_one(to, from, skb);
	return true;
}

/* The EtherType form of what has a short stream: the same checks apply */
static u16 short_stream(u16 stream)
{
	switch (stream) {
	case ETH_P_IP:
		return IPSCSI_STREAM_IPV4;
	case ETH_P_ARP:
		return IPSCSI_STREAM_ARP;
	case ETH_P_IPV6:
		return IPSCSI_STREAM_IPV6;
	}
	return stream;
}

/**
 * ipscsi_rx_sequence - a container came: is it the one that should?
 * @peer: from whom
 * @seq: its sequence number
 *
 * docs/protocol.md section 6: counts, and tells of adapters that mix up what
 * they were given in order.
 */
void ipscsi_rx_sequence(struct ipscsi_peer *peer, u32 seq)
{
	u32 expected = READ_ONCE(peer->rx_seq);

	/* 0 is the first one of a station that has just come */
	if (seq && seq != expected)
		ipscsi_count(peer, IPSCSI_C_RX_REORDERED, 1);
	if (!seq || (s32)(seq - expected) >= 0)
		WRITE_ONCE(peer->rx_seq, seq + 1);
}
EXPORT_SYMBOL_GPL(ipscsi_rx_sequence);

/*
 * docs/protocol.md section 6. To relay a record may mean to cut it up, so it
 * must not stand for too many frames.
 */
static bool offload_is_sane(u16 stream, const struct virtio_net_hdr *hdr,
			    unsigned int len)
{
	bool csum = hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	u16 size;

	/* what is checksummed lies behind the Ethernet header */
	if (csum && stream == IPSCSI_STREAM_ETHERNET &&
	    __virtio16_to_cpu(false, hdr->csum_start) < ETH_HLEN)
		return false;
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	size = __virtio16_to_cpu(false, hdr->gso_size);
	switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		/* segments without checksums: the stack would warn of them */
		return csum && size &&
		       DIV_ROUND_UP(len, size) <= IPSCSI_GSO_SEGS;
	}
	return false;
}

/**
 * ipscsi_rx_breathe - let others run in the middle of many messages
 * @n: messages so far
 * @since: jiffies at the first of them, or at the last breath
 *
 * What was received waits for softirqs to take it through GRO, and a record
 * may go to 255 stations: a container must not keep a processor for itself.
 *
 * Context: bottom halves off, by one local_bh_disable().
 */
void ipscsi_rx_breathe(unsigned int n, unsigned long *since)
{
	if (n % RX_BURST && jiffies == *since)
		return;
	local_bh_enable();
	local_bh_disable();
	*since = jiffies;
}
EXPORT_SYMBOL_GPL(ipscsi_rx_breathe);

/**
 * ipscsi_rx - take a message from a peer
 * @peer: who sent it
 * @stream: what it is; not a container, not a control message
 * @skb: the message, taken over; skb->data is its first byte
 * @vnet: ten bytes of a big endian virtio_net_hdr, or NULL
 *
 * Context: process or softirq. To take many, switch bottom halves off around
 * them, so that the stack sees them together.
 */
void ipscsi_rx(struct ipscsi_peer *peer, u16 stream, struct sk_buff *skb,
	       const u8 *vnet)
{
	enum ipscsi_counter reason = IPSCSI_C_RX_DOWN;
	struct virtio_net_hdr hdr;
	struct net_device *dev;
	struct ipscsi_seg *seg;
	unsigned int len = skb->len;
	int err;

	trace_ipscsi_rx(peer->addr, stream, skb->len);
	WRITE_ONCE(peer->short_rx, len <= IPSCSI_SHORT);
	local_bh_disable();
	rcu_read_lock();
	if (READ_ONCE(peer->dead))
		goto drop;
	seg = peer->seg;
	dev = seg->dev;
	if (!ipscsi_seg_open(seg))
		goto drop;

	skb->dev = dev;
	stream = short_stream(stream);
	reason = IPSCSI_C_RX_MALFORMED;
	if (stream == IPSCSI_STREAM_CONTROL ||
	    stream == IPSCSI_STREAM_CONTAINER)
		goto drop;
	if (stream == IPSCSI_STREAM_ETHERNET) {
		const struct ethhdr *eth;

		if (len <= ETH_HLEN || !pskb_may_pull(skb, ETH_HLEN))
			goto drop;
		eth = (const struct ethhdr *)skb->data;
		reason = IPSCSI_C_RX_FORGED;
		if (!is_valid_ether_addr(eth->h_source) ||
		    !may_send_from(peer, eth->h_source))
			goto drop;
		if (READ_ONCE(peer->bridge) &&
		    !ether_addr_equal(eth->h_source, peer->addr))
			ipscsi_fdb_learn(seg, peer, eth->h_source);
		skb->protocol = eth->h_proto;
		len -= ETH_HLEN;
	}

	if (vnet && memchr_inv(vnet, 0, sizeof(hdr))) {
		memcpy(&hdr, vnet, sizeof(hdr));
		reason = IPSCSI_C_RX_MALFORMED;
		if (!(READ_ONCE(peer->features) & IPSCSI_F_OFFLOAD))
			goto drop;
		if (!offload_is_sane(stream, &hdr, len))
			goto drop;
		if (stream == IPSCSI_STREAM_IPV4)
			skb->protocol = htons(ETH_P_IP);
		else if (stream == IPSCSI_STREAM_IPV6)
			skb->protocol = htons(ETH_P_IPV6);
		/* to relay it may mean to cut it up, by these offsets */
		if (hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE &&
		    skb->protocol != htons(ETH_P_IP) &&
		    skb->protocol != htons(ETH_P_IPV6))
			goto drop;
		skb_set_network_header(skb, stream == IPSCSI_STREAM_ETHERNET ?
					    ETH_HLEN : 0);
		skb->ip_summed = CHECKSUM_NONE;
		if (virtio_net_hdr_to_skb(skb, &hdr, false))
			goto drop;
	}

	if (stream != IPSCSI_STREAM_ETHERNET) {
		err = base_to_frame(peer, dev, stream, skb);
		if (err) {
			reason = err;
			goto drop;
		}
		len = skb->len - ETH_HLEN;
	}
	/* nobody says TCP to many, and each would get its own segments */
	reason = IPSCSI_C_RX_MALFORMED;
	if (skb_is_gso(skb) && is_multicast_ether_addr(skb->data))
		goto drop;

	skb_reset_mac_header(skb);
	skb_reset_mac_len(skb);
	ipscsi_count2(peer, IPSCSI_C_RX_PACKETS, 1, IPSCSI_C_RX_BYTES,
		      len + ETH_HLEN);
	if (!relay(seg, peer, skb)) {
		skb->protocol = eth_type_trans(skb, dev);
		/* a whole frame's checksum has its header in it */
		if (stream == IPSCSI_STREAM_ETHERNET)
			skb_postpull_rcsum(skb, skb_mac_header(skb), ETH_HLEN);
		skb_record_rx_queue(skb, 0);
		/* with OFFLOAD nothing is left to be put together */
		if (READ_ONCE(peer->features) & IPSCSI_F_OFFLOAD)
			netif_receive_skb(skb);
		else
			receive_gro(seg, peer, skb);
	}
	rcu_read_unlock();
	local_bh_enable();
	return;

drop:
	ipscsi_drop(peer, skb, reason);
	rcu_read_unlock();
	local_bh_enable();
}
EXPORT_SYMBOL_GPL(ipscsi_rx);
