// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: from a message to the stack; rx.c, and the choice of a stream */
#include "rig.h"

/* Hands bytes over as a message of the peer */
static void receive(struct kunit *test, struct rig_peer *way, u16 stream,
		    const void *bytes, u32 len, const u8 *vnet)
{
	struct sk_buff *skb = ipscsi_rx_alloc(way->peer, len, 0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	memcpy(skb->data, bytes, len);
	ipscsi_rx(way->peer, stream, skb, vnet);
}

static void rx_base_message(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);
	size_t len;
	u8 *ip = rig_vector(test, "message-ipv4", &len);

	receive(test, way, IPSCSI_STREAM_IPV4, ip, len, NULL);
	KUNIT_EXPECT_EQ_MSG(test, rig_counter(way, IPSCSI_C_RX_DOWN), 1,
			    "the interface is down");
	rig_up(rig);
	receive(test, way, IPSCSI_STREAM_IPV4, ip, len, NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_PACKETS), 1);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_BYTES),
			len + ETH_HLEN);
	/* its EtherType is another name of the same stream */
	receive(test, way, ETH_P_IP, ip, len, NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_PACKETS), 2);
	receive(test, way, IPSCSI_STREAM_IPV4, ip, len - 1, NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_MALFORMED), 1);
}

static void rx_forged(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);
	u8 frame[64] = {};
	size_t len;
	u8 *arp = rig_vector(test, "message-arp", &len);

	rig_up(rig);
	/* the sender's address in it is not the peer's */
	receive(test, way, IPSCSI_STREAM_ARP, arp, len, NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_FORGED), 1);
	ether_addr_copy(arp + 8, way->peer->addr);
	receive(test, way, IPSCSI_STREAM_ARP, arp, len, NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_PACKETS), 1);

	ether_addr_copy(frame, rig->seg->dev->dev_addr);
	frame[6] = 2;
	frame[11] = 99;
	frame[12] = 0x88;
	frame[13] = 0xb7;
	receive(test, way, IPSCSI_STREAM_ETHERNET, frame, sizeof(frame), NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_FORGED), 2);
	/* a bridge may, and its address is learned */
	WRITE_ONCE(way->peer->bridge, true);
	receive(test, way, IPSCSI_STREAM_ETHERNET, frame, sizeof(frame), NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_PACKETS), 2);
	KUNIT_EXPECT_EQ(test, rig->seg->nfdb, 1);
	/* but not from a group's address, nor less than a header */
	frame[6] = 1;
	receive(test, way, IPSCSI_STREAM_ETHERNET, frame, sizeof(frame), NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_FORGED), 3);
	receive(test, way, IPSCSI_STREAM_ETHERNET, frame, 14, NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_MALFORMED), 1);
}

static void rx_offload_needs_the_feature(struct kunit *test)
{
	static const u8 vnet[10] = { 1 };
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);
	size_t len;
	u8 *ip = rig_vector(test, "message-ipv4", &len);

	rig_up(rig);
	receive(test, way, IPSCSI_STREAM_IPV4, ip, len, vnet);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_MALFORMED), 1);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_PACKETS), 0);
}

static void rx_relays_between_stations(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *a = rig_peer(rig, 1), *b = rig_peer(rig, 2);
	u8 frame[64] = {};

	rig_up(rig);
	ether_addr_copy(frame, b->peer->addr);
	ether_addr_copy(frame + 6, a->peer->addr);
	frame[12] = 0x88;
	frame[13] = 0xb7;
	frame[63] = 42;
	receive(test, a, IPSCSI_STREAM_ETHERNET, frame, sizeof(frame), NULL);
	KUNIT_EXPECT_EQ(test, rig_counter(a, IPSCSI_C_RELAYED), 1);
	KUNIT_EXPECT_EQ(test, rig_take(b, 64, -1), 42);
	eth_broadcast_addr(frame);
	receive(test, a, IPSCSI_STREAM_ETHERNET, frame, sizeof(frame), NULL);
	KUNIT_EXPECT_EQ(test, rig_take(b, 64, -1), 42);
	KUNIT_EXPECT_EQ(test, rig_take(a, 64, -1), -1);
}

static void rx_sequence(struct kunit *test)
{
	static const u32 in_order[] = { 0, 1, 2, 3 };
	static const u32 mixed[] = { 0, 1, 3, 2, 4, 0xffffffff };
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);
	int i;

	for (i = 0; i < ARRAY_SIZE(in_order); i++)
		ipscsi_rx_sequence(way->peer, in_order[i]);
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_REORDERED), 0);
	for (i = 0; i < ARRAY_SIZE(mixed); i++)
		ipscsi_rx_sequence(way->peer, mixed[i]);
	/* 3 was too early, 2 too late, the last one is from long ago */
	KUNIT_EXPECT_EQ(test, rig_counter(way, IPSCSI_C_RX_REORDERED), 3);
	KUNIT_EXPECT_EQ(test, way->peer->rx_seq, 5);
}

static void rx_counters_outlive_the_peer(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);
	u64 sum[IPSCSI_C_COUNT] = {};

	receive(test, way, IPSCSI_STREAM_IPV4, "\x45", 1, NULL);
	ipscsi_seg_count(rig->seg, sum);
	KUNIT_EXPECT_EQ(test, sum[IPSCSI_C_RX_DOWN], 1);
}

