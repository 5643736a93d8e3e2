/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REQ and ACK of the data phases, by a state machine of PIO0
 *
 * The processor looks up parity, and fills or empties the machine's queue of
 * four: 17 cycles a byte in, 22 out. The handshake takes longer, with any
 * initiator that answers in 50 ns or more, so DMA would gain nothing. With
 * nothing to do, both programs leave REQ released.
 */
#ifndef PIO_H
#define PIO_H

#include "boot/regs.h"
#include "ipscsi_codec.h"

/* Loads both programs */
void pio_init(void);

/*
 * Makes REQ, and for @in the data, the machine's. The lines of the phase are
 * as they must be. Whatever was left of another phase is forgotten.
 */
void pio_start(bool in);

/* Takes the pins back. REQ is released, wherever the machine was */
void pio_stop(void);

/* A word of nine lines, as the pins have it, may be put */
static inline bool pio_room(void)
{
	return !(REG(PIO_FSTAT) & PIO_TX_FULL);
}

static inline void pio_put(u32 word)
{
	REG(PIO_TXF) = word;
}

/* One can be got */
static inline bool pio_filled(void)
{
	return !(REG(PIO_FSTAT) & PIO_RX_EMPTY);
}

static inline u32 pio_get(void)
{
	return REG(PIO_RXF);
}

/* DATA OUT: asks for @len bytes, at least one, all of which are to be got before the next are asked for */
void pio_ask(u32 len);

/* DATA IN: the initiator has acknowledged all that was put, and REQ is released */
bool pio_done(void);

/* Another number after each edge of ACK */
u32 pio_progress(void);

#endif
