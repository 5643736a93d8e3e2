/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP over SCSI, initiator side: a communications device that we send to
 *
 * initiator.c attaches, speaks HELLO and follows the state; io.c has the
 * worker that submits SENDs and GETs and takes their results.
 */
#ifndef IPSCSI_IDEV_H
#define IPSCSI_IDEV_H

#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/llist.h>
#include <scsi/scsi_common.h>
#include <scsi/scsi_device.h>

#include "ipscsi.h"

/*
 * Times. Commands should never time out: error recovery stops the whole
 * adapter. A GET ends by itself after the hold time, at most 10 s; a gateway
 * that restarts under an iSCSI initiator may take minutes to come back, and
 * the initiator keeps the commands until then: so the default is long.
 */
#define IPSCSI_TIMEOUT		300	/* s */
#define IPSCSI_TIMEOUT_MIN	15	/* s, over the longest hold time */
#define IPSCSI_TIMEOUT_MAX	3600	/* s */
#define IPSCSI_CONTROL_TIMEOUT	(20 * HZ)
#define IPSCSI_BYE_TIMEOUT	(3 * HZ)
#define IPSCSI_RETRIES		5	/* by the mid-layer, for BUSY */
#define IPSCSI_UA_RETRIES	3	/* by us: it hands them up */
#define IPSCSI_BACKOFF_MIN	(HZ / 4)
#define IPSCSI_BACKOFF_MAX	(4 * HZ)
/* How long an address that is refused may still be our own of before */
#define IPSCSI_ADDR_PATIENCE	(10 * HZ)
#define IPSCSI_GET_EARLY	20	/* ms: a null message within is early */
#define IPSCSI_EARLY_MAX	(HZ / 50)	/* wait for a container's turn */
#define IPSCSI_STANDBY_CHECK	(5 * HZ)
#define IPSCSI_WATCH_INTERVAL	(5 * HZ)	/* where no GET watches */

#define IPSCSI_SENDS_MAX	16	/* SENDs in flight */
#define IPSCSI_LATENCY_MAX	28	/* classes: up to 134 s */
#define IPSCSI_MAX_VECS		128	/* pieces of one message */
#define IPSCSI_CHUNK_ORDER	3	/* pages of receive memory together */
#define IPSCSI_CHUNK_SIZE	(PAGE_SIZE << IPSCSI_CHUNK_ORDER)
#define IPSCSI_GET_CHUNKS	DIV_ROUND_UP(IPSCSI_CONT_LONG, \
					     IPSCSI_CHUNK_SIZE)
#define IPSCSI_COPY_PAGES	DIV_ROUND_UP(IPSCSI_CONT_LONG, PAGE_SIZE)
#define IPSCSI_RING		64	/* chunks that frames still refer to */

enum ipscsi_idev_state {
	IPSCSI_IDEV_DETACHED,	/* in no segment */
	IPSCSI_IDEV_PROBING,	/* no answer yet whether it is a station */
	IPSCSI_IDEV_CONNECTING,	/* no answer yet, or not any more */
	IPSCSI_IDEV_UP,
	IPSCSI_IDEV_STANDBY,	/* another device leads to the same peer */
	IPSCSI_IDEV_REFUSED,	/* it does not speak IP over SCSI */
	IPSCSI_IDEV_GONE,	/* the device is being removed */
};

/**
 * struct ipscsi_cmd - a SEND or GET MESSAGE command, used again and again
 * @done: in idev->done when the adapter has finished
 * @list: in a free list; worker only
 * @idev: its device
 * @peer: whose message it is; a reference while in flight
 * @rq: the request while in flight
 * @get: GET, otherwise SEND
 * @stream: stream selection
 * @since: when it was submitted, jiffies
 * @seq: GET: sequence number of the container that came
 * @came: GET: when it came, jiffies
 * @start: the same, exactly
 * @end: when it was over
 * @retries: unit attentions so far
 * @status: block layer's status
 * @result: SCSI result
 * @resid: residual count, only an upper bound of the truth
 * @sense: sense data, decoded
 * @skbs: SEND: the frames in it
 * @bytes: SEND: their bytes
 * @length: bytes of the message, or of the room for it
 * @bio: maps the message
 * @vecs: its pieces
 * @copy: SEND: pages that small or unaligned frames are copied to
 * @ncopy: SEND: how many of them are used
 * @copied: SEND: bytes used in the last
 * @run: SEND: where in it the piece begins that is not yet mapped
 * @chunk: GET: receive memory
 * @mapped: GET: bytes of it that @vecs map, or 0: it has changed
 * @pieces: GET: how many of @vecs that takes
 * @full: GET: it brought a container with hardly room for more
 */
