/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP over SCSI: what the parts of ipscsi.ko and ipscsi_target.ko share
 *
 * A segment (struct ipscsi_seg) is a net device. It has peers
 * (struct ipscsi_peer), found by station address. A peer is reached over a
 * SCSI device that we send commands to (struct ipscsi_idev, initiator.c), or
 * through the GET MESSAGE commands that it leaves with us (target.c), or both.
 *
 * Locks, outermost first: RTNL; a LUN's lock in target.c, or idev->lock;
 * seg->lock; peer->txq.lock. None is held over target_complete_cmd() or a submission: on one
 * machine the completion of a command can end up in our own transmit path.
 */
#ifndef IPSCSI_H
#define IPSCSI_H

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/kobject.h>
#include <linux/netdevice.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "ipscsi_codec.h"

#define IPSCSI_DRV_VERSION	"0.1.0"

/* What this implementation can do */
#define IPSCSI_FEATURES		(IPSCSI_F_EXT | IPSCSI_F_GET | \
				 IPSCSI_F_CONTAINER | IPSCSI_F_OFFLOAD)

#define IPSCSI_MTU_BRIDGED	1500	/* a bridge has Ethernet beside us */

#define IPSCSI_HASH_BITS	6
#define IPSCSI_PORT_MAX		64
#define IPSCSI_TXQ_COUNT	16	/* net device queues, peers spread over */
#define IPSCSI_PEER_MAX		256	/* stations on one segment */
#define IPSCSI_GSO_SEGS		256	/* frames that a record may stand for */

/*
 * Transmit queue of one peer. Its net device queue stops above the upper
 * limit and goes on below half of it. At 20 MB/s a MiB is 50 ms.
 */
#define IPSCSI_TXQ_BYTES	(1024 * 1024)
#define IPSCSI_TXQ_PACKETS	512

#define IPSCSI_HOLD_MS		2000	/* default hold time of a GET */
#define IPSCSI_HOLD_MS_MIN	50
#define IPSCSI_HOLD_MS_MAX	10000
#define IPSCSI_GETS_DEFAULT	8	/* GETs outstanding at one peer */
#define IPSCSI_GETS_MAX		64
#define IPSCSI_CONT_SHORT	65528	/* container in a (10) CDB, bytes */
#define IPSCSI_CONT_LONG	(256 * 1024)	/* longest that we make, or ask for */

/* What a container adds to a message that is alone in it, at most, bytes */
#define IPSCSI_CONT_ONE		(IPSCSI_CONT_HEADER + IPSCSI_CONT_RECORD + \
				 IPSCSI_CONT_PAD)

#define IPSCSI_BARE_STREAMS	3	/* IPv4, ARP, IPv6 */

#define IPSCSI_SHORT		2048	/* bytes of a frame in a dialogue */

/* Bytes of a message that go into the linear part of a received skb */
#define IPSCSI_RX_COPY		1536	/* all of a shorter one */
#define IPSCSI_RX_HEADER	128

/**
 * enum ipscsi_counter - 64-bit counters of a peer, and their sum a segment
 *
 * The names in ethtool -S and sysfs follow the same order: counter_names.
 */
enum ipscsi_counter {
	IPSCSI_C_RX_PACKETS,
	IPSCSI_C_RX_BYTES,
	IPSCSI_C_TX_PACKETS,
	IPSCSI_C_TX_BYTES,
	IPSCSI_C_RX_MESSAGES,		/* SENDs in, or GETs that had data */
	IPSCSI_C_TX_MESSAGES,		/* SENDs out, or GETs answered */
	IPSCSI_C_RX_NULL,		/* GETs that had nothing */
	IPSCSI_C_TX_NULL,		/* GETs answered with nothing */
	IPSCSI_C_RX_MALFORMED,		/* datagram or container is wrong */
	IPSCSI_C_RX_FORGED,		/* not from the peer's own address */
	IPSCSI_C_RX_NOMEM,
	IPSCSI_C_RX_DOWN,		/* the interface is down */
	IPSCSI_C_RX_REORDERED,		/* containers out of sequence */
	IPSCSI_C_TX_NO_PEER,		/* nobody has that address */
	IPSCSI_C_TX_PEER_DOWN,		/* peer does not answer */
	IPSCSI_C_TX_QUEUE_FULL,
	IPSCSI_C_TX_NO_EXT,		/* needs EXT, peer has it not */
	IPSCSI_C_TX_TOO_BIG,		/* longer than peer or adapter take */
	IPSCSI_C_TX_NOMEM,
	IPSCSI_C_TX_FAILED,		/* the SEND ended with an error */
	IPSCSI_C_GET_FAILED,		/* a GET ended with an error */
	IPSCSI_C_UNIT_ATTENTION,
	IPSCSI_C_TIMEOUT,
	IPSCSI_C_RETRIES,
	IPSCSI_C_RELAYED,		/* from here to another station */
	IPSCSI_C_COUNT,
};

