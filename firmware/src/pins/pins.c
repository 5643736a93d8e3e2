// SPDX-License-Identifier: Apache-2.0
#include "pins/pins.h"

#include "boot/clock.h"
#include "boot/regs.h"

/* By what `board` in the settings says, from 1 */
static const struct pins boards[] = {
	{ .req = 1u << 17, .req_gpio = 17, .sel = 1u << 19 },
	{ .req = 1u << 19, .req_gpio = 19, .sel = 1u << 21 },
};

const struct pins *pins;

#define FUNCTION_SIO	5
/* The output enabled, whatever PIO0 says (2.19.6.1, OEOVER) */
#define FUNCTION_PIO0	(3u << 12 | 6)
/* Pads, 2.19.6.3: input enable, 4 mA, Schmitt trigger */
#define PAD_INPUT	(1u << 6 | 1u << 4 | 1u << 1)
#define PAD_PULL_UP	(1u << 3)

/* An output on all boards: SEL or REQ */
#define PROBE		(1u << 19)
#define PROBE_TIMES	3

/* Nothing is asserted before it is driven; DIR is 0: we listen */
static void connect(u32 outputs, u32 inputs)
{
	u32 all = outputs | inputs, n;

	REG(SIO_OE_CLR) = all;
	REG(SIO_OUT_SET) = all & ~(PIN_DIR | PIN_LED);
	REG(SIO_OUT_CLR) = all & (PIN_DIR | PIN_LED);
	for (n = 0; n < 29; n++) {
		if (!(all & 1u << n))
			continue;
		REG(PAD(n)) = PAD_INPUT | (outputs & 1u << n ? 0 : PAD_PULL_UP);
		REG(GPIO_CTRL(n)) = FUNCTION_SIO;
	}
	REG(SIO_OE_SET) = outputs;
}

static void use(u8 board)
{
	pins = &boards[board - 1];
	connect(pins->req, 0);
}

void pins_init(u8 board)
{
	connect(PIN_DIR | PIN_IO | PIN_BSY | PIN_LED | PROBE,
		PIN_DATA | PIN_CD | PIN_MSG | PIN_RST | PIN_ACK | PIN_ATN);
	if (board)
		use(board);
}

static void hand(u32 function, bool data)
{
	u32 n;

	REG(GPIO_CTRL(pins->req_gpio)) = function;
	for (n = 0; data && n < PIN_DATA_COUNT; n++)
		REG(GPIO_CTRL(n)) = function;
}

void pins_to_pio(bool data)
{
	hand(FUNCTION_PIO0, data);
}

void pins_to_sio(void)
{
	hand(FUNCTION_SIO, true);
}

u8 pins_board(void)
{
	return pins ? pins - boards + 1 : 0;
}

static void wait(u32 us)
{
	u32 begin = clock_us();

	/* the microsecond that has begun does not count */
	while (clock_us() - begin <= us)
		;
}

bool pins_probe(void)
{
	u32 idle = PIN_SEL | PIN_BSY_IN | PIN_RST, in, seen = 0, n;

	for (n = 0; n < PROBE_TIMES; n++) {
		if ((REG(SIO_GPIO_IN) & idle) != idle)
			return false;
		REG(SIO_OUT_CLR) = PROBE;
		wait(1);
		in = REG(SIO_GPIO_IN);
		REG(SIO_OUT_SET) = PROBE;
		wait(1);
		/* somebody else's SEL comes with BSY */
		if (!(in & PIN_BSY_IN))
			return false;
		seen += !(in & PIN_SEL);
	}
	if (seen && seen != PROBE_TIMES)
		return false;
	use(seen ? 1 : 2);
	return true;
}
