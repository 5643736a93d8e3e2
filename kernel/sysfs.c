// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI: /sys/class/net/<segment>/ipscsi/, one value a file
 *
 * docs/driver.md lists every file with its unit.
 */
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "ipscsi.h"

/* --- ipscsi/ : the segment --- */

static struct ipscsi_seg *kobj_seg(struct kobject *kobj)
{
	return netdev_priv(to_net_dev(kobj_to_dev(kobj->parent)));
}

static ssize_t mode_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct ipscsi_seg *seg = kobj_seg(kobj);
	bool hub = false, station = false;
	struct ipscsi_peer *peer;

	rcu_read_lock();
	list_for_each_entry_rcu(peer, &seg->peers, node) {
		hub |= !!rcu_access_pointer(peer->reverse);
		station |= !!rcu_access_pointer(peer->idev);
	}
	rcu_read_unlock();
	return sysfs_emit(buf, "%s\n", hub && station ? "mixed" :
				       hub ? "hub" :
				       station ? "station" : "idle");
}

static ssize_t max_message_show(struct kobject *kobj,
				struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", IPSCSI_MESSAGE_MAX);
}

static ssize_t hold_time_ms_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(kobj_seg(kobj)->hold_ms));
}

static ssize_t set_limited(const char *buf, size_t count, unsigned int *value,
			   unsigned int min, unsigned int max)
{
	unsigned int n;
	int err = kstrtouint(buf, 0, &n);

	if (err)
		return err;
	if (n < min || n > max)
		return -ERANGE;
	WRITE_ONCE(*value, n);
	return count;
}

static ssize_t hold_time_ms_store(struct kobject *kobj,
				  struct kobj_attribute *attr, const char *buf,
				  size_t count)
{
	return set_limited(buf, count, &kobj_seg(kobj)->hold_ms,
			   IPSCSI_HOLD_MS_MIN, IPSCSI_HOLD_MS_MAX);
}

static ssize_t gets_per_peer_show(struct kobject *kobj,
				  struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(kobj_seg(kobj)->gets));
}

static ssize_t gets_per_peer_store(struct kobject *kobj,
				   struct kobj_attribute *attr,
				   const char *buf, size_t count)
{
	return set_limited(buf, count, &kobj_seg(kobj)->gets, 1,
			   IPSCSI_GETS_MAX);
}

static ssize_t relay_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(kobj_seg(kobj)->relay));
}

static ssize_t relay_store(struct kobject *kobj, struct kobj_attribute *attr,
			   const char *buf, size_t count)
{
	bool on;
	int err = kstrtobool(buf, &on);

	if (err)
		return err;
	WRITE_ONCE(kobj_seg(kobj)->relay, on);
	return count;
}

static const char * const feature_words[] = {
	"ext", "get", "container", "offload", "relay",
};

static ssize_t emit_features(char *buf, u16 features)
{
	int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(feature_words); i++)
		if (features & BIT(i))
			n += sysfs_emit_at(buf, n, "%s%s", n ? " " : "",
					   feature_words[i]);
	if (!n)
		n = sysfs_emit(buf, "none");
	return n + sysfs_emit_at(buf, n, "\n");
}

static ssize_t seg_features_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	return emit_features(buf, READ_ONCE(kobj_seg(kobj)->features));
}

