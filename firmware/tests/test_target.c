// SPDX-License-Identifier: Apache-2.0
/* SCSI-2 target: selection, messages, sense, unit attention */
#include "check.h"
#include "fake_phy.h"
#include "target/target.h"

static struct target t;
static struct target_command cmd;

static const u8 tur[6];
static const u8 sense[6] = { 0x03, 0, 0, 0, 18 };
static const u8 write10[10] = { 0x2a, 0, 0, 0, 0, 0, 0, 0, 32 };

static void begin(void)
{
	static const u8 ids[] = { 3, 5 };

	fake_clear();
	target_init(&t, ids, 2);
}

static enum target_event poll(u8 initiator, int lun, const u8 *cdb, u32 len)
{
	fake_command(3, initiator, lun, cdb, len, NULL, 0);
	return target_poll(&t, &cmd);
}

/* Past the unit attention of the start */
static void begin_quiet(void)
{
	begin();
	SAME(poll(7, 0, tur, 6), TARGET_IDLE);
	SAME(fake.status[0], SCSI_CHECK_CONDITION);
	SAME(poll(7, 0, sense, 6), TARGET_IDLE);
}

static void expect_sense(u8 initiator, int lun, const char *hex)
{
	SAME(poll(initiator, lun, sense, 6), TARGET_IDLE);
	SAME(fake.nstatus, 1);
	SAME(fake.status[0], SCSI_GOOD);
	BYTES(fake.in, fake.nin, hex);
}

TEST(target_ids, "only the IDs that are ours are listened to")
{
	begin();
	SAME(fake.ids, 0x28);
	fake_command(4, 7, 0, tur, 6, NULL, 0);
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(fake.nstatus, 0);
	SAME(fake.frees, 1);
	SAME(t.counters.commands, 0);
}

TEST(target_attention, "each initiator's first command gets unit attention 29/00, once")
{
	int i;

	begin();
	for (i = 0; i < PHY_INITIATORS; i++) {
		SAME(poll(i, 0, tur, 6), TARGET_IDLE);
		SAME(fake.status[0], SCSI_CHECK_CONDITION);
		BYTES(fake.message_in, fake.nmessage_in, "00");
		expect_sense(i, 0, "70 00 06 00 00 00 00 0a 00 00 00 00 29 00 00 00 00 00");
		SAME(poll(i, 0, tur, 6), TARGET_COMMAND);
		OK(target_finish(&t, SCSI_GOOD));
		SAME(fake.status[0], SCSI_GOOD);
		expect_sense(i, 0, "70 00 00 00 00 00 00 0a 00 00 00 00 00 00 00 00 00 00");
	}
}

TEST(target_attention_kept, "INQUIRY and REPORT LUNS pass before a unit attention; REQUEST SENSE takes it")
{
	static const u8 inquiry[6] = { 0x12, 0, 0, 0, 36 };
	static const u8 luns[12] = { 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16 };

	begin();
	SAME(poll(7, 0, inquiry, 6), TARGET_COMMAND);
	OK(target_finish(&t, SCSI_GOOD));
	SAME(poll(7, 0, luns, 12), TARGET_IDLE);
	BYTES(fake.in, fake.nin, "0 0 0 8 0 0 0 0 0 0 0 0 0 0 0 0");
	SAME(fake.status[0], SCSI_GOOD);
	expect_sense(7, 0, "70 00 06 00 00 00 00 0a 00 00 00 00 29 00 00 00 00 00");
	SAME(poll(7, 0, tur, 6), TARGET_COMMAND);
}

TEST(target_units, "the two IDs keep sense and unit attentions apart")
{
	begin_quiet();
	SAME(poll(7, 0, tur, 6), TARGET_COMMAND);
	SAME(cmd.unit, 0);
	target_check(&t, SENSE_NOT_READY, 4, 0, TARGET_NO_POINTER);
	fake_command(5, 7, 0, sense, 6, NULL, 0);
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(fake.in[12], 0x29);
	expect_sense(7, 0, "70 00 02 00 00 00 00 0a 00 00 00 00 04 00 00 00 00 00");
}

TEST(target_lun_cdb, "without IDENTIFY the LUN is the CDB's, with it IDENTIFY's")
{
	u8 cdb[6] = { 0, 0x20 };

	begin_quiet();
	SAME(poll(7, -1, cdb, 6), TARGET_IDLE);
	SAME(fake.status[0], SCSI_CHECK_CONDITION);
	SAME(poll(7, 0, cdb, 6), TARGET_COMMAND);
	OK(target_finish(&t, SCSI_GOOD));
	SAME(poll(7, -1, tur, 6), TARGET_COMMAND);
	OK(target_finish(&t, SCSI_GOOD));
	SAME(poll(7, 1, tur, 6), TARGET_IDLE);
	SAME(fake.status[0], SCSI_CHECK_CONDITION);
}