extern const char ipscsi_counter_names[IPSCSI_C_COUNT][ETH_GSTRING_LEN];

struct ipscsi_stats {
	u64_stats_t value[IPSCSI_C_COUNT];
	struct u64_stats_sync sync;
};

struct ipscsi_idev;
struct ipscsi_rx_cell;
struct ipscsi_seg;

enum ipscsi_peer_state {
	IPSCSI_PEER_DOWN,
	IPSCSI_PEER_UP,
};

/**
 * struct ipscsi_reverse - the way to a peer through its GETs
 * @kick: something is queued; called under RCU, with bottom halves off
 * @held: number of GETs held now
 * @last_get: jiffies of the last of them
 * @get_seen: there was one
 * @room: longest message that a GET had room for, the last time that it was
 *	asked for: bare ones by ipscsi_bare_index(), a record's payload; bytes,
 *	0 where there was none
 * @port: initiator port name, for sysfs
 *
 * Owned by ipscsi_target. It clears peer->reverse and waits for an RCU grace
 * period before it goes.
 */
struct ipscsi_reverse {
	void (*kick)(struct ipscsi_reverse *reverse);
	atomic_t held;
	unsigned long last_get;
	bool get_seen;
	u32 room[IPSCSI_BARE_STREAMS + 1];
	const char *port;
};

/**
 * struct ipscsi_peer - another station, as seen from here
 * @kobj: its folder in sysfs, and the reference count
 * @node: in seg->peers; seg->lock, readers under RCU
 * @hnode: in seg->hash; same
 * @rcu: for freeing
 * @seg: its segment; do not follow after @dead, other than under RCU
 * @addr: station address; never changes
 * @queue: index of the net device queue that carries its traffic
 * @dead: removed from the segment; seg->lock
 * @in_sysfs: kobj is added; seg->work only
 * @told: the state that user space was last told; seg->work only
 * @hello: it told its address (otherwise a base station)
 * @bridge: it may send from other addresses
 * @state: up or down
 * @features: what both ends have
 * @base_max: longest base message that it takes, bytes
 * @cont_max: longest container that it takes, bytes
 * @send_max: longest message that the adapter of @idev takes, bytes
 * @name: its host name; seg->lock
 * @idev: RCU; the device that we send to, or NULL
 * @reverse: RCU; the way through its GETs, or NULL
 * @txq: what waits for it: Ethernet frames; its lock guards the next five
 * @txq_bytes: bytes in @txq
 * @txq_bare: frames in @txq that a bare stream may take, and all others
 * @stopped: its net device queue was stopped for it
 * @moved: jiffies: when that was, or a frame was last taken out of @txq
 * @idev_down: @idev is in trouble: only the peer's GETs lead there
 * @short_rx: the last frame from it was short, and not answered yet
 * @arp_ip: base stations: the last source address of a datagram, else 0
 * @tx_seq: sequence number of the next container to it
 * @rx_seq: sequence number of the next container from it, if in order
 * @stats: counters
 */
struct ipscsi_peer {
	struct kobject kobj;
	struct list_head node;
	struct hlist_node hnode;
	struct rcu_head rcu;
	struct ipscsi_seg *seg;
	u8 addr[ETH_ALEN];
	u16 queue;
	bool dead;
	bool in_sysfs;
	enum ipscsi_peer_state told;
	bool hello;
	bool bridge;
	enum ipscsi_peer_state state;
	u16 features;
	u16 base_max;
	u32 cont_max;
	u32 send_max;
	char name[IPSCSI_NAME_MAX + 1];
	struct ipscsi_idev __rcu *idev;
	struct ipscsi_reverse __rcu *reverse;
	struct sk_buff_head txq;
	u32 txq_bytes;
	unsigned int txq_bare[IPSCSI_BARE_STREAMS + 1];
	bool stopped;
	unsigned long moved;
	bool idev_down;
	bool short_rx;
	__be32 arp_ip;
	u32 tx_seq;
	u32 rx_seq;
	struct ipscsi_stats __percpu *stats;
};

