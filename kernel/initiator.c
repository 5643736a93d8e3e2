// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI, initiator side: attaching to communications devices
 *
 * An upper-level SCSI driver for type 09h. A device with a station page
 * (docs/protocol.md section 2) is attached to a segment by itself, any other
 * only when the operator says so: it may be something else altogether, and
 * SEND MESSAGE(10) is WRITE(10) to a disk.
 *
 * What talks to the device and waits runs in idev->control. Its path: TEST
 * UNIT READY, station page, READ CAPACITY, HELLO, up. Any trouble leads back
 * to the begin of that path, with a growing delay.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <scsi/scsi.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_driver.h>
#include <scsi/scsi_host.h>

#include "idev.h"

static bool auto_attach = true;
module_param(auto_attach, bool, 0644);
MODULE_PARM_DESC(auto_attach,
		 "Attach communications devices that have a station page (default: on)");

static unsigned int command_timeout = IPSCSI_TIMEOUT;
module_param(command_timeout, uint, 0644);
MODULE_PARM_DESC(command_timeout,
		 "Seconds until a SEND or GET is aborted, 15 to 3600 (default: 300)");

/**
 * ipscsi_timeout - how long a SEND or GET may take
 *
 * Return: jiffies.
 */
unsigned long ipscsi_timeout(void)
{
	return clamp_t(unsigned int, READ_ONCE(command_timeout),
		       IPSCSI_TIMEOUT_MIN, IPSCSI_TIMEOUT_MAX) * HZ;
}

/* Guards the list, and the choice of a segment for a new device */
static DEFINE_MUTEX(ipscsi_attach_mutex);
static LIST_HEAD(ipscsi_idevs);

/* Guards the list against ipscsi_idev_lost_seg(), which has RTNL already */
static DEFINE_SPINLOCK(ipscsi_idevs_lock);

/* --- control commands --- */

/**
 * idev_exec - a command with its result, synchronously
 * @idev: the device
 * @cdb: the command
 * @cdb_len: its length, 6 to 12
 * @write: data goes out
 * @buf: data, from kmalloc(), or NULL
 * @len: bytes of it
 * @pm: let it pass while the device is being removed
 * @timeout: jiffies
 *
 * A unit attention is taken note of by trying again.
 *
 * Context: process.
 * Return: 0 for GOOD, a sense key (1 to 15) with the additional sense code in
 * bits 8 to 15, or a negative error.
 */
static int idev_exec(struct ipscsi_idev *idev, const u8 *cdb, size_t cdb_len,
		     bool write, void *buf, unsigned int len, bool pm,
		     unsigned long timeout)
{
	struct request_queue *q = idev->sdev->request_queue;
	struct scsi_sense_hdr sense;
	struct scsi_cmnd *scmd;
	struct request *rq;
	int tries, ret;

	ipscsi_io_make_room(idev, timeout);
	for (tries = 0; tries <= IPSCSI_UA_RETRIES; tries++) {
		rq = scsi_alloc_request(q, write ? REQ_OP_DRV_OUT :
						   REQ_OP_DRV_IN,
					pm ? BLK_MQ_REQ_PM : 0);
		if (IS_ERR(rq)) {
			ret = PTR_ERR(rq);
			goto out;
		}
		if (len) {
			ret = blk_rq_map_kern(q, rq, buf, len, GFP_NOIO);
			if (ret) {
				blk_mq_free_request(rq);
				goto out;
			}
		}
		scmd = blk_mq_rq_to_pdu(rq);
		scmd->cmd_len = cdb_len;
		memcpy(scmd->cmnd, cdb, cdb_len);
		scmd->allowed = IPSCSI_RETRIES;
		rq->timeout = timeout;
		rq->rq_flags |= RQF_QUIET;
		blk_execute_rq(rq, true);

		ret = 0;
		if (scmd->result) {
			ret = -EIO;
			if (host_byte(scmd->result) == DID_OK &&
			    scsi_normalize_sense(scmd->sense_buffer,
						 SCSI_SENSE_BUFFERSIZE, &sense))
				ret = sense.sense_key | sense.asc << 8;
		}
		blk_mq_free_request(rq);
		if (ret < 0 || (ret & 15) != UNIT_ATTENTION)
			goto out;
	}
	ret = -EAGAIN;
out:
	ipscsi_io_room_over(idev);
	return ret;
}

