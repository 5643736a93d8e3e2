/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The station that the adapter is: a hub of docs/protocol.md
 *
 * Commands come from the target layer below, frames of the USB side through
 * hub_frame_new() and hub_frame_put(); what is for the USB side is fetched
 * with hub_uplink(). GETs are answered at once, hold time 0: the bus is never
 * kept from others.
 */
#ifndef HUB_H
#define HUB_H

#include "ipscsi/pool.h"
#include "target/target.h"

#define HUB_QUEUE	128	/* frames that wait for one station */
#define HUB_UPLINK	512	/* and for the USB side */
#define HUB_PENDING	256	/* records of one SEND */
#define HUB_CONT_MAX	16384	/* bytes: longest container that is asked for */
#define HUB_GETS	4	/* that are held for one station */
#define HUB_HOLD_MS	2000
#define HUB_APART_MS	2	/* from disconnection to reselection: more than 200 us */
#define HUB_ALIVE_MS	4000
#define HUB_STALL_MS	1000	/* a USB host that takes nothing for so long is not waited for */
#define HUB_STALL_QUEUE	64	/* frames that wait for it then */
#define HUB_SILENT_MS	300000
#define HUB_BASE_MS	10000	/* what waits for a base station gets no older */
#define HUB_BASE_QUEUE	64

/* The stations: one for each initiator, and a host that takes whole frames (DaynaPORT) */
#define HUB_STATIONS	(PHY_INITIATORS + 1)
#define HUB_PORT	PHY_INITIATORS
#define HUB_PORT_FRAME	1514	/* longest that it is given */
#define HUB_GROUPS	16	/* multicast addresses that it has asked for; with more, all */

/* Counts since the station came; they wrap */
struct hub_counters {
	u32 rx_messages;
	u32 rx_packets;
	u32 rx_bytes;
	u32 rx_malformed;
	u32 rx_forged;		/* from an address that is not its own */
	u32 rx_too_big;		/* longer than FRAME_MAX */
	u32 rx_nomem;
	u32 rx_reordered;
	u32 tx_messages;
	u32 tx_packets;
	u32 tx_bytes;
	u32 tx_null;
	u32 tx_no_ext;		/* it cannot be told such a frame */
	u32 tx_too_big;
	u32 tx_queue_full;
	u32 tx_peer_down;	/* it went, or did not come for them */
	u32 relayed;
};

struct hub_queue {
	u16 head;
	u16 count;
	u16 chunks;
};

/**
 * struct hub_station - one initiator, or HUB_PORT
 * @port: it takes whole frames, and says no HELLO
 * @known: it has sent something, and has @addr
 * @hello: it has said HELLO
 * @up: it is there
 * @asks: it fetches what is for it
 */
struct hub_station {
	bool port;
	bool known;
	bool hello;
	bool up;
	bool asks;
	struct ipscsi_desc desc;	/* addr is valid without HELLO, too */
	bool has_ip;
	u8 ip[4];
	u32 last_seen;			/* ms */
	u32 tx_seq;
	u32 rx_seq;
	struct hub_queue queue;
	u16 frames[HUB_QUEUE];
	u32 since[HUB_QUEUE];		/* ms */
	struct hub_counters counters;
};

struct hub {
	struct target *target;
	u8 unit;
	bool hold;			/* GETs */
	bool link;			/* the USB side takes frames */
	u32 now;			/* ms, wraps */
	struct ipscsi_desc self;
	char serial[17];
	struct pool pool;
	struct hub_station stations[HUB_STATIONS];
	u8 groups[HUB_GROUPS][6];
	u32 group_count;		/* asked for; more than HUB_GROUPS: all */
	struct hub_queue uplink;
	u32 uplink_moved;		/* ms */
	bool stalled;			/* the USB side takes nothing */
	u16 uplink_frames[HUB_UPLINK];
	u32 busy;			/* commands answered BUSY, no room */
	u32 up_packets;			/* given to the USB side */
	u32 up_dropped;			/* the link went down, or no memory */
	u32 down_packets;		/* from the USB side */
	u32 down_malformed;
	u32 down_unknown;		/* for an address that nobody has */
};

void hub_init(struct hub *h, struct target *t, u8 unit, const u8 *addr,
	      const char *name, const char *serial);
void hub_link(struct hub *h, bool up);
void hub_tick(struct hub *h, u32 now);
void hub_reset(struct hub *h);
void hub_hold(struct hub *h);
void hub_held(struct hub *h);
void hub_command(struct hub *h, const struct target_command *cmd);

u16 hub_frame_new(struct hub *h, u32 len);
void hub_frame_put(struct hub *h, u16 frame);
u16 hub_uplink(struct hub *h);
void hub_uplink_done(struct hub *h);

bool hub_port_open(struct hub *h, const u8 *addr);
void hub_port_close(struct hub *h);
void hub_port_group(struct hub *h, const u8 *addr);
const struct hub_station *hub_port(const struct hub *h);
u16 hub_port_frame(struct hub *h, u32 i);
void hub_port_done(struct hub *h);
void hub_port_too_big(struct hub *h);
u16 hub_port_new(struct hub *h, u32 len);
void hub_port_put(struct hub *h, u16 frame, u32 len);

#endif