/**
 * ipscsi_peer_sends - whether SENDs of ours lead to a peer
 * @peer: the peer
 *
 * Return: false where only GETs of the peer do, or nothing.
 */
static inline bool ipscsi_peer_sends(const struct ipscsi_peer *peer)
{
	return rcu_access_pointer(peer->idev) && !READ_ONCE(peer->idev_down);
}

/**
 * struct ipscsi_port - a target LUN's interest in a segment
 * @list: in the list of all ports; RTNL
 * @ifname: name of the segment that it waits for, in the initial namespace
 * @seg: the segment that it has, or NULL; RTNL
 * @attach: the segment is there; RTNL held
 * @detach: the segment goes; RTNL held. The segment is valid until an RCU
 *	grace period after the return
 */
struct ipscsi_port {
	struct list_head list;
	char ifname[IFNAMSIZ];
	struct ipscsi_seg *seg;
	void (*attach)(struct ipscsi_port *port, struct ipscsi_seg *seg);
	void (*detach)(struct ipscsi_port *port);
};

/**
 * struct ipscsi_seg - a segment; private data of the net device
 * @dev: the net device
 * @node: in the list of all segments; RTNL
 * @port: adapter's port that it was made for, or empty
 * @addr_number: which of its addresses it has: more than 0 after collisions;
 *	RTNL
 * @lock: guards the peers' lists, their @dead and @name; BH-safe
 * @peers: all peers, RCU for readers
 * @hash: peers by station address, RCU for readers
 * @fdb: addresses behind peers: fdb.c
 * @npeers: how many peers
 * @nfdb: how many addresses
 * @next_queue: where the next peer goes
 * @rx: received frames on their way through GRO, a queue a processor
 * @kobj: folder "ipscsi" below the net device's
 * @peers_kset: folder "peers" in it
 * @work: puts peers into sysfs and takes them out, follows the carrier, tells
 *	senders of packets that were too long
 * @tx_drops: packets that no peer was found for; others are with the peers
 * @too_long: packets that their senders are to be told of: too long for a peer
 * @gone: counters of peers that were removed; seg->lock
 * @stopped: peers that each net device queue is stopped for
 * @features: IPSCSI_F_* that we own up to; RELAY is separate
 * @mtu_fixed: somebody set the MTU: we leave it alone; RTNL
 * @mtu_limit: what adapters and peers take, bytes; RTNL
 * @relay: forward between the stations that we serve
 * @hold_ms: how long a GET is held, milliseconds
 * @unplugged: the carrier is switched off by hand; RTNL
 * @gets: GETs to keep outstanding at one peer
 * @closing: ndo_uninit has begun; seg->lock
 */
struct ipscsi_seg {
	struct net_device *dev;
	struct list_head node;
	char port[IPSCSI_PORT_MAX];
	unsigned int addr_number;
	spinlock_t lock;
	struct list_head peers;
	struct hlist_head hash[1 << IPSCSI_HASH_BITS];
	struct hlist_head fdb[1 << IPSCSI_HASH_BITS];
	unsigned int npeers;
	unsigned int nfdb;
	unsigned int next_queue;
	struct ipscsi_rx_cell __percpu *rx;
	struct kobject *kobj;
	struct kset *peers_kset;
	struct delayed_work work;
	atomic64_t tx_drops;
	struct sk_buff_head too_long;
	u64 gone[IPSCSI_C_COUNT];
	atomic_t stopped[IPSCSI_TXQ_COUNT];
	u16 features;
	bool mtu_fixed;
	unsigned int mtu_limit;
	bool relay;
	unsigned int hold_ms;
	bool unplugged;
	unsigned int gets;
	bool closing;
};

/**
 * ipscsi_seg_open - whether frames go in and out
 * @seg: the segment
 *
 * Return: false while its interface is down, or its carrier is switched off by
 * hand: targets then are NOT READY, as for a host whose cable is out.
 */
static inline bool ipscsi_seg_open(const struct ipscsi_seg *seg)
{
	return netif_running(seg->dev) && !READ_ONCE(seg->unplugged);
}

/* A bare stream's place in arrays of IPSCSI_BARE_STREAMS */
static inline unsigned int ipscsi_bare_index(u16 stream)
{
	return stream == IPSCSI_STREAM_ARP ? 1 :
	       stream == IPSCSI_STREAM_IPV6 ? 2 : 0;
}

