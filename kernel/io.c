// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI, initiator side: the worker of a device
 *
 * One work item a device, its worker, takes frames from the peer's queue,
 * submits them as SEND MESSAGE commands, keeps GET MESSAGE commands
 * outstanding, and takes the results of both. All that touches a command runs
 * in it, but for the completion, which only puts the command on a lock-free
 * list: it may come in a hard interrupt.
 *
 * - No plug: on 6.1 the plug list is a stack and turns the packets round.
 * - Pages are added with bio_add_pc_page(), which knows the adapter's limits;
 *   bio_add_page() merges past its segment boundary and ends in a BUG().
 * - Requests are allocated without waiting: a device in error recovery must
 *   not stop the worker, which is needed to detach.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_host.h>

#include "idev.h"
#include "trace.h"

/*
 * Pieces of a frame that are shorter are copied. Longer ones are mapped where
 * they lie, if the adapter's alignment allows.
 */
#define MAP_MIN		1024

/**
 * ipscsi_idev_kick - there is something to do for a device's worker
 * @idev: the device
 *
 * Context: any.
 */
void ipscsi_idev_kick(struct ipscsi_idev *idev)
{
	queue_work_on(READ_ONCE(idev->cpu), ipscsi_io_wq, &idev->work);
}

/**
 * ipscsi_idev_send - a frame waits for a device's worker
 * @idev: the device
 * @peer: where the frame goes
 * @len: its length, bytes
 *
 * Adapters complete commands on the processor that submitted them, so the
 * worker stays where it is while SENDs are in flight, for their order. With
 * none, the short answer to a short frame is sent from this processor: waking
 * another would take longer than the rest of its way. A long frame is sent
 * from another one, for who has it will have more.
 *
 * Context: any but hard interrupt.
 */
void ipscsi_idev_send(struct ipscsi_idev *idev, struct ipscsi_peer *peer,
		      unsigned int len)
{
	int here = raw_smp_processor_id(), cpu = READ_ONCE(idev->cpu);
	bool answer = READ_ONCE(peer->short_rx) && len <= IPSCSI_SHORT;

	if (answer)
		WRITE_ONCE(peer->short_rx, false);
	if (!atomic_read(&idev->sends_out)) {
		if (answer) {
			cpu = here;
		} else if (len > IPSCSI_SHORT && cpu == here) {
			cpu = cpumask_next(here, cpu_online_mask);
			if (cpu >= nr_cpu_ids)
				cpu = cpumask_first(cpu_online_mask);
		}
	}
	queue_work_on(cpu, ipscsi_io_wq, &idev->work);
}

/* --- mapping a message --- */

static bool map_page(struct ipscsi_cmd *cmd, struct page *page,
		     unsigned int off, unsigned int len)
{
	struct request_queue *q = cmd->idev->sdev->request_queue;

	/* page by page: a longer piece could cross a segment boundary */
	while (len) {
		unsigned int n = min_t(unsigned int, len,
				       PAGE_SIZE - offset_in_page(off));

		if (bio_add_pc_page(q, &cmd->bio, page + (off >> PAGE_SHIFT),
				    n, offset_in_page(off)) < n)
			return false;
		off += n;
		len -= n;
	}
	return true;
}

/* Maps what was copied since the last piece */
static bool close_run(struct ipscsi_cmd *cmd)
{
	unsigned int run = cmd->run;

	if (!cmd->ncopy || cmd->copied == run)
		return true;
	cmd->run = cmd->copied;
	return map_page(cmd, cmd->copy[cmd->ncopy - 1], run,
			cmd->copied - run);
}

/* Room to copy to: as much as there is in this page, at most @len bytes */
static void *copy_room(struct ipscsi_cmd *cmd, unsigned int *len)
{
	void *room;

	if (!cmd->ncopy || cmd->copied == PAGE_SIZE) {
		if (!close_run(cmd) || cmd->ncopy == IPSCSI_COPY_PAGES)
			return NULL;
		/* what came in it may still be in use: see memory_stays() */
		if (cmd->copy[cmd->ncopy] &&
		    page_ref_count(cmd->copy[cmd->ncopy]) > 1) {
			put_page(cmd->copy[cmd->ncopy]);
			cmd->copy[cmd->ncopy] = NULL;
		}
		if (!cmd->copy[cmd->ncopy]) {
			cmd->copy[cmd->ncopy] = alloc_page(GFP_NOIO |
							   __GFP_NOWARN |
							   __GFP_NORETRY);
			if (!cmd->copy[cmd->ncopy])
				return NULL;
		}
		cmd->ncopy++;
		cmd->copied = 0;
		cmd->run = 0;
	}
	*len = min_t(unsigned int, *len, PAGE_SIZE - cmd->copied);
	room = page_address(cmd->copy[cmd->ncopy - 1]) + cmd->copied;
	cmd->copied += *len;
	return room;
}

static bool put_bytes(struct ipscsi_cmd *cmd, const void *from,
		      unsigned int len)
{
	while (len) {
		unsigned int n = len;
		void *room = copy_room(cmd, &n);

		if (!room)
			return false;
		if (from) {
			memcpy(room, from, n);
			from += n;
		} else {
			memset(room, 0, n);
		}
		len -= n;
	}
	return true;
}

static bool put_skb_copy(struct ipscsi_cmd *cmd, const struct sk_buff *skb,
			 unsigned int off, unsigned int len)
{
	while (len) {
		unsigned int n = len;
		void *room = copy_room(cmd, &n);

		if (!room || skb_copy_bits(skb, off, room, n))
			return false;
		off += n;
		len -= n;
	}
	return true;
}