static int test_unit_ready(struct ipscsi_idev *idev)
{
	static const u8 cdb[6] = { TEST_UNIT_READY };

	return idev_exec(idev, cdb, sizeof(cdb), false, NULL, 0, false,
			 IPSCSI_CONTROL_TIMEOUT);
}

/* What idev_exec() returns where the device does not know what it was asked */
static bool not_known(int ret)
{
	return ret > 0 && (ret & 15) == ILLEGAL_REQUEST;
}

/* What idev_exec() returns for 05/26/00: docs/protocol.md section 4 */
#define HELLO_REFUSED	(ILLEGAL_REQUEST | 0x26 << 8)

static bool over_loopback(const struct ipscsi_idev *idev)
{
	return !strcmp(idev->adapter, "tcm_loopback");
}

/*
 * docs/protocol.md section 6: parity is not enough to leave checksums out.
 * These never leave the machine. A page that names an instance is of a target
 * in that instance's own machine, which takes OFFLOAD from nobody else.
 */
static bool way_is_safe(const struct ipscsi_idev *idev,
			const struct ipscsi_desc *page)
{
	if (over_loopback(idev))
		return page->instance == ipscsi_instance.page;
	return !strcmp(idev->adapter, "virtio_scsi") && !page->instance;
}

/* Of ourselves, to the station behind a device */
static void describe_self(const struct ipscsi_idev *idev,
			  struct ipscsi_desc *self)
{
	lockdep_assert_held(&idev->lock);
	ipscsi_self_describe(idev->seg, self, idev->safe);
	if (over_loopback(idev) && idev->safe)
		self->instance = ipscsi_instance.hello;
}

/*
 * Return: 0, 1 where the device has no valid station page, or an error: then
 * it cannot say yet (its segment may not exist yet), so ask again.
 */
static int read_station_page(struct ipscsi_idev *idev)
{
	const u16 size = IPSCSI_VPD_HEADER + IPSCSI_DESC_MAX;
	const u8 cdb[6] = { INQUIRY, 1, IPSCSI_VPD_STATION, size >> 8, size };
	struct ipscsi_desc desc;
	u16 len;
	u8 *buf;
	int ret;

	buf = kzalloc(size, GFP_NOIO);
	if (!buf)
		return -ENOMEM;
	ret = idev_exec(idev, cdb, sizeof(cdb), false, buf, size, false,
			IPSCSI_CONTROL_TIMEOUT);
	if (ret)
		ret = not_known(ret) ? 1 : -EAGAIN;
	else if ((buf[0] & 0x1f) != TYPE_COMM || buf[1] != IPSCSI_VPD_STATION)
		ret = 1;
	if (!ret) {
		len = min_t(u16, buf[2] << 8 | buf[3],
			    size - IPSCSI_VPD_HEADER);
		ret = ipscsi_desc_parse(buf + IPSCSI_VPD_HEADER, len, &desc) ?
			      1 : 0;
	}
	kfree(buf);
	if (ret)
		return ret;
	spin_lock_bh(&idev->lock);
	idev->desc = desc;
	idev->has_page = true;
	idev->safe = way_is_safe(idev, &desc);
	spin_unlock_bh(&idev->lock);
	return 0;
}

/*
 * Emulated parallel adapters in QEMU take 28h and 2Ah lengths for blocks, of
 * the size that they last saw in a READ CAPACITY. Our targets answer 1. No
 * real device minds; errors do not matter.
 */
static void read_capacity_once(struct ipscsi_idev *idev)
{
	static const u8 cdb[10] = { READ_CAPACITY };
	u8 *buf;
	int ret;

	if (idev->capacity_read)
		return;
	buf = kzalloc(8, GFP_NOIO);
	if (!buf)
		return;
	ret = idev_exec(idev, cdb, sizeof(cdb), false, buf, 8, false,
			IPSCSI_CONTROL_TIMEOUT);
	idev->capacity_read = !ret || not_known(ret);
	kfree(buf);
}

