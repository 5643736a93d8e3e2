// SPDX-License-Identifier: GPL-2.0-only
/* Traces of the bus: recorded, printed, parsed */
#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#include <stdio.h>
#endif
#include "bus.h"
#include "trace.h"

#define HEAD_MAX	64	/* of a line, without its entries */
#define ENTRY_MAX	5	/* " atn", " c0!" */

static const struct {
	const char *name;
	u16 lines;
	u8 ids;
	bool bytes;
} kinds[TRACE_KINDS] = {
	[TRACE_ARBITRATION]	= { .name = "arbitration", .ids = 1 },
	[TRACE_SELECTION]	= { .name = "selection", .ids = 2 },
	[TRACE_RESELECTION]	= { .name = "reselection", .ids = 2 },
	[TRACE_DATA_OUT]	= { "data-out", PHASE_DATA_OUT, .bytes = true },
	[TRACE_DATA_IN]		= { "data-in", PHASE_DATA_IN, .bytes = true },
	[TRACE_COMMAND]		= { "command", PHASE_COMMAND, .bytes = true },
	[TRACE_STATUS]		= { "status", PHASE_STATUS, .bytes = true },
	[TRACE_MESSAGE_OUT]	= { "message-out", PHASE_MSG_OUT, .bytes = true },
	[TRACE_MESSAGE_IN]	= { "message-in", PHASE_MSG_IN, .bytes = true },
	[TRACE_BUS_FREE]	= { .name = "bus-free" },
	[TRACE_RESET]		= { .name = "reset" },
};

u16 trace_lines(enum trace_kind kind)
{
	return kinds[kind].lines;
}

static struct trace_phase *begin(struct trace *trace, u64 now,
				 enum trace_kind kind)
{
	struct trace_phase *phase = &trace->phase[trace->phases];

	if (trace->full || trace->phases == TRACE_PHASES) {
		trace->full = true;
		return NULL;
	}
	memset(phase, 0, sizeof(*phase));
	phase->ns = now;
	phase->kind = kind;
	phase->first = trace->entries;
	trace->phases++;
	return phase;
}

/* To the last phase */
static void put(struct trace *trace, u16 entry)
{
	if (trace->full || trace->entries == TRACE_ENTRIES) {
		trace->full = true;
		return;
	}
	trace->entry[trace->entries++] = entry;
	trace->phase[trace->phases - 1].count++;
}

void trace_arbitration(struct trace *trace, u64 now, u8 winner)
{
	trace->winner = winner;
	trace->arbitration = now;
}

/* SEL without BSY: the IDs of both are on the bus */
static void selection(struct trace *trace, u64 now, u16 lines, u8 data)
{
	u8 others = data & ~(1 << trace->winner);
	struct trace_phase *phase;

	phase = begin(trace, trace->arbitration, TRACE_ARBITRATION);
	if (phase)
		phase->from = trace->winner;
	phase = begin(trace, now, lines & SIG_IO ? TRACE_RESELECTION :
						   TRACE_SELECTION);
	if (!phase)
		return;
	phase->from = trace->winner;
	for (; others > 1; others >>= 1)
		phase->to++;
	if (lines & SIG_ATN)
		put(trace, TRACE_ATN);
}

void trace_signals(struct trace *trace, u64 now, u16 lines, u8 data)
{
	bool raised = (lines & SIG_ATN) && !trace->atn;

	trace->atn = lines & SIG_ATN;
	if (lines & SIG_RST) {
		if (trace->state != TRACE_IN_RESET)
			begin(trace, now, TRACE_RESET);
		trace->state = TRACE_IN_RESET;
	} else if (!(lines & (SIG_BSY | SIG_SEL))) {
		if (trace->state > TRACE_IDLE)
			begin(trace, now, TRACE_BUS_FREE);
		trace->state = TRACE_IDLE;
	} else if (trace->state == TRACE_IDLE) {
		if (lines & SIG_BSY)
			return;
		selection(trace, now, lines, data);
		trace->state = TRACE_CONNECTED;
	} else if (trace->state == TRACE_CONNECTED && raised) {
		put(trace, TRACE_ATN);
	}
}

void trace_byte(struct trace *trace, u64 now, u16 lines, u8 byte, bool good)
{
	enum trace_kind kind = TRACE_DATA_OUT;

	if (trace->state != TRACE_CONNECTED)
		return;
	while (kinds[kind].lines != (lines & PHASE_MASK))
		if (++kind > TRACE_MESSAGE_IN)
			return;	/* reserved */
	if (!trace->phases || trace->phase[trace->phases - 1].kind != kind)
		if (!begin(trace, now, kind))
			return;
	put(trace, byte | (good ? 0 : TRACE_BAD));
}

void trace_clear(struct trace *trace)
{
	trace->phases = 0;
	trace->entries = 0;
	trace->full = false;
	if (trace->state != TRACE_IDLE)
		trace->state = TRACE_LOST;
}

