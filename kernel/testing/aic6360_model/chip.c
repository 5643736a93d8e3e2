// SPDX-License-Identifier: GPL-2.0-only
/* The AIC-6360, at register level: see chip.h and README.md */
#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#endif
#include "chip.h"

/* Registers */
enum {
	SCSISEQ, SXFRCTL0, SXFRCTL1, SCSISIG, SCSIRATE, SCSIID, SCSIDAT,
	SCSIBUS, STCNT0, STCNT1, STCNT2, SSTAT0, SSTAT1, SSTAT2, SSTAT3, SSTAT4,
	SIMODE0, SIMODE1, DMACNTRL0, DMACNTRL1, DMASTAT, FIFOSTAT, DATAPORT,
	BRSTCNTRL = 0x18, PORTA = 0x1a, PORTB, REV, STACK, TEST,
};

/* SCSISEQ */
#define TEMODEO		0x80
#define ENSELO		0x40
#define ENSELI		0x20
#define ENRESELI	0x10
#define ENAUTOATNO	0x08
#define ENAUTOATNI	0x04
#define ENAUTOATNP	0x02
#define SCSIRSTO	0x01
/* SXFRCTL0 */
#define SCSIEN		0x80
#define DMAEN		0x40
#define CLRSTCNT	0x10
#define SPIOEN		0x08
#define CLRCH1		0x02
/* SXFRCTL1 */
#define ENSPCHK		0x20
#define STIMESEL	0x18
#define ENSTIMER	0x04
/* SSTAT0 */
#define TARGET		0x80
#define SELDO		0x40
#define SELDI		0x20
#define SELINGO		0x10
#define SWRAP		0x08
#define SDONE		0x04
#define SPIORDY		0x02
/* SSTAT1, and what clears its bits */
#define SELTO		0x80
#define ATNTARG		0x40
#define CLRATNO		0x40
#define SCSIRSTI	0x20
#define PHASEMIS	0x10
#define BUSFREE		0x08
#define SCSIPERR	0x04
#define PHASECHG	0x02
#define REQINIT		0x01
/* SSTAT2 */
#define SEMPTY		0x10
#define SFULL		0x08
/* SSTAT4 */
#define FWERR		0x02
#define FRERR		0x01
/* DMACNTRL0 */
#define ENDMA		0x80
#define EIGHT_BIT	0x40
#define WRITE_READ	0x08
#define INTEN		0x04
#define RSTFIFO		0x02
#define SWINT		0x01
/* DMASTAT */
#define WORDRDY		0x40
#define INTSTAT		0x20
#define DFIFOFULL	0x10
#define DFIFOEMP	0x08

#define MS		1000000ULL	/* in ns */
#define CHIP_REV	1

static struct chip *to_chip(struct sbus_device *dev)
{
	return container_of(dev, struct chip, dev);
}

static void fifo_clear(struct chip_fifo *fifo)
{
	fifo->head = 0;
	fifo->count = 0;
}

static void fifo_put(struct chip_fifo *fifo, u8 byte)
{
	fifo->byte[(fifo->head + fifo->count++) % HOST_FIFO] = byte;
}

static u8 fifo_get(struct chip_fifo *fifo)
{
	u8 byte = fifo->byte[fifo->head];

	fifo->head = (fifo->head + 1) % HOST_FIFO;
	fifo->count--;
	return byte;
}

/* Between the two FIFOs */
static void move_fifos(struct chip *chip)
{
	if (!(chip->sxfrctl0 & DMAEN) || !(chip->dmacntrl0 & ENDMA))
		return;
	if (chip->dmacntrl0 & WRITE_READ) {
		while (chip->host.count && chip->scsi.count < SCSI_FIFO)
			fifo_put(&chip->scsi, fifo_get(&chip->host));
	} else {
		while (chip->scsi.count && chip->host.count < HOST_FIFO)
			fifo_put(&chip->host, fifo_get(&chip->scsi));
	}
}

static bool is_data(u16 lines)
{
	return !(lines & (SIG_CD | SIG_MSG));
}

static void count_byte(struct chip *chip)
{
	chip->stcnt = (chip->stcnt + 1) & 0xffffff;
	if (chip->stcnt)
		return;
	chip->sstat0 |= SWRAP;
	if (chip->target)
		chip->sstat0 |= SDONE;
}

