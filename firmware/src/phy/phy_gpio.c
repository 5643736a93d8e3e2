// SPDX-License-Identifier: Apache-2.0
/*
 * The bus, driven by the processor through its pins; data phases by pio.c
 *
 * Times are SCSI-2's (4.7), given as counts of a loop that takes at least 3
 * cycles of 8 ns: too long never hurts here. Asynchronous transfer, so the
 * initiator may be as slow as it likes, up to the time-out.
 */
#include "boot/clock.h"
#include "boot/regs.h"
#include "phy/phy.h"
#include "phy/pio.h"
#include "pins/pins.h"

#define TIMEOUT_US	1000000u	/* an edge of ACK */
#define SELECT_US	250000u		/* the end of SEL, after our BSY */
#define RESELECT_US	2000u		/* BSY of an initiator: its chip needs some us */
#define ABORT_US	200u		/* and after we gave up on it */

#define NO_PHASE	4	/* a reserved one */

/* ns to rounds of settle() */
#define NS(ns) (((ns) + 23) / 24)

static u8 ids;
static bool ours;	/* BSY is */
static u8 now = NO_PHASE;	/* the phase; the pins of a data phase are PIO's */
static bool reset_in_phase;

/* Odd parity of a byte at bit 8, and all as the pins have it: inverted */
static u16 wire[256];

static inline void settle(u32 rounds)
{
	__asm__ volatile(".syntax unified\n1:\tsubs %0, #1\n\tbne 1b"
			 : "+l"(rounds) : : "cc");
}

static u16 with_parity(u8 byte)
{
	u8 p = byte;

	p ^= p >> 4;
	p ^= p >> 2;
	p ^= p >> 1;
	return byte | (~p & 1u) << 8;
}

void phy_listen(u8 mask)
{
	u32 i;

	for (i = 0; i < 256; i++)
		wire[i] = ~with_parity(i) & PIN_DATA;
	pio_init();
	ids = mask;
	REG(GPIO_INTR(RST_GPIO)) = GPIO_EDGE_LOW(RST_GPIO);
}

/* The edge is held by the pin's interrupt register, so a short RST is seen */
static bool reset_edge(void)
{
	if (!(REG(GPIO_INTR(RST_GPIO)) & GPIO_EDGE_LOW(RST_GPIO)))
		return false;
	REG(GPIO_INTR(RST_GPIO)) = GPIO_EDGE_LOW(RST_GPIO);
	return true;
}

bool phy_reset_seen(void)
{
	bool seen = reset_in_phase || reset_edge();

	reset_in_phase = false;
	return seen;
}

static inline bool is_data(u8 phase)
{
	return phase <= PHY_DATA_IN;
}

void phy_bus_free(void)
{
	if (is_data(now))
		pio_stop();
	now = NO_PHASE;
	REG(SIO_OUT_CLR) = PIN_DIR;
	REG(SIO_OE_CLR) = PIN_DATA;
	REG(SIO_OUT_SET) = pins->req | PIN_IO | PIN_CD | PIN_MSG;
	REG(SIO_OE_CLR) = PIN_CD | PIN_MSG;
	REG(SIO_OUT_SET) = PIN_BSY;
	REG(SIO_OUT_CLR) = PIN_LED;
	ours = false;
}

/* Only one bit of @bits, or none. Return: its number, or PHY_NO_INITIATOR; -1 with more */
static int only_bit(u32 bits)
{
	int n;

	if (!bits)
		return PHY_NO_INITIATOR;
	if (bits & (bits - 1))
		return -1;
	for (n = 0; !(bits & 1u << n); n++)
		;
	return n;
}

/* C/D and MSG become ours, where SEL and BSY were seen */
static void connected(void)
{
	REG(SIO_OUT_SET) = PIN_CD | PIN_MSG;
	REG(SIO_OE_SET) = PIN_CD | PIN_MSG;
	settle(NS(400));
}

/* 5.1.3: SEL, our ID, no BSY and no I/O, for at least a bus settle delay */
bool phy_selection(struct phy_selection *out)
{
	u32 in = REG(SIO_GPIO_IN), data, begin;
	int target, initiator;

	if (!pins && !pins_probe())
		return false;
	if (in & PIN_SEL || !(in & PIN_BSY_IN) || !(~in & ids))
		return false;
	settle(NS(400));
	in = REG(SIO_GPIO_IN);
	data = ~in & PIN_DATA;
	if (in & PIN_SEL || !(in & PIN_BSY_IN))
		return false;
	target = only_bit(data & ids);
	initiator = only_bit(data & 0xff & ~ids);
	/* parity is not looked at where the initiator has none */
	if (target < 0 || target == PHY_NO_INITIATOR || initiator < 0)
		return false;
	REG(SIO_OUT_CLR) = PIN_BSY;
	REG(SIO_OUT_SET) = PIN_LED;
	ours = true;
	begin = clock_us();
	while (!(REG(SIO_GPIO_IN) & PIN_SEL)) {
		if (clock_us() - begin > SELECT_US) {
			phy_bus_free();
			return false;
		}
	}
	settle(NS(100));
	connected();
	out->target = target;
	out->initiator = initiator;
	return true;
}

