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

/* Offsets in an ARP packet for Ethernet-like addresses, RFC 826 */
#define ARP_SHA	8
#define ARP_SPA	14

/**
 * ipscsi_rx_alloc - room for a received message
 * @peer: where it comes from, for its counter
 * @linear: bytes to be put in the linear part
 * @paged: bytes to be put in fragments; skb->len covers them already
 * @gfp: allocation flags
 *
 * There is headroom for the Ethernet header, and the network header behind it
 * is aligned.
 *
 * Return: the skb, or NULL, counted.
 */
struct sk_buff *ipscsi_rx_alloc(struct ipscsi_peer *peer, u32 linear,
				u32 paged, gfp_t gfp)
{
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(NET_SKB_PAD + ETH_HLEN + NET_IP_ALIGN +
				   linear, paged, PAGE_ALLOC_COSTLY_ORDER, &err,
				   gfp | __GFP_NOWARN);
	if (!skb) {
		ipscsi_count(peer, IPSCSI_C_RX_NOMEM, 1);
		return NULL;
	}
	skb_reserve(skb, NET_SKB_PAD + ETH_HLEN + NET_IP_ALIGN);
	skb->data_len = paged;
	skb->len = paged;
	return skb;
}
EXPORT_SYMBOL_GPL(ipscsi_rx_alloc);

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
		if (pskb_trim(skb, len))
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
 * docs/protocol.md section 7. Only between stations that we serve, and never
 * back to where it came from.
 * Return: true where the frame was taken.
 */
static bool relay(struct ipscsi_seg *seg, struct ipscsi_peer *from,
		  struct sk_buff *skb)
{
	const u8 *dest = skb->data;
	struct ipscsi_peer *to;
	struct sk_buff *copy;

	if (!READ_ONCE(seg->relay) || !rcu_access_pointer(from->reverse))
		return false;
	if (is_multicast_ether_addr(dest)) {
		list_for_each_entry_rcu(to, &seg->peers, node) {
			if (to == from || !rcu_access_pointer(to->reverse) ||
			    READ_ONCE(to->state) != IPSCSI_PEER_UP)
				continue;
			copy = skb_copy(skb, GFP_ATOMIC);
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
	if (!to || to == from || !rcu_access_pointer(to->reverse))
		return false;
	relay_one(to, from, skb);
	return true;
}

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
	enum ipscsi_counter reason = IPSCSI_C_RX_MALFORMED;
	struct virtio_net_hdr hdr;
	struct net_device *dev;
	struct ipscsi_seg *seg;
	unsigned int len = skb->len;
	int err;

	local_bh_disable();
	rcu_read_lock();
	reason = IPSCSI_C_RX_DOWN;
	if (READ_ONCE(peer->dead))
		goto drop;
	seg = peer->seg;
	dev = seg->dev;
	if (!netif_running(dev))
		goto drop;

	skb->dev = dev;
	if (stream == IPSCSI_STREAM_ETHERNET) {
		const struct ethhdr *eth;

		reason = IPSCSI_C_RX_MALFORMED;
		if (len <= ETH_HLEN || !pskb_may_pull(skb, ETH_HLEN))
			goto drop;
		eth = (const struct ethhdr *)skb->data;
		reason = IPSCSI_C_RX_FORGED;
		if (!is_valid_ether_addr(eth->h_source) ||
		    !may_send_from(peer, eth->h_source))
			goto drop;
		skb->protocol = eth->h_proto;
		len -= ETH_HLEN;
	}

	if (vnet && memchr_inv(vnet, 0, sizeof(hdr))) {
		memcpy(&hdr, vnet, sizeof(hdr));
		if (!(READ_ONCE(peer->features) & IPSCSI_F_OFFLOAD)) {
			reason = IPSCSI_C_RX_MALFORMED;
			goto drop;
		}
		if (stream == IPSCSI_STREAM_IPV4)
			skb->protocol = htons(ETH_P_IP);
		else if (stream == IPSCSI_STREAM_IPV6)
			skb->protocol = htons(ETH_P_IPV6);
		skb_reset_network_header(skb);
		reason = IPSCSI_C_RX_MALFORMED;
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

	ipscsi_count2(peer, IPSCSI_C_RX_PACKETS, 1, IPSCSI_C_RX_BYTES,
		      len + ETH_HLEN);
	if (!relay(seg, peer, skb)) {
		skb->protocol = eth_type_trans(skb, dev);
		skb_record_rx_queue(skb, 0);
		gro_cells_receive(&seg->gro, skb);
	}
	rcu_read_unlock();
	local_bh_enable();
	return;

drop:
	ipscsi_count(peer, reason, 1);
	kfree_skb(skb);
	rcu_read_unlock();
	local_bh_enable();
}
EXPORT_SYMBOL_GPL(ipscsi_rx);
