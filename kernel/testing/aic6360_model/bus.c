// SPDX-License-Identifier: GPL-2.0-only
/* The bus itself: wired OR, arbitration (SCSI-2, 6.1.2), time */
#include "bus.h"
#include "trace.h"

void sbus_init(struct sbus *bus)
{
	memset(bus, 0, sizeof(*bus));
	bus->arbitration_at = SBUS_NEVER;
}

bool sbus_attach(struct sbus *bus, struct sbus_device *dev)
{
	if (bus->count == SBUS_DEVICES)
		return false;
	dev->bus = bus;
	dev->deadline = SBUS_NEVER;
	bus->devices[bus->count++] = dev;
	return true;
}

static bool is_stalled(const struct sbus *bus, const struct sbus_device *dev)
{
	return bus->faults.stalled && dev->id == bus->faults.stall_id;
}

/* Counts one of the knobs that name the Nth of something. Is this the Nth? */
static bool is_due(u32 *countdown)
{
	return *countdown && !--*countdown;
}

/* When a REQ that has just been raised is seen */
static u64 request_time(struct sbus *bus)
{
	if (is_due(&bus->faults.request_at))
		return SBUS_NEVER;
	if (bus->taken_until + bus->late < bus->now)
		bus->taken_until = bus->now - bus->late;
	bus->taken_until += bus->faults.byte_ns;
	return bus->taken_until - bus->now < SBUS_BURST_NS ? bus->now :
							     bus->taken_until;
}

static void filter_request(struct sbus *bus)
{
	bool request = bus->lines & SIG_REQ;

	if (!(bus->lines & SIG_BSY))
		bus->late = 0;
	if (request && !bus->requested)
		bus->request_due = request_time(bus);
	bus->requested = request;
	if (request && bus->request_due > bus->now) {
		bus->lines &= ~SIG_REQ;
		bus->waits = true;
	} else if (request && bus->waits) {
		bus->waits = false;
		bus->late = bus->now - bus->request_due;
	}
}

static void combine(struct sbus *bus)
{
	u16 before = bus->lines;
	unsigned int i;

	bus->lines = (bus->faults.reset ? SIG_RST : 0) |
		     (bus->faults.stuck ? SIG_BSY : 0);
	bus->data = 0;
	for (i = 0; i < bus->count; i++) {
		struct sbus_device *dev = bus->devices[i];

		bus->lines |= dev->lines;
		if (dev->drives_data)
			bus->data |= dev->data;
	}
	filter_request(bus);
	if (bus->lines & SIG_RST)
		bus->faults.stuck = false;
	bus->changes += bus->lines != before;
	if (bus->trace)
		trace_signals(bus->trace, bus->now, bus->lines, bus->data);
}

/*
 * All who want the bus assert BSY and their ID; whoever sees no higher ID has
 * won and asserts SEL. Those who want the bus when it begins are in it.
 */
static bool arbitrate(struct sbus *bus)
{
	struct sbus_device *winner = NULL;
	unsigned int i, contenders = 0;

	for (i = 0; i < bus->count; i++) {
		struct sbus_device *dev = bus->devices[i];

		if (!dev->wants_bus || is_stalled(bus, dev))
			continue;
		contenders++;
		if (!winner || dev->id > winner->id)
			winner = dev;
	}
	if (!winner) {
		bus->arbitration_at = SBUS_NEVER;
		return false;
	}
	if (bus->arbitration_at == SBUS_NEVER)
		bus->arbitration_at = bus->now + bus->arbitration_ns;
	if (bus->arbitration_at > bus->now)
		return false;
	bus->arbitration_at = SBUS_NEVER;
	bus->arbitrations++;
	bus->contended += contenders > 1;
	winner->wants_bus = false;
	if (bus->trace)
		trace_arbitration(bus->trace, bus->now, winner->id);
	winner->won(winner);
	combine(bus);
	return true;
}

void sbus_settle(struct sbus *bus)
{
	bool changed;
	unsigned int i;

	do {
		combine(bus);
		do {
			changed = false;
			for (i = 0; i < bus->count; i++) {
				struct sbus_device *dev = bus->devices[i];

				if (is_stalled(bus, dev) &&
				    !(bus->lines & SIG_RST))
					continue;
				if (dev->eval(dev)) {
					combine(bus);
					changed = true;
				}
			}
		} while (changed);
		for (i = 0; i < bus->count; i++) {
			struct sbus_device *dev = bus->devices[i];

			if (dev->settled && !is_stalled(bus, dev))
				dev->settled(dev);
		}
	} while (sbus_free(bus) && arbitrate(bus));
	if (!sbus_free(bus))
		bus->arbitration_at = SBUS_NEVER;
}

u64 sbus_run_timers(struct sbus *bus)
{
	u64 next;
	unsigned int i;

	if (bus->arbitration_at <= bus->now ||
	    (bus->requested && !(bus->lines & SIG_REQ) &&
	     bus->request_due <= bus->now))
		sbus_settle(bus);
	for (i = 0; i < bus->count; i++) {
		struct sbus_device *dev = bus->devices[i];

		if (dev->deadline <= bus->now) {
			dev->deadline = SBUS_NEVER;
			dev->expire(dev);
			sbus_settle(bus);
		}
	}
	next = bus->arbitration_at;
	if (bus->requested && !(bus->lines & SIG_REQ) &&
	    bus->request_due < next)
		next = bus->request_due;
	for (i = 0; i < bus->count; i++)
		if (bus->devices[i]->deadline < next)
			next = bus->devices[i]->deadline;
	return next;
}

bool sbus_latch(struct sbus *bus)
{
	bool good = !is_due(&bus->faults.parity_at);

	bus->bytes++;
	if (!(bus->lines & (SIG_CD | SIG_MSG)))
		bus->data_bytes++;
	if (is_due(&bus->faults.stall_at))
		bus->faults.stalled = true;
	if (bus->trace)
		trace_byte(bus->trace, bus->now, bus->lines, bus->data, good);
	return good;
}