/*
 * A piece can be mapped where its memory and its place in the message suit
 * the adapter: no gap, and every boundary aligned, but for the end.
 */
static bool can_map(struct ipscsi_cmd *cmd, unsigned long addr,
		    unsigned int len, bool last)
{
	unsigned int mask =
		queue_dma_alignment(cmd->idev->sdev->request_queue);

	return len >= MAP_MIN && !(addr & mask) &&
	       !((cmd->bio.bi_iter.bi_size + cmd->copied - cmd->run) & mask) &&
	       (last || !(len & mask));
}

static bool put_piece(struct ipscsi_cmd *cmd, const struct sk_buff *skb,
		      unsigned int off, struct page *page, unsigned int poff,
		      unsigned int len, bool last)
{
	if (!can_map(cmd, poff, len, last))
		return put_skb_copy(cmd, skb, off, len);
	return close_run(cmd) && map_page(cmd, page, poff, len);
}

/* A frame from byte @pull on */
static bool put_skb(struct ipscsi_cmd *cmd, const struct sk_buff *skb,
		    u32 pull, bool last, bool copy_all)
{
	unsigned int off = pull, head = skb_headlen(skb), i;

	if (copy_all || skb_has_frag_list(skb) || head < pull)
		return put_skb_copy(cmd, skb, off, skb->len - off);
	if (head > pull) {
		const void *data = skb->data + pull;

		if (!put_piece(cmd, skb, off, virt_to_page(data),
			       offset_in_page(data), head - pull,
			       last && !skb_shinfo(skb)->nr_frags))
			return false;
		off = head;
	}
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		if (!put_piece(cmd, skb, off, skb_frag_page(frag),
			       skb_frag_off(frag), skb_frag_size(frag),
			       last && i == skb_shinfo(skb)->nr_frags - 1))
			return false;
		off += skb_frag_size(frag);
	}
	return true;
}

static void map_begin(struct ipscsi_cmd *cmd)
{
	bio_init(&cmd->bio, NULL, cmd->vecs, IPSCSI_MAX_VECS,
		 cmd->get ? REQ_OP_DRV_IN : REQ_OP_DRV_OUT);
}

/* --- SEND --- */

/* Bare: one frame, RFC 2143 section 3 */
static bool map_bare(struct ipscsi_cmd *cmd, bool copy_all)
{
	struct sk_buff *skb = skb_peek(&cmd->skbs);
	u32 pull;

	map_begin(cmd);
	cmd->ncopy = 0;
	cmd->copied = 0;
	cmd->run = 0;
	cmd->stream = ipscsi_cb(skb)->stream;
	pull = ipscsi_cb(skb)->pull;
	cmd->length = skb->len - pull;
	return put_skb(cmd, skb, pull, true, copy_all) && close_run(cmd);
}

/* Container: docs/protocol.md section 6 */
static bool map_container(struct ipscsi_cmd *cmd, bool copy_all)
{
	struct ipscsi_cont cont = {
		.count = skb_queue_len(&cmd->skbs),
		.length = cmd->length,
		.seq = cmd->peer->tx_seq,
	};
	u8 header[IPSCSI_CONT_HEADER];
	struct sk_buff *skb;

	map_begin(cmd);
	cmd->ncopy = 0;
	cmd->copied = 0;
	cmd->run = 0;
	cmd->stream = IPSCSI_STREAM_CONTAINER;
	ipscsi_cont_build(header, &cont);
	if (!put_bytes(cmd, header, sizeof(header)))
		return false;
	skb_queue_walk(&cmd->skbs, skb) {
		struct ipscsi_record record = {
			.stream = ipscsi_cb(skb)->stream,
		};
		u32 pull = ipscsi_cb(skb)->pull, pad;
		u8 buf[IPSCSI_CONT_RECORD];

		if (ipscsi_needs_offload(skb) &&
		    ipscsi_offload_build(skb, pull, record.vnet))
			return false;
		record.length = skb->len - pull;
		pad = ipscsi_record_size(record.length) - IPSCSI_CONT_RECORD -
		      record.length;
		ipscsi_record_build(buf, &record);
		if (!put_bytes(cmd, buf, sizeof(buf)) ||
		    !put_skb(cmd, skb, pull, false, copy_all) ||
		    !put_bytes(cmd, NULL, pad))
			return false;
	}
	return close_run(cmd);
}

static void drop_skbs(struct ipscsi_cmd *cmd, enum ipscsi_counter reason)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&cmd->skbs)))
		ipscsi_drop(cmd->peer, skb, reason);
}

/*
 * Takes frames from the peer's queue into a command: one, or as many as were
 * queued while earlier commands were in flight (natural batching). Call under
 * rcu_read_lock(), with a peer that is not dead.
 * Return: false where nothing is there.
 */
