// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: initiators that do what they like. The input is a series of
 * connections; each has its CDB, messages, data, faults. The memory of frames
 * must be whole in the end, and the bus free after each.
 */
#include "fake_phy.h"
#include "dayna/dayna.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MUST(condition) do { if (!(condition)) __builtin_trap(); } while (0)

static struct target t;
static struct hub h;
static struct dayna d;

static const u8 *input;
static size_t left;

static u8 byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static void connection(void)
{
	static u8 out[4096];
	struct target_command cmd;
	u8 cdb[16] = { 0 }, kind = byte(), who;
	u32 i, n, nout;

	if (kind & 0x80) {	/* likely ones */
		static const u16 streams[] = { 0, 6, 0x0d, 0x6558, 0x88b5, 0x88b6, 0x0800, 0x1234 };

		ipscsi_cdb_build(cdb, kind & 0x40, streams[kind & 7], byte() << 4 | (kind & 15), 0);
	} else {
		n = kind & 15;
		for (i = 0; i <= n; i++)
			cdb[i] = byte();
	}
	n = byte();
	nout = byte() << 4 | (n & 15);
	for (i = 0; i < nout; i++)
		out[i] = left ? byte() : i;
	/* phy_selection() never takes one of our own IDs for the initiator's */
	who = n % 9;
	if (t.ids[0] == who || t.ids[1] == who)
		who = PHY_NO_INITIATOR;
	fake_command(kind & 0x10 ? 5 : n & 0x80 ? 3 : 4, who, n & 0x40 ? -1 : n >> 5 & 1, cdb, 16, out, nout);
	n = byte();
	if (n & 0x80) {
		fake.fault_phase = n & 7;
		fake.fault_skip = n >> 3 & 7;
		fake.fault = 1 + byte() % 3;
	}
	if (n & 0x40) {
		fake.later_phase = n >> 3 & 7;
		fake.later_skip = n & 3;
		fake.nlater = byte() & 15;
		for (i = 0; i < fake.nlater; i++)
			fake.later[i] = byte();
	}
	if ((n & 0x07) == 0x07 && fake.nmessages) {	/* may disconnect, tagged */
		fake.messages[0] |= 0x40;
		fake.messages[fake.nmessages++] = 0x20;
		fake.messages[fake.nmessages++] = n >> 3;
	}
	if ((n & 0x38) == 0x38)
		for (i = byte() & 63; fake.nmessages < i;)
			fake.messages[fake.nmessages++] = byte();
	switch (target_poll(&t, &cmd)) {
	case TARGET_COMMAND:
		if (cmd.unit)
			dayna_command(&d, &cmd);
		else
			hub_command(&h, &cmd);
		break;
	case TARGET_WAS_RESET:
		hub_reset(&h);
		break;
	default:
		break;
	}
	if (!fake.selecting)
		MUST(!fake.busy && fake.frees == 1);
	MUST(fake.nstatus <= 1);
	MUST(h.pool.free <= POOL_CHUNKS);
}

static void held(void)
{
	u8 n = byte();

	fake_clear();
	fake.reselect = n & 3;
	if (n & 0x80) {
		fake.fault_phase = n >> 4 & 7;
		fake.fault = 1 + (n >> 2) % 3;
	}
	if (n & 0x08) {
		fake.later_phase = PHY_MESSAGE_IN;
		fake.later[0] = byte();
		fake.nlater = 1;
	}
	hub_held(&h);
	MUST(!fake.busy && fake.nstatus <= 1);
	MUST(t.held_count <= TARGET_HELD);
}

static void from_usb(void)
{
	u32 i, len = 15 + byte() * 4;
	u16 frame = hub_frame_new(&h, len);
	u8 who = byte();

	if (frame == POOL_NONE)
		return;
	for (i = 0; i < 64 && i < len; i++)
		h.pool.data[frame][i] = byte();
	if (who & 0x80)
		memcpy(h.pool.data[frame], h.stations[who % HUB_STATIONS].desc.addr, 6);
	hub_frame_put(&h, frame);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 ids[] = { 3, 5 }, vintage[] = { 2, 0, 0, 0, 0, 9 };
	static const u8 own[] = { 2, 0, 0, 0, 0, 1 };
	u32 i, now = 0;

	input = data;
	left = size;
	fake_clear();
	target_init(&t, ids, 2);
	target_quiet(&t, 1);
	for (i = 0; i < PHY_INITIATORS; i++)
		t.nexus[0][i].attention[0] = 0;
	hub_init(&h, &t, 0, own, "fuzz", "1");
	dayna_init(&d, &t, &h, vintage, 64);
	if (size & 1)
		hub_hold(&h);
	hub_link(&h, true);
	while (left) {
		u8 what = byte();

		if (what < 0xc0)
			connection();
		else if (what < 0xe0)
			from_usb();
		else if (what < 0xf0)
			hub_uplink_done(&h);
		else if (what < 0xf8)
			held();
		else if (what < 0xfc)
			hub_tick(&h, now += what * 100);
		else
			hub_link(&h, what & 1);
	}
	hub_link(&h, false);
	hub_tick(&h, now + HUB_SILENT_MS);
	MUST(h.pool.free == POOL_CHUNKS);
	return 0;
}