/* One control message with one element: docs/protocol.md section 4 */
static int send_control(struct ipscsi_idev *idev, u16 type, const u8 *value,
			u16 value_len, bool pm, unsigned long timeout)
{
	const size_t size = IPSCSI_TLV_HEADER + IPSCSI_DESC_MAX + 3;
	u8 cdb[12];
	size_t len;
	u8 *buf;
	int ret;

	buf = kzalloc(size, GFP_NOIO);
	if (!buf)
		return -ENOMEM;
	len = ipscsi_tlv_build(buf, size, type, value, value_len);
	ret = idev_exec(idev, cdb,
			ipscsi_cdb_build(cdb, true, IPSCSI_STREAM_CONTROL, len,
					 idev->lun),
			true, buf, len, pm, timeout);
	kfree(buf);
	return ret;
}

/* --- states --- */

static bool set_state(struct ipscsi_idev *idev, enum ipscsi_idev_state state)
{
	lockdep_assert_held(&idev->lock);
	if (idev->state == IPSCSI_IDEV_GONE)
		return false;
	WRITE_ONCE(idev->state, state);
	return true;
}

/* Lets go of the peer. What is in flight goes on and has its own reference */
static void leave_peer(struct ipscsi_idev *idev)
{
	struct ipscsi_peer *peer = idev->peer;

	lockdep_assert_held(&idev->lock);
	if (!peer)
		return;
	idev->peer = NULL;
	if (rcu_access_pointer(peer->idev) == idev)
		ipscsi_peer_set_idev(peer, NULL);
	ipscsi_peer_release_ways(peer);
	ipscsi_peer_put(peer);
}

/**
 * ipscsi_idev_trouble - connect anew: a command failed
 * @idev: the device
 * @delay: jiffies until then
 *
 * The peer is down until it answers again.
 *
 * Context: any but hard interrupt.
 */
void ipscsi_idev_trouble(struct ipscsi_idev *idev, unsigned long delay)
{
	spin_lock_bh(&idev->lock);
	if (idev->state == IPSCSI_IDEV_UP) {
		set_state(idev, IPSCSI_IDEV_CONNECTING);
		idev->backoff = IPSCSI_BACKOFF_MIN;
		if (idev->peer)
			WRITE_ONCE(idev->peer->idev_down, true);
		if (idev->peer && !rcu_access_pointer(idev->peer->reverse))
			ipscsi_peer_set_state(idev->peer, IPSCSI_PEER_DOWN);
		mod_delayed_work(ipscsi_wq, &idev->control, delay);
	}
	spin_unlock_bh(&idev->lock);
}

/**
 * ipscsi_idev_refused - a device does not know SEND or GET MESSAGE
 * @idev: the device
 *
 * One that was a station since it was attached has somebody else in its place
 * (as where LIO's LUN 0 is unlinked), and is asked again until it is back.
 *
 * Context: any but hard interrupt.
 */
void ipscsi_idev_refused(struct ipscsi_idev *idev)
{
	spin_lock_bh(&idev->lock);
	if (idev->has_page) {
		spin_unlock_bh(&idev->lock);
		ipscsi_idev_trouble(idev, IPSCSI_BACKOFF_MAX);
		return;
	}
	if (set_state(idev, IPSCSI_IDEV_REFUSED))
		leave_peer(idev);
	spin_unlock_bh(&idev->lock);
	sdev_printk(KERN_WARNING, idev->sdev,
		    "ipscsi: the device does not know SEND MESSAGE; write a segment's name to ipscsi/segment to try again\n");
}

/*
 * Makes the device the way to the peer that it told of.
 * Return: 0, -EAGAIN to try again later, or 1: another device leads there.
 */
