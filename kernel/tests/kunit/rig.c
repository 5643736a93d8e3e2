// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/addrconf.h>

#include "rig.h"

/* vectors.txt of the host's tests: a name, its bytes in hex, an empty line */
asm(".pushsection .rodata\n"
	".global ipscsi_vectors_begin\n"
	"ipscsi_vectors_begin:\n"
	".incbin \"" IPSCSI_VECTORS "\"\n"
	".byte 0\n"
	".popsection\n");

static void answer(struct rig_peer *way)
{
	struct sk_buff *skb;

	while (atomic_dec_if_positive(&way->reverse.held) >= 0) {
		skb = ipscsi_peer_dequeue(way->peer, U32_MAX, -1);
		if (!skb) {
			atomic_inc(&way->reverse.held);
			return;
		}
		atomic_inc(&way->answered);
		kfree_skb(skb);
	}
}

static void rig_kick(struct ipscsi_reverse *reverse)
{
	struct rig_peer *way = container_of(reverse, struct rig_peer, reverse);

	lockdep_assert_in_softirq();
	atomic_inc(&way->kicks);
	if (READ_ONCE(way->answer))
		answer(way);
}

void rig_get(struct rig_peer *way)
{
	way->reverse.last_get = jiffies;
	way->reverse.get_seen = true;
	atomic_inc(&way->reverse.held);
	if (READ_ONCE(way->answer))
		answer(way);
}

int rig_init(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	rig->test = test;
	rtnl_lock();
	rig->seg = ipscsi_seg_create_auto(NULL);
	rtnl_unlock();
	KUNIT_ASSERT_NOT_NULL(test, rig->seg);
	test->priv = rig;
	return 0;
}

void rig_exit(struct kunit *test)
{
	struct rig *rig = test->priv;
	unsigned int i;

	if (!rig)
		return;
	for (i = 0; i < rig->npeers; i++)
		ipscsi_peer_set_reverse(rig->peers[i].peer, NULL);
	synchronize_net();
	for (i = 0; i < rig->npeers; i++) {
		ipscsi_peer_release_ways(rig->peers[i].peer);
		ipscsi_peer_put(rig->peers[i].peer);
	}
	rtnl_lock();
	unregister_netdevice(rig->seg->dev);
	rtnl_unlock();
}

struct rig_peer *rig_peer(struct rig *rig, u8 number)
{
	static const struct ipscsi_desc desc = {
		.version = IPSCSI_VERSION,
		.features = IPSCSI_F_EXT | IPSCSI_F_GET | IPSCSI_F_CONTAINER,
		.base_max = IPSCSI_MESSAGE_MAX,
		.cont_max = IPSCSI_MESSAGE_MAX,
		.name = "rig",
	};
	u8 addr[ETH_ALEN] = { 2, 0, 0, 0, 0, number };
	struct rig_peer *way;

	KUNIT_ASSERT_LT(rig->test, rig->npeers, (unsigned int)RIG_PEERS);
	way = &rig->peers[rig->npeers];
	way->reverse.kick = rig_kick;
	way->reverse.port = "rig";
	way->peer = ipscsi_peer_get(rig->seg, addr);
	KUNIT_ASSERT_NOT_NULL(rig->test, way->peer);
	rig->npeers++;
	ipscsi_peer_set_reverse(way->peer, &way->reverse);
	ipscsi_peer_describe(way->peer, &desc, false);
	ipscsi_peer_set_state(way->peer, IPSCSI_PEER_UP);
	return way;
}

void rig_up(struct rig *rig)
{
	struct net_device *dev = rig->seg->dev;
	int err;

	rtnl_lock();
#if IS_ENABLED(CONFIG_IPV6)
	if (__in6_dev_get(dev))
		__in6_dev_get(dev)->cnf.disable_ipv6 = 1;
#endif
	err = dev_open(dev, NULL);
	rtnl_unlock();
	KUNIT_ASSERT_EQ(rig->test, err, 0);
}

struct sk_buff *rig_frame(struct rig *rig, struct rig_peer *way, u32 len,
			  u16 proto, u8 mark)
{
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL);
	struct ethhdr *eth;

	KUNIT_ASSERT_NOT_NULL(rig->test, skb);
	memset(skb_put(skb, len), 0, len);
	eth = (struct ethhdr *)skb->data;
	ether_addr_copy(eth->h_dest, way->peer->addr);
	ether_addr_copy(eth->h_source, rig->seg->dev->dev_addr);
	eth->h_proto = htons(proto);
	skb->data[len - 1] = mark;
	skb->dev = rig->seg->dev;
	return skb;
}

void rig_queue(struct rig_peer *way, struct sk_buff *skb)
{
	rcu_read_lock();
	ipscsi_peer_queue(way->peer, skb);
	rcu_read_unlock();
}

int rig_take(struct rig_peer *way, u32 max, int stream)
{
	struct sk_buff *skb = ipscsi_peer_dequeue(way->peer, max, stream);
	int mark;

	if (!skb)
		return -1;
	mark = skb->data[skb->len - 1];
	kfree_skb(skb);
	return mark;
}

u64 rig_counter(struct rig_peer *way, enum ipscsi_counter counter)
{
	u64 sum[IPSCSI_C_COUNT] = {};

	ipscsi_peer_sum(way->peer, sum);
	return sum[counter];
}

bool rig_queue_stopped(struct rig *rig, struct rig_peer *way)
{
	return netif_tx_queue_stopped(netdev_get_tx_queue(rig->seg->dev,
							  way->peer->queue));
}

u8 *rig_exact(struct kunit *test, const void *from, size_t len)
{
	u8 *copy = kunit_kmalloc(test, len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, from, len);
	return copy;
}

u8 *rig_vector(struct kunit *test, const char *name, size_t *len)
{
	size_t name_len = strlen(name);
	const char *p = ipscsi_vectors_begin;
	u8 bytes[256];

	while (p && (strncmp(p, name, name_len) || p[name_len] != '\n')) {
		p = strstr(p, "\n\n");
		if (p)
			p += 2;
	}
	KUNIT_ASSERT_NOT_NULL_MSG(test, p, "vectors.txt has no %s", name);
	p += name_len + 1;
	for (*len = 0; hex_to_bin(p[0]) >= 0; (*len)++) {
		KUNIT_ASSERT_LT(test, *len, sizeof(bytes));
		KUNIT_ASSERT_EQ(test, hex2bin(&bytes[*len], p, 1), 0);
		p += 3;
	}
	KUNIT_ASSERT_GT(test, *len, (size_t)0);
	return rig_exact(test, bytes, *len);
}