TEST(target_lun_absent, "a LUN that is not there says so to INQUIRY and REQUEST SENSE")
{
	static const u8 inquiry[6] = { 0x12, 0, 0, 0, 5 };

	begin_quiet();
	SAME(poll(7, 2, inquiry, 6), TARGET_IDLE);
	BYTES(fake.in, fake.nin, "7f 00 02 02 1f");
	SAME(fake.status[0], SCSI_GOOD);
	expect_sense(7, 2, "70 00 05 00 00 00 00 0a 00 00 00 00 25 00 00 00 00 00");
}

TEST(target_pointer, "sense data has the field pointer as docs/protocol.md shows it")
{
	begin_quiet();
	SAME(poll(7, 0, write10, 10), TARGET_COMMAND);
	SAME(cmd.length, 10);
	target_check(&t, SENSE_ILLEGAL_REQUEST, 0x24, 0, 4);
	expect_sense(7, 0, "70 00 05 00 00 00 00 0a 00 00 00 00 24 00 00 c0 00 04");
	/* told once */
	expect_sense(7, 0, "70 00 00 00 00 00 00 0a 00 00 00 00 00 00 00 00 00 00");
}

TEST(target_sense_kept, "sense data stays until it was told, and any other command ends it")
{
	begin_quiet();
	poll(7, 0, tur, 6);
	target_check(&t, SENSE_NOT_READY, 4, 0, TARGET_NO_POINTER);
	fake_command(3, 7, 0, sense, 6, NULL, 0);
	fake.fault_phase = PHY_DATA_IN;
	fake.fault = PHY_TIMEOUT;
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(t.counters.timeouts, 1);
	expect_sense(6, 0, "70 00 06 00 00 00 00 0a 00 00 00 00 29 00 00 00 00 00");
	expect_sense(7, 0, "70 00 02 00 00 00 00 0a 00 00 00 00 04 00 00 00 00 00");
	poll(7, 0, tur, 6);
	target_check(&t, SENSE_NOT_READY, 4, 0, TARGET_NO_POINTER);
	poll(7, 0, tur, 6);
	OK(target_finish(&t, SCSI_GOOD));
	expect_sense(7, 0, "70 00 00 00 00 00 00 0a 00 00 00 00 00 00 00 00 00 00");
}

TEST(target_sense_short, "REQUEST SENSE gives no more than the initiator has room for")
{
	u8 cdb[6] = { 0x03, 0, 0, 0, 4 };

	begin_quiet();
	SAME(poll(7, 0, cdb, 6), TARGET_IDLE);
	SAME(fake.nin, 4);
	cdb[4] = 0;
	SAME(poll(7, 0, cdb, 6), TARGET_IDLE);
	SAME(fake.nin, 0);
	cdb[4] = 255;
	SAME(poll(7, 0, cdb, 6), TARGET_IDLE);
	SAME(fake.nin, SENSE_LENGTH);
}

TEST(target_groups, "each group of opcodes has its length, and no byte more is asked for")
{
	static const u8 lengths[8] = { 6, 10, 10, 6, 16, 12, 6, 6 };
	int opcode;

	begin_quiet();
	for (opcode = 0; opcode < 256; opcode++) {
		u8 cdb[16] = { opcode };

		if (opcode == 0x03 || opcode == 0xa0)
			continue;
		SAME(poll(7, 0, cdb, 16), TARGET_COMMAND);
		SAME(cmd.length, lengths[opcode >> 5]);
		SAME(fake.pos, cmd.length);
		OK(target_finish(&t, SCSI_GOOD));
	}
}

TEST(target_negotiation, "SDTR and WDTR are answered: asynchronous, narrow")
{
	static const u8 said[] = { 1, 3, 1, 25, 15, 1, 2, 3, 1 };

	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	memcpy(fake.messages + 1, said, sizeof(said));
	fake.nmessages += sizeof(said);
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	BYTES(fake.message_in, fake.nmessage_in, "01 03 01 19 00 01 02 03 00");
	OK(target_finish(&t, SCSI_GOOD));
}

TEST(target_tags, "tags are taken after IDENTIFY; ABORT TAG and CLEAR QUEUE abort")
{
	static const u8 aborts[] = { 0x0d, 0x0e };
	u8 kind;
	size_t i;

	begin_quiet();
	for (kind = 0x20; kind <= 0x22; kind++) {
		fake_command(3, 7, 0, tur, 6, NULL, 0);
		fake.messages[1] = kind;
		fake.messages[2] = 0xc1;
		fake.nmessages = 3;
		SAME(target_poll(&t, &cmd), TARGET_COMMAND);
		OK(target_finish(&t, SCSI_GOOD));
		BYTES(fake.message_in, fake.nmessage_in, "00");
	}
	fake_command(3, 7, -1, tur, 6, NULL, 0);
	fake.messages[0] = 0x20;
	fake.nmessages = 2;
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	BYTES(fake.message_in, fake.nmessage_in, "07");
	OK(target_finish(&t, SCSI_GOOD));
	for (i = 0; i < sizeof(aborts); i++) {
		fake_command(3, 7, 0, tur, 6, NULL, 0);
		fake.messages[1] = aborts[i];
		fake.nmessages = 2;
		SAME(target_poll(&t, &cmd), TARGET_IDLE);
		SAME(fake.nstatus, 0);
	}
	SAME(t.counters.aborts, 2);
}

