// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI, target side: a LIO backend of type 09h
 *
 * What an initiator sends (SEND MESSAGE) comes out of the segment's net
 * device; what waits for it goes into the GET MESSAGE commands that it leaves
 * with us (docs/protocol.md sections 2 to 6). Any LIO fabric exports it.
 *
 * Commands run in whatever context the fabric has: parse_cdb of tcm_loop must
 * not sleep, so nothing here does.
 *
 * Held GETs. A command that waits in a backend stops aborts, LUN resets, the
 * end of a session and of a LUN until it completes. So:
 * - the backend is PASSTHROUGH: no ordering of task attributes, which would
 *   let one ORDERED command stop the whole device;
 * - hold times are bounded; abort and reset come through tmr_notify; there is
 *   no callback for the end of a session or of a LUN, so a timer looks for
 *   the flags that these set;
 * - who unlinks a held command, under lun->lock, completes it, and nobody
 *   else; nothing touches it afterwards; no lock is held over the completion;
 * - a GET never ends GOOD with no data, which would end an iSCSI session: the
 *   null message has at least one byte.
 */
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_backend.h>
#include <target/target_core_base.h>
#include <target/target_core_fabric.h>

#include "ipscsi.h"
#include "trace.h"

#define LUN_TICK		(HZ / 4)	/* looks for ended sessions */
#define NEXUS_HASH_BITS		6
#define NEXUS_MAX		256
#define BASE_IDLE		(300 * HZ)	/* a base station is forgotten */
#define GET_IDLE		(4 * HZ)	/* GETs that stay away: down */
#define HELD_MAX		256		/* GETs of one nexus */

/* t10_wwn and the ops want them shorter than their fields, see ipscsi_ops */
#define INQUIRY_VENDOR		"SCSIGATE"
#define INQUIRY_PRODUCT		"IP STATION"
#define INQUIRY_REVISION	"1.0"

/**
 * struct ipscsi_lun - a backend device
 * @se_dev: what LIO sees
 * @port: interest in the segment
 * @lock: guards @seg, the nexuses and their held commands
 * @seg: the segment, or NULL while there is none; RCU for readers
 * @nexuses: all of them
 * @hash: by session
 * @count: how many
 * @tick: ends hold times, looks for ended sessions
 * @registered: @port is
 */
struct ipscsi_lun {
	struct se_device se_dev;
	struct ipscsi_port port;
	spinlock_t lock;
	struct ipscsi_seg __rcu *seg;
	struct list_head nexuses;
	DECLARE_HASHTABLE(hash, NEXUS_HASH_BITS);
	unsigned int count;
	struct delayed_work tick;
	bool registered;
};

/**
 * struct ipscsi_nexus - an initiator port that uses the LUN
 * @reverse: the way to the peer, through its GETs
 * @rcu: for freeing
 * @lun: the LUN
 * @node: in lun->nexuses
 * @hnode: in lun->hash
 * @sess: the session, to compare only: it may be gone
 * @index: the fabric's number of the session: another may be at its place
 * @sid: session identifier, as the fabric writes it; iSCSI: the ISID
 * @port: initiator port name
 * @peer: the station, with a reference, or NULL
 * @held: GETs that wait, oldest first
 * @last_seen: jiffies of the last command
 * @hello: it has said HELLO, and no BYE
 * @filling: somebody answers GETs; sets the order of the messages
 * @again: and shall look once more when done
 */
struct ipscsi_nexus {
	struct ipscsi_reverse reverse;
	struct rcu_head rcu;
	struct ipscsi_lun *lun;
	struct list_head node;
	struct hlist_node hnode;
	struct se_session *sess;
	u32 index;
	char sid[PR_REG_ISID_LEN];
	char port[TRANSPORT_IQN_LEN];
	struct ipscsi_peer *peer;
	struct list_head held;
	unsigned long last_seen;
	bool hello;
	bool filling;
	bool again;
};

/**
 * struct ipscsi_held - a GET that waits
 * @node: in nexus->held
 * @cmd: the command
 * @nexus: who asks
 * @since: jiffies
 * @stream: for what
 * @len: bytes of room
 * @room: what of that a container may use, since frames were chosen for it
 */
struct ipscsi_held {
	struct list_head node;
	struct se_cmd *cmd;
	struct ipscsi_nexus *nexus;
	unsigned long since;
	u16 stream;
	u32 len;
	u32 room;
};

static struct kmem_cache *held_cache;

static struct ipscsi_lun *to_lun(struct se_device *dev)
{
	return container_of(dev, struct ipscsi_lun, se_dev);
}

/* --- data in and out of a command --- */

/**
 * struct sg_cursor - a place in a command's memory
 * @sg: the piece, NULL at the end
 * @off: bytes into it
 * @left: bytes to the end of all
 */
struct sg_cursor {
	struct scatterlist *sg;
	u32 off;
	u32 left;
};

static void cursor_init(struct sg_cursor *c, struct se_cmd *cmd, u32 len)
{
	c->sg = cmd->t_data_sg;
	c->off = 0;
	c->left = min(len, cmd->data_length);
}

/* Maps at most @len bytes at the cursor and moves it. Unmap with cursor_unmap */
static void *cursor_map(struct sg_cursor *c, u32 *len)
{
	u32 pos, n;
	void *addr;

	if (!c->sg || !c->left)
		return NULL;
	pos = c->sg->offset + c->off;
	n = min3(*len, c->left, c->sg->length - c->off);
	n = min_t(u32, n, PAGE_SIZE - offset_in_page(pos));
	addr = kmap_local_page(sg_page(c->sg) + (pos >> PAGE_SHIFT)) +
	       offset_in_page(pos);
	c->off += n;
	c->left -= n;
	if (c->off == c->sg->length) {
		c->sg = sg_next(c->sg);
		c->off = 0;
	}
	*len = n;
	return addr;
}

static void cursor_unmap(void *addr)
{
	kunmap_local(addr);
}

static bool cursor_read(struct sg_cursor *c, void *to, u32 len)
{
	while (len) {
		u32 n = len;
		void *from = cursor_map(c, &n);

		if (!from)
			return false;
		memcpy(to, from, n);
		cursor_unmap(from);
		to += n;
		len -= n;
	}
	return true;
}

/*
 * The same, and the checksum of all that was read so far, for
 * CHECKSUM_COMPLETE: the stack then need not go over the data again. @pos is
 * how much that was.
 */
static bool cursor_read_csum(struct sg_cursor *c, void *to, u32 len,
			     __wsum *csum, u32 *pos)
{
	while (len) {
		u32 n = len;
		void *from = cursor_map(c, &n);

		if (!from)
			return false;
		*csum = csum_block_add(*csum,
				       csum_partial_copy_nocheck(from, to, n),
				       *pos);
		cursor_unmap(from);
		*pos += n;
		to += n;
		len -= n;
	}
	return true;
}

static bool cursor_write(struct sg_cursor *c, const void *from, u32 len)
{
	while (len) {
		u32 n = len;
		void *to = cursor_map(c, &n);

		if (!to)
			return false;
		if (from) {
			memcpy(to, from, n);
			from += n;
		} else {
			memset(to, 0, n);
		}
		cursor_unmap(to);
		len -= n;
	}
	return true;
}

static bool cursor_skip(struct sg_cursor *c, u32 len)
{
	while (len) {
		u32 n = len;
		void *addr = cursor_map(c, &n);

		if (!addr)
			return false;
		cursor_unmap(addr);
		len -= n;
	}
	return true;
}

/* Bytes @off to @end of a frame */
static void cursor_copy_skb(struct sg_cursor *c, const struct sk_buff *skb,
			    u32 off, u32 end)
{
	while (off < end) {
		u32 n = end - off;
		void *to = cursor_map(c, &n);

		if (!to)
			break;
		skb_copy_bits(skb, off, to, n);
		cursor_unmap(to);
		off += n;
	}
}

/* The same. Return: their checksum */
static __wsum cursor_copy_skb_csum(struct sg_cursor *c,
				   const struct sk_buff *skb, u32 off, u32 end)
{
	__wsum csum = 0;
	u32 pos = 0;

	while (off < end) {
		u32 n = end - off;
		void *to = cursor_map(c, &n);

		if (!to)
			break;
		csum = csum_block_add(csum,
				      skb_copy_and_csum_bits(skb, off, to, n),
				      pos);
		cursor_unmap(to);
		pos += n;
		off += n;
	}
	return csum;
}