static bool take_frames(struct ipscsi_cmd *cmd, struct ipscsi_peer *peer)
{
	bool container = READ_ONCE(peer->features) & IPSCSI_F_CONTAINER;
	bool offload = READ_ONCE(peer->features) & IPSCSI_F_OFFLOAD;
	u32 limit, left;

	limit = min3(cmd->idev->max_bytes, READ_ONCE(peer->cont_max),
		     (u32)IPSCSI_CONT_LONG);
	left = limit - IPSCSI_CONT_HEADER;
	cmd->bytes = 0;
	cmd->length = IPSCSI_CONT_HEADER;

	for (;;) {
		bool first = skb_queue_empty(&cmd->skbs);
		struct sk_buff *skb;
		u32 max, pull, need;
		u16 stream;

		/* the first one is taken in any case, to be sent or dropped */
		if (!first && (!container || left <= IPSCSI_CONT_RECORD +
						     IPSCSI_CONT_PAD ||
			       skb_queue_len(&cmd->skbs) >= IPSCSI_CONT_RECORDS))
			break;
		max = first ? U32_MAX : left - IPSCSI_CONT_RECORD -
					IPSCSI_CONT_PAD;
		skb = ipscsi_peer_dequeue(peer, max, -1);
		if (!skb)
			break;
		if (ipscsi_frame_stream(peer, skb, &stream, &pull)) {
			ipscsi_drop(peer, skb, IPSCSI_C_TX_NO_EXT);
			continue;
		}
		if (skb->len - pull > min_t(u32, READ_ONCE(peer->base_max),
					    cmd->idev->max_bytes) ||
		    (ipscsi_needs_offload(skb) && offload &&
		     IPSCSI_CONT_HEADER + ipscsi_record_size(skb->len - pull) >
		     limit)) {
			ipscsi_drop(peer, skb, IPSCSI_C_TX_TOO_BIG);
			continue;
		}
		if (ipscsi_needs_offload(skb) && !offload &&
		    (skb_is_gso(skb) || skb_checksum_help(skb))) {
			/* it could, a moment ago */
			ipscsi_drop(peer, skb, IPSCSI_C_TX_NO_EXT);
			continue;
		}
		/* the receiver may keep what its owner means to use again */
		if (offload && skb_orphan_frags_rx(skb, GFP_ATOMIC)) {
			ipscsi_drop(peer, skb, IPSCSI_C_TX_NOMEM);
			continue;
		}
		need = ipscsi_record_size(skb->len - pull);
		ipscsi_cb(skb)->stream = stream;
		ipscsi_cb(skb)->pull = pull;
		cmd->bytes += skb->len;
		cmd->length += need;
		__skb_queue_tail(&cmd->skbs, skb);
		if (need >= left)
			break;
		left -= need;
	}
	return !skb_queue_empty(&cmd->skbs);
}

static enum rq_end_io_ret cmd_end_io(struct request *rq, blk_status_t status)
{
	struct ipscsi_cmd *cmd = rq->end_io_data;
	struct scsi_cmnd *scmd = blk_mq_rq_to_pdu(rq);
	struct ipscsi_idev *idev = cmd->idev;

	cmd->end = ktime_get();
	cmd->status = status;
	cmd->result = scmd->result;
	cmd->resid = scmd->resid_len;
	/* a command that was not even sent leaves older sense data there */
	if (host_byte(scmd->result) != DID_OK ||
	    !scsi_status_is_check_condition(scmd->result) ||
	    !scsi_normalize_sense(scmd->sense_buffer, SCSI_SENSE_BUFFERSIZE,
				  &cmd->sense))
		memset(&cmd->sense, 0, sizeof(cmd->sense));
	WRITE_ONCE(cmd->rq, NULL);
	/* ipscsi_io_stop() waits for this section before it frees */
	rcu_read_lock();
	llist_add(&cmd->done, &idev->done);
	ipscsi_idev_kick(idev);
	rcu_read_unlock();
	return RQ_END_IO_FREE;
}

/* Whether SENDs and GETs leave room for those that have no worker */
static bool has_room(const struct ipscsi_idev *idev)
{
	int controls = atomic_read(&idev->controls);

	return !controls || atomic_read(&idev->in_flight) + controls <
			    READ_ONCE(idev->sdev->queue_depth);
}

/* Return: 0, or -EAGAIN: no room, no tag, or no memory: try again later */
static int submit(struct ipscsi_cmd *cmd)
{
	struct ipscsi_idev *idev = cmd->idev;
	struct scsi_cmnd *scmd;
	struct request *rq;

	if (!has_room(idev))
		return -EAGAIN;
	rq = scsi_alloc_request(idev->sdev->request_queue,
				cmd->get ? REQ_OP_DRV_IN : REQ_OP_DRV_OUT,
				BLK_MQ_REQ_NOWAIT);
	if (IS_ERR(rq))
		return -EAGAIN;
	if (blk_rq_append_bio(rq, &cmd->bio)) {
		blk_mq_free_request(rq);
		return -EINVAL;
	}
	scmd = blk_mq_rq_to_pdu(rq);
	scmd->cmd_len = ipscsi_cdb_build(scmd->cmnd, !cmd->get, cmd->stream,
					 cmd->length, idev->lun);
	scmd->allowed = IPSCSI_RETRIES;
	rq->timeout = ipscsi_timeout();
	rq->end_io = cmd_end_io;
	rq->end_io_data = cmd;
	rq->rq_flags |= RQF_QUIET;
	cmd->rq = rq;
	cmd->since = jiffies;
	cmd->start = ktime_get();
	trace_ipscsi_submit(cmd->peer->addr, cmd->get, cmd->stream, cmd->length,
			    skb_queue_len(&cmd->skbs));
	atomic_inc(&idev->in_flight);
	if (cmd->get) {
		atomic_inc(&idev->gets_out);
		idev->bare_out[ipscsi_bare_index(cmd->stream)]++;
	} else {
		atomic_inc(&idev->sends_out);
	}
	blk_execute_rq_nowait(rq, false);
	return 0;
}