static int join_peer(struct ipscsi_idev *idev, struct ipscsi_seg *seg,
		     const struct ipscsi_desc *desc)
{
	struct ipscsi_peer *peer;
	int ret = 0;

	spin_lock_bh(&idev->lock);
	if (idev->seg != seg || idev->state == IPSCSI_IDEV_GONE) {
		ret = -EAGAIN;
		goto out;
	}
	if (idev->peer && !ether_addr_equal(idev->peer->addr, desc->addr))
		leave_peer(idev);
	peer = idev->peer;
	if (!peer || READ_ONCE(peer->dead)) {
		leave_peer(idev);
		peer = ipscsi_peer_get(seg, desc->addr);
		if (!peer) {
			ret = -EAGAIN;
			goto out;
		}
		if (!ipscsi_peer_claim(peer, idev)) {
			ipscsi_peer_put(peer);
			set_state(idev, IPSCSI_IDEV_STANDBY);
			ret = 1;
			goto out;
		}
		idev->peer = peer;
	}
	if (idev->has_page)
		ipscsi_peer_describe(peer, desc, idev->safe);
	/* with HELLO the hub begins to count anew */
	WRITE_ONCE(peer->rx_seq, 0);
	set_state(idev, IPSCSI_IDEV_UP);
	WRITE_ONCE(peer->send_max, idev->max_bytes);
	WRITE_ONCE(peer->idev_down, false);
	ipscsi_peer_set_idev(peer, idev);
	ipscsi_peer_set_state(peer, IPSCSI_PEER_UP);
	netdev_dbg(seg->dev, "peer %pM is up\n", desc->addr);
out:
	spin_unlock_bh(&idev->lock);
	return ret;
}

static int say_hello(struct ipscsi_idev *idev, const struct ipscsi_desc *self)
{
	u8 value[IPSCSI_DESC_MAX];
	int ret;

	/* even where its answer gets lost */
	idev->said_hello = true;
	ret = send_control(idev, IPSCSI_TLV_HELLO, value,
			   ipscsi_desc_build(value, sizeof(value), self),
			   false, IPSCSI_CONTROL_TIMEOUT);
	return ret;
}

/*
 * The target takes nobody with our address: it is its own, or another
 * station's. For a while that may be what is left of ourselves.
 * Return: whether we have another address now.
 */
static bool address_refused(struct ipscsi_idev *idev, struct ipscsi_seg *seg)
{
	bool changed = false;

	/* two machines that are alike must not change at the same time */
	if (!idev->give_way)
		idev->give_way = (jiffies + IPSCSI_ADDR_PATIENCE +
				  get_random_u32() % IPSCSI_ADDR_PATIENCE) ?: 1;
	if (time_before(jiffies, idev->give_way))
		return false;
	rtnl_lock();
	/* it cannot go while RTNL is ours */
	if (READ_ONCE(idev->seg) == seg)
		changed = ipscsi_addr_collided(seg);
	rtnl_unlock();
	if (changed) {
		idev->give_way = 0;
		idev->warned = false;
		idev->backoff = IPSCSI_BACKOFF_MIN;
	}
	return changed;
}

/* The path from nothing to up. Return: 0, 1 to wait, or an error */
static int connect_device(struct ipscsi_idev *idev)
{
	struct ipscsi_desc self, desc;
	struct ipscsi_seg *seg;
	bool manual;
	int ret;

	spin_lock_bh(&idev->lock);
	seg = idev->seg;
	manual = idev->manual;
	spin_unlock_bh(&idev->lock);
	if (!seg)
		return 1;

	ret = test_unit_ready(idev);
	if (ret)
		return ret;
	ret = read_station_page(idev);
	if (ret < 0)
		return ret;
	read_capacity_once(idev);

	if (ret) {
		/* no page: base messages, and only if the operator wants it */
		if (!manual || idev->has_page)
			return -EOPNOTSUPP;
		memset(&desc, 0, sizeof(desc));
		ipscsi_addr_from_port(dev_name(&idev->sdev->sdev_gendev),
				      desc.addr);
		spin_lock_bh(&idev->lock);
		idev->desc = desc;
		spin_unlock_bh(&idev->lock);
		return join_peer(idev, seg, &desc);
	}
	spin_lock_bh(&idev->lock);
	desc = idev->desc;
	if (idev->seg == seg)
		describe_self(idev, &self);
	else
		seg = NULL;
	spin_unlock_bh(&idev->lock);
	if (!seg)
		return -EAGAIN;
	if (ether_addr_equal(desc.addr, self.addr)) {
		if (!idev->warned)
			sdev_printk(KERN_WARNING, idev->sdev,
				    "ipscsi: the station has our own address %pM; give one of the two another\n",
				    desc.addr);
		idev->warned = true;
		return address_refused(idev, seg) ? -EAGAIN : -EADDRINUSE;
	}
	ret = say_hello(idev, &self);
	if (ret == HELLO_REFUSED && address_refused(idev, seg))
		return -EAGAIN;
	if (ret)
		return ret;
	idev->give_way = 0;
	return join_peer(idev, seg, &desc);
}

