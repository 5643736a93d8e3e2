/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The AIC-6360 as the host sees it: 32 ports
 *
 * Names of registers and bits are those of drivers/scsi/aha152x.h. What that
 * driver does not show is after the AIC-7770's registers, a descendant
 * (aic7xxx.reg, and aic7xxx.seq for target mode). What is an assumption is in
 * README.md.
 */
#ifndef AIC6360_CHIP_H
#define AIC6360_CHIP_H

#include "bus.h"

#define CHIP_PORTS	0x20
#define HOST_FIFO	128	/* bytes between DATAPORT and the SCSI FIFO */
#define SCSI_FIFO	8	/* bytes between that and the bus */

/* What the chip is on the bus */
enum chip_role {
	CHIP_NONE,
	CHIP_SELECTING,		/* drives SEL, waits for BSY */
	CHIP_SELECTED,		/* drives BSY, waits for SEL to go */
	CHIP_CONNECTED,
};

struct chip_fifo {
	u8 byte[HOST_FIFO];
	unsigned int head, count;
};

/**
 * struct chip - one AIC-6360
 * @dev: as a device on the bus
 * @role: what it is on the bus
 * @target: it is the target of the connection (SSTAT0's TARGET)
 * @atn: drives ATN until CLRATNO, bus free or reset
 * @arbitrate: ENSELO has been written, and no selection has ended since
 * @pio_full: target, automatic PIO: SCSIDAT has a byte that nobody has read
 * @pio_valid: SCSIDAT has a byte to send
 * @sstat0: SELDO, SELDI, SELINGO, SWRAP, SDONE, DMADONE; the rest is computed
 * @sstat1: SELTO, SCSIRSTI, BUSFREE, SCSIPERR, PHASECHG, as latched
 */
struct chip {
	struct sbus_device dev;
	enum chip_role role;
	bool target, atn, arbitrate, pio_full, pio_valid;
	u8 scsiseq, sxfrctl0, sxfrctl1, scsisig, scsirate, scsiid, selid;
	u8 scsidat, sstat0, sstat1, sstat4, simode0, simode1;
	u8 dmacntrl0, dmacntrl1, brstcntrl, porta, portb, test;
	u8 stack[16];
	u32 stcnt;
	struct chip_fifo host, scsi;
};

void chip_init(struct chip *chip, u8 id);
/* Registers, by their offset. Neither settles. */
u8 chip_read(struct chip *chip, unsigned int offset);
void chip_write(struct chip *chip, unsigned int offset, u8 value);
/* Something that interrupts are asked for, whether they are on or not */
bool chip_interrupts(struct chip *chip);
/* The interrupt line */
bool chip_irq(struct chip *chip);

#endif
