// SPDX-License-Identifier: GPL-2.0-only
/* The bus itself: wired OR, arbitration (SCSI-2, 6.1.2), time */
#include "bus.h"

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

static void combine(struct sbus *bus)
{
	u16 before = bus->lines;
	unsigned int i;

	bus->lines = bus->faults.reset ? SIG_RST : 0;
	bus->data = 0;
	for (i = 0; i < bus->count; i++) {
		struct sbus_device *dev = bus->devices[i];

		bus->lines |= dev->lines;
		if (dev->drives_data)
			bus->data |= dev->data;
	}
	bus->changes += bus->lines != before;
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

		if (!dev->wants_bus)
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

				if (dev->eval(dev)) {
					combine(bus);
					changed = true;
				}
			}
		} while (changed);
		for (i = 0; i < bus->count; i++)
			bus->devices[i]->settled(bus->devices[i]);
	} while (sbus_free(bus) && arbitrate(bus));
	if (!sbus_free(bus))
		bus->arbitration_at = SBUS_NEVER;
}

u64 sbus_run_timers(struct sbus *bus)
{
	u64 next;
	unsigned int i;

	if (bus->arbitration_at <= bus->now)
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
	for (i = 0; i < bus->count; i++)
		if (bus->devices[i]->deadline < next)
			next = bus->devices[i]->deadline;
	return next;
}

bool sbus_latch(struct sbus *bus)
{
	bus->bytes++;
	if (!(bus->lines & (SIG_CD | SIG_MSG)))
		bus->data_bytes++;
	if (bus->faults.parity_at && !--bus->faults.parity_at)
		return false;
	return true;
}