/*
 * The device is up: is it still? Where GETs are outstanding they tell of
 * trouble at once. Otherwise HELLO asks, and keeps us known.
 */
static int watch_device(struct ipscsi_idev *idev)
{
	struct ipscsi_desc self;
	bool hello = false;

	if (atomic_read(&idev->gets_out))
		return 0;
	spin_lock_bh(&idev->lock);
	if (idev->seg && idev->has_page) {
		describe_self(idev, &self);
		hello = true;
	}
	spin_unlock_bh(&idev->lock);
	return hello ? say_hello(idev, &self) : test_unit_ready(idev);
}

static void attach_by_itself(struct ipscsi_idev *idev);

static void not_a_station(struct ipscsi_idev *idev)
{
	spin_lock_bh(&idev->lock);
	if (idev->state == IPSCSI_IDEV_PROBING)
		set_state(idev, IPSCSI_IDEV_DETACHED);
	spin_unlock_bh(&idev->lock);
	sdev_printk(KERN_INFO, idev->sdev,
		    "ipscsi: not attached; write a segment's name to ipscsi/segment if this is a station\n");
}

/* The interface must not take packets that do not go through */
static void fit_mtu(struct ipscsi_idev *idev)
{
	struct ipscsi_seg *seg;
	u32 limit;

	rtnl_lock();
	spin_lock_bh(&idev->lock);
	seg = idev->seg;
	limit = idev->max_bytes;
	if (idev->has_page)
		limit = min_t(u32, limit, idev->desc.base_max);
	spin_unlock_bh(&idev->lock);
	/* it cannot go while RTNL is ours */
	if (seg)
		ipscsi_seg_fit_mtu(seg, limit);
	rtnl_unlock();
}

static void idev_control(struct work_struct *work)
{
	struct ipscsi_idev *idev = container_of(work, struct ipscsi_idev,
						control.work);
	unsigned long next = 0;
	int ret;

	switch (READ_ONCE(idev->state)) {
	case IPSCSI_IDEV_UP:
		if (watch_device(idev))
			ipscsi_idev_trouble(idev, 0);
		else
			next = IPSCSI_WATCH_INTERVAL;
		break;
	case IPSCSI_IDEV_PROBING:
		ret = read_station_page(idev);
		if (!ret)
			attach_by_itself(idev);
		else if (ret < 0)
			next = IPSCSI_BACKOFF_MAX;
		else
			not_a_station(idev);
		break;
	case IPSCSI_IDEV_CONNECTING:
	case IPSCSI_IDEV_STANDBY:
		ret = connect_device(idev);
		if (!ret) {
			idev->backoff = IPSCSI_BACKOFF_MIN;
			next = IPSCSI_WATCH_INTERVAL;
			ipscsi_idev_kick(idev);
			fit_mtu(idev);
		} else if (ret == 1) {
			next = IPSCSI_STANDBY_CHECK;
		} else if (ret == -EOPNOTSUPP && !idev->has_page) {
			ipscsi_idev_refused(idev);
		} else {
			next = idev->backoff;
			idev->backoff = min(2 * idev->backoff,
					    (unsigned long)IPSCSI_BACKOFF_MAX);
		}
		break;
	default:
		break;
	}
	/* mod_delayed_work() meanwhile wins: this one does not replace it */
	if (next)
		queue_delayed_work(ipscsi_wq, &idev->control, next);
}