static int print_head(char *buf, const struct trace_phase *phase, u64 begin)
{
	unsigned long long ns = phase->ns - begin;
	const char *name = kinds[phase->kind].name;

	switch (kinds[phase->kind].ids) {
	case 1:
		return snprintf(buf, HEAD_MAX, "%llu %s %u", ns, name,
				phase->from);
	case 2:
		return snprintf(buf, HEAD_MAX, "%llu %s %u %u", ns, name,
				phase->from, phase->to);
	}
	return snprintf(buf, HEAD_MAX, "%llu %s", ns, name);
}

static int print_entry(char *buf, u16 entry)
{
	if (entry == TRACE_ATN)
		return snprintf(buf, ENTRY_MAX, " atn");
	return snprintf(buf, ENTRY_MAX, " %02x%s", entry & 0xff,
			entry & TRACE_BAD ? "!" : "");
}

long trace_print(const struct trace *trace, char *buf, size_t size)
{
	static const char full[] = "full\n";
	size_t at = 0;
	u32 i, j;

	for (i = 0; i < trace->phases; i++) {
		const struct trace_phase *phase = &trace->phase[i];

		if (size - at < HEAD_MAX + ENTRY_MAX * (size_t)phase->count)
			return -1;
		at += print_head(buf + at, phase, trace->phase[0].ns);
		for (j = 0; j < phase->count; j++)
			at += print_entry(buf + at,
					  trace->entry[phase->first + j]);
		buf[at++] = '\n';
	}
	if (trace->full) {
		if (size - at < sizeof(full))
			return -1;
		memcpy(buf + at, full, sizeof(full) - 1);
		at += sizeof(full) - 1;
	}
	return at;
}

/* A line that is parsed: what is left of it */
struct rest {
	const char *at, *end;
};

/* The next word, of length 0 at the end */
static struct rest next_word(struct rest *rest)
{
	struct rest word;

	while (rest->at < rest->end && *rest->at == ' ')
		rest->at++;
	word.at = rest->at;
	while (rest->at < rest->end && *rest->at != ' ')
		rest->at++;
	word.end = rest->at;
	return word;
}

static bool is_word(struct rest word, const char *text)
{
	size_t len = word.end - word.at;

	return len == strlen(text) && !memcmp(word.at, text, len);
}

static bool get_number(struct rest word, u64 limit, u64 *value)
{
	*value = 0;
	if (word.at == word.end)
		return false;
	for (; word.at < word.end; word.at++) {
		if (*word.at < '0' || *word.at > '9')
			return false;
		*value = *value * 10 + *word.at - '0';
		if (*value > limit)
			return false;
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool get_entry(struct rest word, bool bytes, u16 *entry)
{
	size_t len = word.end - word.at;

	if (is_word(word, "atn")) {
		*entry = TRACE_ATN;
		return true;
	}
	if (!bytes || len < 2 || len > 3 || (len == 3 && word.at[2] != '!') ||
	    hex_digit(word.at[0]) < 0 || hex_digit(word.at[1]) < 0)
		return false;
	*entry = hex_digit(word.at[0]) << 4 | hex_digit(word.at[1]) |
		 (len == 3 ? TRACE_BAD : 0);
	return true;
}

static bool parse_line(struct trace *trace, struct rest rest)
{
	enum trace_kind kind = TRACE_ARBITRATION;
	struct trace_phase *phase;
	struct rest word;
	u64 ns, id;
	u16 entry;

	word = next_word(&rest);
	if (word.at == word.end || *word.at == '#')
		return true;
	if (!get_number(word, SBUS_NEVER / 20, &ns))
		return false;
	word = next_word(&rest);
	while (!is_word(word, kinds[kind].name))
		if (++kind == TRACE_KINDS)
			return false;
	phase = begin(trace, ns, kind);
	if (!phase)
		return false;
	if (kinds[kind].ids > 0) {
		if (!get_number(next_word(&rest), 7, &id))
			return false;
		phase->from = id;
	}
	if (kinds[kind].ids > 1) {
		if (!get_number(next_word(&rest), 7, &id))
			return false;
		phase->to = id;
	}
	for (;;) {
		word = next_word(&rest);
		if (word.at == word.end)
			break;
		if (!(kinds[kind].bytes || kinds[kind].ids == 2) ||
		    !get_entry(word, kinds[kind].bytes, &entry))
			return false;
		put(trace, entry);
	}
	return !trace->full && (phase->count || !kinds[kind].bytes);
}

unsigned int trace_parse(struct trace *trace, const char *text, size_t len)
{
	const char *end = text + len;
	unsigned int line;

	trace_clear(trace);
	for (line = 1; text < end; line++) {
		struct rest rest = { text, text };

		while (rest.end < end && *rest.end != '\n')
			rest.end++;
		text = rest.end + 1;
		if (!parse_line(trace, rest))
			return line;
	}
	return 0;
}
