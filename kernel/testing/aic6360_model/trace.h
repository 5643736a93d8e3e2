/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened on the modelled bus, phase by phase, as text
 *
 * The format is described in ../README.md; firmware/sim/src/trace.ts has it in
 * TypeScript. Plain C, as the bus.
 */
#ifndef AIC6360_TRACE_H
#define AIC6360_TRACE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include "../../tests/host/kernel_types.h"
#endif

#define TRACE_PHASES	8192
#define TRACE_ENTRIES	(256 * 1024)

/* Entries of a phase: a byte, or one of these */
#define TRACE_BAD	0x100	/* with the byte: its parity was bad */
#define TRACE_ATN	0x200	/* ATN was raised then */

enum trace_kind {
	TRACE_ARBITRATION, TRACE_SELECTION, TRACE_RESELECTION,
	TRACE_DATA_OUT, TRACE_DATA_IN, TRACE_COMMAND, TRACE_STATUS,
	TRACE_MESSAGE_OUT, TRACE_MESSAGE_IN, TRACE_BUS_FREE, TRACE_RESET,
	TRACE_KINDS
};

/**
 * struct trace_phase - one line
 * @ns: when it began
 * @kind: what it is
 * @from: who has won the arbitration
 * @to: whom he selects
 * @first: its first entry
 * @count: how many it has
 */
struct trace_phase {
	u64 ns;
	u8 kind, from, to;
	u32 first, count;
};

/* What a recorder is in */
enum trace_state {
	TRACE_LOST,		/* of a connection whose begin was not seen */
	TRACE_IDLE,
	TRACE_CONNECTED,	/* from its selection on */
	TRACE_IN_RESET,
};

/**
 * struct trace - some of what happened; all 0: empty
 * @full: there was no room for what came then
 */
struct trace {
	struct trace_phase phase[TRACE_PHASES];
	u16 entry[TRACE_ENTRIES];
	u32 phases, entries;
	bool full;
	/* the recorder */
	enum trace_state state;
	u8 winner;
	u64 arbitration;
	bool atn;
};

/* For the recorder: an arbitration, a change of signals, a byte taken over */
void trace_arbitration(struct trace *trace, u64 now, u8 winner);
void trace_signals(struct trace *trace, u64 now, u16 lines, u8 data);
void trace_byte(struct trace *trace, u64 now, u16 lines, u8 byte, bool good);
void trace_clear(struct trace *trace);

/* The text in @buf, without a 0 at its end. Its length, -1: @size is too small */
long trace_print(const struct trace *trace, char *buf, size_t size);
/* 0, or the number of the first line that is wrong, or too much */
unsigned int trace_parse(struct trace *trace, const char *text, size_t len);

/* Signals of an information transfer phase */
u16 trace_lines(enum trace_kind kind);

#endif