static void stream_of_a_frame(struct kunit *test)
{
	static const struct {
		u16 proto;
		bool whole;	/* with its Ethernet header */
		u16 stream;
	} want[] = {
		{ ETH_P_IP, false, IPSCSI_STREAM_IPV4 },
		{ ETH_P_ARP, false, IPSCSI_STREAM_ARP },
		{ ETH_P_IPV6, false, IPSCSI_STREAM_IPV6 },
		{ 0x88b7, false, 0x88b7 },
		{ ETH_P_8021Q, true, IPSCSI_STREAM_ETHERNET },
		{ 0x0100, true, IPSCSI_STREAM_ETHERNET },
		{ 0x88b5, true, IPSCSI_STREAM_ETHERNET },
		{ 0x88b6, true, IPSCSI_STREAM_ETHERNET },
		{ 0x6558, true, IPSCSI_STREAM_ETHERNET },
	};
	struct rig *rig = test->priv;
	struct rig_peer *way = rig_peer(rig, 1);
	int i, err;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct sk_buff *skb = rig_frame(rig, way, 64, want[i].proto, 0);
		u16 stream;
		u32 pull;

		WRITE_ONCE(way->peer->features, IPSCSI_F_EXT);
		err = ipscsi_frame_stream(way->peer, skb, &stream, &pull);
		KUNIT_EXPECT_EQ(test, err, 0);
		KUNIT_EXPECT_EQ(test, stream, want[i].stream);
		KUNIT_EXPECT_EQ(test, pull, want[i].whole ? 0 : ETH_HLEN);
		/* without EXT only the streams of RFC 2143 and IPv6 */
		WRITE_ONCE(way->peer->features, 0);
		err = ipscsi_frame_stream(way->peer, skb, &stream, &pull);
		KUNIT_EXPECT_EQ(test, err,
				want[i].stream < 16 ? 0 : -EPROTONOSUPPORT);
		/* what is not from us keeps its source address */
		WRITE_ONCE(way->peer->features, IPSCSI_F_EXT);
		skb->data[6] ^= 0x80;
		err = ipscsi_frame_stream(way->peer, skb, &stream, &pull);
		KUNIT_EXPECT_EQ(test, err, 0);
		KUNIT_EXPECT_EQ(test, stream, IPSCSI_STREAM_ETHERNET);
		KUNIT_EXPECT_EQ(test, pull, 0);
		kfree_skb(skb);
	}
}

#define RX_TURNS	4096	/* several times round the ring */
#define RX_LEN		5000

static void rx_fill(struct sk_buff *skb, u8 byte)
{
	int i;

	memset(skb->data, byte, skb_headlen(skb));
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		memset(skb_frag_address(&skb_shinfo(skb)->frags[i]), byte,
		       skb_frag_size(&skb_shinfo(skb)->frags[i]));
}

/* Memory is used again when its frames are gone, and never before */
static void rx_memory(struct kunit *test)
{
	struct rig_peer *way = rig_peer(test->priv, 1);
	struct page *first = NULL;
	struct sk_buff *held, *skb;
	int i, again = 0;
	u8 byte;

	local_bh_disable();
	held = ipscsi_rx_alloc(way->peer, IPSCSI_RX_HEADER,
			       RX_LEN - IPSCSI_RX_HEADER, GFP_ATOMIC);
	if (held)
		rx_fill(held, 0x5a);
	for (i = 0; held && i < RX_TURNS; i++) {
		skb = ipscsi_rx_alloc(way->peer, IPSCSI_RX_HEADER,
				      RX_LEN - IPSCSI_RX_HEADER, GFP_ATOMIC);
		if (!skb)
			break;
		rx_fill(skb, 0xa5);
		if (i == RX_TURNS / 2)
			first = skb_frag_page(&skb_shinfo(skb)->frags[0]);
		else if (first)
			again += skb_frag_page(&skb_shinfo(skb)->frags[0]) ==
				 first;
		kfree_skb(skb);
	}
	local_bh_enable();
	KUNIT_ASSERT_NOT_NULL(test, held);
	KUNIT_EXPECT_EQ(test, i, RX_TURNS);
	KUNIT_EXPECT_EQ(test, held->len, RX_LEN);
	KUNIT_EXPECT_GT_MSG(test, again, 6, "the ring does not come round");
	for (i = 0; i < RX_LEN; i++) {
		KUNIT_ASSERT_EQ(test, skb_copy_bits(held, i, &byte, 1), 0);
		KUNIT_ASSERT_EQ_MSG(test, byte, 0x5a, "byte %d", i);
	}
	kfree_skb(held);
}

static struct kunit_case rx_cases[] = {
	KUNIT_CASE(rx_memory),
	KUNIT_CASE(rx_base_message),
	KUNIT_CASE(rx_forged),
	KUNIT_CASE(rx_offload_needs_the_feature),
	KUNIT_CASE(rx_relays_between_stations),
	KUNIT_CASE(rx_sequence),
	KUNIT_CASE(rx_counters_outlive_the_peer),
	KUNIT_CASE(stream_of_a_frame),
	{}
};

struct kunit_suite ipscsi_rx_suite = {
	.name = "ipscsi_rx",
	.init = rig_init,
	.exit = rig_exit,
	.test_cases = rx_cases,
};
