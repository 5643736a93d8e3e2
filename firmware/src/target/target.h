/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SCSI-2 target: selection, messages, sense, unit attention
 *
 * The layer above asks target_poll() for a command, moves its data, and ends
 * it with target_finish() or target_check(). One command at a time is on the
 * bus; tags are taken, so that initiators have several under way and a GET does
 * not keep SENDs waiting in their queues. A tagged command may be held with
 * target_disconnect(), and gone on with by target_reselect(). Whatever the
 * initiator does in between (RST, ABORT, bad parity, silence) is settled here:
 * data functions then return false, and how the command is ended does not
 * matter any more.
 */
#ifndef TARGET_H
#define TARGET_H

#include "phy/phy.h"

/* Status */
#define SCSI_GOOD		0x00
#define SCSI_CHECK_CONDITION	0x02
#define SCSI_BUSY		0x08
#define SCSI_TASK_SET_FULL	0x28

/* Sense keys */
#define SENSE_NOT_READY		0x02
#define SENSE_ILLEGAL_REQUEST	0x05
#define SENSE_UNIT_ATTENTION	0x06
#define SENSE_ABORTED_COMMAND	0x0b

#define SENSE_LENGTH		18
#define TARGET_UNITS		2	/* IDs that we answer: a LUN 0 each */
#define TARGET_HELD		16	/* commands of all initiators that are held */
#define TARGET_TRIES		3	/* of reselection, where nobody answers */
#define TARGET_MESSAGE_MAX	32	/* bytes of one MESSAGE OUT phase */
#define TARGET_NO_POINTER	(-1)

enum target_event {
	TARGET_IDLE,
	TARGET_COMMAND,
	TARGET_WAS_RESET,	/* RST, or BUS DEVICE RESET */
};

/**
 * struct target_command - what target_poll() brings
 * @unit: index of the ID in what target_init() got
 * @initiator: 0 to 7, or PHY_NO_INITIATOR
 * @cdb: the CDB; zeros behind it
 * @length: bytes of it: 6, 10, 12 or 16
 */
struct target_command {
	u8 unit;
	u8 initiator;
	u8 cdb[16];
	u8 length;
};

/**
 * struct target_held - a command whose initiator has let go of the bus for now
 * @command: as it came
 * @lun, @tag: for reselection
 * @since: as target_disconnect() was told
 * @due: the layer above wants it to be ended
 * @tries: reselections that nobody answered
 */
struct target_held {
	struct target_command command;
	u8 lun;
	u8 tag;
	u8 tries;
	bool due;
	u32 since;
};

/* Counts since the start; they wrap */
struct target_counters {
	u32 selections[PHY_INITIATORS];
	u32 commands;
	u32 checks;		/* CHECK CONDITION */
	u32 busy;		/* BUSY and TASK SET FULL */
	u32 resets;		/* RST */
	u32 device_resets;	/* BUS DEVICE RESET */
	u32 aborts;
	u32 parity_errors;	/* phases in which there was one */
	u32 timeouts;
	u32 messages;		/* taken from initiators */
	u32 rejects;		/* MESSAGE REJECT sent */
	u32 retries;		/* phases that were repeated */
	u32 data_in;		/* bytes in DATA IN */
	u32 data_out;		/* bytes in DATA OUT */
	u32 disconnects;
	u32 reselections;
	u32 yields;		/* arbitrations that gave way to others */
	u32 unanswered;		/* reselections */
};

struct target_nexus {
	u8 sense[SENSE_LENGTH];
	bool has_sense;
	u8 attention[2];	/* ASC and ASCQ; 0, 0: none */
};

struct target {
	u8 ids[TARGET_UNITS];
	u8 units;
	u8 unit;
	u8 initiator;
	u8 lun;
	bool identified;	/* @lun is IDENTIFY's */
	bool may_disconnect;	/* IDENTIFY says so */
	bool tagged;		/* with @tag */
	u8 tag;
	bool rejected;		/* the last message from here */
	bool gone;		/* the bus is free, nothing to say any more */
	bool bad;		/* bad parity, or INITIATOR DETECTED ERROR */
	u8 bad_asc;	/* ASC for that */
	u8 quiet;		/* units that tell no unit attention, a bit each */
	bool was_reset;		/* for target_poll() to tell */
	u8 last_message[8];	/* for MESSAGE PARITY ERROR */
	u8 last_length;
	struct target_held held[TARGET_HELD];	/* the oldest first */
	u8 held_count;
	struct target_nexus nexus[TARGET_UNITS][PHY_INITIATORS];
	struct target_counters counters;
};

void target_init(struct target *t, const u8 *ids, u8 units);
enum target_event target_poll(struct target *t, struct target_command *cmd);
bool target_data_out(struct target *t, u8 *buf, u32 len);
bool target_data_in(struct target *t, const u8 *buf, u32 len);
bool target_finish(struct target *t, u8 status);
void target_check(struct target *t, u8 key, u8 asc, u8 ascq, int pointer);
bool target_disconnect(struct target *t, const struct target_command *cmd,
		       u32 now);
bool target_reselect(struct target *t, u8 held);
void target_quiet(struct target *t, u8 unit);
void target_pause(struct target *t, u32 us);
void target_unit_attention(struct target *t, u8 unit, u8 asc, u8 ascq);

#endif