/* What we own up to; each peer gets to know at its next HELLO, or ours */
static ssize_t seg_features_store(struct kobject *kobj,
				  struct kobj_attribute *attr, const char *buf,
				  size_t count)
{
	struct ipscsi_seg *seg = kobj_seg(kobj);
	char *copy, *rest, *word;
	u16 features = 0;
	int i, err = 0;

	copy = kstrndup(buf, count, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = strim(copy);
	while (!err && (word = strsep(&rest, " ,"))) {
		if (!*word || !strcmp(word, "none"))
			continue;
		i = match_string(feature_words, ARRAY_SIZE(feature_words), word);
		if (i < 0 || !(BIT(i) & IPSCSI_FEATURES))
			err = -EINVAL;
		else
			features |= BIT(i);
	}
	kfree(copy);
	if (err)
		return err;
	WRITE_ONCE(seg->features, features);
	ipscsi_idev_say_hello(seg);
	return count;
}

static struct kobj_attribute seg_features =
	__ATTR(features, 0644, seg_features_show, seg_features_store);
static struct kobj_attribute seg_mode = __ATTR_RO(mode);
static struct kobj_attribute seg_max_message = __ATTR_RO(max_message);
static struct kobj_attribute seg_hold = __ATTR_RW(hold_time_ms);
static struct kobj_attribute seg_gets = __ATTR_RW(gets_per_peer);
static struct kobj_attribute seg_relay = __ATTR_RW(relay);

static const struct attribute *seg_attrs[] = {
	&seg_mode.attr, &seg_max_message.attr, &seg_hold.attr,
	&seg_gets.attr, &seg_relay.attr, &seg_features.attr, NULL,
};

/**
 * ipscsi_sysfs_add - show a segment that was just registered
 * @seg: the segment
 *
 * Context: process, RTNL held.
 * Return: 0 or a negative error; the segment works without, too.
 */
int ipscsi_sysfs_add(struct ipscsi_seg *seg)
{
	int err;

	seg->kobj = kobject_create_and_add("ipscsi", &seg->dev->dev.kobj);
	if (!seg->kobj)
		return -ENOMEM;
	err = sysfs_create_files(seg->kobj, seg_attrs);
	if (err)
		goto put;
	seg->peers_kset = kset_create_and_add("peers", NULL, seg->kobj);
	if (!seg->peers_kset) {
		err = -ENOMEM;
		goto put;
	}
	return 0;
put:
	kobject_put(seg->kobj);
	seg->kobj = NULL;
	return err;
}

/**
 * ipscsi_sysfs_remove - take a segment's files away
 * @seg: the segment; it has no peers any more
 *
 * Context: process, RTNL held.
 */
void ipscsi_sysfs_remove(struct ipscsi_seg *seg)
{
	if (!seg->kobj)
		return;
	kset_unregister(seg->peers_kset);
	sysfs_remove_files(seg->kobj, seg_attrs);
	kobject_put(seg->kobj);
	seg->kobj = NULL;
	seg->peers_kset = NULL;
}

/* --- ipscsi/peers/<station address>/ --- */

struct peer_attr {
	struct attribute attr;
	ssize_t (*show)(struct ipscsi_peer *peer, char *buf);
	ssize_t (*store)(struct ipscsi_peer *peer, const char *buf,
			 size_t count);
	int counter;	/* where show is NULL */
};

static struct ipscsi_peer *kobj_peer(struct kobject *kobj)
{
	return container_of(kobj, struct ipscsi_peer, kobj);
}

static ssize_t peer_attr_show(struct kobject *kobj, struct attribute *attr,
			      char *buf)
{
	struct peer_attr *pa = container_of(attr, struct peer_attr, attr);
	struct ipscsi_peer *peer = kobj_peer(kobj);
	u64 sum[IPSCSI_C_COUNT] = {};

	if (pa->show)
		return pa->show(peer, buf);
	ipscsi_peer_sum(peer, sum);
	return sysfs_emit(buf, "%llu\n", sum[pa->counter]);
}

static ssize_t peer_attr_store(struct kobject *kobj, struct attribute *attr,
			       const char *buf, size_t count)
{
	struct peer_attr *pa = container_of(attr, struct peer_attr, attr);

	return pa->store ? pa->store(kobj_peer(kobj), buf, count) : -EPERM;
}

static const struct sysfs_ops peer_sysfs_ops = {
	.show = peer_attr_show,
	.store = peer_attr_store,
};

static ssize_t state_show(struct ipscsi_peer *peer, char *buf)
{
	bool up = READ_ONCE(peer->state) == IPSCSI_PEER_UP;

	return sysfs_emit(buf, "%s\n", !up ? "down" :
			  READ_ONCE(peer->stopped) ? "stalled" : "up");
}

static ssize_t role_show(struct ipscsi_peer *peer, char *buf)
{
	return sysfs_emit(buf, "%s\n", rcu_access_pointer(peer->idev) ?
				       "target" : "initiator");
}

static ssize_t mode_of_peer_show(struct ipscsi_peer *peer, char *buf)
{
	bool both = rcu_access_pointer(peer->idev) &&
		    rcu_access_pointer(peer->reverse);

	return sysfs_emit(buf, "%s\n", !READ_ONCE(peer->hello) ? "base" :
				       both ? "symmetric" : "get");
}

static ssize_t name_show(struct ipscsi_peer *peer, char *buf)
{
	char name[sizeof(peer->name)] = "";

	rcu_read_lock();
	if (!READ_ONCE(peer->dead)) {
		spin_lock_bh(&peer->seg->lock);
		strscpy(name, peer->name, sizeof(name));
		spin_unlock_bh(&peer->seg->lock);
	}
	rcu_read_unlock();
	return sysfs_emit(buf, "%s\n", name);
}

static ssize_t features_show(struct ipscsi_peer *peer, char *buf)
{
	return emit_features(buf, READ_ONCE(peer->features));
}

static ssize_t device_show(struct ipscsi_peer *peer, char *buf)
{
	struct ipscsi_idev *idev;
	ssize_t n;

	rcu_read_lock();
	idev = rcu_dereference(peer->idev);
	n = sysfs_emit(buf, "%s\n", idev ? ipscsi_idev_name(idev) : "");
	rcu_read_unlock();
	return n;
}

static ssize_t nexus_show(struct ipscsi_peer *peer, char *buf)
{
	struct ipscsi_reverse *reverse;
	ssize_t n;

	rcu_read_lock();
	reverse = rcu_dereference(peer->reverse);
	n = sysfs_emit(buf, "%s\n", reverse ? reverse->port : "");
	rcu_read_unlock();
	return n;
}

static ssize_t in_flight_show(struct ipscsi_peer *peer, char *buf)
{
	struct ipscsi_idev *idev;
	ssize_t n;

	rcu_read_lock();
	idev = rcu_dereference(peer->idev);
	n = sysfs_emit(buf, "%d\n", idev ? ipscsi_idev_in_flight(idev) : 0);
	rcu_read_unlock();
	return n;
}

/* GETs: those that we hold of the peer's, or that the peer holds of ours */
static ssize_t held_gets_show(struct ipscsi_peer *peer, char *buf)
{
	struct ipscsi_reverse *reverse;
	struct ipscsi_idev *idev;
	int held = 0;

	rcu_read_lock();
	reverse = rcu_dereference(peer->reverse);
	idev = rcu_dereference(peer->idev);
	if (reverse)
		held = atomic_read(&reverse->held);
	else if (idev)
		held = ipscsi_idev_gets(idev);
	rcu_read_unlock();
	return sysfs_emit(buf, "%d\n", held);
}

static ssize_t queued_show(struct ipscsi_peer *peer, char *buf)
{
	return sysfs_emit(buf, "%u\n", skb_queue_len_lockless(&peer->txq));
}

static ssize_t peer_max_message_show(struct ipscsi_peer *peer, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(peer->base_max));
}

