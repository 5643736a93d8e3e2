// SPDX-License-Identifier: Apache-2.0
/* A SCSI-2 target. Numbers of sections are those of SCSI-2 (X3.131-1994) */
#include "target/target.h"

#define TEST_UNIT_READY		0x00
#define REQUEST_SENSE		0x03
#define INQUIRY			0x12
#define REPORT_LUNS		0xa0

/* Messages, 6.6 */
#define MSG_COMMAND_COMPLETE	0x00
#define MSG_EXTENDED		0x01
#define MSG_DISCONNECT		0x04
#define MSG_INITIATOR_ERROR	0x05
#define MSG_ABORT		0x06
#define MSG_REJECT		0x07
#define MSG_NOP			0x08
#define MSG_PARITY_ERROR	0x09
#define MSG_DEVICE_RESET	0x0c
#define MSG_ABORT_TAG		0x0d
#define MSG_CLEAR_QUEUE		0x0e
#define MSG_SIMPLE_TAG		0x20
#define MSG_ORDERED_TAG		0x22
#define MSG_IDENTIFY		0x80
#define MSG_IDENTIFY_DISCONNECT	0x40
#define MSG_IDENTIFY_LUNTAR	0x20
#define MSG_IDENTIFY_RESERVED	0x18
#define EXT_SDTR		0x01
#define EXT_WDTR		0x03

#define ASC_POWER_ON_RESET	0x29
#define ASC_PARITY		0x47
#define ASC_INITIATOR_ERROR	0x48
#define ASC_LUN			0x25
#define ASC_CLEARED		0x2f	/* by another initiator */
#define ASC_OVERLAPPED_TAG	0x4d

static struct target_nexus *nexus_of(struct target *t)
{
	return &t->nexus[t->unit][t->initiator];
}

static void leave(struct target *t)
{
	if (!t->gone)
		phy_bus_free();
	t->gone = true;
}

/**
 * target_unit_attention - to be told to each initiator before its next command
 * @t: the target
 * @unit: index of the unit
 * @asc: additional sense code, not 0
 * @ascq: its qualifier
 */
void target_unit_attention(struct target *t, u8 unit, u8 asc, u8 ascq)
{
	int i;

	for (i = 0; i < PHY_INITIATORS; i++) {
		t->nexus[unit][i].attention[0] = asc;
		t->nexus[unit][i].attention[1] = ascq;
	}
}

static void held_remove(struct target *t, u8 i)
{
	t->held_count--;
	for (; i < t->held_count; i++)
		t->held[i] = t->held[i + 1];
}

/* Held commands of this nexus; @tag: of all tags where negative. Return: there were some */
static bool held_drop(struct target *t, u8 initiator, int tag)
{
	bool found = false;
	u8 i;

	for (i = 0; i < t->held_count;) {
		const struct target_held *held = &t->held[i];

		if (held->command.unit == t->unit &&
		    held->command.initiator == initiator &&
		    (tag < 0 || held->tag == tag)) {
			held_remove(t, i);
			found = true;
		} else {
			i++;
		}
	}
	return found;
}

/* All that initiators have agreed with us is void: 6.2.2 and 6.6.4 */
static void forget(struct target *t, u8 ascq)
{
	int unit, i;

	for (unit = 0; unit < t->units; unit++) {
		for (i = 0; i < PHY_INITIATORS; i++)
			t->nexus[unit][i].has_sense = false;
		if (!(t->quiet & 1u << unit))
			target_unit_attention(t, unit, ASC_POWER_ON_RESET, ascq);
	}
	t->held_count = 0;
	t->was_reset = true;
}

/**
 * target_init - begin to answer
 * @t: the target; what it held is forgotten
 * @ids: the IDs, all different, 0 to 7
 * @units: how many, 0 to TARGET_UNITS
 */
void target_init(struct target *t, const u8 *ids, u8 units)
{
	u8 mask = 0;
	int i;

	memset(t, 0, sizeof(*t));
	t->gone = true;
	t->units = units;
	for (i = 0; i < units; i++) {
		t->ids[i] = ids[i];
		mask |= 1u << ids[i];
	}
	forget(t, 0);
	t->was_reset = false;
	phy_listen(mask);
}

/* A unit that never tells a unit attention: for drivers that do not know them */
void target_quiet(struct target *t, u8 unit)
{
	t->quiet |= 1u << unit;
	target_unit_attention(t, unit, 0, 0);
}