static void command_over(struct ipscsi_idev *idev, struct ipscsi_cmd *cmd)
{
	if (cmd->get) {
		atomic_dec(&idev->gets_out);
		idev->bare_out[ipscsi_bare_index(cmd->stream)]--;
	} else {
		atomic_dec(&idev->sends_out);
	}
	if (atomic_dec_and_test(&idev->in_flight) ||
	    atomic_read(&idev->controls))
		wake_up(&idev->idle);
}

static void release_cmd(struct ipscsi_idev *idev, struct ipscsi_cmd *cmd)
{
	ipscsi_peer_put(cmd->peer);
	cmd->peer = NULL;
	cmd->retries = 0;
	list_add(&cmd->list, cmd->get ? &idev->free_gets : &idev->free_sends);
}

/* Maps what take_frames() took, and submits it */
static int map_and_submit(struct ipscsi_cmd *cmd)
{
	bool container = skb_queue_len(&cmd->skbs) > 1 ||
			 ipscsi_needs_offload(skb_peek(&cmd->skbs));
	int err = -EINVAL;
	int copy_all;

	for (copy_all = 0; err == -EINVAL && copy_all < 2; copy_all++) {
		if (!(container ? map_container(cmd, copy_all) :
				  map_bare(cmd, copy_all)))
			continue;
		err = submit(cmd);
	}
	if (!err && container)
		cmd->peer->tx_seq++;
	return err;
}

/* Return: true to be called again soon: tags or memory ran out */
static bool send_some(struct ipscsi_idev *idev, struct ipscsi_peer *peer)
{
	struct ipscsi_cmd *cmd;
	int err;

	while ((cmd = list_first_entry_or_null(&idev->free_sends,
					       struct ipscsi_cmd, list))) {
		rcu_read_lock();
		if (READ_ONCE(peer->dead)) {
			rcu_read_unlock();
			return false;
		}
		/* after -EAGAIN the command still has its frames */
		if (cmd->peer && cmd->peer != peer) {
			drop_skbs(cmd, IPSCSI_C_TX_PEER_DOWN);
			ipscsi_peer_put(cmd->peer);
			cmd->peer = NULL;
		}
		if (skb_queue_empty(&cmd->skbs) && !take_frames(cmd, peer)) {
			rcu_read_unlock();
			return false;
		}
		rcu_read_unlock();
		if (!cmd->peer) {
			kobject_get(&peer->kobj);
			cmd->peer = peer;
		}
		list_del_init(&cmd->list);
		err = map_and_submit(cmd);
		if (err == -EAGAIN) {
			list_add(&cmd->list, &idev->free_sends);
			return true;
		}
		if (err) {
			drop_skbs(cmd, IPSCSI_C_TX_NOMEM);
			release_cmd(idev, cmd);
		}
	}
	return false;
}

/* A message went, or came: the next one from there may be near */
static void get_soon(struct ipscsi_cmd *cmd)
{
	struct ipscsi_idev *idev = cmd->idev;

	idev->get_wait = 1;
	/* what ends in a jiffy must not put it off for ever */
	if (idev->get_pause && time_after(idev->get_pause, jiffies + 1))
		idev->get_pause = jiffies + 1;
}

static void send_done(struct ipscsi_idev *idev, struct ipscsi_cmd *cmd)
{
	struct sk_buff *skb;

	ipscsi_count2(cmd->peer, IPSCSI_C_TX_PACKETS,
		      skb_queue_len(&cmd->skbs), IPSCSI_C_TX_BYTES, cmd->bytes);
	ipscsi_count(cmd->peer, IPSCSI_C_TX_MESSAGES, 1);
	get_soon(cmd);
	while ((skb = __skb_dequeue(&cmd->skbs)))
		consume_skb(skb);
}

/* --- GET --- */

/*
 * Receive memory that frames still refer to goes to the end of a ring, and
 * comes back when they are gone: taking it from the allocator again means to
 * clear it, where the kernel hardens that, which costs as much as a copy.
 *
 * Where residual counts can get lost a target could claim more than it sent,
 * and have us take what was in the memory before for a message: what comes
 * from the allocator is clear there in any case.
 */
static struct page *renew_chunk(struct ipscsi_idev *idev, struct page *old)
{
	/* it is tried again in a jiffy; the worker must not stand still */
	gfp_t gfp = GFP_NOIO | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY |
		    (idev->safe ? 0 : __GFP_ZERO);
	struct page **slot = &idev->ring[idev->ring_next];
	struct page *page = *slot;

	if (page && page_ref_count(page) == 1) {
		*slot = old;
	} else {
		page = alloc_pages(gfp, IPSCSI_CHUNK_ORDER);
		if (!old)
			return page;
		/* somebody keeps the oldest for long: leave it to them */
		if (*slot)
			put_page(*slot);
		*slot = old;
	}
	idev->ring_next = (idev->ring_next + 1) % IPSCSI_RING;
	return page;
}

/* Return: false without memory */
static bool fill_chunks(struct ipscsi_cmd *cmd)
{
	u32 i;

	for (i = 0; i * IPSCSI_CHUNK_SIZE < cmd->length; i++) {
		struct page *old = cmd->chunk[i];

		if (old && page_ref_count(old) == 1 && !page_is_pfmemalloc(old))
			continue;
		if (old && page_is_pfmemalloc(old)) {
			put_page(old);
			old = NULL;
		}
		cmd->chunk[i] = renew_chunk(cmd->idev, old);
		cmd->mapped = 0;
		if (!cmd->chunk[i])
			return false;
	}
	return true;
}