TEST(target_rejects, "messages that we do not know are rejected, and the command goes on")
{
	static const u8 said[] = { 0x23, 0x55, 0x13, 0x01, 0x02, 0x77, 0x00, 0xa0, 0x08 };

	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	memcpy(fake.messages + 1, said, sizeof(said));
	fake.nmessages += sizeof(said);
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	BYTES(fake.message_in, fake.nmessage_in, "07 07 07 07");
	SAME(t.counters.rejects, 4);
	OK(target_finish(&t, SCSI_GOOD));
}

TEST(target_abort, "ABORT ends the command without a status")
{
	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.messages[fake.nmessages++] = 0x06;
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(fake.nstatus + fake.nmessage_in, 0);
	SAME(t.counters.aborts, 1);
	SAME(poll(7, 0, tur, 6), TARGET_COMMAND);
}

TEST(target_device_reset, "BUS DEVICE RESET is a reset: unit attention for all, told above")
{
	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.messages[fake.nmessages++] = 0x0c;
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(target_poll(&t, &cmd), TARGET_WAS_RESET);
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(t.counters.device_resets, 1);
	SAME(poll(7, 0, tur, 6), TARGET_IDLE);
	SAME(fake.status[0], SCSI_CHECK_CONDITION);
}

TEST(target_reset, "RST in any phase ends the command, and is told once")
{
	static const int phases[] = { PHY_MESSAGE_OUT, PHY_COMMAND, PHY_DATA_OUT,
				      PHY_DATA_IN, PHY_STATUS, PHY_MESSAGE_IN };
	u8 buf[32];
	size_t i;

	for (i = 0; i < COUNT(phases); i++) {
		begin_quiet();
		fake_command(3, 7, 0, write10, 10, buf, sizeof(buf));
		fake.fault_phase = phases[i];
		fake.fault = PHY_RESET;
		if (target_poll(&t, &cmd) == TARGET_COMMAND) {
			target_data_out(&t, buf, sizeof(buf));
			target_data_in(&t, buf, sizeof(buf));
			OK(!target_finish(&t, SCSI_GOOD));
		}
		SAME(fake.frees, 1);
		SAME(target_poll(&t, &cmd), TARGET_WAS_RESET);
		SAME(target_poll(&t, &cmd), TARGET_IDLE);
		SAME(t.counters.resets, 1);
	}
}

TEST(target_parity, "bad parity in COMMAND or DATA OUT ends with 0B/47")
{
	u8 buf[32] = { 1 };

	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.fault_phase = PHY_COMMAND;
	fake.fault = PHY_PARITY;
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(fake.status[0], SCSI_CHECK_CONDITION);
	expect_sense(7, 0, "70 00 0b 00 00 00 00 0a 00 00 00 00 47 00 00 00 00 00");
	fake_command(3, 7, 0, write10, 10, buf, sizeof(buf));
	fake.fault_phase = PHY_DATA_OUT;
	fake.fault = PHY_PARITY;
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	OK(!target_data_out(&t, buf, sizeof(buf)));
	OK(!target_finish(&t, SCSI_GOOD));
	SAME(fake.status[0], SCSI_CHECK_CONDITION);
	expect_sense(7, 0, "70 00 0b 00 00 00 00 0a 00 00 00 00 47 00 00 00 00 00");
	SAME(t.counters.parity_errors, 2);
}

TEST(target_message_parity, "MESSAGE OUT with bad parity is asked for again, once")
{
	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.fault_phase = PHY_MESSAGE_OUT;
	fake.fault = PHY_PARITY;
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	OK(target_finish(&t, SCSI_GOOD));
	SAME(t.counters.retries, 1);
}

TEST(target_initiator_error, "INITIATOR DETECTED ERROR ends with 0B/48; MESSAGE PARITY ERROR repeats the message")
{
	u8 buf[32] = { 1 };

	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.later_phase = PHY_DATA_IN;
	fake.later[0] = 0x05;
	fake.nlater = 1;
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	OK(!target_data_in(&t, buf, sizeof(buf)));
	OK(!target_finish(&t, SCSI_GOOD));
	expect_sense(7, 0, "70 00 0b 00 00 00 00 0a 00 00 00 00 48 00 00 00 00 00");
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.later_phase = PHY_MESSAGE_IN;
	fake.later[0] = 0x09;
	fake.nlater = 1;
	SAME(target_poll(&t, &cmd), TARGET_COMMAND);
	OK(target_finish(&t, SCSI_GOOD));
	BYTES(fake.message_in, fake.nmessage_in, "00 00");
}

TEST(target_forever, "an initiator that never lets go of ATN does not hold us")
{
	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.forever = true;
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(fake.frees, 1);
}

TEST(target_two_luns, "a second IDENTIFY for another LUN frees the bus")
{
	begin_quiet();
	fake_command(3, 7, 0, tur, 6, NULL, 0);
	fake.messages[fake.nmessages++] = 0x81;
	SAME(target_poll(&t, &cmd), TARGET_IDLE);
	SAME(fake.frees, 1);
	SAME(fake.nstatus, 0);
}
