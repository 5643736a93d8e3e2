// SPDX-License-Identifier: GPL-2.0-only
/* The modelled SCSI bus and its chips, by their registers: see kernel/testing */
#include "test.h"
#include "../../testing/aic6360_model/chip.h"

/* Registers and bits, as in aha152x.h */
enum { SCSISEQ, SXFRCTL0, SXFRCTL1, SCSISIG, SCSIID = 5, SCSIDAT, STCNT0 = 8,
       SSTAT0 = 11, SSTAT1, DMACNTRL0 = 18, DATAPORT = 22, FIFOSTAT = 21 };
#define TARGET		0x80
#define SELDO		0x40
#define SELDI		0x20
#define SDONE		0x04
#define SPIORDY		0x02
#define SELTO		0x80
#define SCSIRSTI	0x20
#define PHASEMIS	0x10
#define SELECT		0x48	/* ENSELO, ENAUTOATNO */
#define LISTEN		0x20	/* ENSELI */
#define MS		1000000ULL

static struct sbus bus;
static struct chip chips[3];

static void put(struct chip *chip, unsigned int reg, u8 value)
{
	chip_write(chip, reg, value);
	sbus_settle(&bus);
}

static u8 get(struct chip *chip, unsigned int reg)
{
	u8 value = chip_read(chip, reg);

	sbus_settle(&bus);
	return value;
}

/* IDs 7, 6, 5; each may be selected */
static void plug(void)
{
	unsigned int i;

	sbus_init(&bus);
	for (i = 0; i < ARRAY_SIZE(chips); i++) {
		chip_init(&chips[i], 7 - i);
		sbus_attach(&bus, &chips[i].dev);
		put(&chips[i], SCSISEQ, LISTEN);
	}
}

/* From free bus to the first phase */
static void connect(struct chip *from, struct chip *to)
{
	put(from, SCSIID, from->dev.id << 4 | to->dev.id);
	put(from, SCSISEQ, SELECT);
	CHECK(get(from, SSTAT0) & SELDO);
	CHECK((get(to, SSTAT0) & (TARGET | SELDI)) == (TARGET | SELDI));
	put(from, SCSISEQ, 0);
	put(from, SCSISIG, 0);
}

TEST(selection, "a chip that is selected is the target, knows who it was, and sees ATN")
{
	plug();
	connect(&chips[0], &chips[2]);
	CHECK_EQ(get(&chips[2], SCSIID), 1 << 7 | 1 << 5);
	CHECK(get(&chips[2], SCSISIG) & SIG_ATN);
	CHECK(!(get(&chips[0], SSTAT0) & TARGET));
	CHECK(!(get(&chips[1], SSTAT0) & SELDI));
	put(&chips[2], SCSISIG, 0);
	CHECK(sbus_free(&bus));
}

TEST(nobody, "a selection that nobody answers times out after 256 ms, and frees the bus")
{
	plug();
	put(&chips[0], SXFRCTL1, 0x04);	/* ENSTIMER */
	put(&chips[0], SCSIID, 7 << 4 | 3);
	put(&chips[0], SCSISEQ, SELECT);
	CHECK_EQ(sbus_run_timers(&bus), 256 * MS);
	CHECK(!(get(&chips[0], SSTAT1) & SELTO));
	bus.now = 256 * MS;
	CHECK_EQ(sbus_run_timers(&bus), SBUS_NEVER);
	CHECK(get(&chips[0], SSTAT1) & SELTO);
	CHECK(sbus_free(&bus));
}

TEST(arbitration, "of those who want the bus the highest ID gets it, the others afterwards")
{
	plug();
	connect(&chips[1], &chips[0]);
	/* the bus is busy: both wait for it */
	put(&chips[2], SCSIID, 5 << 4 | 6);
	put(&chips[2], SCSISEQ, SELECT);
	bus.arbitration_ns = MS;
	put(&chips[0], SCSISIG, 0);
	put(&chips[0], SCSIID, 7 << 4 | 6);
	put(&chips[0], SCSISEQ, SELECT);
	put(&chips[1], SCSISEQ, LISTEN);
	CHECK(!(get(&chips[0], SSTAT0) & SELDO));
	bus.now = MS;
	sbus_run_timers(&bus);
	CHECK(get(&chips[0], SSTAT0) & SELDO);
	CHECK(!(get(&chips[2], SSTAT0) & SELDO));
	CHECK_EQ(bus.contended, 1);
	put(&chips[0], SCSISEQ, 0);
	put(&chips[1], SCSISEQ, LISTEN);
	put(&chips[1], SCSISIG, 0);
	bus.now = 2 * MS;
	sbus_run_timers(&bus);
	CHECK(get(&chips[2], SSTAT0) & SELDO);
}

TEST(pio, "bytes by automatic PIO come through, each when it is asked for")
{
	static const u8 sent[] = { 0xc0, 0x12, 0xff };
	unsigned int i;

	plug();
	connect(&chips[0], &chips[1]);
	put(&chips[1], SCSISIG, PHASE_COMMAND | SIG_BSY);
	put(&chips[1], SXFRCTL0, 0x08);	/* SPIOEN */
	CHECK(get(&chips[0], SSTAT1) & PHASEMIS);
	put(&chips[0], SCSISIG, PHASE_COMMAND);
	put(&chips[0], SXFRCTL0, 0x08);
	for (i = 0; i < sizeof(sent); i++) {
		CHECK(!(get(&chips[1], SSTAT0) & SPIORDY));
		CHECK(get(&chips[0], SSTAT0) & SPIORDY);
		put(&chips[0], SCSIDAT, sent[i]);
		CHECK(get(&chips[1], SSTAT0) & SPIORDY);
		CHECK_EQ(get(&chips[1], SCSIDAT), sent[i]);
	}
}

