/* SPDX-License-Identifier: Apache-2.0 */
/* An initiator on a bus that is not there: see phy/phy.h */
#ifndef FAKE_PHY_H
#define FAKE_PHY_H

#include "phy/phy.h"

#define FAKE_IN_MAX 70000

/**
 * struct fake_phy - what the initiator does, and what it saw
 * @ids: what phy_listen() was told
 * @selecting: it waits for us, as @selection says
 * @messages: bytes of its MESSAGE OUT phases; ATN while some are left
 * @cdb: its command
 * @out: its data
 * @fault: result of the phase @fault_phase, once, after @fault_skip such phases
 * @later: messages that it wants to send after @later_skip phases of @later_phase
 * @forever: ATN never goes away
 * @in: what came in DATA IN; @status, @message_in likewise
 * @frees: times the bus was freed
 */
struct fake_phy {
	u8 ids;
	bool selecting;
	bool busy;
	struct phy_selection selection;
	u8 messages[64];
	u32 nmessages, message;
	u8 cdb[16];
	u32 ncdb;
	const u8 *out;
	u32 nout, pos;
	enum phy_result fault;
	int fault_phase;
	u32 fault_skip;
	u8 later[16];
	u32 nlater;
	int later_phase;
	u32 later_skip;
	bool forever;
	bool reset;
	u8 in[FAKE_IN_MAX];
	u32 nin;
	u8 status[8];
	u32 nstatus;
	u8 message_in[256];
	u32 nmessage_in;
	u32 frees;
	enum phy_reselected reselect;	/* what comes of it */
	u8 reselected;			/* the initiator */
	u32 reselections;
	u32 paused, pauses;	/* us, times */
};

extern struct fake_phy fake;

/* A new initiator, with nothing to say */
void fake_clear(void);

/*
 * Selects @id as @initiator with IDENTIFY for LUN @lun (-1: without ATN), and
 * has a CDB and data ready. What it saw before is forgotten.
 */
void fake_command(u8 id, u8 initiator, int lun, const u8 *cdb, u32 ncdb,
		  const u8 *out, u32 nout);

#endif
