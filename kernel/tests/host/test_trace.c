// SPDX-License-Identifier: GPL-2.0-only
/* Traces of the modelled bus: recorded, printed, parsed and played */
#include "test.h"
#include "../../testing/aic6360_model/chip.h"
#include "../../testing/aic6360_model/played.h"
#include "../../testing/aic6360_model/trace.h"

/* Registers and bits, as in aha152x.h */
enum { SCSISEQ, SXFRCTL0, SXFRCTL1, SCSISIG, SCSIID = 5, SCSIDAT,
       SSTAT0 = 11, SSTAT1 };
#define SPIORDY		0x02
#define CLRATNO		0x40
#define ENRESELI	0x10

#define MS		1000000ULL

static struct sbus bus;
static struct chip chip;
static struct played played;
static struct trace recorded, script, again;
static char text[8192];

static void put(unsigned int reg, u8 value)
{
	chip_write(&chip, reg, value);
	sbus_settle(&bus);
}

static u8 get(unsigned int reg)
{
	u8 value = chip_read(&chip, reg);

	sbus_settle(&bus);
	return value;
}

/* A chip with ID 7 as initiator, and a target that plays @trace */
static void play(const char *trace)
{
	CHECK_EQ(trace_parse(&script, trace, strlen(trace)), 0);
	CHECK(!played_refuses(&script));
	sbus_init(&bus);
	bus.trace = &recorded;
	chip_init(&chip, 7);
	played_init(&played);
	sbus_attach(&bus, &chip.dev);
	sbus_attach(&bus, &played.dev);
	CHECK(played_start(&played, &script));
	sbus_settle(&bus);
}

static void expect(const struct trace *trace, const char *expected)
{
	long len = trace_print(trace, text, sizeof(text));

	CHECK(len >= 0);
	text[len] = 0;
	if (strcmp(text, expected))
		fprintf(stderr, "%s", text);
	CHECK(!strcmp(text, expected));
}

/* The chip's part of some bytes by automatic PIO, in the phase that is asked for */
static void bytes(u16 phase, const u8 *sent, unsigned int count)
{
	put(SCSISIG, phase);
	put(SXFRCTL0, 0x08);	/* SPIOEN */
	for (; count; count--) {
		CHECK(get(SSTAT0) & SPIORDY);
		if (phase == PHASE_MSG_OUT && count == 1)
			put(SSTAT1, CLRATNO);
		if (sent)
			put(SCSIDAT, *sent++);
		else
			get(SCSIDAT);
	}
}

static const char WRITE_AND_READ[] =
	"0 arbitration 7\n0 selection 7 2 atn\n0 message-out c0\n"
	"0 command 08 00 00 00 03 00\n0 message-in 04\n0 bus-free\n"
	"2000000 arbitration 2\n2000000 reselection 2 7\n2000000 message-in 80\n"
	"2000000 data-in 01 ff 7f\n2000000 status 02\n2000000 message-in 00\n"
	"2000000 bus-free\n";

TEST(replay, "what is played to a chip is recorded as it was written, with its disconnection")
{
	static const u8 identify[] = { 0xc0 };
	static const u8 cdb[] = { 0x08, 0, 0, 0, 3, 0 };

	play(WRITE_AND_READ);
	CHECK_EQ(played_left(&played), 12);
	put(SCSIID, 7 << 4 | 2);
	put(SCSISEQ, 0x48);	/* ENSELO, ENAUTOATNO */
	put(SCSISEQ, ENRESELI);
	bytes(PHASE_MSG_OUT, identify, 1);
	bytes(PHASE_COMMAND, cdb, 6);
	bytes(PHASE_MSG_IN, NULL, 1);
	CHECK(sbus_free(&bus));
	CHECK_EQ(sbus_run_timers(&bus), 2 * MS);
	bus.now = 2 * MS;
	sbus_run_timers(&bus);
	bytes(PHASE_MSG_IN, NULL, 1);
	bytes(PHASE_DATA_IN, NULL, 3);
	bytes(PHASE_STATUS, NULL, 1);
	bytes(PHASE_MSG_IN, NULL, 1);
	CHECK(sbus_free(&bus));
	CHECK_EQ(played_left(&played), 0);
	expect(&recorded, WRITE_AND_READ);
}

