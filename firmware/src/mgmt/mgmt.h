/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management port: one request, one answer, as bytes of a serial line
 *
 * On the line: SLIP (RFC 1055), END before and behind each frame. In it:
 *
 *	0    request, of messages.json; bit 7 in an answer
 *	1    0; in an answer: the result
 *	2-3  sequence: the answer has the request's
 *	4-   payload, at most MGMT_PAYLOAD_MAX bytes
 *	     CRC-32 of all before, 4 bytes
 *
 * All numbers are big endian. A request that comes again, byte for byte, gets
 * the same answer again and is not carried out twice. What is not a whole
 * frame is counted and gets no answer: the host asks again.
 */
#ifndef MGMT_H
#define MGMT_H

#include "ipscsi/hub.h"
#include "mgmt/messages.h"
#include "mgmt/settings.h"
#include "mgmt/update.h"

#define MGMT_HEADER	4
#define MGMT_CRC	4
#define COUNT_OF(a)	(sizeof(a) / sizeof((a)[0]))
#define MGMT_FRAME_MAX	(MGMT_HEADER + MGMT_PAYLOAD_MAX + MGMT_CRC)

struct mgmt {
	struct target *target;
	struct hub *hub;
	struct settings settings;	/* as stored; they count from the next start on */
	struct update update;
	u32 ntb_malformed;		/* the USB side's, for the counters */
	u32 frame_errors;
	u8 in[MGMT_FRAME_MAX];
	u16 in_length;
	bool escaped;
	bool broken;			/* up to the next END nothing counts */
	u32 last;			/* CRC of the last request */
	bool answered;
	u8 out[2 * MGMT_FRAME_MAX + 2];
	u16 out_length;
	u16 out_sent;
};

void mgmt_init(struct mgmt *m, struct target *t, struct hub *h,
	       const struct slot_start *start);
void mgmt_input(struct mgmt *m, u8 byte);
u32 mgmt_output(struct mgmt *m, const u8 **bytes);
void mgmt_sent(struct mgmt *m, u32 bytes);
void mgmt_closed(struct mgmt *m);

#endif