/* A byte has come over the bus */
static u8 latch(struct chip *chip)
{
	if (!sbus_latch(chip->dev.bus) && (chip->sxfrctl1 & ENSPCHK)) {
		chip->sstat1 |= SCSIPERR;
		if (!chip->target && (chip->scsiseq & ENAUTOATNP))
			chip->atn = true;
	}
	return chip->dev.bus->data;
}

static void drive_byte(struct chip *chip, u8 byte)
{
	chip->dev.data = byte;
	chip->dev.drives_data = true;
}

static void let_go(struct chip *chip)
{
	chip->role = CHIP_NONE;
	chip->target = false;
	chip->atn = false;
	chip->pio_full = false;
	chip->pio_valid = false;
	chip->sstat0 &= ~(SELDO | SELDI);
	chip->dev.lines = 0;
	chip->dev.drives_data = false;
	chip->dev.deadline = SBUS_NEVER;
}

static bool phase_matches(const struct chip *chip)
{
	return !((chip->dev.bus->lines ^ chip->scsisig) & PHASE_MASK);
}

/* Initiator: a REQ that has not been answered */
static bool request_pending(const struct chip *chip)
{
	return chip->role == CHIP_CONNECTED && !chip->target &&
	       (chip->dev.bus->lines & SIG_REQ) && !(chip->dev.lines & SIG_ACK);
}

static bool spio_ready(const struct chip *chip)
{
	if (!(chip->sxfrctl0 & SPIOEN) && !chip->pio_full)
		return false;
	if (chip->role != CHIP_CONNECTED)
		return false;
	if (!chip->target)
		return request_pending(chip) && phase_matches(chip);
	if (chip->scsisig & SIG_IO)
		return !chip->pio_valid;
	return chip->pio_full;
}

/* One step of an initiator's information transfer */
static bool eval_initiator(struct chip *chip)
{
	u16 bus = chip->dev.bus->lines;
	u16 before = chip->dev.lines;

	if (chip->atn)
		chip->dev.lines |= SIG_ATN;
	else
		chip->dev.lines &= ~SIG_ATN;
	if (chip->dev.lines & SIG_ACK) {
		if (!(bus & SIG_REQ)) {
			chip->dev.lines &= ~SIG_ACK;
			chip->dev.drives_data = false;
		}
		return chip->dev.lines != before;
	}
	if (!(bus & SIG_REQ) || !phase_matches(chip))
		return chip->dev.lines != before;

	if (chip->sxfrctl0 & SPIOEN) {
		/* SCSIDAT's reader or writer has set pio_valid */
		if (chip->pio_valid) {
			chip->pio_valid = false;
			if (bus & SIG_IO)
				latch(chip);
			else
				drive_byte(chip, chip->scsidat);
			chip->dev.lines |= SIG_ACK;
		}
	} else if ((chip->sxfrctl0 & SCSIEN) && is_data(bus)) {
		if (bus & SIG_IO) {
			if (chip->scsi.count == SCSI_FIFO)
				return chip->dev.lines != before;
			fifo_put(&chip->scsi, latch(chip));
		} else {
			if (!chip->scsi.count)
				return chip->dev.lines != before;
			drive_byte(chip, fifo_get(&chip->scsi));
		}
		count_byte(chip);
		chip->dev.lines |= SIG_ACK;
	}
	move_fifos(chip);
	return chip->dev.lines != before;
}

/* One step of a target's */
static bool eval_target(struct chip *chip)
{
	u16 bus = chip->dev.bus->lines;
	u16 before = chip->dev.lines;
	bool in = chip->scsisig & SIG_IO;
	bool fifo = (chip->sxfrctl0 & SCSIEN) && is_data(chip->scsisig);

	chip->dev.lines = (before & (SIG_REQ | SIG_BSY)) |
			  (chip->scsisig & PHASE_MASK);
	if (chip->dev.lines & SIG_REQ) {
		if (!(bus & SIG_ACK))
			return chip->dev.lines != before;
		if (!in && fifo) {
			fifo_put(&chip->scsi, latch(chip));
		} else if (!in) {
			chip->scsidat = latch(chip);
			chip->pio_full = true;
		}
		if (fifo)
			count_byte(chip);
		else
			chip->pio_valid = false;
		chip->dev.lines &= ~SIG_REQ;
		move_fifos(chip);
		return true;
	}
	if (bus & SIG_ACK)
		return chip->dev.lines != before;
	chip->dev.drives_data = false;
	if (chip->sxfrctl0 & SPIOEN) {
		if (in && chip->pio_valid) {
			drive_byte(chip, chip->scsidat);
			chip->dev.lines |= SIG_REQ;
		} else if (!in && !chip->pio_full) {
			chip->dev.lines |= SIG_REQ;
		}
	} else if (fifo && chip->stcnt) {
		if (in && chip->scsi.count) {
			drive_byte(chip, fifo_get(&chip->scsi));
			chip->dev.lines |= SIG_REQ;
		} else if (!in && chip->scsi.count < SCSI_FIFO) {
			chip->dev.lines |= SIG_REQ;
		}
	}
	move_fifos(chip);
	return chip->dev.lines != before;
}