static ssize_t max_container_show(struct ipscsi_peer *peer, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(peer->cont_max));
}

static ssize_t bridge_show(struct ipscsi_peer *peer, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(peer->bridge));
}

static ssize_t bridge_store(struct ipscsi_peer *peer, const char *buf,
			    size_t count)
{
	bool on;
	int err = kstrtobool(buf, &on);

	if (err)
		return err;
	rcu_read_lock();
	if (READ_ONCE(peer->dead)) {
		rcu_read_unlock();
		return -ENODEV;
	}
	spin_lock_bh(&peer->seg->lock);
	WRITE_ONCE(peer->bridge, on);
	/* none is behind it any more, and none can be learned: same lock */
	if (!on)
		ipscsi_fdb_flush(peer->seg, peer);
	spin_unlock_bh(&peer->seg->lock);
	rcu_read_unlock();
	return count;
}

static void peer_total(struct ipscsi_peer *peer, const int *which, int n,
		       u64 *total)
{
	u64 sum[IPSCSI_C_COUNT] = {};

	ipscsi_peer_sum(peer, sum);
	*total = 0;
	while (n--)
		*total += sum[which[n]];
}

#define PEER_TOTAL(name, ...)						\
static ssize_t name##_show(struct ipscsi_peer *peer, char *buf)		\
{									\
	static const int which[] = { __VA_ARGS__ };			\
	u64 total;							\
									\
	peer_total(peer, which, ARRAY_SIZE(which), &total);		\
	return sysfs_emit(buf, "%llu\n", total);			\
}

/* The same sums as in ipscsi_get_stats64() */
PEER_TOTAL(rx_dropped, IPSCSI_C_RX_NOMEM, IPSCSI_C_RX_DOWN)
PEER_TOTAL(rx_errors, IPSCSI_C_RX_MALFORMED, IPSCSI_C_RX_FORGED,
	   IPSCSI_C_GET_FAILED)
PEER_TOTAL(tx_dropped, IPSCSI_C_TX_NO_PEER, IPSCSI_C_TX_PEER_DOWN,
	   IPSCSI_C_TX_QUEUE_FULL, IPSCSI_C_TX_NOMEM)