struct ipscsi_cmd {
	struct llist_node done;
	struct list_head list;
	struct ipscsi_idev *idev;
	struct ipscsi_peer *peer;
	struct request *rq;
	bool get;
	u16 stream;
	unsigned long since;
	u32 seq;
	unsigned long came;
	ktime_t start;
	ktime_t end;
	u8 retries;
	blk_status_t status;
	int result;
	u32 resid;
	struct scsi_sense_hdr sense;
	struct sk_buff_head skbs;
	u32 bytes;
	u32 length;
	struct bio bio;
	struct bio_vec vecs[IPSCSI_MAX_VECS];
	union {
		struct {
			struct page *copy[IPSCSI_COPY_PAGES];
			unsigned int ncopy;
			unsigned int copied;
			unsigned int run;
		};
		struct {
			struct page *chunk[IPSCSI_GET_CHUNKS];
			u32 mapped;
			unsigned short pieces;
			bool full;
		};
	};
};

/**
 * struct ipscsi_idev - a SCSI device of type 09h that we are attached to
 * @sdev: the device; a reference
 * @node: in the list of all; ipscsi_attach_mutex
 * @lock: guards @seg, @peer, @state; BH-safe
 * @seg: its segment, or NULL
 * @peer: the station that it leads to, or NULL; a reference
 * @state: see there
 * @manual: the operator attached it: base messages will do
 * @has_page: it has a station page
 * @said_hello: it knows us, and must be told BYE
 * @give_way: when we take another address, for ours is refused, jiffies, or 0;
 *	@control only
 * @warned: of our own address at the other end; once
 * @get_pause: no GET before this time, jiffies: the last brought nothing
 * @get_wait: how long the next pause is, ms; worker only
 * @attach_lock: one attach or detach at a time
 * @capacity_read: READ CAPACITY was answered
 * @desc: what it told of itself
 * @adapter: name of its driver
 * @safe: checksums may be left out, see ipscsi_self_describe()
 * @lun: LUN bits for byte 1 of the CDB, 0 for devices newer than SCSI-2
 * @control: connects, and watches
 * @backoff: time to the next attempt, jiffies
 * @work: the worker: submits and takes results; its commands are its own
 * @cpu: where it runs
 * @retry: wakes it
 * @done: commands that the adapter has finished with
 * @free_sends: SENDs not in use; worker only
 * @free_gets: GETs not in use; worker only
 * @sends: SENDs in flight at most
 * @gets: GETs in flight at most
 * @in_flight: SENDs and GETs in flight
 * @controls: other commands, that are in flight or wait for room
 * @gets_out: GETs in flight
 * @sends_out: SENDs in flight
 * @ring: chunks that frames refer to, or did; worker only
 * @ring_next: the oldest of them
 * @idle: woken when @in_flight gets 0, with @controls whenever it gets less
 * @latency: commands by the binary logarithm of their microseconds, SEND and
 *	GET; written by the worker only
 * @debugfs: folder ipscsi/<h:c:t:l>
 * @early: GETs that brought a container before its turn, in order; worker only
 * @bare_out: GETs in flight to a base peer, by ipscsi_bare_index(); worker
 *	only
 * @cmds: all commands, @sends + @gets of them
 * @max_bytes: longest message that the adapter takes, even if all is copied
 * @get_long: GETs came back full: ask for longer containers; worker only
 */
struct ipscsi_idev {
	struct scsi_device *sdev;
	struct list_head node;
	spinlock_t lock;
	struct ipscsi_seg *seg;
	struct ipscsi_peer *peer;
	enum ipscsi_idev_state state;
	bool manual;
	bool has_page;
	bool said_hello;
	bool warned;
	unsigned long give_way;
	unsigned long get_pause;
	unsigned int get_wait;
	struct mutex attach_lock;
	bool capacity_read;
	struct ipscsi_desc desc;
	const char *adapter;
	bool safe;
	u8 lun;
	struct delayed_work control;
	unsigned long backoff;
	struct work_struct work;
	int cpu;
	struct timer_list retry;
	struct llist_head done;
	struct list_head free_sends;
	struct list_head free_gets;
	unsigned int sends;
	unsigned int gets;
	atomic_t in_flight;
	atomic_t controls;
	atomic_t gets_out;
	atomic_t sends_out;
	struct page *ring[IPSCSI_RING];
	unsigned int ring_next;
	wait_queue_head_t idle;
	u64 latency[2][IPSCSI_LATENCY_MAX];
	struct dentry *debugfs;
	struct list_head early;
	unsigned int bare_out[IPSCSI_BARE_STREAMS];
	struct ipscsi_cmd *cmds;
	u32 max_bytes;
	bool get_long;
};

/* debugfs.c */
void ipscsi_debugfs_add(struct ipscsi_idev *idev);

/* io.c */
int ipscsi_io_start(struct ipscsi_idev *idev);
void ipscsi_io_stop(struct ipscsi_idev *idev);
void ipscsi_io_make_room(struct ipscsi_idev *idev, unsigned long timeout);
void ipscsi_io_room_over(struct ipscsi_idev *idev);
bool ipscsi_io_settle(struct ipscsi_idev *idev);
void ipscsi_io_drain(struct ipscsi_idev *idev);

/* initiator.c */
unsigned long ipscsi_timeout(void);
void ipscsi_idev_trouble(struct ipscsi_idev *idev, unsigned long delay);
void ipscsi_idev_refused(struct ipscsi_idev *idev);

#endif /* IPSCSI_IDEV_H */