static bool map_get(struct ipscsi_cmd *cmd)
{
	u32 left = cmd->length;
	int i;

	map_begin(cmd);
	/* the pieces are still in place: only the position in them has moved */
	if (cmd->mapped == cmd->length) {
		cmd->bio.bi_vcnt = cmd->pieces;
		cmd->bio.bi_iter.bi_size = cmd->length;
		return true;
	}
	for (i = 0; left; i++) {
		u32 n = min_t(u32, left, IPSCSI_CHUNK_SIZE);

		if (!map_page(cmd, cmd->chunk[i], 0, n))
			return false;
		left -= n;
	}
	cmd->mapped = cmd->length;
	cmd->pieces = cmd->bio.bi_vcnt;
	return true;
}

/*
 * Which stream a GET asks for: containers, or bare ones. There one GET waits
 * for ARP, a quarter of them for IPv6, and the rest, but at least one, for
 * IPv4.
 */
static u16 get_stream(struct ipscsi_idev *idev, struct ipscsi_peer *peer)
{
	if (READ_ONCE(peer->features) & IPSCSI_F_CONTAINER)
		return IPSCSI_STREAM_CONTAINER;
	if (!idev->bare_out[0])
		return IPSCSI_STREAM_IPV4;
	if (!idev->bare_out[1])
		return IPSCSI_STREAM_ARP;
	if (idev->bare_out[2] < max(idev->gets / 4, 1U))
		return IPSCSI_STREAM_IPV6;
	return IPSCSI_STREAM_IPV4;
}

/*
 * How much a GET asks for. A target may set memory of that size aside until
 * it has an answer, so for more than 64 KiB only after a full container.
 */
static u32 get_length(struct ipscsi_idev *idev, struct ipscsi_peer *peer,
		      u16 stream)
{
	u32 length = IPSCSI_CONT_SHORT;

	if (stream == IPSCSI_STREAM_CONTAINER && idev->get_long)
		length = clamp_t(u32, READ_ONCE(peer->cont_max) & ~7, length,
				 IPSCSI_CONT_LONG);
	return min(length, idev->max_bytes);
}

static unsigned int gets_wanted(struct ipscsi_idev *idev,
				struct ipscsi_peer *peer)
{
	unsigned int wanted = 0;

	rcu_read_lock();
	if (!READ_ONCE(peer->dead))
		wanted = min_t(unsigned int, READ_ONCE(peer->seg->gets),
			       idev->desc.gets);
	rcu_read_unlock();
	return wanted;
}

/* Return: true to be called again soon */
static bool get_some(struct ipscsi_idev *idev, struct ipscsi_peer *peer)
{
	struct ipscsi_cmd *cmd;
	unsigned int wanted;
	bool mapped;
	int err;

	/* symmetric: it sends to us by itself */
	if (!(READ_ONCE(peer->features) & IPSCSI_F_GET) ||
	    (rcu_access_pointer(peer->reverse) && READ_ONCE(peer->hello)))
		return false;
	if (idev->get_pause && time_before(jiffies, idev->get_pause))
		return true;
	idev->get_pause = 0;
	wanted = gets_wanted(idev, peer);
	while (atomic_read(&idev->gets_out) < wanted &&
	       (cmd = list_first_entry_or_null(&idev->free_gets,
					       struct ipscsi_cmd, list))) {
		cmd->stream = get_stream(idev, peer);
		cmd->length = get_length(idev, peer, cmd->stream);
		if (!fill_chunks(cmd))
			return true;
		/* an adapter that takes few pieces gets less to fill */
		while (!(mapped = map_get(cmd)) &&
		       cmd->length > 2 * IPSCSI_CONT_MIN)
			cmd->length = (cmd->length / 2) & ~7;
		if (!mapped)
			return true;
		kobject_get(&peer->kobj);
		cmd->peer = peer;
		list_del_init(&cmd->list);
		err = submit(cmd);
		if (err) {
			release_cmd(idev, cmd);
			return err == -EAGAIN;
		}
	}
	return false;
}

static void copy_out(struct ipscsi_cmd *cmd, u32 off, void *to, u32 len)
{
	while (len) {
		u32 in = off % IPSCSI_CHUNK_SIZE;
		u32 n = min_t(u32, len, IPSCSI_CHUNK_SIZE - in);

		memcpy(to, page_address(cmd->chunk[off / IPSCSI_CHUNK_SIZE]) +
			   in, n);
		to += n;
		off += n;
		len -= n;
	}
}

/*
 * A message out of receive memory: headers copied, the rest referenced.
 * @alone: nothing else is in its chunks, so whoever keeps it keeps these
 */
static struct sk_buff *get_skb(struct ipscsi_cmd *cmd, u32 off, u32 len,
			       bool alone)
{
	u32 linear = len <= IPSCSI_RX_COPY ? len : IPSCSI_RX_HEADER;
	struct sk_buff *skb;

	skb = ipscsi_rx_alloc(cmd->peer, linear, 0, GFP_ATOMIC);
	if (!skb)
		return NULL;
	copy_out(cmd, off, skb->data, linear);
	off += linear;
	len -= linear;
	while (len) {
		struct page *page = cmd->chunk[off / IPSCSI_CHUNK_SIZE];
		u32 in = off % IPSCSI_CHUNK_SIZE;
		u32 n = min_t(u32, len, IPSCSI_CHUNK_SIZE - in);

		get_page(page);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, in, n,
				alone ? IPSCSI_CHUNK_SIZE : n);
		off += n;
		len -= n;
	}
	return skb;
}