/* The bus stands still for a while, between data. For initiators that are slow */
void target_pause(struct target *t, u32 us)
{
	if (!t->gone)
		phy_pause(us);
}

/* Return: true where the phase went well, or had bad parity (t->bad) */
static bool settle(struct target *t, enum phy_result result)
{
	switch (result) {
	case PHY_OK:
		return true;
	case PHY_PARITY:
		t->counters.parity_errors++;
		t->bad = true;
		t->bad_asc = ASC_PARITY;
		return true;
	case PHY_RESET:
		t->gone = true;
		return false;
	case PHY_TIMEOUT:
		t->counters.timeouts++;
		leave(t);
		return false;
	}
	return false;
}

static bool message_in(struct target *t, const u8 *msg, u8 len)
{
	if (msg != t->last_message)
		memcpy(t->last_message, msg, len);
	t->last_length = len;
	return settle(t, phy_in(PHY_MESSAGE_IN, t->last_message, len));
}

static bool reject(struct target *t)
{
	static const u8 msg = MSG_REJECT;

	t->counters.rejects++;
	return message_in(t, &msg, 1);
}

/* Narrow and asynchronous it stays: 6.6.21, 6.6.23 */
static bool extended(struct target *t, const u8 *msg, u8 len)
{
	static const u8 narrow[] = { MSG_EXTENDED, 2, EXT_WDTR, 0 };
	u8 async[] = { MSG_EXTENDED, 3, EXT_SDTR, 0, 0 };

	if (len == 5 && msg[2] == EXT_SDTR) {
		async[3] = msg[3];
		return message_in(t, async, sizeof(async));
	}
	if (len == 4 && msg[2] == EXT_WDTR)
		return message_in(t, narrow, sizeof(narrow));
	return reject(t);
}

/* Length of a message, as its first two bytes say; 6.5 */
static u32 message_length(const u8 *msg, u32 left)
{
	if (msg[0] == MSG_EXTENDED)
		return left < 2 ? 2 : 2 + (msg[1] ? msg[1] : 256u);
	return msg[0] >= 0x20 && msg[0] <= 0x2f ? 2 : 1;
}

static void abort_held(struct target *t, u8 msg)
{
	u8 i;

	if (msg != MSG_CLEAR_QUEUE) {
		held_drop(t, t->initiator,
			  msg == MSG_ABORT_TAG && t->tagged ? t->tag : -1);
		return;
	}
	for (i = 0; i < PHY_INITIATORS; i++) {
		if (!held_drop(t, i, -1) || i == t->initiator)
			continue;
		t->nexus[t->unit][i].attention[0] = ASC_CLEARED;
		t->nexus[t->unit][i].attention[1] = 0;
	}
}

/* Return: false where that was the end of the connection */
static bool obey(struct target *t, const u8 *msg, u8 len)
{
	t->counters.messages++;
	if (msg[0] & MSG_IDENTIFY) {
		u8 lun = msg[0] & 7;

		if (msg[0] & (MSG_IDENTIFY_LUNTAR | MSG_IDENTIFY_RESERVED))
			return reject(t);
		if (t->identified && lun != t->lun) {	/* 6.6.7 */
			leave(t);
			return false;
		}
		t->identified = true;
		t->may_disconnect = msg[0] & MSG_IDENTIFY_DISCONNECT;
		t->lun = lun;
		return true;
	}
	/* any order is kept: what is held may be answered at any time */
	if (msg[0] >= MSG_SIMPLE_TAG && msg[0] <= MSG_ORDERED_TAG &&
	    t->identified) {
		t->tagged = true;
		t->tag = msg[1];
		return true;
	}
	switch (msg[0]) {
	case MSG_EXTENDED:
		return extended(t, msg, len);
	case MSG_INITIATOR_ERROR:
		t->bad = true;
		t->bad_asc = ASC_INITIATOR_ERROR;
		return true;
	case MSG_ABORT:
	case MSG_ABORT_TAG:
	case MSG_CLEAR_QUEUE:
		abort_held(t, msg[0]);
		t->counters.aborts++;
		nexus_of(t)->has_sense = false;
		leave(t);
		return false;
	case MSG_REJECT:	/* of SDTR's or WDTR's answer: it stays so */
		t->rejected = true;
		return true;
	case MSG_NOP:
		return true;
	case MSG_PARITY_ERROR:
		if (!t->last_length)
			return true;
		t->counters.retries++;
		return message_in(t, t->last_message, t->last_length);
	case MSG_DEVICE_RESET:
		t->counters.device_resets++;
		forget(t, 0);
		leave(t);
		return false;
	}
	return reject(t);
}