/*
 * A frame from byte @off on. A checksum that the stack left to us is computed
 * on the way: one pass over the data instead of two.
 */
static void cursor_write_skb(struct sg_cursor *c, const struct sk_buff *skb,
			     u32 off, bool fill_csum)
{
	struct sg_cursor field = *c;
	u32 start;
	__sum16 sum;
	__wsum csum;

	if (!fill_csum) {
		cursor_copy_skb(c, skb, off, skb->len);
		return;
	}
	start = skb_checksum_start_offset(skb);
	cursor_copy_skb(c, skb, off, start);
	csum = cursor_copy_skb_csum(c, skb, start, skb->len);
	sum = csum_fold(csum) ?: CSUM_MANGLED_0;
	cursor_skip(&field, start - off + skb->csum_offset);
	cursor_write(&field, &sum, sizeof(sum));
}

/* The initiator's memory is ours to see, whoever he is */
static bool over_loopback(const struct se_cmd *cmd)
{
	return !strcmp(cmd->se_tfo->fabric_name, "loopback");
}

/*
 * Whether the memory of a SEND stays as it is when the command is over. What
 * the target core has allocated nobody else uses, and it only drops its
 * reference then. tcm_loop's is the initiator's: only this module itself gets
 * OFFLOAD there, and it leaves the memory alone (docs/protocol.md section 6).
 * vhost's belongs to a guest.
 */
static bool memory_stays(const struct se_cmd *cmd,
			 const struct ipscsi_peer *peer)
{
	return !(cmd->se_cmd_flags & SCF_PASSTHROUGH_SG_TO_MEM_NOALLOC) ||
	       (READ_ONCE(peer->features) & IPSCSI_F_OFFLOAD &&
		over_loopback(cmd));
}

/*
 * A message that refers to the memory of its command, all but its headers.
 * Return: NULL where that cannot be, or ERR_PTR(-ENOMEM), counted.
 */
static struct sk_buff *cursor_keep_skb(struct sg_cursor *c,
				       struct ipscsi_peer *peer, u32 len)
{
	struct sk_buff *skb;

	if (c->left < len)
		return NULL;
	skb = ipscsi_rx_alloc(peer, IPSCSI_RX_HEADER, 0, GFP_ATOMIC);
	if (!skb)
		return ERR_PTR(-ENOMEM);
	cursor_read(c, skb->data, IPSCSI_RX_HEADER);
	len -= IPSCSI_RX_HEADER;
	while (len) {
		u32 pos = c->sg->offset + c->off, n = len;
		struct page *page = sg_page(c->sg) + (pos >> PAGE_SHIFT);
		struct page *head = compound_head(page);
		int i = skb_shinfo(skb)->nr_frags;
		void *addr = cursor_map(c, &n);

		cursor_unmap(addr);
		pos = offset_in_page(pos) + ((page - head) << PAGE_SHIFT);
		len -= n;
		if (skb_can_coalesce(skb, i, head, pos)) {
			skb_coalesce_rx_frag(skb, i - 1, n, n);
			continue;
		}
		if (i == MAX_SKB_FRAGS || !sendpage_ok(page)) {
			consume_skb(skb);
			return NULL;
		}
		get_page(head);
		skb_add_rx_frag(skb, i, head, pos, n,
				PageCompound(head) ? n : PAGE_SIZE);
	}
	return skb;
}

/*
 * The same with a copy of the memory, where the initiator uses it again.
 * @summed: with its checksum
 */
static struct sk_buff *cursor_copy_out(struct sg_cursor *c,
				       struct ipscsi_peer *peer, u32 len,
				       bool summed)
{
	u32 linear = len <= IPSCSI_RX_COPY ? len : IPSCSI_RX_HEADER;
	struct sk_buff *skb;
	__wsum csum = 0;
	u32 pos = 0;
	int i;

	skb = ipscsi_rx_alloc(peer, linear, len - linear, GFP_ATOMIC);
	if (!skb) {
		cursor_skip(c, len);
		return NULL;
	}
	if (!(summed ? cursor_read_csum(c, skb->data, linear, &csum, &pos) :
		       cursor_read(c, skb->data, linear)))
		goto cut;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		/* not in high memory */
		void *to = skb_frag_address(frag);
		u32 n = skb_frag_size(frag);

		if (!(summed ? cursor_read_csum(c, to, n, &csum, &pos) :
			       cursor_read(c, to, n)))
			goto cut;
	}
	if (summed) {
		skb->ip_summed = CHECKSUM_COMPLETE;
		skb->csum = csum;
	}
	return skb;
cut:
	ipscsi_count(peer, IPSCSI_C_RX_MALFORMED, 1);
	kfree_skb(skb);
	return NULL;
}

/*
 * A message of a SEND, with its offload data or NULL. Where that says that the
 * checksum is still to be filled in, nobody would use one of ours. Bottom
 * halves are off.
 */