/* Puts the device into a segment and begins to connect */
static void idev_attach(struct ipscsi_idev *idev, struct ipscsi_seg *seg,
			bool manual)
{
	spin_lock_bh(&idev->lock);
	/* the operator, or the device's end, came first */
	if (!manual && idev->state != IPSCSI_IDEV_PROBING) {
		spin_unlock_bh(&idev->lock);
		return;
	}
	idev->seg = seg;
	idev->manual = manual;
	if (manual)
		idev->has_page = false;
	idev->backoff = IPSCSI_BACKOFF_MIN;
	if (set_state(idev, IPSCSI_IDEV_CONNECTING))
		mod_delayed_work(ipscsi_wq, &idev->control, 0);
	spin_unlock_bh(&idev->lock);
}

/*
 * Takes the device out of its segment. Its commands are over when
 * ipscsi_io_drain() returns.
 */
static void idev_detach(struct ipscsi_idev *idev,
			enum ipscsi_idev_state state)
{
	spin_lock_bh(&idev->lock);
	set_state(idev, state);
	idev->seg = NULL;
	leave_peer(idev);
	spin_unlock_bh(&idev->lock);
	cancel_delayed_work_sync(&idev->control);
	/*
	 * The target lets go of our GETs, and forgets us. Not where the
	 * transport is away: the command would wait for it to come back.
	 */
	if (idev->said_hello && idev->sdev->sdev_state != SDEV_BLOCK &&
	    scsi_device_online(idev->sdev))
		send_control(idev, IPSCSI_TLV_BYE, NULL, 0, true,
			     IPSCSI_BYE_TIMEOUT);
	idev->said_hello = false;
}

/**
 * ipscsi_idev_lost_seg - a segment goes: let go of it
 * @seg: the segment
 *
 * Context: process, RTNL held. Does not wait for commands: they end by
 * themselves, with nobody to tell.
 */
void ipscsi_idev_lost_seg(struct ipscsi_seg *seg)
{
	struct ipscsi_idev *idev;

	spin_lock_bh(&ipscsi_idevs_lock);
	list_for_each_entry(idev, &ipscsi_idevs, node) {
		spin_lock(&idev->lock);
		if (idev->seg == seg) {
			idev->seg = NULL;
			set_state(idev, IPSCSI_IDEV_DETACHED);
			leave_peer(idev);
		}
		spin_unlock(&idev->lock);
	}
	spin_unlock_bh(&ipscsi_idevs_lock);
	synchronize_net();
}

/**
 * ipscsi_idev_say_hello - what we say of ourselves has changed: say it again
 * @seg: the segment
 *
 * Context: process, RTNL held.
 */
void ipscsi_idev_say_hello(struct ipscsi_seg *seg)
{
	struct ipscsi_idev *idev;

	spin_lock_bh(&ipscsi_idevs_lock);
	list_for_each_entry(idev, &ipscsi_idevs, node)
		if (READ_ONCE(idev->seg) == seg)
			ipscsi_idev_trouble(idev, 0);
	spin_unlock_bh(&ipscsi_idevs_lock);
}

/* Where a new device belongs: architecture.md, "A packet's way" */
static void attach_by_itself(struct ipscsi_idev *idev)
{
	struct ipscsi_seg *seg = NULL;
	struct ipscsi_idev *other;

	mutex_lock(&ipscsi_attach_mutex);
	/* a segment cannot go while RTNL is ours */
	rtnl_lock();
	list_for_each_entry(other, &ipscsi_idevs, node)
		if (other != idev && other->sdev->host == idev->sdev->host &&
		    other->seg)
			seg = other->seg;
	if (!seg)
		seg = ipscsi_seg_create_auto(dev_name(
			idev->sdev->host->shost_gendev.parent));
	if (seg)
		idev_attach(idev, seg, false);
	rtnl_unlock();
	mutex_unlock(&ipscsi_attach_mutex);
}

/* --- sysfs: <device>/ipscsi/segment --- */

static ssize_t segment_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct ipscsi_idev *idev = dev_get_drvdata(dev);
	char name[IFNAMSIZ] = "none";

	spin_lock_bh(&idev->lock);
	if (idev->seg)
		strscpy(name, idev->seg->dev->name, sizeof(name));
	spin_unlock_bh(&idev->lock);
	return sysfs_emit(buf, "%s\n", name);
}