TEST(faults, "bad parity, ATN in the middle and a reset are in the trace")
{
	play(WRITE_AND_READ);
	bus.faults.parity_at = 1;
	put(SCSIID, 7 << 4 | 2);
	put(SCSISEQ, 0x48);
	put(SCSISIG, PHASE_MSG_OUT);
	put(SXFRCTL0, 0x08);
	put(SSTAT1, CLRATNO);
	put(SCSIDAT, 0xc1);
	put(SCSISIG, PHASE_COMMAND | SIG_ATN);
	put(SCSIDAT, 0x12);
	bus.faults.reset = true;
	sbus_settle(&bus);
	bus.faults.reset = false;
	put(SCSISEQ, 0);
	expect(&recorded, "0 arbitration 7\n0 selection 7 2 atn\n0 message-out c1! atn\n"
	       "0 command 12\n0 reset\n0 bus-free\n");
}

TEST(parsed, "what was printed is parsed to the same, whatever it is")
{
	unsigned int round;

	for (round = 0; round < 200; round++) {
		u32 n = random_below(8), i;
		long len;

		memset(&script, 0, sizeof(script));
		for (i = 0; i < n; i++) {
			struct trace_phase *phase = &script.phase[script.phases++];
			u32 j;

			phase->ns = (i ? phase[-1].ns : 0) + random_below(1 << 30);
			phase->kind = random_below(TRACE_KINDS);
			phase->first = script.entries;
			if (phase->kind <= TRACE_RESELECTION)
				phase->from = random_below(8);
			if (phase->kind == TRACE_SELECTION ||
			    phase->kind == TRACE_RESELECTION)
				phase->to = random_below(8);
			if (phase->kind < TRACE_DATA_OUT ||
			    phase->kind > TRACE_MESSAGE_IN)
				continue;
			phase->count = 1 + random_below(9);
			for (j = 0; j < phase->count; j++)
				script.entry[script.entries++] =
					random_below(9) ? random_below(0x200) : TRACE_ATN;
		}
		for (i = n; i > 0; i--)
			script.phase[i - 1].ns -= script.phase[0].ns;
		len = trace_print(&script, text, sizeof(text));
		CHECK(len >= 0);
		memset(&again, 0, sizeof(again));
		CHECK_EQ(trace_parse(&again, text, len), 0);
		CHECK(!memcmp(&again, &script, sizeof(script)));
	}
}

TEST(wrong, "lines that are none are named, and traces that cannot be played")
{
	static const struct {
		const char *text;
		unsigned int line;
	} lines[] = {
		{ "# a comment\n\n0 bus-free\n", 0 },
		{ "0 bus-free\n1 nothing\n", 2 },
		{ "bus-free\n", 1 },
		{ "0 arbitration 8\n", 1 },
		{ "0 selection 7\n", 1 },
		{ "0 selection 7 2 c0\n", 1 },
		{ "0 status\n", 1 },
		{ "0 status 0\n", 1 },
		{ "0 status 0G\n", 1 },
		{ "0 status 00?\n", 1 },
		{ "0 bus-free 00\n", 1 },
		{ "full\n", 1 },
	};
	static const char *const refused[] = {
		"0 reset\n",
		"0 bus-free\n",
		"0 arbitration 7\n0 selection 7 2\n0 bus-free\n",
		"0 arbitration 7\n0 selection 7 2\n0 status 00\n",
		"0 arbitration 7\n0 selection 7 2\n0 status 00!\n0 bus-free\n",
		"0 arbitration 7\n0 selection 7 2\n0 message-in 20 01 01 03 01 32 08\n0 bus-free\n",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		CHECK_EQ(trace_parse(&again, lines[i].text, strlen(lines[i].text)),
			 lines[i].line);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		CHECK_EQ(trace_parse(&again, refused[i], strlen(refused[i])), 0);
		CHECK(played_refuses(&again));
	}
}

TEST(full, "when there is no room any more, the trace says so")
{
	u32 i;

	trace_signals(&recorded, 0, 0, 0);
	for (i = 0; i < TRACE_PHASES; i++) {
		trace_signals(&recorded, i, SIG_SEL, 0x81);
		trace_signals(&recorded, i, 0, 0);
	}
	CHECK(recorded.full);
	CHECK_EQ(trace_print(&recorded, text, sizeof(text)), -1);
	recorded.phases = 2;
	expect(&recorded, "0 arbitration 0\n0 selection 0 7\nfull\n");
	trace_clear(&recorded);
	expect(&recorded, "");
}