/* One MESSAGE OUT phase, as long as ATN is there. Return: as obey() */
static bool message_out(struct target *t)
{
	u8 buf[TARGET_MESSAGE_MAX];
	bool was_bad = t->bad;
	u32 n, pos, tries;

	for (tries = 0;; tries++) {
		bool parity = false;

		n = 0;
		do {
			enum phy_result result;

			if (n == sizeof(buf)) {
				leave(t);
				return false;
			}
			result = phy_out(PHY_MESSAGE_OUT, buf + n, 1);
			if (!settle(t, result))
				return false;
			parity |= result == PHY_PARITY;
			n++;
		} while (phy_atn());
		if (!parity)
			break;
		/* 6.1.9.2: the phase again, all bytes of it; or bus free */
		t->bad = was_bad;
		if (tries) {
			leave(t);
			return false;
		}
		t->counters.retries++;
	}
	for (pos = 0; pos < n;) {
		u32 len = message_length(buf + pos, n - pos);

		if (len > n - pos)	/* cut */
			return reject(t);
		if (!obey(t, buf + pos, len))
			return false;
		pos += len;
	}
	return true;
}

/* An initiator that never lets go of ATN must not hold us: a few rounds */
static bool attend(struct target *t)
{
	int rounds;

	for (rounds = 0; !t->gone && phy_atn(); rounds++) {
		if (rounds == 8)
			leave(t);
		else
			message_out(t);
	}
	return !t->gone;
}

static u8 group_length(u8 opcode)
{
	static const u8 lengths[8] = { 6, 10, 10, 6, 16, 12, 6, 6 };

	return lengths[opcode >> 5];
}

/**
 * target_data_out - take data from the initiator
 * @t: the target
 * @buf: room
 * @len: bytes
 *
 * Return: true where all came with good parity. Otherwise forget them.
 */
bool target_data_out(struct target *t, u8 *buf, u32 len)
{
	if (t->gone || !len)
		return !t->gone && !t->bad;
	if (!settle(t, phy_out(PHY_DATA_OUT, buf, len)))
		return false;
	t->counters.data_out += len;
	return attend(t) && !t->bad;
}

/**
 * target_data_in - give data to the initiator
 * @t: the target
 * @buf: the data
 * @len: bytes
 *
 * Return: true where all were taken.
 */
bool target_data_in(struct target *t, const u8 *buf, u32 len)
{
	if (t->gone || !len)
		return !t->gone && !t->bad;
	if (!settle(t, phy_in(PHY_DATA_IN, buf, len)))
		return false;
	t->counters.data_in += len;
	return attend(t) && !t->bad;
}

/* STATUS, COMMAND COMPLETE, bus free. Return: the initiator has got both */
static bool complete(struct target *t, u8 status)
{
	static const u8 msg = MSG_COMMAND_COMPLETE;

	if (t->gone || !settle(t, phy_in(PHY_STATUS, &status, 1)) ||
	    !attend(t) || !message_in(t, &msg, 1) || !attend(t))
		return false;
	leave(t);
	return true;
}

static void set_sense(struct target_nexus *nexus, u8 key, u8 asc, u8 ascq,
		      int pointer)
{
	u8 *sense = nexus->sense;

	memset(sense, 0, SENSE_LENGTH);
	sense[0] = 0x70;
	sense[2] = key;
	sense[7] = SENSE_LENGTH - 8;
	sense[12] = asc;
	sense[13] = ascq;
	if (pointer >= 0) {
		sense[15] = 0xc0;	/* in the CDB */
		sense[17] = pointer;
	}
	nexus->has_sense = true;
}

/**
 * target_check - end the command with CHECK CONDITION
 * @t: the target
 * @key: sense key
 * @asc: additional sense code
 * @ascq: its qualifier
 * @pointer: byte of the CDB that is wrong, or TARGET_NO_POINTER
 */
void target_check(struct target *t, u8 key, u8 asc, u8 ascq, int pointer)
{
	if (t->gone)
		return;
	if (t->bad) {
		key = SENSE_ABORTED_COMMAND;
		asc = t->bad_asc;
		ascq = 0;
		pointer = TARGET_NO_POINTER;
	}
	t->counters.checks++;
	set_sense(nexus_of(t), key, asc, ascq, pointer);
	complete(t, SCSI_CHECK_CONDITION);
}

