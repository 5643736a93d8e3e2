/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bus, as the layers above see it: phases with bytes
 *
 * phy_gpio.c drives the pins; tests/fake_phy.c stands in for it on the host.
 * Nothing here waits longer than the driver's time-out: an initiator that
 * stops in the middle of a phase gets PHY_TIMEOUT, and the bus is freed.
 */
#ifndef PHY_H
#define PHY_H

#include "ipscsi_codec.h"

/* The lines of a phase: bit 0 I/O, bit 1 C/D, bit 2 MSG */
enum phy_phase {
	PHY_DATA_OUT = 0,
	PHY_DATA_IN = 1,
	PHY_COMMAND = 2,
	PHY_STATUS = 3,
	PHY_MESSAGE_OUT = 6,
	PHY_MESSAGE_IN = 7,
};

enum phy_result {
	PHY_OK,
	PHY_PARITY,	/* all bytes were taken, one or more with bad parity */
	PHY_RESET,	/* RST: the bus is free already */
	PHY_TIMEOUT,	/* the initiator does not answer REQ */
};

enum phy_reselected {
	PHY_RESELECTED,	/* BSY is ours */
	PHY_NOT_FREE,	/* the bus */
	PHY_YIELDED,	/* somebody else wants it, too */
	PHY_NOBODY,	/* the initiator does not answer; the bus is free again */
};

#define PHY_INITIATORS		9	/* IDs 0 to 7, and who says none */
#define PHY_NO_INITIATOR	8

/**
 * struct phy_selection - somebody has selected us, and BSY is ours
 * @target: the ID that was selected, 0 to 7
 * @initiator: by whom: 0 to 7, or PHY_NO_INITIATOR
 */
struct phy_selection {
	u8 target;
	u8 initiator;
};

/* Answer selections of these IDs, a bit each; 0: none */
void phy_listen(u8 ids);

/* Return: true with a selection that was answered */
bool phy_selection(struct phy_selection *out);

/*
 * Arbitrates as @target, yielding to anybody, and reselects @initiator. Takes
 * up to 3 ms where it does not answer.
 */
enum phy_reselected phy_reselect(u8 target, u8 initiator);

/* Return: true once after RST was seen */
bool phy_reset_seen(void);

/* ATN is asserted. Only true to life while BSY is ours */
bool phy_atn(void);

/* Sends @len bytes, I/O true: DATA IN, STATUS, MESSAGE IN. Never PHY_PARITY */
enum phy_result phy_in(enum phy_phase phase, const u8 *buf, u32 len);

/* Takes @len bytes, I/O false: DATA OUT, COMMAND, MESSAGE OUT */
enum phy_result phy_out(enum phy_phase phase, u8 *buf, u32 len);

/* Nothing happens for so many microseconds */
void phy_pause(u32 us);

/* Which group of boards this is, of pins.h; 0: it is not known yet, and no selection is answered */
u8 phy_board(void);

/* Lets go of BSY and all else */
void phy_bus_free(void);

#endif