/*
 * Nothing there. One that comes too early must not have us ask in a circle. To
 * a hub that holds no GETs, asking is the only way to hear: so soon after a
 * message, when an answer is likely, and then less and less often
 * (docs/protocol.md section 5).
 */
static void get_null(struct ipscsi_cmd *cmd)
{
	struct ipscsi_idev *idev = cmd->idev;

	ipscsi_count(cmd->peer, IPSCSI_C_RX_NULL, 1);
	if (time_after(jiffies,
		       cmd->since + msecs_to_jiffies(IPSCSI_GET_EARLY)))
		return;
	/* those that were asked together make one pause */
	if (idev->get_pause && time_before(jiffies, idev->get_pause))
		return;
	idev->get_pause = jiffies + msecs_to_jiffies(idev->get_wait);
	idev->get_wait = min(2 * idev->get_wait, IPSCSI_GET_EARLY);
}

static void get_container(struct ipscsi_cmd *cmd, u32 len)
{
	u8 buf[IPSCSI_CONT_HEADER];	/* a record's is as long */
	unsigned long since = jiffies;
	struct ipscsi_record record;
	struct ipscsi_cont cont;
	unsigned int n = 0;
	struct sk_buff *skb;
	u32 off;

	if (len < IPSCSI_CONT_HEADER)
		goto malformed;
	copy_out(cmd, 0, buf, IPSCSI_CONT_HEADER);
	if (ipscsi_cont_parse(buf, len, &cont))
		goto malformed;
	if (!cont.count) {
		get_null(cmd);
		return;
	}
	/* one frame may fill it by itself */
	cmd->full = cont.length > IPSCSI_CONT_SHORT * 3 / 4 && cont.count > 1;
	ipscsi_rx_sequence(cmd->peer, cont.seq);
	ipscsi_count(cmd->peer, IPSCSI_C_RX_MESSAGES, 1);
	get_soon(cmd);
	off = IPSCSI_CONT_HEADER;
	while (cont.count--) {
		if (cont.length - off < IPSCSI_CONT_RECORD)
			goto malformed;
		copy_out(cmd, off, buf, IPSCSI_CONT_RECORD);
		if (ipscsi_record_parse(buf, cont.length - off, &record))
			goto malformed;
		skb = get_skb(cmd, off + IPSCSI_CONT_RECORD, record.length,
			      false);
		if (skb)
			ipscsi_rx(cmd->peer, record.stream, skb, record.vnet);
		ipscsi_rx_breathe(++n, &since);
		off = min(off + ipscsi_record_size(record.length), cont.length);
	}
	return;
malformed:
	ipscsi_count(cmd->peer, IPSCSI_C_RX_MALFORMED, 1);
}

/*
 * A target with several processors can complete GETs in another order than it
 * filled them in. Frames to one peer keep their order, so a container that
 * comes before its turn waits for those before it, but not for long: one may
 * have been lost with its command.
 * Return: true where it was put aside.
 */
static bool get_early(struct ipscsi_idev *idev, struct ipscsi_cmd *cmd)
{
	u8 buf[IPSCSI_CONT_HEADER];
	struct ipscsi_cont cont;
	struct ipscsi_cmd *other;

	if (cmd->stream != IPSCSI_STREAM_CONTAINER)
		return false;
	copy_out(cmd, 0, buf, sizeof(buf));
	if (ipscsi_cont_parse(buf, cmd->length, &cont) || !cont.count ||
	    !cont.seq || (s32)(cont.seq - READ_ONCE(cmd->peer->rx_seq)) <= 0)
		return false;
	cmd->seq = cont.seq;
	cmd->came = jiffies;
	/* behind the last one that comes before it */
	list_for_each_entry_reverse(other, &idev->early, list)
		if ((s32)(other->seq - cmd->seq) < 0)
			break;
	list_add(&cmd->list, &other->list);
	return true;
}

static void get_done(struct ipscsi_idev *idev, struct ipscsi_cmd *cmd)
{
	u32 len = cmd->length;
	struct sk_buff *skb;
	u8 head[40];
	int n;

	/* the residual can only say too little: some layers drop it */
	if (cmd->resid <= len)
		len -= cmd->resid;
	if (cmd->stream == IPSCSI_STREAM_CONTAINER) {
		cmd->full = false;
		get_container(cmd, len);
		idev->get_long = cmd->full;
		return;
	}
	n = min_t(u32, len, sizeof(head));
	copy_out(cmd, 0, head, n);
	n = ipscsi_message_length(cmd->stream, head, n, len);
	if (!n) {
		get_null(cmd);
		return;
	}
	if (n < 0) {
		ipscsi_count(cmd->peer, IPSCSI_C_RX_MALFORMED, 1);
		return;
	}
	ipscsi_count(cmd->peer, IPSCSI_C_RX_MESSAGES, 1);
	get_soon(cmd);
	skb = get_skb(cmd, 0, n, true);
	if (skb)
		ipscsi_rx(cmd->peer, cmd->stream, skb, NULL);
}

/* --- results --- */

/* Return: true where the command was submitted again */
static bool again(struct ipscsi_idev *idev, struct ipscsi_cmd *cmd)
{
	if (cmd->retries >= IPSCSI_UA_RETRIES ||
	    READ_ONCE(idev->state) != IPSCSI_IDEV_UP)
		return false;
	cmd->retries++;
	ipscsi_count(cmd->peer, IPSCSI_C_RETRIES, 1);
	return !map_and_submit(cmd);
}

