// SPDX-License-Identifier: Apache-2.0
#include "pins/pins.h"

#include "boot/regs.h"

static const struct pins boards[] = {
	{ .req = 1u << 17 },
	{ .req = 1u << 19 },
};

const struct pins *pins = &boards[0];

#define FUNCTION_SIO	5
/* Pads, 2.19.6.3: input enable, 4 mA, Schmitt trigger */
#define PAD_INPUT	(1u << 6 | 1u << 4 | 1u << 1)
#define PAD_PULL_UP	(1u << 3)

void pins_init(u8 board)
{
	u32 outputs, all, n;

	pins = &boards[board == 2];
	outputs = PIN_DIR | pins->req | PIN_IO | PIN_BSY | PIN_LED;
	all = outputs | PIN_DATA | PIN_CD | PIN_MSG | PIN_RST | PIN_ACK |
	      PIN_ATN;
	/* nothing is asserted before it is driven; DIR is 0: we listen */
	REG(SIO_OE_CLR) = all;
	REG(SIO_OUT_SET) = all & ~(PIN_DIR | PIN_LED);
	REG(SIO_OUT_CLR) = PIN_DIR | PIN_LED;
	for (n = 0; n < 29; n++) {
		if (!(all & 1u << n))
			continue;
		REG(PAD(n)) = PAD_INPUT | (outputs & 1u << n ? 0 : PAD_PULL_UP);
		REG(GPIO_CTRL(n)) = FUNCTION_SIO;
	}
	REG(SIO_OE_SET) = outputs;
}