static void drive_sel(bool on)
{
	if (on) {
		REG(SIO_OUT_CLR) = pins->sel;
		REG(SIO_OE_SET) = pins->sel;
		return;
	}
	REG(SIO_OUT_SET) = pins->sel;
	if (pins->sel == PIN_RST) {	/* an input otherwise; that edge was ours */
		REG(SIO_OE_CLR) = pins->sel;
		settle(NS(200));
		reset_edge();
	}
}

/*
 * 5.1.2. Data lines can only be driven all at once, and then not be read: so
 * nobody sees our ID, and we give way to each other ID. Nobody may begin more
 * than a bus set delay (1.8 us) after the bus was free, so after an
 * arbitration delay (2.4 us) of our BSY the bus is ours where no ID is there.
 * Interrupts would be too long in it.
 */
static enum phy_reselected arbitrate(void)
{
	u32 idle = PIN_SEL | PIN_BSY_IN | PIN_RST, in, n;

	for (n = 0; n < 12; n++) {	/* bus settle and bus free delay, 1.2 us */
		if ((REG(SIO_GPIO_IN) & idle) != idle)
			return PHY_NOT_FREE;
		settle(NS(100));
	}
	if ((REG(SIO_GPIO_IN) & idle) != idle)
		return PHY_NOT_FREE;
	REG(SIO_OUT_CLR) = PIN_BSY;
	for (n = 0; n < 24; n++) {
		settle(NS(100));
		in = REG(SIO_GPIO_IN);
		if (~in & (PIN_DATA | PIN_SEL | PIN_RST)) {
			REG(SIO_OUT_SET) = PIN_BSY;
			return PHY_YIELDED;
		}
	}
	drive_sel(true);
	return PHY_RESELECTED;
}

static bool wait_bsy(u32 us)
{
	u32 begin = clock_us();

	while (REG(SIO_GPIO_IN) & PIN_BSY_IN)
		if (clock_us() - begin > us)
			return false;
	return true;
}

/* 5.1.4 */
enum phy_reselected phy_reselect(u8 target, u8 initiator)
{
	u32 bits = wire[1u << target | 1u << initiator];
	enum phy_reselected won;
	bool answered;

	if (!pins)
		return PHY_NOT_FREE;
	__asm__ volatile("cpsid i" : : : "memory");
	won = arbitrate();
	__asm__ volatile("cpsie i" : : : "memory");
	if (won != PHY_RESELECTED)
		return won;
	settle(NS(1200));	/* bus clear and bus settle delay */
	REG(SIO_OUT_CLR) = PIN_IO;
	REG(SIO_OUT_SET) = bits;
	REG(SIO_OUT_CLR) = ~bits & PIN_DATA;
	REG(SIO_OE_SET) = PIN_DATA;
	REG(SIO_OUT_SET) = PIN_DIR;
	settle(NS(100));	/* two deskew delays */
	REG(SIO_OUT_SET) = PIN_BSY;
	settle(NS(400));
	answered = wait_bsy(RESELECT_US);
	if (answered)
		REG(SIO_OUT_CLR) = PIN_BSY;
	REG(SIO_OUT_CLR) = PIN_DIR;
	REG(SIO_OE_CLR) = PIN_DATA;
	/* without its ID it has this long to answer nevertheless: 5.1.4.2 */
	if (!answered && wait_bsy(ABORT_US)) {
		REG(SIO_OUT_CLR) = PIN_BSY;
		answered = true;
	}
	REG(SIO_OUT_SET) = PIN_IO;
	drive_sel(false);
	if (!answered)
		return PHY_NOBODY;
	REG(SIO_OUT_SET) = PIN_LED;
	ours = true;
	settle(NS(400));
	connected();
	return PHY_RESELECTED;
}

bool phy_atn(void)
{
	return ours && !(REG(SIO_GPIO_IN) & PIN_ATN);
}

static void set_line(u32 pin, bool asserted)
{
	if (asserted)
		REG(SIO_OUT_CLR) = pin;
	else
		REG(SIO_OUT_SET) = pin;
}

