/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bus's lines at the RP2040's pins: BlueSCSI v2 and ZuluSCSI Pico
 *
 * All lines are active low: a line is asserted where its pin is 0. Two pins
 * are two lines each: driven by us they are C/D and MSG, otherwise we see SEL
 * and BSY there. Drivers are open drain: a 1 lets go.
 */
#ifndef PINS_H
#define PINS_H

#include "ipscsi_codec.h"

#define PIN_DATA	0x1ffu		/* GPIO 0 to 8: DB0 to DB7, DBP */
#define PIN_DATA_COUNT	9u
#define PIN_DIR		(1u << 9)	/* 1: we drive all nine */
#define PIN_CD		(1u << 18)	/* out */
#define PIN_SEL		(1u << 18)	/* in */
#define PIN_MSG		(1u << 20)	/* out */
#define PIN_BSY_IN	(1u << 20)	/* in */
#define PIN_RST		(1u << 21)
#define RST_GPIO	21
#define PIN_IO		(1u << 22)
#define PIN_LED		(1u << 25)
#define PIN_ACK		(1u << 26)
#define ACK_GPIO	26u
#define PIN_BSY		(1u << 27)	/* out */
#define PIN_ATN		(1u << 28)

/**
 * struct pins - what differs between the boards
 * @req: the pin that drives REQ
 * @req_gpio: its number
 * @sel: the pin that drives SEL; it may be RST's, too
 */
struct pins {
	u32 req;
	u32 req_gpio;
	u32 sel;
};

/* NULL as long as it is not known */
extern const struct pins *pins;

/*
 * @board: 1: DB25 (2024.01a), Centronics (2024.03a), ZuluSCSI Pico; 2:
 * Desktop50, PowerBook (2023.10a); 0: to be probed
 */
void pins_init(u8 board);

/* REQ is PIO0's, and with @data the data lines are, too: then PIO0 drives them */
void pins_to_pio(bool data);

/* And the processor's again */
void pins_to_sio(void);

/* As pins_init() has it, or as it was probed; 0: not known yet */
u8 pins_board(void);

/*
 * Finds out where SEL is: GPIO 19 drives SEL on the one group, and then we see
 * it; on the other it drives REQ, which we cannot see. On a free bus a pulse
 * of either, without BSY and without IDs, means nothing to anybody. Takes some
 * 12 us. Return: false: the bus is not free, try again.
 */
bool pins_probe(void);

#endif
