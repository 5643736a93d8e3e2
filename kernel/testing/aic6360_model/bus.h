/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A parallel SCSI bus: signals that are wired OR, and what hangs on them
 *
 * Plain C, for the module and for tests on the host. Nothing here locks: a
 * bus and all on it have one owner at a time. There is no simulated time for
 * signals. Whoever changes what he drives calls sbus_settle(), which lets
 * everyone on the bus react until nobody changes anything any more. Only what
 * waits (selection time-out, a disk that is busy) has a time, in ns.
 */
#ifndef AIC6360_BUS_H
#define AIC6360_BUS_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/string.h>
#else
#include "../../tests/host/kernel_types.h"
#endif

/* Signals, as the chip's SCSISIG has them, and RST */
#define SIG_CD		0x080
#define SIG_IO		0x040
#define SIG_MSG		0x020
#define SIG_ATN		0x010
#define SIG_SEL		0x008
#define SIG_BSY		0x004
#define SIG_REQ		0x002
#define SIG_ACK		0x001
#define SIG_RST		0x100

#define PHASE_MASK	(SIG_MSG | SIG_CD | SIG_IO)
#define PHASE_DATA_OUT	0
#define PHASE_DATA_IN	SIG_IO
#define PHASE_COMMAND	SIG_CD
#define PHASE_STATUS	(SIG_CD | SIG_IO)
#define PHASE_MSG_OUT	(SIG_MSG | SIG_CD)
#define PHASE_MSG_IN	(SIG_MSG | SIG_CD | SIG_IO)

#define SBUS_DEVICES	16	/* IDs 0 to 7, and some room for tests */
#define SBUS_NEVER	(~0ULL)
#define SBUS_BURST_NS	1000000ULL

struct sbus;
struct trace;

/**
 * struct sbus_device - something that drives and reads the signals
 * @bus: where it hangs
 * @id: SCSI ID, 0 to 7
 * @lines: signals that it asserts, SIG_*
 * @data: data lines that it asserts; odd parity goes with them
 * @drives_data: whether it drives the data lines and their parity at all
 * @wants_bus: takes part in the next arbitration
 * @deadline: when to call @expire, in ns; SBUS_NEVER: not at all
 * @eval: reacts to the signals; true if it drives something else now
 * @won: has won the arbitration: drives SEL and the IDs now
 * @expire: @deadline has come
 * @settled: the signals are stable; NULL: it does not care
 */
struct sbus_device {
	struct sbus *bus;
	u8 id;
	u16 lines;
	u8 data;
	bool drives_data;
	bool wants_bus;
	u64 deadline;
	bool (*eval)(struct sbus_device *dev);
	void (*won)(struct sbus_device *dev);
	void (*expire)(struct sbus_device *dev);
	void (*settled)(struct sbus_device *dev);
};

/**
 * struct sbus_faults - what goes wrong on purpose; all 0: nothing
 * @parity_at: the Nth byte from now of an information transfer has bad parity
 * @request_at: nobody sees the Nth REQ from now
 * @stall_at: with the Nth byte from now, @stall_id stalls
 * @stall_id: SCSI ID of who stalls: keeps what it drives, reacts to RST alone
 * @stalled: it does; until this is cleared
 * @stuck: somebody asserts BSY, until the bus is reset
 * @reset: somebody asserts RST
 * @byte_ns: a byte takes that long, on average over SBUS_BURST_NS
 */
struct sbus_faults {
	u32 parity_at, request_at, stall_at;
	u8 stall_id;
	bool stalled, stuck, reset;
	u64 byte_ns;
};

/**
 * struct sbus - the bus
 * @lines: the signals: what any device asserts
 * @data: the data lines
 * @now: ns, set by the owner before each call
 * @devices: what hangs on it
 * @faults: see there
 * @arbitrations: how many there were
 * @contended: those with more than one contender
 * @arbitration_ns: from the bus being free with somebody who wants it to the
 *	arbitration. Real ones begin 0.8 us after; longer, so that others get
 *	there in time although a program is slower than a chip.
 * @arbitration_at: when that is, SBUS_NEVER: nobody wants the bus
 * @requested: somebody drives REQ
 * @request_due: when the others see that, SBUS_NEVER: not at all
 * @taken_until: what was transferred has taken that long, by @faults.byte_ns
 * @waits: a REQ has been raised that is not due yet
 * @late: so much after it was due the others saw the last of these, as a timer
 *	is late: the bytes after it do not wait for that again, until BSY ends
 * @changes: of the signals
 * @bytes: transferred, in all phases
 * @data_bytes: in data phases
 * @trace: what happens is recorded there, NULL: it is not
 */
struct sbus {
	u16 lines;
	u8 data;
	u64 now;
	struct sbus_device *devices[SBUS_DEVICES];
	unsigned int count;
	struct sbus_faults faults;
	u64 arbitration_ns, arbitration_at;
	bool requested;
	u64 request_due, taken_until, late;
	bool waits;
	u64 arbitrations, contended, changes, bytes, data_bytes;
	struct trace *trace;
};

void sbus_init(struct sbus *bus);
bool sbus_attach(struct sbus *bus, struct sbus_device *dev);
void sbus_settle(struct sbus *bus);
/* Lets what is due happen; the time of what comes next, SBUS_NEVER: nothing */
u64 sbus_run_timers(struct sbus *bus);
/* The receiver has latched a byte: is its parity right? Counts it. */
bool sbus_latch(struct sbus *bus);

static inline bool sbus_free(const struct sbus *bus)
{
	return !(bus->lines & (SIG_BSY | SIG_SEL | SIG_RST));
}

#endif