TEST(fifo, "a target's counter ends a transfer through the FIFOs, whatever its length")
{
	u32 len, i;

	for (len = 1; len < 300; len += 1 + len / 9) {
		u32 given = 0, taken = 0;

		plug();
		connect(&chips[0], &chips[1]);
		put(&chips[0], DMACNTRL0, 0x80);	/* ENDMA, reads */
		put(&chips[0], SXFRCTL0, 0xc0);		/* SCSIEN, DMAEN */
		put(&chips[0], SCSISIG, PHASE_DATA_IN);
		put(&chips[1], SCSISIG, PHASE_DATA_IN | SIG_BSY);
		put(&chips[1], DMACNTRL0, 0x88);	/* ENDMA, WRITE_READ */
		for (i = 0; i < 3; i++)
			put(&chips[1], STCNT0 + i, -len >> 8 * i);
		put(&chips[1], SXFRCTL0, 0xc0);
		while (taken < len) {
			while (given < len && get(&chips[1], FIFOSTAT) < HOST_FIFO)
				put(&chips[1], DATAPORT, given++ * 7);
			CHECK(get(&chips[0], FIFOSTAT) > 0);
			while (get(&chips[0], FIFOSTAT))
				CHECK_EQ(get(&chips[0], DATAPORT),
					 (u8)(taken++ * 7));
		}
		CHECK_EQ(taken, len);
		CHECK(get(&chips[1], SSTAT0) & SDONE);
		CHECK(!(bus.lines & SIG_REQ));
		CHECK_EQ(chips[0].stcnt, len);
		CHECK_EQ(bus.data_bytes, len);
	}
}

TEST(reset, "a reset ends the connection at both ends, and all see it")
{
	unsigned int i;

	plug();
	connect(&chips[0], &chips[1]);
	put(&chips[2], SCSISEQ, 0x01);	/* SCSIRSTO */
	put(&chips[2], SCSISEQ, 0);
	CHECK(sbus_free(&bus));
	for (i = 0; i < ARRAY_SIZE(chips); i++) {
		CHECK(get(&chips[i], SSTAT1) & SCSIRSTI);
		CHECK(!(get(&chips[i], SSTAT0) & (TARGET | SELDO | SELDI)));
	}
}

/* A command phase in which chip 1 asks chip 0 for bytes by automatic PIO */
static void ask(void)
{
	plug();
	connect(&chips[0], &chips[1]);
	put(&chips[0], SCSISIG, PHASE_COMMAND);
	put(&chips[0], SXFRCTL0, 0x08);	/* SPIOEN */
}

TEST(lost_request, "a REQ that is lost stays so, until the next one")
{
	ask();
	bus.faults.request_at = 1;
	put(&chips[1], SCSISIG, PHASE_COMMAND | SIG_BSY);
	put(&chips[1], SXFRCTL0, 0x08);
	CHECK(!(get(&chips[0], SSTAT0) & SPIORDY));
	CHECK_EQ(sbus_run_timers(&bus), SBUS_NEVER);
	put(&chips[1], SCSISIG, 0);
	CHECK(sbus_free(&bus));
	ask();
	put(&chips[1], SCSISIG, PHASE_COMMAND | SIG_BSY);
	put(&chips[1], SXFRCTL0, 0x08);
	CHECK(get(&chips[0], SSTAT0) & SPIORDY);
}

TEST(stall, "who stalls answers nothing but a reset")
{
	ask();
	bus.faults.stall_at = 2;
	bus.faults.stall_id = 7;
	put(&chips[1], SCSISIG, PHASE_COMMAND | SIG_BSY);
	put(&chips[1], SXFRCTL0, 0x08);
	put(&chips[0], SCSIDAT, 1);
	CHECK_EQ(get(&chips[1], SCSIDAT), 1);
	put(&chips[0], SCSIDAT, 2);
	CHECK_EQ(get(&chips[1], SCSIDAT), 2);	/* its ACK stays */
	CHECK(bus.faults.stalled);
	CHECK(bus.lines & SIG_ACK);
	put(&chips[2], SCSISEQ, 0x01);	/* SCSIRSTO */
	put(&chips[2], SCSISEQ, 0);
	CHECK(sbus_free(&bus));
	bus.faults.stalled = false;
	put(&chips[1], SCSISEQ, LISTEN);
	connect(&chips[0], &chips[1]);
}

TEST(stuck, "while BSY is stuck nobody gets the bus; a reset ends that")
{
	plug();
	bus.faults.stuck = true;
	put(&chips[0], SCSIID, 7 << 4 | 6);
	put(&chips[0], SCSISEQ, SELECT);
	CHECK(!(get(&chips[0], SSTAT0) & SELDO));
	put(&chips[2], SCSISEQ, 0x01);
	put(&chips[2], SCSISEQ, 0);
	CHECK(get(&chips[0], SSTAT0) & SELDO);
}

TEST(slow, "bytes take their time, on average")
{
	unsigned int i;

	ask();
	bus.faults.byte_ns = MS;
	put(&chips[1], SCSISIG, PHASE_COMMAND | SIG_BSY);
	put(&chips[1], SXFRCTL0, 0x08);
	for (i = 1; i <= 5; i++) {
		CHECK(!(get(&chips[0], SSTAT0) & SPIORDY));
		CHECK_EQ(sbus_run_timers(&bus), i * MS);
		bus.now = i * MS;
		CHECK_EQ(sbus_run_timers(&bus), SBUS_NEVER);
		CHECK(get(&chips[0], SSTAT0) & SPIORDY);
		put(&chips[0], SCSIDAT, i);
		CHECK_EQ(get(&chips[1], SCSIDAT), i);
	}
}