PEER_TOTAL(tx_errors, IPSCSI_C_TX_FAILED, IPSCSI_C_TX_TOO_BIG,
	   IPSCSI_C_TX_NO_EXT)
PEER_TOTAL(commands, IPSCSI_C_RX_MESSAGES, IPSCSI_C_TX_MESSAGES,
	   IPSCSI_C_RX_NULL, IPSCSI_C_TX_NULL)

#define PEER_RO(_name, _show)						\
static struct peer_attr peer_##_name = {				\
	.attr = { .name = __stringify(_name), .mode = 0444 },		\
	.show = _show,							\
}

#define PEER_COUNTER(_name, _counter)					\
static struct peer_attr peer_##_name = {				\
	.attr = { .name = __stringify(_name), .mode = 0444 },		\
	.counter = _counter,						\
}

PEER_RO(state, state_show);
PEER_RO(role, role_show);
PEER_RO(mode, mode_of_peer_show);
PEER_RO(name, name_show);
PEER_RO(features, features_show);
PEER_RO(device, device_show);
PEER_RO(nexus, nexus_show);
PEER_RO(in_flight, in_flight_show);
PEER_RO(held_gets, held_gets_show);
PEER_RO(queued, queued_show);
PEER_RO(max_message, peer_max_message_show);
PEER_RO(max_container, max_container_show);
PEER_RO(rx_dropped, rx_dropped_show);
PEER_RO(rx_errors, rx_errors_show);
PEER_RO(tx_dropped, tx_dropped_show);
PEER_RO(tx_errors, tx_errors_show);
PEER_RO(commands, commands_show);
PEER_COUNTER(rx_packets, IPSCSI_C_RX_PACKETS);
PEER_COUNTER(rx_bytes, IPSCSI_C_RX_BYTES);
PEER_COUNTER(tx_packets, IPSCSI_C_TX_PACKETS);
PEER_COUNTER(tx_bytes, IPSCSI_C_TX_BYTES);
static struct peer_attr peer_bridge = {
	.attr = { .name = "bridge", .mode = 0644 },
	.show = bridge_show,
	.store = bridge_store,
};

static struct attribute *peer_attrs[] = {
	&peer_state.attr, &peer_role.attr, &peer_mode.attr, &peer_name.attr,
	&peer_features.attr, &peer_device.attr, &peer_nexus.attr,
	&peer_in_flight.attr, &peer_held_gets.attr, &peer_queued.attr,
	&peer_max_message.attr, &peer_max_container.attr,
	&peer_rx_packets.attr, &peer_rx_bytes.attr, &peer_tx_packets.attr,
	&peer_tx_bytes.attr, &peer_rx_dropped.attr, &peer_tx_dropped.attr,
	&peer_rx_errors.attr, &peer_tx_errors.attr, &peer_commands.attr,
	&peer_bridge.attr, NULL,
};

static const struct attribute_group peer_group = {
	.attrs = peer_attrs,
};

/* counters/: what ethtool -S adds up over all peers, by the same names */
static struct peer_attr peer_counters[IPSCSI_C_COUNT];
static struct attribute *peer_counter_attrs[IPSCSI_C_COUNT + 1];

static const struct attribute_group peer_counter_group = {
	.name = "counters",
	.attrs = peer_counter_attrs,
};

static const struct attribute_group *peer_groups[] = {
	&peer_group, &peer_counter_group, NULL,
};

/**
 * ipscsi_sysfs_init - name the files of the counters
 *
 * Context: module initialisation, before there is a segment.
 */
void __init ipscsi_sysfs_init(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < IPSCSI_C_COUNT; i++) {
		if (i == IPSCSI_C_TX_NO_PEER)	/* of the segment alone */
			continue;
		peer_counters[i].attr.name = ipscsi_counter_names[i];
		peer_counters[i].attr.mode = 0444;
		peer_counters[i].counter = i;
		peer_counter_attrs[n++] = &peer_counters[i].attr;
	}
}

static void peer_free_rcu(struct rcu_head *rcu)
{
	struct ipscsi_peer *peer = container_of(rcu, struct ipscsi_peer, rcu);

	free_percpu(peer->stats);
	kfree(peer);
}

static void peer_release(struct kobject *kobj)
{
	struct ipscsi_peer *peer = kobj_peer(kobj);

	__skb_queue_purge(&peer->txq);
	call_rcu(&peer->rcu, peer_free_rcu);
}

const struct kobj_type ipscsi_peer_ktype = {
	.release = peer_release,
	.sysfs_ops = &peer_sysfs_ops,
	.default_groups = peer_groups,
};