/**
 * target_finish - end the command
 * @t: the target
 * @status: SCSI_GOOD, SCSI_BUSY or SCSI_TASK_SET_FULL
 *
 * What had bad parity ends with CHECK CONDITION instead.
 *
 * Return: true where the initiator has got this status.
 */
bool target_finish(struct target *t, u8 status)
{
	if (t->bad && !t->gone) {
		target_check(t, 0, 0, 0, TARGET_NO_POINTER);
		return false;
	}
	if (!t->gone && status != SCSI_GOOD)
		t->counters.busy++;
	return complete(t, status);
}

static void request_sense(struct target *t, const u8 *cdb)
{
	struct target_nexus *nexus = nexus_of(t);
	struct target_nexus other = { .has_sense = false };
	u8 len = cdb[4] < SENSE_LENGTH ? cdb[4] : SENSE_LENGTH;
	bool attention = false;

	if (t->lun) {	/* 7.5.3: no such LUN */
		set_sense(&other, SENSE_ILLEGAL_REQUEST, ASC_LUN, 0, -1);
	} else if (nexus->has_sense) {
		other = *nexus;
	} else if (nexus->attention[0]) {
		attention = true;
		set_sense(&other, SENSE_UNIT_ATTENTION, nexus->attention[0],
			  nexus->attention[1], -1);
	} else {
		set_sense(&other, 0, 0, 0, -1);
	}
	/* kept until it has come to the initiator */
	if (!target_data_in(t, other.sense, len) ||
	    !target_finish(t, SCSI_GOOD)) {
		target_finish(t, SCSI_GOOD);
		return;
	}
	if (t->lun)
		return;
	nexus->has_sense = false;
	if (attention)
		nexus->attention[0] = nexus->attention[1] = 0;
}

static void no_lun_inquiry(struct target *t, const u8 *cdb)
{
	/* 8.2.5.1: not capable of a device here */
	static const u8 buf[36] = { 0x7f, 0, 2, 2, 31 };
	u32 len = cdb[3] << 8 | cdb[4];

	target_data_in(t, buf, len < sizeof(buf) ? len : sizeof(buf));
	target_finish(t, SCSI_GOOD);
}

static void report_luns(struct target *t, const u8 *cdb)
{
	static const u8 buf[16] = { 0, 0, 0, 8 };
	u32 len = (u32)cdb[6] << 24 | cdb[7] << 16 | cdb[8] << 8 | cdb[9];

	if (len < sizeof(buf)) {
		target_check(t, SENSE_ILLEGAL_REQUEST, 0x24, 0, 6);
		return;
	}
	target_data_in(t, buf, sizeof(buf));
	target_finish(t, SCSI_GOOD);
}

/* What is the same on every unit. Return: true where that was all */
static bool common(struct target *t, const struct target_command *cmd)
{
	struct target_nexus *nexus = nexus_of(t);
	u8 opcode = cmd->cdb[0];

	if (t->bad) {
		target_finish(t, SCSI_GOOD);
		return true;
	}
	if (opcode == REQUEST_SENSE) {
		request_sense(t, cmd->cdb);
		return true;
	}
	if (t->tagged && held_drop(t, t->initiator, t->tag)) {	/* 7.5.2 */
		target_check(t, SENSE_ABORTED_COMMAND, ASC_OVERLAPPED_TAG,
			     t->tag, -1);
		return true;
	}
	nexus->has_sense = false;	/* 7.6: any other command ends it */
	if (t->lun) {
		if (opcode == INQUIRY)
			no_lun_inquiry(t, cmd->cdb);
		else
			target_check(t, SENSE_ILLEGAL_REQUEST, ASC_LUN, 0, -1);
		return true;
	}
	if (opcode == REPORT_LUNS) {
		report_luns(t, cmd->cdb);
		return true;
	}
	if (nexus->attention[0] && opcode != INQUIRY) {
		u8 asc = nexus->attention[0], ascq = nexus->attention[1];

		nexus->attention[0] = nexus->attention[1] = 0;
		target_check(t, SENSE_UNIT_ATTENTION, asc, ascq, -1);
		return true;
	}
	return false;
}