static unsigned int bits(u8 byte)
{
	unsigned int n;

	for (n = 0; byte; byte &= byte - 1)
		n++;
	return n;
}

/* SEL without BSY: are we meant, and do we answer? */
static bool eval_selection(struct chip *chip)
{
	u16 bus = chip->dev.bus->lines;
	u8 id = chip->dev.bus->data;

	if ((bus & (SIG_SEL | SIG_BSY)) != SIG_SEL)
		return false;
	if (!(id & 1 << chip->dev.id) || bits(id) > 2)
		return false;
	if (!(chip->scsiseq & (bus & SIG_IO ? ENRESELI : ENSELI)))
		return false;
	chip->role = CHIP_SELECTED;
	chip->target = !(bus & SIG_IO);
	chip->selid = id;
	chip->sstat0 |= SELDI;
	chip->dev.lines = SIG_BSY;
	return true;
}

static bool eval(struct sbus_device *dev)
{
	struct chip *chip = to_chip(dev);
	u16 bus = dev->bus->lines;

	if (bus & SIG_RST) {
		u16 rst = chip->scsiseq & SCSIRSTO ? SIG_RST : 0;

		chip->sstat1 |= SCSIRSTI;
		if (chip->role == CHIP_NONE && dev->lines == rst)
			return false;
		let_go(chip);
		dev->lines = rst;
		return true;
	}
	switch (chip->role) {
	case CHIP_NONE:
		return eval_selection(chip);
	case CHIP_SELECTING:
		if (!(bus & SIG_BSY))
			return false;
		chip->role = CHIP_CONNECTED;
		chip->arbitrate = false;
		chip->sstat0 |= SELDO;
		chip->sstat0 &= ~SELINGO;
		dev->deadline = SBUS_NEVER;
		dev->drives_data = false;
		dev->lines = chip->target ? SIG_BSY | SIG_IO : 0;
		if (chip->atn)
			dev->lines |= SIG_ATN;
		return true;
	case CHIP_SELECTED:
		if (bus & SIG_SEL)
			return false;
		chip->role = CHIP_CONNECTED;
		/* as target of a selection we keep BSY, else the other does */
		dev->lines = chip->target ? SIG_BSY : 0;
		if (!chip->target && (chip->scsiseq & ENAUTOATNI))
			chip->atn = true;
		return true;
	case CHIP_CONNECTED:
		return chip->target ? eval_target(chip) : eval_initiator(chip);
	}
	return false;
}

static void settled(struct sbus_device *dev)
{
	struct chip *chip = to_chip(dev);

	dev->wants_bus = chip->arbitrate && chip->role == CHIP_NONE;
	if (request_pending(chip) && !phase_matches(chip))
		chip->sstat1 |= PHASECHG;
	if (!sbus_free(dev->bus))
		return;
	if (chip->role != CHIP_NONE)
		let_go(chip);
	chip->sstat1 |= BUSFREE;
	dev->wants_bus = chip->arbitrate;
}

static void won(struct sbus_device *dev)
{
	struct chip *chip = to_chip(dev);
	static const unsigned int timeout_ms[] = { 256, 128, 64, 32 };

	chip->role = CHIP_SELECTING;
	chip->target = chip->scsiseq & TEMODEO;
	chip->sstat0 |= SELINGO;
	dev->lines = SIG_SEL | (chip->target ? SIG_IO : 0);
	if (!chip->target && (chip->scsiseq & ENAUTOATNO)) {
		chip->atn = true;
		dev->lines |= SIG_ATN;
	}
	drive_byte(chip, 1 << dev->id | 1 << (chip->scsiid & 7));
	if (chip->sxfrctl1 & ENSTIMER)
		dev->deadline = dev->bus->now + MS *
			timeout_ms[(chip->sxfrctl1 & STIMESEL) >> 3];
}