static ssize_t segment_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct ipscsi_idev *idev = dev_get_drvdata(dev);
	struct net_device *net;
	char name[IFNAMSIZ];
	int err = 0;

	if (count >= sizeof(name) + 1 || !count)
		return -EINVAL;
	strscpy(name, buf, min(count + 1, sizeof(name)));
	strim(name);

	mutex_lock(&idev->attach_lock);
	/* also where it is attached already: it moves */
	idev_detach(idev, IPSCSI_IDEV_DETACHED);
	ipscsi_io_drain(idev);
	if (strcmp(name, "none")) {
		rtnl_lock();
		net = __dev_get_by_name(current->nsproxy->net_ns, name);
		if (!net)
			err = -ENODEV;
		else if (net->rtnl_link_ops != &ipscsi_link_ops)
			err = -EINVAL;
		else
			idev_attach(idev, netdev_priv(net), true);
		rtnl_unlock();
	}
	mutex_unlock(&idev->attach_lock);
	return err ? err : count;
}
static DEVICE_ATTR_RW(segment);

static struct attribute *idev_attrs[] = {
	&dev_attr_segment.attr, NULL,
};

static const struct attribute_group idev_group = {
	.name = "ipscsi",
	.attrs = idev_attrs,
};

static const struct attribute_group *idev_groups[] = {
	&idev_group, NULL,
};

/* --- driver --- */

static int ipscsi_probe(struct device *dev)
{
	struct scsi_device *sdev = to_scsi_device(dev);
	struct ipscsi_idev *idev;
	int depth = sdev->queue_depth, room, err, ret;

	if (sdev->type != TYPE_COMM)
		return -ENODEV;
	idev = kzalloc(sizeof(*idev), GFP_KERNEL);
	if (!idev)
		return -ENOMEM;
	idev->sdev = sdev;
	spin_lock_init(&idev->lock);
	mutex_init(&idev->attach_lock);
	INIT_DELAYED_WORK(&idev->control, idev_control);
	idev->state = IPSCSI_IDEV_PROBING;
	if (sdev->scsi_level <= SCSI_2)
		idev->lun = sdev->lun & 7;

	idev->adapter = sdev->host->hostt->proc_name ?:
			sdev->host->hostt->name ?: "";
	/*
	 * GETs wait in the adapter, so there must be room beside them for
	 * SENDs and control commands: and for other devices of the adapter.
	 * One there must be, or nothing can be received. Where that is all
	 * the room, they take turns.
	 */
	idev->gets = clamp(min(depth / 2, sdev->host->can_queue / 4), 1,
			   IPSCSI_GETS_DEFAULT);
	room = min(depth, sdev->host->can_queue);
	if (room < 2)
		sdev_printk(KERN_WARNING, sdev,
			    "ipscsi: queue depth %d leaves no room beside a GET MESSAGE: what is sent waits until it ends\n",
			    room);
	idev->sends = clamp(depth - (int)idev->gets - 1, 1, IPSCSI_SENDS_MAX);
	idev->max_bytes = min3((u64)IPSCSI_CONT_MAX,
			       (u64)queue_max_hw_sectors(sdev->request_queue)
					<< SECTOR_SHIFT,
			       (u64)queue_max_segments(sdev->request_queue)
					<< PAGE_SHIFT);
	err = ipscsi_io_start(idev);
	if (err) {
		kfree(idev);
		return err;
	}
	/* held GETs are no traffic, but the adapter must stay awake for them */
	err = scsi_autopm_get_device(sdev);
	if (err) {
		ipscsi_io_stop(idev);
		kfree(idev);
		return err;
	}
	dev_set_drvdata(dev, idev);
	ipscsi_debugfs_add(idev);
	mutex_lock(&ipscsi_attach_mutex);
	spin_lock_bh(&ipscsi_idevs_lock);
	list_add_tail(&idev->node, &ipscsi_idevs);
	spin_unlock_bh(&ipscsi_idevs_lock);
	mutex_unlock(&ipscsi_attach_mutex);

	/* SEND MESSAGE is WRITE to others: the page says who we are */
	ret = auto_attach ? read_station_page(idev) : 1;
	if (!ret)
		attach_by_itself(idev);
	else if (ret < 0)	/* it cannot say yet */
		queue_delayed_work(ipscsi_wq, &idev->control,
				   IPSCSI_BACKOFF_MIN);
	else
		not_a_station(idev);
	return 0;
}