static bool connect(struct target *t, const struct phy_selection *sel)
{
	u8 unit;

	for (unit = 0; unit < t->units && t->ids[unit] != sel->target; unit++)
		;
	t->gone = false;
	if (unit == t->units || sel->initiator >= PHY_INITIATORS) {
		leave(t);	/* not one that phy_listen() has */
		return false;
	}
	t->unit = unit;
	t->initiator = sel->initiator;
	t->counters.selections[sel->initiator]++;
	t->lun = 0;
	t->identified = false;
	t->may_disconnect = false;
	t->tagged = false;
	t->bad = false;
	t->last_length = 0;
	return true;
}

/**
 * target_disconnect - let others have the bus, and end this command later
 * @t: the target
 * @cmd: the command, of which no data have moved yet
 * @now: for target_held.since
 *
 * Only tagged commands: without a tag the initiator has no other one meanwhile.
 *
 * Return: false where it cannot be held, and has to be ended now.
 */
bool target_disconnect(struct target *t, const struct target_command *cmd,
		       u32 now)
{
	static const u8 msg = MSG_DISCONNECT;
	struct target_held *held = &t->held[t->held_count];

	if (t->gone || t->bad || !t->may_disconnect || !t->tagged ||
	    t->initiator == PHY_NO_INITIATOR || t->held_count == TARGET_HELD)
		return false;
	t->rejected = false;
	if (!message_in(t, &msg, 1) || !attend(t))
		return true;	/* it is over */
	if (t->rejected || t->bad)
		return false;
	memset(held, 0, sizeof(*held));
	held->command = *cmd;
	held->lun = t->lun;
	held->tag = t->tag;
	held->since = now;
	t->held_count++;
	t->counters.disconnects++;
	leave(t);
	return true;
}

/**
 * target_reselect - go on with a command that is held
 * @t: the target; nothing is on the bus from here
 * @i: its number, less than t->held_count
 *
 * Return: true where it is to be ended now, as after target_poll(): it is not
 * held any more. Otherwise try again, if it is still there.
 */
bool target_reselect(struct target *t, u8 i)
{
	struct target_held held = t->held[i];
	u8 msg[] = { MSG_IDENTIFY | held.lun, MSG_SIMPLE_TAG, held.tag };

	switch (phy_reselect(t->ids[held.command.unit], held.command.initiator)) {
	case PHY_NOT_FREE:
		return false;
	case PHY_YIELDED:
		t->counters.yields++;
		return false;
	case PHY_NOBODY:
		t->counters.unanswered++;
		if (++t->held[i].tries == TARGET_TRIES)
			held_remove(t, i);
		return false;
	case PHY_RESELECTED:
		break;
	}
	t->counters.reselections++;
	held_remove(t, i);
	t->gone = false;
	t->unit = held.command.unit;
	t->initiator = held.command.initiator;
	t->lun = held.lun;
	t->identified = true;
	t->may_disconnect = false;
	t->tagged = true;
	t->tag = held.tag;
	t->bad = false;
	t->last_length = 0;
	return message_in(t, msg, sizeof(msg)) && attend(t);
}

static bool command(struct target *t, struct target_command *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->unit = t->unit;
	cmd->initiator = t->initiator;
	if (!settle(t, phy_out(PHY_COMMAND, cmd->cdb, 1)))
		return false;
	cmd->length = group_length(cmd->cdb[0]);
	if (!settle(t, phy_out(PHY_COMMAND, cmd->cdb + 1, cmd->length - 1)))
		return false;
	if (!t->identified)
		t->lun = cmd->cdb[1] >> 5;
	t->counters.commands++;
	return attend(t);
}

/**
 * target_poll - look for a command
 * @t: the target
 * @cmd: result
 *
 * The one before must have been ended. Commands that all units answer alike
 * are answered here: REQUEST SENSE, REPORT LUNS, what is for another LUN, and
 * what a unit attention comes before.
 *
 * Return: TARGET_COMMAND: end it with target_finish() or target_check().
 * TARGET_WAS_RESET: what initiators have agreed with us is void.
 */
enum target_event target_poll(struct target *t, struct target_command *cmd)
{
	struct phy_selection sel;

	if (phy_reset_seen()) {
		t->counters.resets++;
		forget(t, 0);
	}
	if (t->was_reset) {
		t->was_reset = false;
		return TARGET_WAS_RESET;
	}
	if (!phy_selection(&sel) || !connect(t, &sel) || !attend(t) ||
	    !command(t, cmd) || common(t, cmd))
		return TARGET_IDLE;
	return TARGET_COMMAND;
}
