/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk on the modelled bus: the other end that the unpatched driver proves
 * the model with. It is made of signals only, as the chips are.
 */
#ifndef AIC6360_DISK_H
#define AIC6360_DISK_H

#include "bus.h"

#define DISK_BLOCK	512
#define DISK_CDB	16
#define DISK_MESSAGES	16

/**
 * struct disk - LUN 0, one command at a time
 * @dev: as a device on the bus
 * @store: its blocks
 * @blocks: how many
 * @disconnects: leaves the bus between command and data, if it may
 * @sync: agrees to synchronous transfers; otherwise rejects SDTR
 * @sense_busy: answers so many REQUEST SENSE from now with BUSY
 * @busy_ns: how long it stays away
 * @commands: executed
 * @rejected: messages that the initiator rejected
 */
struct disk {
	struct sbus_device dev;
	u8 *store;
	u32 blocks;
	bool disconnects, sync;
	u32 sense_busy;
	u64 busy_ns;
	u64 commands, rejected, resets, aborts;

	/* the connection */
	bool connected, selecting, answering;
	u8 initiator, message[DISK_MESSAGES], cdb[DISK_CDB], identify;
	unsigned int messages;
	/* what it transfers, and what comes then */
	u16 phase;
	u8 *buf;
	u32 len, pos;
	void (*next)(struct disk *disk), (*then)(struct disk *disk);
	/* the command, between connections too */
	bool active, data_in;
	u8 owner, owner_identify;
	u8 *data;
	u32 data_len;
	u8 status, sense_key, asc;
	u8 reply[64], answer[5];
	bool attention;
};

void disk_init(struct disk *disk, u8 id, u8 *store, u32 blocks);

#endif
