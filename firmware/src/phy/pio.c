// SPDX-License-Identifier: Apache-2.0
#include "phy/pio.h"

#include "pins/pins.h"

/* 3.4: instructions; the bit of side-set is REQ's pin, the other four a delay in cycles of 8 ns */
#define RELEASED	(1u << 12)
#define ASSERTED	(0u << 12)
#define DELAY(cycles)	((cycles) << 8)
#define JMP(to)		(0x0000u | (to))
#define JMP_X_DEC(to)	(0x0040u | (to))
#define WAIT_ACK(level)	(0x2000u | (level) << 7 | ACK_GPIO)
#define IN_PINS(count)	(0x4000u | (count))
#define OUT_PINS(count)	(0x6000u | (count))
#define PUSH_BLOCK	0x8020u
#define PULL_BLOCK	0x80a0u
#define PULL_NOBLOCK	0x8080u
#define MOV_X_OSR	0xa027u

/* ACK may ring: so many cycles after an edge it is not looked at. Each edge waits for one of REQ, so none is missed */
#define BLANK		4u

#define IN_FIRST	0u
#define IN_LAST		3u
#define OUT_FIRST	4u
#define OUT_LOOP	6u
#define OUT_LAST	10u

static const u16 program[] = {
	/* DATA IN */
	[IN_FIRST] = PULL_BLOCK | RELEASED,
	/* deskew and cable skew delay, 55 ns, and some for the drivers: 80 ns to REQ at least */
	OUT_PINS(PIN_DATA_COUNT) | RELEASED | DELAY(8),
	WAIT_ACK(1) | RELEASED | DELAY(BLANK - 1),
	[IN_LAST] = WAIT_ACK(0) | ASSERTED,
	/* DATA OUT: the number of bytes less 1, then that many */
	[OUT_FIRST] = PULL_BLOCK | RELEASED,
	MOV_X_OSR | RELEASED,
	[OUT_LOOP] = WAIT_ACK(1) | RELEASED | DELAY(BLANK - 1),
	WAIT_ACK(0) | ASSERTED,
	/* data were there 55 ns before ACK */
	IN_PINS(PIN_DATA_COUNT) | RELEASED | DELAY(BLANK - 1),
	PUSH_BLOCK | RELEASED,
	[OUT_LAST] = JMP_X_DEC(OUT_LOOP) | RELEASED,
};

void pio_init(void)
{
	u32 n;

	for (n = 0; n < sizeof(program) / sizeof(program[0]); n++)
		REG(PIO_INSTR_MEM(n)) = program[n];
}

void pio_start(bool in)
{
	u32 first = in ? IN_FIRST : OUT_FIRST, last = in ? IN_LAST : OUT_LAST;

	REG(PIO_CTRL) = PIO_RESTART;
	REG(PIO_EXECCTRL) = last << 12 | first << 7;
	/* OUT from the lowest bit, IN to the lowest */
	REG(PIO_SHIFTCTRL) = 1u << 19;
	/* one pin of side-set, nine of OUT from GPIO 0 on, IN from there */
	REG(PIO_PINCTRL) = 1u << 29 | PIN_DATA_COUNT << 20 |
			   pins->req_gpio << 10;
	while (pio_filled())
		pio_get();
	while (!(REG(PIO_FSTAT) & PIO_TX_EMPTY))
		REG(PIO_INSTR) = PULL_NOBLOCK | RELEASED;
	REG(PIO_INSTR) = JMP(first) | RELEASED;
	pins_to_pio(in);
	REG(PIO_CTRL) = PIO_ENABLE;
}

void pio_stop(void)
{
	pins_to_sio();
	REG(PIO_CTRL) = 0;
}

void pio_ask(u32 len)
{
	pio_put(len - 1);
}

/* In this order: once the last word is out of the queue, the machine is at its begin again only with it behind it */
bool pio_done(void)
{
	return REG(PIO_FSTAT) & PIO_TX_EMPTY && REG(PIO_ADDR) == IN_FIRST;
}

u32 pio_progress(void)
{
	return REG(PIO_FLEVEL) << 5 | REG(PIO_ADDR);
}