static void cmd_failed(struct ipscsi_idev *idev, struct ipscsi_cmd *cmd)
{
	struct scsi_sense_hdr *sense = &cmd->sense;
	bool timeout = host_byte(cmd->result) == DID_TIME_OUT;

	sdev_printk(KERN_DEBUG, idev->sdev,
		    "ipscsi: %s stream %04x: result %08x sense %x/%02x/%02x\n",
		    cmd->get ? "GET" : "SEND", cmd->stream, cmd->result,
		    sense->sense_key, sense->asc, sense->ascq);
	if (timeout)
		ipscsi_count(cmd->peer, IPSCSI_C_TIMEOUT, 1);
	if (sense->sense_key == UNIT_ATTENTION) {
		ipscsi_count(cmd->peer, IPSCSI_C_UNIT_ATTENTION, 1);
		/* reset, or another nexus: it may not know us any more */
		if (sense->asc == 0x29) {
			ipscsi_idev_trouble(idev, 0);
		} else if (!cmd->get && again(idev, cmd)) {
			return;
		}
	} else if (sense->sense_key == ILLEGAL_REQUEST) {
		/* 05/20/00: it does not know the command at all */
		if (sense->asc == 0x20)
			ipscsi_idev_refused(idev);
		else if (cmd->get)
			ipscsi_idev_trouble(idev, IPSCSI_BACKOFF_MAX);
	} else {
		ipscsi_idev_trouble(idev, 0);
	}
	if (cmd->get) {
		if (sense->sense_key != UNIT_ATTENTION)
			ipscsi_count(cmd->peer, IPSCSI_C_GET_FAILED, 1);
	} else {
		drop_skbs(cmd, IPSCSI_C_TX_FAILED);
	}
	release_cmd(idev, cmd);
}

/* Takes what was put aside and has its turn now, or has waited for too long */
static void take_early(struct ipscsi_idev *idev, bool all)
{
	struct ipscsi_cmd *cmd;

	while ((cmd = list_first_entry_or_null(&idev->early, struct ipscsi_cmd,
					       list))) {
		if (!all && (s32)(cmd->seq - READ_ONCE(cmd->peer->rx_seq)) > 0 &&
		    time_before(jiffies, cmd->came + IPSCSI_EARLY_MAX))
			break;
		list_del(&cmd->list);
		get_done(idev, cmd);
		release_cmd(idev, cmd);
		command_over(idev, cmd);
	}
}

static void take_results(struct ipscsi_idev *idev)
{
	struct llist_node *list = llist_reverse_order(llist_del_all(&idev->done));
	struct ipscsi_cmd *cmd, *next;

	if (!list)
		return;
	/* the stack sees all frames of this round together */
	local_bh_disable();
	llist_for_each_entry_safe(cmd, next, list, done) {
		u32 usecs = ktime_us_delta(cmd->end, cmd->start);

		trace_ipscsi_done(cmd->peer->addr, cmd->get, cmd->stream,
				  cmd->result, usecs);
		idev->latency[cmd->get][min_t(u32, fls(usecs),
					      IPSCSI_LATENCY_MAX - 1)]++;
		if (cmd->status || cmd->result) {
			local_bh_enable();
			cmd_failed(idev, cmd);
			command_over(idev, cmd);
			local_bh_disable();
			continue;
		}
		if (cmd->get && get_early(idev, cmd))
			continue;
		if (cmd->get)
			get_done(idev, cmd);
		else
			send_done(idev, cmd);
		release_cmd(idev, cmd);
		command_over(idev, cmd);
		take_early(idev, false);
	}
	local_bh_enable();
}

/* After -EAGAIN a command keeps its frames; not without a peer */
static void drop_kept(struct ipscsi_idev *idev)
{
	struct ipscsi_cmd *cmd;

	list_for_each_entry(cmd, &idev->free_sends, list) {
		if (!cmd->peer)
			continue;
		drop_skbs(cmd, IPSCSI_C_TX_PEER_DOWN);
		ipscsi_peer_put(cmd->peer);
		cmd->peer = NULL;
	}
}

static void idev_work(struct work_struct *work)
{
	struct ipscsi_idev *idev = container_of(work, struct ipscsi_idev, work);
	unsigned int noio = memalloc_noio_save();
	struct ipscsi_peer *peer = NULL;
	bool soon = false;

	WRITE_ONCE(idev->cpu, raw_smp_processor_id());
	take_results(idev);

	spin_lock_bh(&idev->lock);
	if (idev->state == IPSCSI_IDEV_UP && idev->peer) {
		peer = idev->peer;
		kobject_get(&peer->kobj);
	}
	spin_unlock_bh(&idev->lock);
	if (peer) {
		soon = send_some(idev, peer);
		soon |= get_some(idev, peer);
		/* where room is missing, the end of a command wakes it */
		soon &= has_room(idev);
		ipscsi_peer_put(peer);
	} else {
		drop_kept(idev);
	}
	if (!list_empty(&idev->early)) {
		local_bh_disable();
		take_early(idev, !peer);
		local_bh_enable();
		soon |= !list_empty(&idev->early);
	}
	if (soon)
		mod_timer(&idev->retry, jiffies + 1);
	memalloc_noio_restore(noio);
}