/* Selection time-out */
static void expire(struct sbus_device *dev)
{
	struct chip *chip = to_chip(dev);

	if (chip->role != CHIP_SELECTING)
		return;
	let_go(chip);
	chip->arbitrate = false;
	chip->sstat1 |= SELTO;
}

void chip_init(struct chip *chip, u8 id)
{
	memset(chip, 0, sizeof(*chip));
	chip->dev.id = id;
	chip->dev.eval = eval;
	chip->dev.won = won;
	chip->dev.expire = expire;
	chip->dev.settled = settled;
}

static u8 status0(struct chip *chip)
{
	return chip->sstat0 | (chip->target ? TARGET : 0) |
	       (spio_ready(chip) ? SPIORDY : 0);
}

static u8 status1(struct chip *chip)
{
	u8 status = chip->sstat1;

	if (request_pending(chip))
		status |= REQINIT | (phase_matches(chip) ? 0 : PHASEMIS);
	if (chip->role == CHIP_CONNECTED && chip->target &&
	    (chip->dev.bus->lines & SIG_ATN))
		status |= ATNTARG;
	return status;
}

bool chip_interrupts(struct chip *chip)
{
	return (status0(chip) & chip->simode0 & ~TARGET) ||
	       (status1(chip) & chip->simode1) || (chip->dmacntrl0 & SWINT);
}

bool chip_irq(struct chip *chip)
{
	return (chip->dmacntrl0 & INTEN) && chip_interrupts(chip);
}

static u8 dma_status(struct chip *chip)
{
	u8 status = chip_interrupts(chip) ? INTSTAT : 0;

	if (!chip->host.count)
		status |= DFIFOEMP;
	if (chip->host.count == HOST_FIFO)
		status |= DFIFOFULL;
	if (chip->dmacntrl0 & WRITE_READ ? chip->host.count <= HOST_FIFO - 2 :
					   chip->host.count >= 2)
		status |= WORDRDY;
	return status;
}

static u8 read_fifo(struct chip *chip)
{
	u8 byte;

	if (!chip->host.count) {
		chip->sstat4 |= FRERR;
		return 0xff;
	}
	byte = fifo_get(&chip->host);
	move_fifos(chip);
	return byte;
}

static void write_fifo(struct chip *chip, u8 value)
{
	if (chip->host.count == HOST_FIFO) {
		chip->sstat4 |= FWERR;
		return;
	}
	fifo_put(&chip->host, value);
	move_fifos(chip);
}

/* SCSIDAT: with automatic PIO, reading and writing it moves the handshake */
static u8 read_scsidat(struct chip *chip)
{
	u8 byte = chip->scsidat;

	if (chip->role != CHIP_CONNECTED)
		return byte;
	if (chip->target) {
		chip->pio_full = false;
	} else if (chip->dev.bus->lines & SIG_IO) {
		if (request_pending(chip))
			byte = chip->scsidat = chip->dev.bus->data;
		if (spio_ready(chip))
			chip->pio_valid = true;
	}
	return byte;
}

static void write_scsidat(struct chip *chip, u8 value)
{
	bool ready = spio_ready(chip);

	chip->scsidat = value;
	if (ready)
		chip->pio_valid = true;
}