static int ipscsi_remove(struct device *dev)
{
	struct ipscsi_idev *idev = dev_get_drvdata(dev);

	mutex_lock(&ipscsi_attach_mutex);
	spin_lock_bh(&ipscsi_idevs_lock);
	list_del(&idev->node);
	spin_unlock_bh(&ipscsi_idevs_lock);
	mutex_unlock(&ipscsi_attach_mutex);

	idev_detach(idev, IPSCSI_IDEV_GONE);
	ipscsi_io_drain(idev);
	debugfs_remove(idev->debugfs);
	ipscsi_io_stop(idev);
	scsi_autopm_put_device(idev->sdev);
	dev_set_drvdata(dev, NULL);
	kfree(idev);
	return 0;
}

/*
 * The machine goes down, or starts another kernel: the adapter is next, and
 * must not have our GETs. A target that does not let go of them must not keep
 * the machine. Not under attach_lock: who has it may wait for that target.
 */
static void ipscsi_shutdown(struct device *dev)
{
	struct ipscsi_idev *idev = dev_get_drvdata(dev);

	if (!idev)
		return;
	idev_detach(idev, IPSCSI_IDEV_GONE);
	if (!ipscsi_io_settle(idev))
		sdev_printk(KERN_WARNING, idev->sdev,
			    "ipscsi: commands are left with the adapter\n");
}

/* `echo running > state`, or a rescan: look at once */
static void ipscsi_rescan(struct device *dev)
{
	struct ipscsi_idev *idev = dev_get_drvdata(dev);

	if (idev)
		mod_delayed_work(ipscsi_wq, &idev->control, 0);
}

static struct scsi_driver ipscsi_scsi_driver = {
	.gendrv = {
		.name = "ipscsi",
		.owner = THIS_MODULE,
		.probe = ipscsi_probe,
		.remove = ipscsi_remove,
		.shutdown = ipscsi_shutdown,
		.probe_type = PROBE_PREFER_ASYNCHRONOUS,
		.dev_groups = idev_groups,
	},
	.rescan = ipscsi_rescan,
};

/**
 * ipscsi_initiator_init - register with the SCSI mid-layer
 *
 * Return: 0 or a negative error.
 */
int ipscsi_initiator_init(void)
{
	return scsi_register_driver(&ipscsi_scsi_driver.gendrv);
}

/**
 * ipscsi_initiator_exit - detach from all devices
 */
void ipscsi_initiator_exit(void)
{
	scsi_unregister_driver(&ipscsi_scsi_driver.gendrv);
}

/**
 * ipscsi_idev_in_flight - commands that a device has not finished
 * @idev: the device
 */
int ipscsi_idev_in_flight(const struct ipscsi_idev *idev)
{
	return atomic_read(&idev->in_flight);
}

/**
 * ipscsi_idev_gets - GETs among them
 * @idev: the device
 */
int ipscsi_idev_gets(const struct ipscsi_idev *idev)
{
	return atomic_read(&idev->gets_out);
}

/**
 * ipscsi_idev_same_bus - whether two devices see each other
 * @one: a device
 * @other: another one
 *
 * Context: any.
 * Return: true where both are on one bus, as far as its adapter tells.
 */
bool ipscsi_idev_same_bus(const struct ipscsi_idev *one,
			  const struct ipscsi_idev *other)
{
	return one->sdev->host == other->sdev->host &&
	       one->sdev->channel == other->sdev->channel;
}

/**
 * ipscsi_idev_name - h:c:t:l of a device
 * @idev: the device
 */
const char *ipscsi_idev_name(const struct ipscsi_idev *idev)
{
	return dev_name(&idev->sdev->sdev_gendev);
}

MODULE_ALIAS_SCSI_DEVICE(TYPE_COMM);
