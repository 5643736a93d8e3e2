// SPDX-License-Identifier: GPL-2.0-only
/* A target that plays its part of a trace: see played.h */
#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#endif
#include "played.h"

#define RESELECTION_NS	250000000ULL	/* an initiator answers within that */
#define MSG_EXTENDED	0x01
#define MSG_SDTR	0x01
#define MSG_WDTR	0x03

static struct played *to_played(struct sbus_device *dev)
{
	return container_of(dev, struct played, dev);
}

static const struct trace_phase *phase_at(const struct played *played)
{
	return &played->trace->phase[played->at];
}

static void release(struct played *played, enum played_state state)
{
	played->state = state;
	played->dev.lines = 0;
	played->dev.drives_data = false;
	played->dev.wants_bus = false;
	played->dev.deadline = SBUS_NEVER;
}

/*
 * @at is behind a connection, or at the begin. A reselection comes as long
 * after what was before as it did in the trace.
 */
static void next_connection(struct played *played)
{
	const struct trace_phase *phase = phase_at(played);

	if (played->at == played->trace->phases) {
		release(played, PLAYED_IDLE);
		return;
	}
	release(played, PLAYED_WAITING);
	played->at++;
	played->pos = 0;
	if (phase[1].kind == TRACE_SELECTION) {
		played->dev.id = phase[1].to;
		return;
	}
	played->dev.id = phase[1].from;
	played->dev.deadline = played->dev.bus->now;
	if (played->at > 1)
		played->dev.deadline += phase[0].ns - phase[-1].ns;
}

static void enter(struct played *played)
{
	played->pos = 0;
	played->dev.drives_data = false;
	if (phase_at(played)->kind == TRACE_BUS_FREE) {
		played->at++;
		next_connection(played);
		return;
	}
	played->state = PLAYED_CONNECTED;
	played->dev.lines = SIG_BSY | trace_lines(phase_at(played)->kind);
}

static bool eval_connected(struct played *played)
{
	struct sbus_device *dev = &played->dev;
	const struct trace_phase *phase = phase_at(played);
	const u16 *entry = &played->trace->entry[phase->first];
	u16 bus = dev->bus->lines;
	bool in = trace_lines(phase->kind) & SIG_IO;

	if (dev->lines & SIG_REQ) {
		if (!(bus & SIG_ACK))
			return false;
		if (!in)
			sbus_latch(dev->bus);
		played->pos++;
		dev->lines &= ~SIG_REQ;
		return true;
	}
	if (bus & SIG_ACK)
		return false;
	while (played->pos < phase->count && entry[played->pos] == TRACE_ATN)
		played->pos++;
	if (played->pos == phase->count) {
		played->at++;
		enter(played);
		return true;
	}
	if (in) {
		dev->data = entry[played->pos];
		dev->drives_data = true;
	}
	dev->lines |= SIG_REQ;
	return true;
}

static bool eval(struct sbus_device *dev)
{
	struct played *played = to_played(dev);
	u16 bus = dev->bus->lines;
	u8 both;

	if (bus & SIG_RST) {
		if (played->state == PLAYED_IDLE)
			return false;
		release(played, PLAYED_IDLE);
		return true;
	}
	switch (played->state) {
	case PLAYED_IDLE:
		return false;
	case PLAYED_WAITING:
		both = 1 << phase_at(played)->from | 1 << phase_at(played)->to;
		if (phase_at(played)->kind != TRACE_SELECTION ||
		    (bus & (SIG_SEL | SIG_BSY | SIG_IO)) != SIG_SEL ||
		    dev->bus->data != both)
			return false;
		played->state = PLAYED_ANSWERING;
		dev->lines = SIG_BSY;
		return true;
	case PLAYED_RESELECTING:
		if (!(bus & SIG_BSY))
			return false;
		dev->deadline = SBUS_NEVER;
		played->at++;
		enter(played);
		return true;
	case PLAYED_ANSWERING:
		if (bus & SIG_SEL)
			return false;
		played->at++;
		enter(played);
		return true;
	case PLAYED_CONNECTED:
		return eval_connected(played);
	}
	return false;
}

static void won(struct sbus_device *dev)
{
	struct played *played = to_played(dev);

	played->state = PLAYED_RESELECTING;
	dev->lines = SIG_SEL | SIG_IO;
	dev->data = 1 << dev->id | 1 << phase_at(played)->to;
	dev->drives_data = true;
	dev->deadline = dev->bus->now + RESELECTION_NS;
}

static void expire(struct sbus_device *dev)
{
	struct played *played = to_played(dev);

	if (played->state == PLAYED_RESELECTING)
		release(played, PLAYED_IDLE);
	else
		dev->wants_bus = true;
}

void played_init(struct played *played)
{
	memset(played, 0, sizeof(*played));
	played->dev.eval = eval;
	played->dev.won = won;
	played->dev.expire = expire;
}

/* Does the target agree on synchronous or wide transfers? */
static bool negotiates(const struct trace *trace,
		       const struct trace_phase *phase)
{
	const u16 *m = &trace->entry[phase->first];
	u32 i;

	for (i = 0; i + 2 < phase->count; i++) {
		if (m[i] == MSG_EXTENDED) {
			if (m[i + 2] == MSG_SDTR || m[i + 2] == MSG_WDTR)
				return true;
			i += m[i + 1] + 1;
		} else if ((m[i] & 0xf0) == 0x20) {
			i++;
		}
	}
	return false;
}

const char *played_refuses(const struct trace *trace)
{
	const struct trace_phase *phase = trace->phase;
	const struct trace_phase *end = phase + trace->phases;
	u32 i;

	for (i = 0; i < trace->entries; i++)
		if (trace->entry[i] & TRACE_BAD)
			return "bad parity";
	for (; phase < end; phase++)
		if (phase->kind == TRACE_RESET)
			return "a reset";
		else if (phase->kind == TRACE_MESSAGE_IN &&
			 negotiates(trace, phase))
			return "synchronous or wide transfers";
	for (phase = trace->phase; phase < end; phase++) {
		if (end - phase < 3 || phase->kind != TRACE_ARBITRATION ||
		    (phase[1].kind != TRACE_SELECTION &&
		     phase[1].kind != TRACE_RESELECTION) ||
		    phase->from != phase[1].from)
			return "something that is no arbitration and selection";
		phase += 2;
		if (phase->kind == TRACE_BUS_FREE)
			return "a selection without an answer";
		while (phase < end && phase->kind >= TRACE_DATA_OUT &&
		       phase->kind <= TRACE_MESSAGE_IN)
			phase++;
		if (phase == end || phase->kind != TRACE_BUS_FREE)
			return "a connection without an end";
	}
	return NULL;
}

bool played_start(struct played *played, const struct trace *trace)
{
	if (played->state > PLAYED_WAITING)
		return false;
	played->trace = trace;
	played->at = 0;
	next_connection(played);
	return true;
}

u32 played_left(const struct played *played)
{
	return played->trace ? played->trace->phases - played->at : 0;
}