u8 chip_read(struct chip *chip, unsigned int offset)
{
	switch (offset) {
	case SCSISEQ:	return chip->scsiseq;
	case SXFRCTL0:	return chip->sxfrctl0;
	case SXFRCTL1:	return chip->sxfrctl1;
	case SCSISIG:	return chip->dev.bus->lines;
	case SCSIRATE:	return chip->scsirate;
	case SCSIID:	return chip->selid;
	case SCSIDAT:	return read_scsidat(chip);
	case SCSIBUS:	return chip->dev.bus->data;
	case STCNT0:	return chip->stcnt;
	case STCNT1:	return chip->stcnt >> 8;
	case STCNT2:	return chip->stcnt >> 16;
	case SSTAT0:	return status0(chip);
	case SSTAT1:	return status1(chip);
	case SSTAT2:
		return (chip->scsi.count ? 0 : SEMPTY) |
		       (chip->scsi.count == SCSI_FIFO ? SFULL :
							chip->scsi.count);
	case SSTAT3:	return chip->scsi.count << 4;
	case SSTAT4:	return chip->sstat4;
	case SIMODE0:	return chip->simode0;
	case SIMODE1:	return chip->simode1;
	case DMACNTRL0:	return chip->dmacntrl0;
	case DMACNTRL1:	return chip->dmacntrl1;
	case DMASTAT:	return dma_status(chip);
	case FIFOSTAT:	return chip->host.count;
	case DATAPORT:	return read_fifo(chip);
	case BRSTCNTRL:	return chip->brstcntrl;
	case PORTA:	return chip->porta;
	case PORTB:	return chip->portb;
	case REV:	return CHIP_REV;
	case STACK:
		return chip->stack[chip->dmacntrl1++ & 15];
	case TEST:	return chip->test;
	}
	return 0xff;
}

static void write_scsiseq(struct chip *chip, u8 value)
{
	chip->scsiseq = value;
	chip->arbitrate = value & ENSELO;
	if (!chip->arbitrate && chip->role == CHIP_SELECTING)
		let_go(chip);
	if (value & SCSIRSTO) {
		chip->dev.lines |= SIG_RST;
		chip->sstat1 |= SCSIRSTI;
	} else {
		chip->dev.lines &= ~SIG_RST;
	}
}

static void write_scsisig(struct chip *chip, u8 value)
{
	chip->scsisig = value;
	if (chip->role != CHIP_CONNECTED)
		return;
	if (!chip->target) {
		if (value & SIG_ATN)
			chip->atn = true;
	} else if (value & SIG_BSY) {
		chip->dev.lines |= SIG_BSY;
	} else {
		let_go(chip);
	}
}

static void write_sxfrctl0(struct chip *chip, u8 value)
{
	/* CLRSTCNT and CLRCH1 do something, and read as 0 */
	chip->sxfrctl0 = value & ~(CLRSTCNT | CLRCH1);
	if (value & CLRSTCNT)
		chip->stcnt = 0;
	if (value & CLRCH1)
		fifo_clear(&chip->scsi);
}

static void write_status1(struct chip *chip, u8 value)
{
	if (value & CLRATNO)
		chip->atn = false;
	chip->sstat1 &= ~value;
}

void chip_write(struct chip *chip, unsigned int offset, u8 value)
{
	switch (offset) {
	case SCSISEQ:
		write_scsiseq(chip, value);
		break;
	case SXFRCTL0:
		write_sxfrctl0(chip, value);
		break;
	case SXFRCTL1:
		chip->sxfrctl1 = value;
		break;
	case SCSISIG:
		write_scsisig(chip, value);
		break;
	case SCSIRATE:
		chip->scsirate = value;
		break;
	case SCSIID:
		chip->scsiid = value;
		chip->dev.id = value >> 4 & 7;
		break;
	case SCSIDAT:
		write_scsidat(chip, value);
		break;
	case STCNT0:
	case STCNT1:
	case STCNT2:
		chip->stcnt &= ~(0xff << (offset - STCNT0) * 8);
		chip->stcnt |= value << (offset - STCNT0) * 8;
		break;
	case SSTAT0:
		chip->sstat0 &= ~(value & ~TARGET);
		if (value & TARGET)	/* SETSDONE */
			chip->sstat0 |= SDONE;
		break;
	case SSTAT1:
		write_status1(chip, value);
		break;
	case SSTAT4:
		chip->sstat4 &= ~value;
		break;
	case SIMODE0:
		chip->simode0 = value;
		break;
	case SIMODE1:
		chip->simode1 = value;
		break;
	case DMACNTRL0:
		if (value & RSTFIFO)
			fifo_clear(&chip->host);
		chip->dmacntrl0 = value & ~RSTFIFO;
		break;
	case DMACNTRL1:
		chip->dmacntrl1 = value;
		break;
	case DATAPORT:
		write_fifo(chip, value);
		break;
	case BRSTCNTRL:
		chip->brstcntrl = value;
		break;
	case PORTA:
		chip->porta = value;
		break;
	case PORTB:
		chip->portb = value;
		break;
	case STACK:
		chip->stack[chip->dmacntrl1++ & 15] = value;
		break;
	case TEST:
		chip->test = value;
		break;
	}
}
