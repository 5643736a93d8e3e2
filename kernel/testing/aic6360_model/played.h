/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A target that plays its part of a trace: it goes through the phases that the
 * trace has, and sends what was sent there. What it is sent it only takes.
 */
#ifndef AIC6360_PLAYED_H
#define AIC6360_PLAYED_H

#include "bus.h"
#include "trace.h"

enum played_state {
	PLAYED_IDLE,		/* nothing is left to play */
	PLAYED_WAITING,		/* for a selection, or to reselect */
	PLAYED_RESELECTING,
	PLAYED_ANSWERING,	/* a selection */
	PLAYED_CONNECTED,
};

/**
 * struct played - the target
 * @dev: as a device on the bus; its ID is that of the next connection
 * @trace: what it plays, NULL: nothing
 * @state: what it is on the bus
 * @at: the phase of @trace that it is in, or its next (re)selection
 * @pos: how many entries of that are played
 */
struct played {
	struct sbus_device dev;
	const struct trace *trace;
	enum played_state state;
	u32 at, pos;
};

void played_init(struct played *played);
/* Why a trace cannot be played, NULL: it can */
const char *played_refuses(const struct trace *trace);
/* Begins; false: it has the bus. @trace has to stay until the next call. */
bool played_start(struct played *played, const struct trace *trace);
/* Phases that are left */
u32 played_left(const struct played *played);

#endif