/* A frame whose checksum, or whose cutting into segments, is left to others */
static inline bool ipscsi_needs_offload(const struct sk_buff *skb)
{
	return skb->ip_summed == CHECKSUM_PARTIAL || skb_is_gso(skb);
}

/**
 * struct ipscsi_cb - our part of a frame that is on its way to a peer
 * @queued: when it came into the peer's queue, jiffies
 * @stream: what ipscsi_frame_stream() said when it left the queue
 * @pull: the same
 * @offload: its checksum or segmentation goes into its record
 * @bare: what it counts as in peer->txq_bare
 * @mtu: what is told to the sender of one that is too long, bytes
 */
struct ipscsi_cb {
	unsigned long queued;
	u16 stream;
	u16 pull;
	bool offload;
	u8 bare;
	u32 mtu;
};

static inline struct ipscsi_cb *ipscsi_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct ipscsi_cb) > sizeof_field(struct sk_buff, cb));
	return (struct ipscsi_cb *)skb->cb;
}

static inline void ipscsi_count(struct ipscsi_peer *peer,
				enum ipscsi_counter counter, u64 n)
{
	struct ipscsi_stats *stats = get_cpu_ptr(peer->stats);
	unsigned long flags;

	/* completions may come in hard interrupts on 32-bit machines too */
	flags = u64_stats_update_begin_irqsave(&stats->sync);
	u64_stats_add(&stats->value[counter], n);
	u64_stats_update_end_irqrestore(&stats->sync, flags);
	put_cpu_ptr(peer->stats);
}

static inline void ipscsi_count2(struct ipscsi_peer *peer,
				 enum ipscsi_counter packets, u64 n,
				 enum ipscsi_counter bytes, u64 len)
{
	struct ipscsi_stats *stats = get_cpu_ptr(peer->stats);
	unsigned long flags;

	flags = u64_stats_update_begin_irqsave(&stats->sync);
	u64_stats_add(&stats->value[packets], n);
	u64_stats_add(&stats->value[bytes], len);
	u64_stats_update_end_irqrestore(&stats->sync, flags);
	put_cpu_ptr(peer->stats);
}

/**
 * struct ipscsi_instance - which running module this is: random, made at load
 * @page: what a station page tells to whoever asks
 * @hello: what HELLO tells to a target whose page told @page, and to nobody else
 *
 * docs/protocol.md section 6. A target that hears @hello knows that the
 * initiator is this module itself, and not one behind a device that was
 * passed on.
 */
struct ipscsi_instance {
	u64 page;
	u64 hello;
};

/* main.c */
extern struct rtnl_link_ops ipscsi_link_ops;
extern struct workqueue_struct *ipscsi_wq;
extern struct workqueue_struct *ipscsi_io_wq;
extern struct ipscsi_instance ipscsi_instance;
struct ipscsi_seg *ipscsi_seg_create_auto(const char *port);
void ipscsi_self_describe(struct ipscsi_seg *seg, struct ipscsi_desc *desc,
			  bool safe);
int ipscsi_port_register(struct ipscsi_port *port);
void ipscsi_port_unregister(struct ipscsi_port *port);
void ipscsi_ports_detach(struct ipscsi_seg *seg);

/* address.c */
void ipscsi_addr_add(struct ipscsi_seg *seg);
void ipscsi_addr_remove(struct ipscsi_seg *seg);
bool ipscsi_addr_collided(struct ipscsi_seg *seg);

/* net.c */
extern const struct net_device_ops ipscsi_netdev_ops;
extern const struct ethtool_ops ipscsi_ethtool_ops;
void ipscsi_net_setup(struct net_device *dev);
void ipscsi_peer_queue(struct ipscsi_peer *peer, struct sk_buff *skb);
struct sk_buff *ipscsi_peer_dequeue(struct ipscsi_peer *peer, u32 max,
				    int stream);
void ipscsi_drop(struct ipscsi_peer *peer, struct sk_buff *skb,
		 enum ipscsi_counter reason);
void ipscsi_peer_age(struct ipscsi_peer *peer);
void ipscsi_peer_purge(struct ipscsi_peer *peer,
		       enum ipscsi_counter reason);
int ipscsi_frame_stream(const struct ipscsi_peer *peer,
			const struct sk_buff *skb, u16 *stream, u32 *pull);