/* 5.1.5 to 5.2.1: lines may change while REQ and ACK are false */
static void enter(enum phy_phase phase)
{
	if (phase == now)
		return;
	if (is_data(now))
		pio_stop();
	if (!(phase & 1)) {	/* we let go of the data before I/O does */
		REG(SIO_OUT_CLR) = PIN_DIR;
		REG(SIO_OE_CLR) = PIN_DATA;
	}
	set_line(PIN_IO, phase & 1);
	set_line(PIN_CD, phase & 2);
	set_line(PIN_MSG, phase & 4);
	settle(NS(800));	/* data release delay and bus settle delay */
	if (phase & 1) {
		REG(SIO_OUT_SET) = PIN_DATA;
		REG(SIO_OE_SET) = PIN_DATA;
		REG(SIO_OUT_SET) = PIN_DIR;
	}
	now = phase;
	if (is_data(phase))
		pio_start(phase == PHY_DATA_IN);
}

static __attribute__((noinline)) enum phy_result reset_now(void)
{
	reset_edge();
	reset_in_phase = true;
	phy_bus_free();
	return PHY_RESET;
}

static __attribute__((noinline)) enum phy_result wait_long(u32 level)
{
	u32 begin = clock_us(), in;

	do {
		in = REG(SIO_GPIO_IN);
		/* a short RST may be over before we look */
		if (!(in & PIN_RST) || reset_edge())
			return reset_now();
		if ((in & PIN_ACK) == level)
			return PHY_OK;
	} while (clock_us() - begin <= TIMEOUT_US);
	return PHY_TIMEOUT;
}

/* Waits for ACK to be asserted (0) or not (PIN_ACK) */
static inline enum phy_result wait_ack(u32 level)
{
	u32 tries, in;

	for (tries = 64; tries; tries--) {
		in = REG(SIO_GPIO_IN);
		if ((in & PIN_ACK) == level)
			return in & PIN_RST ? PHY_OK : reset_now();
	}
	return wait_long(level);
}

/* Waits for something of PIO; the time-out is that of each byte */
static __attribute__((noinline)) enum phy_result wait_pio(bool (*ready)(void))
{
	u32 begin = clock_us(), last = pio_progress(), progress;

	while (!ready()) {
		if (!(REG(SIO_GPIO_IN) & PIN_RST) || reset_edge())
			return reset_now();
		progress = pio_progress();
		if (progress != last)
			begin = clock_us();
		last = progress;
		if (clock_us() - begin > TIMEOUT_US)
			return PHY_TIMEOUT;
	}
	return PHY_OK;
}

static __attribute__((noinline)) enum phy_result
data_in(const u8 *buf, u32 len)
{
	enum phy_result result;

	while (len--) {
		if (!pio_room()) {
			result = wait_pio(pio_room);
			if (result != PHY_OK)
				return result;
		}
		pio_put(wire[*buf++]);
	}
	result = wait_pio(pio_done);
	return result == PHY_OK ? wait_ack(PIN_ACK) : result;
}

static __attribute__((noinline)) enum phy_result
data_out(u8 *buf, u32 len)
{
	enum phy_result result = PHY_OK, step;
	u32 data;

	if (len)
		pio_ask(len);
	while (len--) {
		if (!pio_filled()) {
			step = wait_pio(pio_filled);
			if (step != PHY_OK)
				return step;
		}
		data = pio_get();
		*buf = ~data;
		if (wire[*buf++] != data)
			result = PHY_PARITY;
	}
	step = wait_ack(PIN_ACK);
	return step == PHY_OK ? result : step;
}

enum phy_result phy_in(enum phy_phase phase, const u8 *buf, u32 len)
{
	u32 req = pins->req;
	enum phy_result result;

	enter(phase);
	if (is_data(phase))
		return data_in(buf, len);
	while (len--) {
		u32 bits = wire[*buf++];

		REG(SIO_OUT_SET) = bits;
		REG(SIO_OUT_CLR) = ~bits & PIN_DATA;
		settle(NS(55));		/* deskew and cable skew delay */
		REG(SIO_OUT_CLR) = req;
		result = wait_ack(0);
		REG(SIO_OUT_SET) = req;
		if (result == PHY_OK)
			result = wait_ack(PIN_ACK);
		if (result != PHY_OK)
			return result;
	}
	return PHY_OK;
}

enum phy_result phy_out(enum phy_phase phase, u8 *buf, u32 len)
{
	enum phy_result result = PHY_OK, step;
	u32 req = pins->req, data;

	enter(phase);
	if (is_data(phase))
		return data_out(buf, len);
	while (len--) {
		REG(SIO_OUT_CLR) = req;
		step = wait_ack(0);
		/* data were there 55 ns before ACK: as they are now */
		data = REG(SIO_GPIO_IN) & PIN_DATA;
		REG(SIO_OUT_SET) = req;
		if (step == PHY_OK)
			step = wait_ack(PIN_ACK);
		if (step != PHY_OK)
			return step;
		*buf = ~data;
		if (wire[*buf++] != data)
			result = PHY_PARITY;
	}
	return result;
}

void phy_pause(u32 us)
{
	u32 begin = clock_us();

	while (clock_us() - begin < us)
		;
}

u8 phy_board(void)
{
	return pins_board();
}