static void idev_retry(struct timer_list *timer)
{
	ipscsi_idev_kick(container_of(timer, struct ipscsi_idev, retry));
}

/**
 * ipscsi_io_start - make a device's commands and its worker
 * @idev: the device, with @sends, @gets and @max_bytes filled in
 *
 * Context: process.
 * Return: 0 or a negative error.
 */
int ipscsi_io_start(struct ipscsi_idev *idev)
{
	static atomic_t next_cpu = ATOMIC_INIT(0);
	unsigned int i, n = idev->sends + idev->gets;

	idev->get_wait = 1;
	init_llist_head(&idev->done);
	INIT_LIST_HEAD(&idev->free_sends);
	INIT_LIST_HEAD(&idev->free_gets);
	INIT_LIST_HEAD(&idev->early);
	init_waitqueue_head(&idev->idle);
	idev->cmds = kvcalloc(n, sizeof(*idev->cmds), GFP_KERNEL);
	if (!idev->cmds)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct ipscsi_cmd *cmd = &idev->cmds[i];

		cmd->idev = idev;
		cmd->get = i >= idev->sends;
		__skb_queue_head_init(&cmd->skbs);
		list_add_tail(&cmd->list, cmd->get ? &idev->free_gets :
						     &idev->free_sends);
	}
	INIT_WORK(&idev->work, idev_work);
	timer_setup(&idev->retry, idev_retry, 0);
	idev->cpu = cpumask_local_spread(atomic_inc_return(&next_cpu) & INT_MAX,
					 dev_to_node(&idev->sdev->sdev_gendev));
	return 0;
}

/**
 * ipscsi_io_make_room - let a command in that is no SEND or GET
 * @idev: the device
 * @timeout: jiffies, after which it has to do without
 *
 * What is sent to a device beyond its depth, which is one for old adapters,
 * has the block layer try anew every 3 ms, for each device of a bus.
 * ipscsi_io_room_over() gives the room back.
 *
 * Context: process.
 */
void ipscsi_io_make_room(struct ipscsi_idev *idev, unsigned long timeout)
{
	atomic_inc(&idev->controls);
	wait_event_timeout(idev->idle, atomic_read(&idev->in_flight) <
			   READ_ONCE(idev->sdev->queue_depth), timeout);
}

/**
 * ipscsi_io_room_over - the command of ipscsi_io_make_room() has ended
 * @idev: the device
 *
 * Context: any.
 */
void ipscsi_io_room_over(struct ipscsi_idev *idev)
{
	atomic_dec(&idev->controls);
	ipscsi_idev_kick(idev);
}

/**
 * ipscsi_io_settle - wait for a short time until nothing is in flight
 * @idev: the device; its state lets nothing new be submitted
 *
 * The peer was asked to let go of our GETs.
 *
 * Context: process.
 * Return: false where something still is.
 */
bool ipscsi_io_settle(struct ipscsi_idev *idev)
{
	/* past this it has seen the state, and submits nothing */
	ipscsi_idev_kick(idev);
	flush_work(&idev->work);
	return wait_event_timeout(idev->idle, !atomic_read(&idev->in_flight),
				  IPSCSI_BYE_TIMEOUT);
}

/**
 * ipscsi_io_drain - wait until nothing is in flight
 * @idev: the device; its state lets nothing new be submitted
 *
 * Where the peer does not let go of our GETs within a short time, they are
 * aborted. A command that ends meanwhile may have given its
 * request back: the abort then finds it idle and does nothing, or makes
 * another command of this device look late, which the adapter then aborts.
 *
 * Context: process.
 */
void ipscsi_io_drain(struct ipscsi_idev *idev)
{
	unsigned int i;

	if (ipscsi_io_settle(idev))
		return;
	for (i = 0; i < idev->sends + idev->gets; i++) {
		struct request *rq = READ_ONCE(idev->cmds[i].rq);

		if (rq && rq->end_io_data == &idev->cmds[i])
			blk_abort_request(rq);
	}
	wait_event(idev->idle, !atomic_read(&idev->in_flight));
}

/**
 * ipscsi_io_stop - end a device's worker and free its commands
 * @idev: the device; nothing is in flight, no peer leads to it
 *
 * Context: process.
 */
void ipscsi_io_stop(struct ipscsi_idev *idev)
{
	unsigned int i, j;

	/* nobody is in cmd_end_io(), or kicks by way of peer->idev */
	synchronize_rcu();
	del_timer_sync(&idev->retry);
	cancel_work_sync(&idev->work);
	/* it may have set the timer again */
	del_timer_sync(&idev->retry);
	take_results(idev);
	for (i = 0; i < idev->sends + idev->gets; i++) {
		struct ipscsi_cmd *cmd = &idev->cmds[i];

		if (!skb_queue_empty(&cmd->skbs) && cmd->peer)
			drop_skbs(cmd, IPSCSI_C_TX_PEER_DOWN);
		ipscsi_peer_put(cmd->peer);
		if (cmd->get) {
			for (j = 0; j < IPSCSI_GET_CHUNKS; j++)
				if (cmd->chunk[j])
					put_page(cmd->chunk[j]);
		} else {
			for (j = 0; j < IPSCSI_COPY_PAGES; j++)
				if (cmd->copy[j])
					put_page(cmd->copy[j]);
		}
	}
	for (i = 0; i < IPSCSI_RING; i++)
		if (idev->ring[i])
			put_page(idev->ring[i]);
	kvfree(idev->cmds);
	idev->cmds = NULL;
}