void ipscsi_seg_tell_senders(struct ipscsi_seg *seg);
void ipscsi_seg_count(struct ipscsi_seg *seg, u64 *sum);
void ipscsi_seg_fit_mtu(struct ipscsi_seg *seg, unsigned int limit);
void ipscsi_seg_bridged(struct ipscsi_seg *seg, bool bridged);

/* rx.c */
int ipscsi_rx_start(struct ipscsi_seg *seg);
void ipscsi_rx_stop(struct ipscsi_seg *seg);
void ipscsi_rx_sequence(struct ipscsi_peer *peer, u32 seq);
void ipscsi_rx_breathe(unsigned int n, unsigned long *since);
void ipscsi_rx(struct ipscsi_peer *peer, u16 stream, struct sk_buff *skb,
	       const u8 *vnet);
int ipscsi_offload_build(struct sk_buff *skb, u32 pull, u8 *vnet);
void ipscsi_rx_free(void);
struct sk_buff *ipscsi_rx_alloc(struct ipscsi_peer *peer, u32 linear,
				u32 paged, gfp_t gfp);

/* peer.c */
struct ipscsi_peer *ipscsi_peer_find(struct ipscsi_seg *seg, const u8 *addr);
struct ipscsi_peer *ipscsi_peer_get(struct ipscsi_seg *seg, const u8 *addr);
void ipscsi_peer_put(struct ipscsi_peer *peer);
void ipscsi_peer_describe(struct ipscsi_peer *peer,
			  const struct ipscsi_desc *desc, bool safe);
bool ipscsi_peer_claim(struct ipscsi_peer *peer, struct ipscsi_idev *idev);
void ipscsi_peer_set_idev(struct ipscsi_peer *peer, struct ipscsi_idev *idev);
void ipscsi_peer_set_reverse(struct ipscsi_peer *peer,
			     struct ipscsi_reverse *reverse);
void ipscsi_peer_set_state(struct ipscsi_peer *peer,
			   enum ipscsi_peer_state state);
void ipscsi_peer_release_ways(struct ipscsi_peer *peer);
void ipscsi_peer_sum(struct ipscsi_peer *peer, u64 *sum);
void ipscsi_seg_work(struct work_struct *work);
void ipscsi_seg_drop_peers(struct ipscsi_seg *seg);

/* fdb.c */
struct ipscsi_peer *ipscsi_fdb_lookup(struct ipscsi_seg *seg, const u8 *addr);
void ipscsi_fdb_learn(struct ipscsi_seg *seg, struct ipscsi_peer *peer,
		      const u8 *addr);
void ipscsi_fdb_flush(struct ipscsi_seg *seg, const struct ipscsi_peer *peer);
int ipscsi_fdb_add(struct ndmsg *ndm, struct nlattr *tb[],
		   struct net_device *dev, const unsigned char *addr, u16 vid,
		   u16 flags, struct netlink_ext_ack *extack);
int ipscsi_fdb_del(struct ndmsg *ndm, struct nlattr *tb[],
		   struct net_device *dev, const unsigned char *addr, u16 vid,
		   struct netlink_ext_ack *extack);
int ipscsi_fdb_dump(struct sk_buff *skb, struct netlink_callback *cb,
		    struct net_device *dev, struct net_device *filter_dev,
		    int *idx);

/* debugfs.c */
void ipscsi_debugfs_init(void);
void ipscsi_debugfs_exit(void);

/* sysfs.c */
extern const struct kobj_type ipscsi_peer_ktype;
void ipscsi_sysfs_init(void);
int ipscsi_sysfs_add(struct ipscsi_seg *seg);
void ipscsi_sysfs_remove(struct ipscsi_seg *seg);

/* initiator.c */
int ipscsi_initiator_init(void);
void ipscsi_initiator_exit(void);
void ipscsi_idev_kick(struct ipscsi_idev *idev);
void ipscsi_idev_send(struct ipscsi_idev *idev, struct ipscsi_peer *peer,
		      unsigned int len);
void ipscsi_idev_lost_seg(struct ipscsi_seg *seg);
void ipscsi_idev_say_hello(struct ipscsi_seg *seg);
int ipscsi_idev_in_flight(const struct ipscsi_idev *idev);
int ipscsi_idev_gets(const struct ipscsi_idev *idev);
bool ipscsi_idev_same_bus(const struct ipscsi_idev *one,
			  const struct ipscsi_idev *other);
const char *ipscsi_idev_name(const struct ipscsi_idev *idev);

#endif /* IPSCSI_H */