static struct sk_buff *cursor_read_skb(struct sg_cursor *c, struct se_cmd *cmd,
				       struct ipscsi_peer *peer, u32 len,
				       const u8 *vnet)
{
	struct sg_cursor begin = *c;
	struct sk_buff *skb;

	if (len > IPSCSI_SHORT && memory_stays(cmd, peer)) {
		skb = cursor_keep_skb(c, peer, len);
		if (IS_ERR(skb)) {
			cursor_skip(c, len);
			return NULL;
		}
		if (skb)
			return skb;
		*c = begin;
	}
	return cursor_copy_out(c, peer, len,
			       !vnet || !(vnet[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM));
}

/* --- answers --- */

/* CHECK CONDITION with fixed sense data; @pointer is bytes 15 to 17 */
static sense_reason_t check_condition(struct se_cmd *cmd, u8 key, u8 asc,
				      u8 ascq, u8 pointer, u8 byte)
{
	u8 sense[TRANSPORT_SENSE_BUFFER] = {
		[0] = 0x70, [2] = key, [7] = 10, [12] = asc, [13] = ascq,
		[15] = pointer, [17] = byte,
	};

	transport_copy_sense_to_cmd(cmd, sense);
	target_complete_cmd(cmd, SAM_STAT_CHECK_CONDITION);
	return 0;
}

/* INVALID FIELD IN CDB, with the field pointer (SPC-4 4.5.2.4.2) */
static sense_reason_t invalid_field(struct se_cmd *cmd, u8 byte)
{
	return check_condition(cmd, ILLEGAL_REQUEST, 0x24, 0, 0xc0, byte);
}

/* LOGICAL UNIT NOT READY, cause not reportable: the segment is down */
static sense_reason_t not_ready(struct se_cmd *cmd)
{
	return check_condition(cmd, NOT_READY, 0x04, 0, 0, 0);
}

/*
 * I_T NEXUS LOSS OCCURRED: it speaks as one that has said HELLO, and we do not
 * know it (any more). It says HELLO then.
 */
static sense_reason_t nexus_loss(struct se_cmd *cmd)
{
	return check_condition(cmd, UNIT_ATTENTION, 0x29, 0x07, 0, 0);
}

/* A control answer of @len bytes, cut to what the initiator wants */
static sense_reason_t answer(struct se_cmd *cmd, const void *buf, u32 len,
			     u32 allocation)
{
	struct sg_cursor c;

	len = min(len, allocation);
	len = min(len, cmd->data_length);
	cursor_init(&c, cmd, len);
	cursor_write(&c, buf, len);
	target_complete_cmd_with_length(cmd, SAM_STAT_GOOD, len);
	return 0;
}

/*
 * A GET without a message. For containers that is an empty one, so that the
 * sequence of their headers stays whole.
 */
static void complete_null(struct se_cmd *cmd, u16 stream, u32 room)
{
	struct ipscsi_cont cont = { .length = IPSCSI_CONT_HEADER };
	u8 buf[IPSCSI_CONT_HEADER] = {};
	u32 len = IPSCSI_NULL_MESSAGE;
	struct sg_cursor c;

	if (stream == IPSCSI_STREAM_CONTAINER) {
		ipscsi_cont_build(buf, &cont);
		len = IPSCSI_CONT_HEADER;
	}
	len = min(len, room);
	cursor_init(&c, cmd, len);
	cursor_write(&c, buf, len);
	target_complete_cmd_with_length(cmd, SAM_STAT_GOOD, len);
}

static void release_held(struct ipscsi_held *held)
{
	struct se_cmd *cmd = held->cmd;
	u16 stream = held->stream;
	u32 len = held->len;

	kmem_cache_free(held_cache, held);
	complete_null(cmd, stream, len);
}

static void release_list(struct list_head *list)
{
	struct ipscsi_held *held, *next;

	list_for_each_entry_safe(held, next, list, node) {
		list_del(&held->node);
		release_held(held);
	}
}

/* Unlinks a held command; its completion is then the caller's */
static void unlink_held(struct ipscsi_held *held)
{
	lockdep_assert_held(&held->nexus->lun->lock);
	list_del(&held->node);
	held->cmd->priv = NULL;
	atomic_dec(&held->nexus->reverse.held);
}

static void unlink_all(struct ipscsi_nexus *nexus, struct list_head *list)
{
	struct ipscsi_held *held, *next;

	list_for_each_entry_safe(held, next, &nexus->held, node) {
		unlink_held(held);
		list_add_tail(&held->node, list);
	}
}

/* --- nexuses --- */

static void nexus_kick(struct ipscsi_reverse *reverse);

static u32 session_index(struct se_session *sess)
{
	return sess->se_tpg->se_tpg_tfo->sess_get_index(sess);
}

/* sess->sess_bin_isid has no more than the first half of an ISID */
static void session_sid(struct se_session *sess, char *sid)
{
	const struct target_core_fabric_ops *ops = sess->se_tpg->se_tpg_tfo;

	memset(sid, 0, PR_REG_ISID_LEN);
	if (ops->sess_get_initiator_sid)
		ops->sess_get_initiator_sid(sess, (u8 *)sid, PR_REG_ISID_LEN);
}

/* It has commands here, or had a moment ago */
static bool nexus_alive(const struct ipscsi_nexus *nexus)
{
	return !list_empty(&nexus->held) ||
	       time_before(jiffies, nexus->last_seen + GET_IDLE);
}

/* It has its station, and no other nexus has taken over */
static bool nexus_bound(const struct ipscsi_nexus *nexus)
{
	return nexus->peer && !READ_ONCE(nexus->peer->dead) &&
	       rcu_access_pointer(nexus->peer->reverse) == &nexus->reverse;
}

static struct ipscsi_nexus *nexus_find(struct ipscsi_lun *lun,
				       struct se_session *sess)
{
	const char *port = sess->se_node_acl->initiatorname;
	u32 index = session_index(sess);
	struct ipscsi_nexus *nexus;
	char sid[PR_REG_ISID_LEN];

	lockdep_assert_held(&lun->lock);
	hash_for_each_possible(lun->hash, nexus, hnode, (unsigned long)sess)
		if (nexus->sess == sess && nexus->index == index &&
		    !strcmp(nexus->port, port))
			return nexus;
	session_sid(sess, sid);
	/*
	 * The same port with a new session: a reconnect, unless the old
	 * session lives: then it is another host by the same name.
	 */
	list_for_each_entry(nexus, &lun->nexuses, node) {
		if (strcmp(nexus->port, port) ||
		    (memcmp(nexus->sid, sid, sizeof(sid)) &&
		     nexus_alive(nexus)))
			continue;
		hash_del(&nexus->hnode);
		nexus->sess = sess;
		nexus->index = index;
		memcpy(nexus->sid, sid, sizeof(sid));
		hash_add(lun->hash, &nexus->hnode, (unsigned long)sess);
		return nexus;
	}
	return NULL;
}

static void nexus_unbind(struct ipscsi_nexus *nexus)
{
	lockdep_assert_held(&nexus->lun->lock);
	if (!nexus->peer)
		return;
	if (rcu_access_pointer(nexus->peer->reverse) == &nexus->reverse)
		ipscsi_peer_set_reverse(nexus->peer, NULL);
	ipscsi_peer_release_ways(nexus->peer);
	ipscsi_peer_put(nexus->peer);
	nexus->peer = NULL;
}

/*
 * Ties a nexus to a station. The address of a station that is there cannot be
 * taken from it by another port; one that went may come back by another.
 */
static bool nexus_bind(struct ipscsi_nexus *nexus, struct ipscsi_seg *seg,
		       const u8 *addr)
{
	struct ipscsi_reverse *reverse;
	struct ipscsi_peer *peer;

	lockdep_assert_held(&nexus->lun->lock);
	if (nexus_bound(nexus) && ether_addr_equal(nexus->peer->addr, addr))
		return true;
	peer = ipscsi_peer_get(seg, addr);
	if (!peer)
		return false;
	rcu_read_lock();
	reverse = rcu_dereference(peer->reverse);
	if (reverse && reverse != &nexus->reverse &&
	    nexus_alive(container_of(reverse, struct ipscsi_nexus, reverse))) {
		rcu_read_unlock();
		ipscsi_count(peer, IPSCSI_C_RX_FORGED, 1);
		ipscsi_peer_put(peer);
		return false;
	}
	rcu_read_unlock();
	nexus_unbind(nexus);
	nexus->hello = false;
	nexus->peer = peer;
	ipscsi_peer_set_reverse(peer, &nexus->reverse);
	return true;
}

/* Return: NULL without memory, or with too many of them */
static struct ipscsi_nexus *nexus_make(struct ipscsi_lun *lun,
				       struct se_session *sess)
{
	struct ipscsi_nexus *nexus;

	lockdep_assert_held(&lun->lock);
	if (lun->count >= NEXUS_MAX)
		return NULL;
	nexus = kzalloc(sizeof(*nexus), GFP_ATOMIC | __GFP_NOWARN);
	if (!nexus)
		return NULL;
	nexus->lun = lun;
	nexus->reverse.kick = nexus_kick;
	nexus->reverse.port = nexus->port;
	nexus->sess = sess;
	nexus->index = session_index(sess);
	session_sid(sess, nexus->sid);
	strscpy(nexus->port, sess->se_node_acl->initiatorname,
		sizeof(nexus->port));
	INIT_LIST_HEAD(&nexus->held);
	list_add_tail(&nexus->node, &lun->nexuses);
	hash_add(lun->hash, &nexus->hnode, (unsigned long)sess);
	lun->count++;
	schedule_delayed_work(&lun->tick, LUN_TICK);
	return nexus;
}

/*
 * The nexus behind a command, with its station. One that has said no HELLO
 * gets the address that follows from its port's name; @ext: it uses our
 * extensions, so it must have said HELLO, and we still know it.
 * Return: ERR_PTR(-ENOTCONN) where it has not, ERR_PTR(-ENOMEM)
 */
static struct ipscsi_nexus *nexus_of_cmd(struct ipscsi_lun *lun,
					 struct ipscsi_seg *seg,
					 struct se_cmd *cmd, bool ext)
{
	struct ipscsi_nexus *nexus;
	u8 addr[ETH_ALEN];

	lockdep_assert_held(&lun->lock);
	nexus = nexus_find(lun, cmd->se_sess);
	if (ext && !(nexus && nexus->hello && nexus_bound(nexus)))
		return ERR_PTR(-ENOTCONN);
	if (!nexus)
		nexus = nexus_make(lun, cmd->se_sess);
	if (!nexus)
		return ERR_PTR(-ENOMEM);
	nexus->last_seen = jiffies;
	if (!nexus_bound(nexus)) {
		ipscsi_addr_from_port(nexus->port, addr);
		if (!nexus_bind(nexus, seg, addr))
			return ERR_PTR(-ENOMEM);
	}
	if (READ_ONCE(nexus->peer->state) != IPSCSI_PEER_UP)
		ipscsi_peer_set_state(nexus->peer, IPSCSI_PEER_UP);
	return nexus;
}

/* What a command gets whose nexus cannot be had */
static sense_reason_t no_nexus(struct se_cmd *cmd,
			       const struct ipscsi_nexus *nexus)
{
	return PTR_ERR(nexus) == -ENOTCONN ? nexus_loss(cmd) :
					     TCM_OUT_OF_RESOURCES;
}

/* --- answering GETs --- */

/*
 * Looks how a frame goes to a peer, and keeps that in skb->cb. One that cannot
 * go there is dropped and counted.
 */
static bool frame_fits(struct ipscsi_peer *peer, struct sk_buff *skb, u32 room,
		       bool container)
{
	bool offload = container &&
		       READ_ONCE(peer->features) & IPSCSI_F_OFFLOAD;
	struct ipscsi_cb *cb = ipscsi_cb(skb);
	enum ipscsi_counter reason;
	u8 vnet[10];
	u16 stream;
	u32 pull;

	if (ipscsi_frame_stream(peer, skb, &stream, &pull)) {
		reason = IPSCSI_C_TX_NO_EXT;
		goto drop;
	}
	cb->stream = stream;
	cb->pull = pull;
	cb->offload = ipscsi_needs_offload(skb) && offload;
	reason = IPSCSI_C_TX_NO_EXT;
	if ((skb_is_gso(skb) && !offload) ||
	    (cb->offload && ipscsi_offload_build(skb, pull, vnet)))
		goto drop;
	reason = IPSCSI_C_TX_TOO_BIG;
	if (skb->len - pull > room)
		goto drop;
	return true;
drop:
	ipscsi_drop(peer, skb, reason);
	return false;
}

/* The first frame for a held GET */
static struct sk_buff *frame_for(struct ipscsi_peer *peer, u32 room, int stream)
{
	struct sk_buff *skb;

	while ((skb = ipscsi_peer_dequeue(peer, U32_MAX, stream)))
		if (frame_fits(peer, skb, room, stream < 0))
			return skb;
	return NULL;
}

static void sent(struct ipscsi_peer *peer, struct sk_buff_head *list)
{
	struct sk_buff *skb;
	u64 n = 0, bytes = 0;

	while ((skb = __skb_dequeue(list))) {
		n++;
		bytes += skb->len;
		dev_consume_skb_any(skb);
	}
	ipscsi_count2(peer, IPSCSI_C_TX_PACKETS, n, IPSCSI_C_TX_BYTES, bytes);
	ipscsi_count(peer, IPSCSI_C_TX_MESSAGES, 1);
}

/* As many frames as fit: docs/protocol.md section 6 */
static void answer_container(struct ipscsi_held *held, struct ipscsi_peer *peer,
			     struct sk_buff *skb)
{
	struct ipscsi_cont cont = { .length = IPSCSI_CONT_HEADER };
	u32 room = held->room;
	u8 buf[IPSCSI_CONT_HEADER];
	struct se_cmd *cmd = held->cmd;
	struct sk_buff_head list;
	struct sg_cursor c;

	__skb_queue_head_init(&list);
	while (skb) {
		u32 left;

		__skb_queue_tail(&list, skb);
		cont.count++;
		cont.length += ipscsi_record_size(skb->len -
						  ipscsi_cb(skb)->pull);
		left = room - min(room, cont.length);
		if (left <= IPSCSI_CONT_RECORD + IPSCSI_CONT_PAD ||
		    cont.count >= IPSCSI_CONT_RECORDS)
			break;
		left -= IPSCSI_CONT_RECORD + IPSCSI_CONT_PAD;
		do {
			skb = ipscsi_peer_dequeue(peer, left, -1);
		} while (skb && !frame_fits(peer, skb, left, true));
	}
	cont.seq = peer->tx_seq++;
	cursor_init(&c, cmd, room);
	ipscsi_cont_build(buf, &cont);
	cursor_write(&c, buf, sizeof(buf));
	skb_queue_walk(&list, skb) {
		struct ipscsi_cb *cb = ipscsi_cb(skb);
		struct ipscsi_record record = {
			.stream = cb->stream,
			.length = skb->len - cb->pull,
		};

		/* what cannot be said was found out in frame_fits() */
		if (cb->offload)
			ipscsi_offload_build(skb, cb->pull, record.vnet);
		ipscsi_record_build(buf, &record);
		cursor_write(&c, buf, IPSCSI_CONT_RECORD);
		cursor_write_skb(&c, skb, cb->pull,
				 !cb->offload &&
				 skb->ip_summed == CHECKSUM_PARTIAL);
		cursor_write(&c, NULL, ipscsi_record_size(record.length) -
				       IPSCSI_CONT_RECORD - record.length);
	}
	sent(peer, &list);
	trace_ipscsi_answer(peer->addr, IPSCSI_STREAM_CONTAINER, cont.length);
	kmem_cache_free(held_cache, held);
	target_complete_cmd_with_length(cmd, SAM_STAT_GOOD, cont.length);
}

static void answer_bare(struct ipscsi_held *held, struct ipscsi_peer *peer,
			struct sk_buff *skb)
{
	u32 pull = ipscsi_cb(skb)->pull, len = skb->len - pull;
	struct se_cmd *cmd = held->cmd;
	struct sk_buff_head list;
	struct sg_cursor c;

	__skb_queue_head_init(&list);
	cursor_init(&c, cmd, held->len);
	cursor_write_skb(&c, skb, pull, skb->ip_summed == CHECKSUM_PARTIAL);
	__skb_queue_tail(&list, skb);
	sent(peer, &list);
	trace_ipscsi_answer(peer->addr, held->stream, len);
	kmem_cache_free(held_cache, held);
	target_complete_cmd_with_length(cmd, SAM_STAT_GOOD, len);
}

/* A held GET that something waits for, unlinked, and the frame for it */
static struct ipscsi_held *next_match(struct ipscsi_nexus *nexus,
				      struct ipscsi_peer *peer,
				      struct sk_buff **skb)
{
	struct ipscsi_held *held;
	u32 tried = 0;

	list_for_each_entry(held, &nexus->held, node) {
		u32 room = held->len;
		int stream = held->stream;
		u32 bit = BIT(stream == IPSCSI_STREAM_CONTAINER ? 31 :
							     stream & 15);

		if (tried & bit)
			continue;
		tried |= bit;
		if (stream == IPSCSI_STREAM_CONTAINER) {
			stream = -1;
			/*
			 * At least IPSCSI_CONT_MIN: exec_get() and
			 * ipscsi_peer_describe() see to it. Another HELLO
			 * must not change it while the answer is made.
			 */
			room = min(held->len, READ_ONCE(peer->cont_max));
			held->room = room;
			room -= IPSCSI_CONT_ONE;
		}
		*skb = frame_for(peer, room, stream);
		if (*skb) {
			unlink_held(held);
			return held;
		}
	}
	return NULL;
}

/*
 * Answers GETs as long as there are both GETs and frames. Only one at a time
 * does so for a nexus: that keeps the messages in order.
 *
 * Context: under rcu_read_lock(), bottom halves off. May be called from
 * ndo_start_xmit: target_complete_cmd() defers to a workqueue.
 */
static void nexus_kick(struct ipscsi_reverse *reverse)
{
	struct ipscsi_nexus *nexus = container_of(reverse, struct ipscsi_nexus,
						  reverse);
	struct ipscsi_lun *lun = nexus->lun;
	struct ipscsi_held *held;
	struct ipscsi_peer *peer;
	struct sk_buff *skb;

	spin_lock_bh(&lun->lock);
	nexus->again = true;
	if (nexus->filling) {
		spin_unlock_bh(&lun->lock);
		return;
	}
	nexus->filling = true;
	while (nexus->again) {
		nexus->again = false;
		peer = nexus->peer;
		if (!peer || READ_ONCE(peer->dead))
			break;
		kobject_get(&peer->kobj);
		while ((held = next_match(nexus, peer, &skb))) {
			spin_unlock_bh(&lun->lock);
			if (held->stream == IPSCSI_STREAM_CONTAINER)
				answer_container(held, peer, skb);
			else
				answer_bare(held, peer, skb);
			spin_lock_bh(&lun->lock);
		}
		ipscsi_peer_put(peer);
	}
	nexus->filling = false;
	spin_unlock_bh(&lun->lock);
}

/* The longest message that a GET has room for, bytes */
static u32 message_room(const struct ipscsi_peer *peer, u16 stream, u32 room)
{
	if (stream != IPSCSI_STREAM_CONTAINER)
		return room;
	return min(room, READ_ONCE(peer->cont_max)) - IPSCSI_CONT_ONE;
}

static sense_reason_t exec_get(struct se_cmd *cmd)
{
	struct ipscsi_lun *lun = to_lun(cmd->se_dev);
	struct ipscsi_nexus *nexus;
	struct ipscsi_held *held;
	struct ipscsi_seg *seg;
	struct ipscsi_cdb cdb;
	sense_reason_t ret = 0;
	u32 room;

	ipscsi_cdb_parse(cmd->t_task_cdb, &cdb);
	room = min(cdb.length, cmd->data_length);
	/* memory that is not written to would go to the initiator as it is */
	if (cmd->data_length && cmd->data_direction != DMA_FROM_DEVICE)
		return invalid_field(cmd, cdb.length_byte);
	switch (cdb.stream) {
	case IPSCSI_STREAM_IPV4:
	case IPSCSI_STREAM_ARP:
	case IPSCSI_STREAM_IPV6:
		break;
	case IPSCSI_STREAM_CONTAINER:
		/* room for one packet of the least MTU, with its headers */
		if (room < IPSCSI_CONT_MIN)
			return invalid_field(cmd, cdb.length_byte);
		break;
	default:
		return invalid_field(cmd, cdb.stream_byte);
	}
	if (!cmd->data_length) {
		target_complete_cmd(cmd, SAM_STAT_GOOD);
		return 0;
	}
	if (!room) {
		complete_null(cmd, cdb.stream, cmd->data_length);
		return 0;
	}

	rcu_read_lock();
	seg = rcu_dereference(lun->seg);
	if (!seg || !ipscsi_seg_open(seg)) {
		ret = not_ready(cmd);
		goto out;
	}
	held = kmem_cache_alloc(held_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!held) {
		ret = TCM_OUT_OF_RESOURCES;
		goto out;
	}
	held->cmd = cmd;
	held->since = jiffies;
	held->stream = cdb.stream;
	held->len = room;

	spin_lock_bh(&lun->lock);
	nexus = nexus_of_cmd(lun, seg, cmd,
			     cdb.stream == IPSCSI_STREAM_CONTAINER);
	if (IS_ERR(nexus)) {
		spin_unlock_bh(&lun->lock);
		kmem_cache_free(held_cache, held);
		ret = no_nexus(cmd, nexus);
		goto out;
	}
	/* tmr_notify runs after the flag is set, and takes this lock */
	if (cmd->transport_state & CMD_T_ABORTED ||
	    atomic_read(&nexus->reverse.held) >= HELD_MAX) {
		ret = cmd->transport_state & CMD_T_ABORTED ?
			      TCM_CHECK_CONDITION_ABORT_CMD :
			      TCM_OUT_OF_RESOURCES;
		spin_unlock_bh(&lun->lock);
		kmem_cache_free(held_cache, held);
		goto out;
	}
	trace_ipscsi_held(nexus->peer->addr, cdb.stream, room);
	held->nexus = nexus;
	cmd->priv = held;
	list_add_tail(&held->node, &nexus->held);
	atomic_inc(&nexus->reverse.held);
	WRITE_ONCE(nexus->reverse.room[cdb.stream == IPSCSI_STREAM_CONTAINER ?
					IPSCSI_BARE_STREAMS :
					ipscsi_bare_index(cdb.stream)],
		   message_room(nexus->peer, cdb.stream, room));
	nexus->reverse.last_get = jiffies;
	WRITE_ONCE(nexus->reverse.get_seen, true);
	spin_unlock_bh(&lun->lock);

	local_bh_disable();
	nexus_kick(&nexus->reverse);
	local_bh_enable();
out:
	rcu_read_unlock();
	return ret;
}

/* --- SEND --- */

/*
 * docs/protocol.md section 6: parity is not enough to leave checksums out.
 * These never leave the machine.
 */
static bool fabric_is_safe(const struct se_cmd *cmd)
{
	return over_loopback(cmd) || !strcmp(cmd->se_tfo->fabric_name, "vhost");
}

/*
 * A tcm_loop device may have been passed on, to a guest or to a program: then
 * the memory is somebody's who uses it again when the command is over.
 */
static bool peer_is_safe(const struct se_cmd *cmd,
			 const struct ipscsi_desc *desc)
{
	if (over_loopback(cmd))
		return desc->instance == ipscsi_instance.hello;
	return fabric_is_safe(cmd);
}

/* Return: false where the station cannot be taken */
static bool control_hello(struct ipscsi_lun *lun, struct ipscsi_seg *seg,
			  struct se_cmd *cmd, const struct ipscsi_tlv *tlv)
{
	struct ipscsi_nexus *nexus;
	struct ipscsi_desc desc;
	bool taken = false;

	if (ipscsi_desc_parse(tlv->value, tlv->len, &desc))
		return false;
	spin_lock_bh(&lun->lock);
	nexus = nexus_find(lun, cmd->se_sess) ?:
		nexus_make(lun, cmd->se_sess);
	if (nexus)
		nexus->last_seen = jiffies;
	if (nexus && nexus_bind(nexus, seg, desc.addr)) {
		ipscsi_peer_describe(nexus->peer, &desc,
				     peer_is_safe(cmd, &desc));
		ipscsi_peer_set_state(nexus->peer, IPSCSI_PEER_UP);
		nexus->reverse.get_seen = false;
		nexus->hello = true;
		nexus->peer->tx_seq = 0;
		taken = true;
	}
	spin_unlock_bh(&lun->lock);
	return taken;
}

/* FLUSH: GETs are given back. BYE: it is a base station from now on */
static void control_flush(struct ipscsi_lun *lun, struct se_cmd *cmd, bool bye)
{
	struct ipscsi_nexus *nexus;
	LIST_HEAD(list);

	spin_lock_bh(&lun->lock);
	nexus = nexus_find(lun, cmd->se_sess);
	if (nexus) {
		unlink_all(nexus, &list);
		if (bye) {
			nexus->hello = false;
			nexus->reverse.get_seen = false;
		}
		if (bye && nexus_bound(nexus) &&
		    !rcu_access_pointer(nexus->peer->idev)) {
			/* keeps its address: neighbours know it by that */
			WRITE_ONCE(nexus->peer->hello, false);
			WRITE_ONCE(nexus->peer->features, 0);
			ipscsi_peer_set_state(nexus->peer, IPSCSI_PEER_DOWN);
		}
	}
	spin_unlock_bh(&lun->lock);
	release_list(&list);
}

/*
 * Control messages make no base station of who sends them.
 * Return: 0, -EINVAL where an element is malformed or a HELLO is refused, or
 * -ENOMEM.
 */
static int exec_control(struct ipscsi_lun *lun, struct ipscsi_seg *seg,
			 struct se_cmd *cmd, u32 len)
{
	struct ipscsi_tlv tlv;
	bool good = true, said = false;
	struct sg_cursor c;
	size_t pos = 0;
	int more;
	u8 *buf;

	if (len > IPSCSI_CONTROL_MAX)
		return -EINVAL;
	buf = kmalloc(len, GFP_ATOMIC | __GFP_NOWARN);
	if (!buf)
		return -ENOMEM;
	cursor_init(&c, cmd, len);
	cursor_read(&c, buf, len);
	while ((more = ipscsi_tlv_next(buf, len, &pos, &tlv)) > 0) {
		/* each new address makes a station: one a message will do */
		if (tlv.type == IPSCSI_TLV_HELLO) {
			good &= !said && control_hello(lun, seg, cmd, &tlv);
			said = true;
		} else if (tlv.type == IPSCSI_TLV_BYE ||
			   tlv.type == IPSCSI_TLV_FLUSH) {
			control_flush(lun, cmd, tlv.type == IPSCSI_TLV_BYE);
		}
	}
	kfree(buf);
	return good && !more ? 0 : -EINVAL;
}

static void exec_container(struct ipscsi_peer *peer, struct se_cmd *cmd,
			   u32 len)
{
	u8 buf[IPSCSI_CONT_HEADER];	/* a record's is as long */
	unsigned long since = jiffies;
	struct ipscsi_record record;
	struct ipscsi_cont cont;
	struct sg_cursor c;
	unsigned int n = 0;
	struct sk_buff *skb;
	u32 left, size;

	cursor_init(&c, cmd, len);
	if (len < IPSCSI_CONT_HEADER ||
	    !cursor_read(&c, buf, IPSCSI_CONT_HEADER) ||
	    ipscsi_cont_parse(buf, len, &cont))
		goto malformed;
	if (cont.count)
		ipscsi_rx_sequence(peer, cont.seq);
	left = cont.length - IPSCSI_CONT_HEADER;
	while (cont.count--) {
		if (left < IPSCSI_CONT_RECORD ||
		    !cursor_read(&c, buf, IPSCSI_CONT_RECORD) ||
		    ipscsi_record_parse(buf, left, &record))
			goto malformed;
		skb = cursor_read_skb(&c, cmd, peer, record.length,
				      record.vnet);
		if (skb)
			ipscsi_rx(peer, record.stream, skb, record.vnet);
		ipscsi_rx_breathe(++n, &since);
		size = ipscsi_record_size(record.length);
		if (size >= left) {
			if (cont.count)
				goto malformed;
			break;
		}
		cursor_skip(&c, size - IPSCSI_CONT_RECORD - record.length);
		left -= size;
	}
	return;
malformed:
	ipscsi_count(peer, IPSCSI_C_RX_MALFORMED, 1);
}

static sense_reason_t exec_send(struct se_cmd *cmd)
{
	struct ipscsi_lun *lun = to_lun(cmd->se_dev);
	struct ipscsi_nexus *nexus;
	struct ipscsi_peer *peer;
	struct ipscsi_seg *seg;
	struct ipscsi_cdb cdb;
	struct sg_cursor c;
	struct sk_buff *skb;

	ipscsi_cdb_parse(cmd->t_task_cdb, &cdb);
	if (cdb.stream < IPSCSI_STREAM_EXT_MIN &&
	    cdb.stream != IPSCSI_STREAM_IPV4 &&
	    cdb.stream != IPSCSI_STREAM_ARP && cdb.stream != IPSCSI_STREAM_IPV6)
		return invalid_field(cmd, cdb.stream_byte);
	if (cdb.length != cmd->data_length ||
	    (cmd->data_length && cmd->data_direction != DMA_TO_DEVICE) ||
	    cmd->se_cmd_flags & (SCF_OVERFLOW_BIT | SCF_UNDERFLOW_BIT))
		return invalid_field(cmd, cdb.length_byte);
	if (cdb.length > IPSCSI_MESSAGE_MAX &&
	    cdb.stream != IPSCSI_STREAM_CONTAINER)
		return invalid_field(cmd, cdb.length_byte);
	if (!cdb.length) {
		target_complete_cmd(cmd, SAM_STAT_GOOD);
		return 0;
	}

	rcu_read_lock();
	seg = rcu_dereference(lun->seg);
	if (!seg || !ipscsi_seg_open(seg)) {
		rcu_read_unlock();
		return not_ready(cmd);
	}
	if (cdb.stream == IPSCSI_STREAM_CONTROL) {
		int err = exec_control(lun, seg, cmd, cdb.length);

		rcu_read_unlock();
		if (err == -ENOMEM)
			return TCM_OUT_OF_RESOURCES;
		if (err)	/* INVALID FIELD IN PARAMETER LIST */
			return check_condition(cmd, ILLEGAL_REQUEST, 0x26, 0,
					       0, 0);
		target_complete_cmd(cmd, SAM_STAT_GOOD);
		return 0;
	}
	spin_lock_bh(&lun->lock);
	nexus = nexus_of_cmd(lun, seg, cmd,
			     cdb.stream >= IPSCSI_STREAM_EXT_MIN);
	if (IS_ERR(nexus)) {
		spin_unlock_bh(&lun->lock);
		rcu_read_unlock();
		return no_nexus(cmd, nexus);
	}
	peer = nexus->peer;
	kobject_get(&peer->kobj);
	spin_unlock_bh(&lun->lock);
	ipscsi_count(peer, IPSCSI_C_RX_MESSAGES, 1);
	local_bh_disable();
	if (cdb.stream == IPSCSI_STREAM_CONTAINER) {
		exec_container(peer, cmd, cdb.length);
	} else {
		cursor_init(&c, cmd, cdb.length);
		skb = cursor_read_skb(&c, cmd, peer, cdb.length, NULL);
		if (skb)
			ipscsi_rx(peer, cdb.stream, skb, NULL);
	}
	local_bh_enable();
	ipscsi_peer_put(peer);
	rcu_read_unlock();
	target_complete_cmd(cmd, SAM_STAT_GOOD);
	return 0;
}

/* --- the other commands: docs/protocol.md section 2 --- */

static sense_reason_t exec_test_unit_ready(struct se_cmd *cmd)
{
	struct ipscsi_lun *lun = to_lun(cmd->se_dev);
	struct ipscsi_nexus *nexus;
	struct ipscsi_seg *seg;
	bool up;

	rcu_read_lock();
	seg = rcu_dereference(lun->seg);
	up = seg && ipscsi_seg_open(seg);
	rcu_read_unlock();
	/* who watches like this is still there */
	spin_lock_bh(&lun->lock);
	nexus = nexus_find(lun, cmd->se_sess);
	if (nexus)
		nexus->last_seen = jiffies;
	spin_unlock_bh(&lun->lock);
	if (!up)
		return not_ready(cmd);
	target_complete_cmd(cmd, SAM_STAT_GOOD);
	return 0;
}

static sense_reason_t exec_read_capacity(struct se_cmd *cmd)
{
	static const u8 buf[8] = { 0, 0, 0xff, 0xff, 0, 0, 0, 1 };

	return answer(cmd, buf, sizeof(buf), sizeof(buf));
}

static sense_reason_t exec_send_diagnostic(struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;

	/* SelfTest, and no parameters: SPC-4 6.32 */
	if (!(cdb[1] & 0x04))
		return invalid_field(cmd, 1);
	if (cdb[3] || cdb[4])
		return invalid_field(cmd, 3);
	return exec_test_unit_ready(cmd);
}

/* Room for the longest answer: VPD 83h with long names */
#define INQUIRY_MAX	1024

static u32 vpd_station(struct ipscsi_lun *lun, struct se_cmd *cmd, u8 *buf)
{
	struct ipscsi_desc desc = { .version = IPSCSI_VERSION };
	struct ipscsi_seg *seg;
	u32 len = 0;

	rcu_read_lock();
	seg = rcu_dereference(lun->seg);
	if (seg) {
		ipscsi_self_describe(seg, &desc, fabric_is_safe(cmd));
		if (over_loopback(cmd))
			desc.instance = ipscsi_instance.page;
		len = ipscsi_desc_build(buf + IPSCSI_VPD_HEADER,
					INQUIRY_MAX - IPSCSI_VPD_HEADER,
					&desc);
	}
	rcu_read_unlock();
	return len;
}

static sense_reason_t exec_inquiry(struct se_cmd *cmd)
{
	struct ipscsi_lun *lun = to_lun(cmd->se_dev);
	const u8 *cdb = cmd->t_task_cdb;
	u32 allocation = cdb[3] << 8 | cdb[4], len;
	sense_reason_t ret = 0;
	u8 *buf;

	if (!(cdb[1] & 1) && cdb[2])
		return invalid_field(cmd, 2);
	buf = kzalloc(INQUIRY_MAX, GFP_ATOMIC | __GFP_NOWARN);
	if (!buf)
		return TCM_OUT_OF_RESOURCES;
	buf[0] = TYPE_COMM;
	if (!(cdb[1] & 1)) {
		ret = spc_emulate_inquiry_std(cmd, buf);
		buf[5] = 0;	/* no third-party copy, no target groups */
		len = buf[4] + 5;
		goto out;
	}
	buf[1] = cdb[2];
	switch (cdb[2]) {
	case 0x00:
		buf[4] = 0x00;
		buf[5] = 0x80;
		buf[6] = 0x83;
		buf[7] = IPSCSI_VPD_STATION;
		len = 4;
		break;
	case 0x80:
		len = strnlen(lun->se_dev.t10_wwn.unit_serial,
			      INQUIRY_VPD_SERIAL_LEN);
		memcpy(buf + 4, lun->se_dev.t10_wwn.unit_serial, len);
		break;
	case 0x83:
		ret = spc_emulate_evpd_83(cmd, buf);
		len = buf[2] << 8 | buf[3];
		break;
	case IPSCSI_VPD_STATION:
		len = vpd_station(lun, cmd, buf);
		if (!len) {
			kfree(buf);
			return not_ready(cmd);
		}
		break;
	default:
		kfree(buf);
		return invalid_field(cmd, 2);
	}
	buf[2] = len >> 8;
	buf[3] = len;
	len += 4;
out:
	if (!ret)
		ret = answer(cmd, buf, len, allocation);
	kfree(buf);
	return ret;
}

/* No memory is set aside for more than this of what the initiator expects */
static void cut_data(struct se_cmd *cmd, u32 size)
{
	if (size >= cmd->data_length)
		return;
	if (!(cmd->se_cmd_flags & SCF_UNDERFLOW_BIT))
		cmd->residual_count = 0;
	cmd->se_cmd_flags |= SCF_UNDERFLOW_BIT;
	cmd->residual_count += cmd->data_length - size;
	cmd->data_length = size;
}

/* Longest data of one command that the fabric can map, bytes */
static u32 fabric_max(const struct se_cmd *cmd)
{
	u32 nents = cmd->se_tfo->max_data_sg_nents;

	return nents ? min_t(u64, (u64)nents << PAGE_SHIFT, U32_MAX) : U32_MAX;
}

/*
 * How much the initiator expects (data_length) and how much the CDB says may
 * differ. Core's target_cmd_size_check() is not exported.
 */
static sense_reason_t size_check(struct se_cmd *cmd, u32 size)
{
	if (cmd->unknown_data_length)	/* USB attached SCSI: the CDB says it */
		cmd->data_length = size;
	if (cmd->data_direction == DMA_TO_DEVICE) {
		if (cmd->data_length > min(size, fabric_max(cmd)))
			return TCM_INVALID_CDB_FIELD;
	} else {
		cut_data(cmd, min(size, fabric_max(cmd)));
	}
	if (size > cmd->data_length &&
	    !(cmd->se_cmd_flags & SCF_UNDERFLOW_BIT)) {
		cmd->se_cmd_flags |= SCF_OVERFLOW_BIT;
		cmd->residual_count = size - cmd->data_length;
	}
	return 0;
}

/*
 * A message: not SCF_OVERFLOW_BIT here, exec_send() answers for itself, with
 * a field pointer. What no honest station sends is refused before there is
 * memory for it; of what a GET expects beyond its CDB nothing is written.
 */
static sense_reason_t message_size_check(struct se_cmd *cmd,
					 const struct ipscsi_cdb *cdb)
{
	if (cmd->unknown_data_length)
		cmd->data_length = cdb->length;
	if (cmd->data_direction == DMA_TO_DEVICE) {
		if (cmd->data_length > min_t(u32, IPSCSI_CONT_MAX,
					     fabric_max(cmd)))
			return TCM_INVALID_CDB_FIELD;
	} else {
		/* a null message, where the CDB has no room */
		cut_data(cmd, min(max_t(u32, cdb->length, IPSCSI_NULL_MESSAGE),
				  fabric_max(cmd)));
	}
	return 0;
}

/* Called by fabrics that must not sleep, tcm_loop among them */
static sense_reason_t ipscsi_parse_cdb(struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;
	struct ipscsi_cdb message;
	unsigned int size = 0;
	sense_reason_t ret;

	cmd->priv = NULL;
	if (!ipscsi_cdb_parse(cdb, &message)) {
		if (message.length > IPSCSI_CONT_MAX)
			return TCM_INVALID_CDB_FIELD;
		cmd->se_cmd_flags |= SCF_SCSI_DATA_CDB;
		cmd->execute_cmd = message.send ? exec_send : exec_get;
		return message_size_check(cmd, &message);
	}
	switch (cdb[0]) {
	case TEST_UNIT_READY:
		cmd->execute_cmd = exec_test_unit_ready;
		break;
	case INQUIRY:
		size = cdb[3] << 8 | cdb[4];
		cmd->execute_cmd = exec_inquiry;
		break;
	case READ_CAPACITY:
		size = 8;
		cmd->execute_cmd = exec_read_capacity;
		break;
	case SEND_DIAGNOSTIC:
		size = cdb[3] << 8 | cdb[4];
		cmd->execute_cmd = exec_send_diagnostic;
		break;
	case REQUEST_SENSE:
	case REPORT_LUNS:
	case MODE_SENSE:
	case MODE_SENSE_10:
		ret = spc_parse_cdb(cmd, &size);
		if (ret)
			return ret;
		break;
	default:
		return TCM_UNSUPPORTED_SCSI_OPCODE;
	}
	return size_check(cmd, size);
}

/* Abort task, LUN reset: give back what is held of these commands */
static void ipscsi_tmr_notify(struct se_device *dev, enum tcm_tmreq_table type,
			      struct list_head *aborted)
{
	struct ipscsi_lun *lun = to_lun(dev);
	struct ipscsi_held *held;
	struct se_cmd *cmd;
	LIST_HEAD(list);

	spin_lock_bh(&lun->lock);
	list_for_each_entry(cmd, aborted, state_list) {
		held = cmd->priv;
		/* only GETs have it, and only while they are held */
		if (!held || cmd->execute_cmd != exec_get)
			continue;
		unlink_held(held);
		list_add_tail(&held->node, &list);
	}
	spin_unlock_bh(&lun->lock);
	release_list(&list);
}

/* --- time --- */

static bool session_ends(const struct se_cmd *cmd)
{
	return cmd->transport_state & (CMD_T_ABORTED | CMD_T_STOP |
				       CMD_T_FABRIC_STOP) ||
	       (cmd->se_lun && percpu_ref_is_dying(&cmd->se_lun->lun_ref));
}

static void nexus_free(struct ipscsi_nexus *nexus)
{
	lockdep_assert_held(&nexus->lun->lock);
	nexus_unbind(nexus);
	list_del(&nexus->node);
	hash_del(&nexus->hnode);
	nexus->lun->count--;
	kfree_rcu(nexus, rcu);
}

static void nexus_tick(struct ipscsi_nexus *nexus, unsigned long hold,
		       struct list_head *list)
{
	struct ipscsi_held *held, *next;
	bool ended = false;

	list_for_each_entry_safe(held, next, &nexus->held, node) {
		bool ends = session_ends(held->cmd);

		ended |= ends;
		if (!ends && time_before(jiffies, held->since + hold))
			continue;
		unlink_held(held);
		list_add_tail(&held->node, list);
		if (!ends && nexus->peer)
			ipscsi_count(nexus->peer, IPSCSI_C_TX_NULL, 1);
	}
	/* a station that asks by GET asks again at once: unless it is gone */
	if (nexus_bound(nexus) && nexus->reverse.get_seen &&
	    list_empty(&nexus->held) &&
	    (ended || time_after(jiffies, nexus->last_seen + GET_IDLE)) &&
	    !rcu_access_pointer(nexus->peer->idev))
		ipscsi_peer_set_state(nexus->peer, IPSCSI_PEER_DOWN);
	/* it is there, but takes nothing of this: do not let it stop others */
	if (nexus_bound(nexus) && READ_ONCE(nexus->peer->stopped) &&
	    !ipscsi_peer_sends(nexus->peer) &&
	    time_after(jiffies, READ_ONCE(nexus->peer->moved) + GET_IDLE))
		ipscsi_peer_purge(nexus->peer, IPSCSI_C_TX_QUEUE_FULL);
	if (nexus_bound(nexus))
		ipscsi_peer_age(nexus->peer);
	if (list_empty(&nexus->held) && !nexus->filling &&
	    time_after(jiffies, nexus->last_seen + BASE_IDLE))
		nexus_free(nexus);
}

static void lun_tick(struct work_struct *work)
{
	struct ipscsi_lun *lun = container_of(work, struct ipscsi_lun,
					      tick.work);
	struct ipscsi_nexus *nexus, *next;
	unsigned long hold = 0;
	struct ipscsi_seg *seg;
	LIST_HEAD(list);
	bool more;

	rcu_read_lock();
	seg = rcu_dereference(lun->seg);
	if (seg && ipscsi_seg_open(seg))
		hold = msecs_to_jiffies(READ_ONCE(seg->hold_ms));
	rcu_read_unlock();

	spin_lock_bh(&lun->lock);
	list_for_each_entry_safe(nexus, next, &lun->nexuses, node)
		nexus_tick(nexus, hold, &list);
	more = lun->count;
	spin_unlock_bh(&lun->lock);
	release_list(&list);
	if (more)
		schedule_delayed_work(&lun->tick,
				      hold ? clamp_t(unsigned long, hold / 4, 1,
						     LUN_TICK) : LUN_TICK);
}

/* --- configuration --- */

static void lun_attach(struct ipscsi_port *port, struct ipscsi_seg *seg)
{
	struct ipscsi_lun *lun = container_of(port, struct ipscsi_lun, port);

	rcu_assign_pointer(lun->seg, seg);
}

static void lun_detach(struct ipscsi_port *port)
{
	struct ipscsi_lun *lun = container_of(port, struct ipscsi_lun, port);
	struct ipscsi_nexus *nexus;
	LIST_HEAD(list);

	RCU_INIT_POINTER(lun->seg, NULL);
	/* commands that still see it are over; the filling of GETs, too */
	synchronize_net();
	spin_lock_bh(&lun->lock);
	list_for_each_entry(nexus, &lun->nexuses, node) {
		unlink_all(nexus, &list);
		nexus_unbind(nexus);
	}
	spin_unlock_bh(&lun->lock);
	release_list(&list);
}

static int ipscsi_attach_hba(struct se_hba *hba, u32 host_id)
{
	hba->hba_ptr = NULL;
	return 0;
}

static void ipscsi_detach_hba(struct se_hba *hba)
{
}

static struct se_device *ipscsi_alloc_device(struct se_hba *hba,
					     const char *name)
{
	struct ipscsi_lun *lun = kzalloc(sizeof(*lun), GFP_KERNEL);

	if (!lun)
		return NULL;
	spin_lock_init(&lun->lock);
	INIT_LIST_HEAD(&lun->nexuses);
	hash_init(lun->hash);
	INIT_DELAYED_WORK(&lun->tick, lun_tick);
	return &lun->se_dev;
}

static ssize_t ipscsi_set_params(struct se_device *dev, const char *page,
				 ssize_t count)
{
	struct ipscsi_lun *lun = to_lun(dev);
	char *copy, *rest, *word;
	ssize_t ret = count;

	if (target_dev_configured(dev)) {
		pr_err("ipscsi: the segment cannot be changed while the device is enabled; remove the device and make it anew\n");
		return -EBUSY;
	}
	copy = kstrndup(page, count, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = copy;
	while ((word = strsep(&rest, ",\n"))) {
		if (!*word)
			continue;
		if (strncmp(word, "segment=", 8) || !dev_valid_name(word + 8)) {
			pr_err("ipscsi: unknown parameter \"%s\"; write segment=<name>\n",
			       word);
			ret = -EINVAL;
			break;
		}
		strscpy(lun->port.ifname, word + 8, sizeof(lun->port.ifname));
	}
	kfree(copy);
	return ret;
}

static ssize_t ipscsi_show_params(struct se_device *dev, char *page)
{
	struct ipscsi_lun *lun = to_lun(dev);

	/* core hands the middle of a page: not for sysfs_emit() */
	return sprintf(page, "segment=%s attached=%d nexuses=%u\n",
			  lun->port.ifname, !!rcu_access_pointer(lun->seg),
			  READ_ONCE(lun->count));
}

static int ipscsi_configure_device(struct se_device *dev)
{
	struct ipscsi_lun *lun = to_lun(dev);
	int err;

	if (!lun->port.ifname[0]) {
		pr_err("ipscsi: no segment; write segment=<name> to control first\n");
		return -EINVAL;
	}
	/* blocks mean nothing here, but core divides by their size */
	dev->dev_attrib.hw_block_size = 512;
	dev->dev_attrib.hw_max_sectors = IPSCSI_CONT_MAX / 512;
	dev->dev_attrib.hw_queue_depth = 256;
	dev->dev_attrib.emulate_3pc = 0;
	dev->dev_attrib.emulate_caw = 0;
	dev->dev_attrib.emulate_tpu = 0;
	dev->dev_attrib.emulate_tpws = 0;
	strscpy(dev->t10_wwn.vendor, INQUIRY_VENDOR,
		sizeof(dev->t10_wwn.vendor));

	lun->port.attach = lun_attach;
	lun->port.detach = lun_detach;
	err = ipscsi_port_register(&lun->port);
	if (err)
		pr_err("ipscsi: %s is there, but is no segment; make it with `ip link add %s type ipscsi`\n",
		       lun->port.ifname, lun->port.ifname);
	lun->registered = !err;
	return err;
}

/* No LUN exports the device any more, so no command is held */
static void ipscsi_destroy_device(struct se_device *dev)
{
	struct ipscsi_lun *lun = to_lun(dev);
	struct ipscsi_nexus *nexus, *next;

	if (lun->registered)
		ipscsi_port_unregister(&lun->port);
	lun->registered = false;
	cancel_delayed_work_sync(&lun->tick);
	spin_lock_bh(&lun->lock);
	list_for_each_entry_safe(nexus, next, &lun->nexuses, node)
		nexus_free(nexus);
	spin_unlock_bh(&lun->lock);
	/* the last who came by way of peer->reverse */
	synchronize_net();
}

static void lun_free_rcu(struct rcu_head *rcu)
{
	struct se_device *dev = container_of(rcu, struct se_device, rcu_head);

	kfree(to_lun(dev));
}

static void ipscsi_free_device(struct se_device *dev)
{
	call_rcu(&dev->rcu_head, lun_free_rcu);
}

static u32 ipscsi_get_device_type(struct se_device *dev)
{
	return TYPE_COMM;
}

/* Core asks for it in every sense data */
static sector_t ipscsi_get_blocks(struct se_device *dev)
{
	return 0;
}

static struct target_backend_ops ipscsi_ops = {
	.name = "ipscsi",
	/* core copies with FORTIFY: one less than the field, or it panics */
	.inquiry_prod = INQUIRY_PRODUCT,
	.inquiry_rev = INQUIRY_REVISION,
	.owner = THIS_MODULE,
	.transport_flags_default = TRANSPORT_FLAG_PASSTHROUGH |
				   TRANSPORT_FLAG_PASSTHROUGH_ALUA |
				   TRANSPORT_FLAG_PASSTHROUGH_PGR,
	.attach_hba = ipscsi_attach_hba,
	.detach_hba = ipscsi_detach_hba,
	.alloc_device = ipscsi_alloc_device,
	.configure_device = ipscsi_configure_device,
	.destroy_device = ipscsi_destroy_device,
	.free_device = ipscsi_free_device,
	.parse_cdb = ipscsi_parse_cdb,
	.tmr_notify = ipscsi_tmr_notify,
	.set_configfs_dev_params = ipscsi_set_params,
	.show_configfs_dev_params = ipscsi_show_params,
	.get_device_type = ipscsi_get_device_type,
	.get_blocks = ipscsi_get_blocks,
};

static int __init ipscsi_target_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(INQUIRY_PRODUCT) > sizeof(ipscsi_ops.inquiry_prod));
	BUILD_BUG_ON(sizeof(INQUIRY_REVISION) > sizeof(ipscsi_ops.inquiry_rev));
	held_cache = KMEM_CACHE(ipscsi_held, 0);
	if (!held_cache)
		return -ENOMEM;
	/* an imported symbol is no constant for an initialiser */
	ipscsi_ops.tb_dev_attrib_attrs = passthrough_attrib_attrs;
	err = transport_backend_register(&ipscsi_ops);
	if (err)
		kmem_cache_destroy(held_cache);
	return err;
}

static void __exit ipscsi_target_exit(void)
{
	target_backend_unregister(&ipscsi_ops);
	rcu_barrier();
	kmem_cache_destroy(held_cache);
}

module_init(ipscsi_target_init);
module_exit(ipscsi_target_exit);

MODULE_DESCRIPTION("IP over SCSI (RFC 2143) target, LIO backend");
MODULE_AUTHOR("The scsigate developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(IPSCSI_DRV_VERSION);
