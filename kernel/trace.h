/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP over SCSI: the life of a packet as tracepoints ipscsi:*
 *
 * ipscsi_queue (it waits for a peer), ipscsi_submit and ipscsi_done (a SEND or
 * GET of ours), ipscsi_held and ipscsi_answer (a GET of the peer's at our
 * LUN), ipscsi_rx (a message has arrived), ipscsi_drop (and why).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ipscsi

#if !defined(IPSCSI_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IPSCSI_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(ipscsi_queue,
	TP_PROTO(const u8 *addr, unsigned int len, unsigned int queued),
	TP_ARGS(addr, len, queued),
	TP_STRUCT__entry(
		__array(u8, addr, ETH_ALEN)
		__field(unsigned int, len)
		__field(unsigned int, queued)
	),
	TP_fast_assign(
		ether_addr_copy(__entry->addr, addr);
		__entry->len = len;
		__entry->queued = queued;
	),
	TP_printk("peer=%pM len=%u queued=%u", __entry->addr, __entry->len,
		  __entry->queued)
);

TRACE_EVENT(ipscsi_submit,
	TP_PROTO(const u8 *addr, bool get, u16 stream, unsigned int len,
		 unsigned int packets),
	TP_ARGS(addr, get, stream, len, packets),
	TP_STRUCT__entry(
		__array(u8, addr, ETH_ALEN)
		__field(bool, get)
		__field(u16, stream)
		__field(unsigned int, len)
		__field(unsigned int, packets)
	),
	TP_fast_assign(
		ether_addr_copy(__entry->addr, addr);
		__entry->get = get;
		__entry->stream = stream;
		__entry->len = len;
		__entry->packets = packets;
	),
	TP_printk("peer=%pM %s stream=%04x len=%u packets=%u", __entry->addr,
		  __entry->get ? "GET" : "SEND", __entry->stream, __entry->len,
		  __entry->packets)
);

TRACE_EVENT(ipscsi_done,
	TP_PROTO(const u8 *addr, bool get, u16 stream, int result,
		 unsigned int usecs),
	TP_ARGS(addr, get, stream, result, usecs),
	TP_STRUCT__entry(
		__array(u8, addr, ETH_ALEN)
		__field(bool, get)
		__field(u16, stream)
		__field(int, result)
		__field(unsigned int, usecs)
	),
	TP_fast_assign(
		ether_addr_copy(__entry->addr, addr);
		__entry->get = get;
		__entry->stream = stream;
		__entry->result = result;
		__entry->usecs = usecs;
	),
	TP_printk("peer=%pM %s stream=%04x result=%08x usecs=%u",
		  __entry->addr, __entry->get ? "GET" : "SEND",
		  __entry->stream, __entry->result, __entry->usecs)
);

DECLARE_EVENT_CLASS(ipscsi_message,
	TP_PROTO(const u8 *addr, u16 stream, unsigned int len),
	TP_ARGS(addr, stream, len),
	TP_STRUCT__entry(
		__array(u8, addr, ETH_ALEN)
		__field(u16, stream)
		__field(unsigned int, len)
	),
	TP_fast_assign(
		ether_addr_copy(__entry->addr, addr);
		__entry->stream = stream;
		__entry->len = len;
	),
	TP_printk("peer=%pM stream=%04x len=%u", __entry->addr,
		  __entry->stream, __entry->len)
);

/* A GET of the peer's waits at our LUN; len is its room */
DEFINE_EVENT(ipscsi_message, ipscsi_held,
	TP_PROTO(const u8 *addr, u16 stream, unsigned int len),
	TP_ARGS(addr, stream, len));

/* It was answered; len is the message's */
DEFINE_EVENT(ipscsi_message, ipscsi_answer,
	TP_PROTO(const u8 *addr, u16 stream, unsigned int len),
	TP_ARGS(addr, stream, len));

DEFINE_EVENT(ipscsi_message, ipscsi_rx,
	TP_PROTO(const u8 *addr, u16 stream, unsigned int len),
	TP_ARGS(addr, stream, len));

TRACE_EVENT(ipscsi_drop,
	TP_PROTO(const u8 *addr, const char *reason, unsigned int len),
	TP_ARGS(addr, reason, len),
	TP_STRUCT__entry(
		__array(u8, addr, ETH_ALEN)
		__field(const char *, reason)
		__field(unsigned int, len)
	),
	TP_fast_assign(
		ether_addr_copy(__entry->addr, addr);
		__entry->reason = reason;
		__entry->len = len;
	),
	TP_printk("peer=%pM reason=%s len=%u", __entry->addr, __entry->reason,
		  __entry->len)
);

#endif /* IPSCSI_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
