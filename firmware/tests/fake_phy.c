// SPDX-License-Identifier: Apache-2.0
#include "fake_phy.h"

#include <stdio.h>
#include <stdlib.h>

struct fake_phy fake;

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "  the target breaks a rule of the bus: %s\n", what);
	abort();
}

void fake_clear(void)
{
	u8 ids = fake.ids;

	memset(&fake, 0, sizeof(fake));
	fake.ids = ids;
	fake.fault_phase = -1;
	fake.later_phase = -1;
}

void fake_command(u8 id, u8 initiator, int lun, const u8 *cdb, u32 ncdb,
		  const u8 *out, u32 nout)
{
	fake_clear();
	fake.selecting = true;
	fake.selection.target = id;
	fake.selection.initiator = initiator;
	if (lun >= 0)
		fake.messages[fake.nmessages++] = 0x80 | lun;
	memcpy(fake.cdb, cdb, ncdb);
	fake.ncdb = ncdb;
	fake.out = out;
	fake.nout = nout;
}

void phy_listen(u8 ids)
{
	fake.ids = ids;
}

bool phy_selection(struct phy_selection *out)
{
	must(!fake.busy, "a selection is taken while BSY is asserted");
	if (!fake.selecting)
		return false;
	fake.selecting = false;
	fake.busy = true;
	*out = fake.selection;
	return true;
}

bool phy_reset_seen(void)
{
	bool seen = fake.reset;

	fake.reset = false;
	return seen;
}

bool phy_atn(void)
{
	return fake.busy && (fake.forever || fake.message < fake.nmessages);
}

static enum phy_result end_phase(enum phy_phase phase)
{
	enum phy_result result = PHY_OK;

	if (fake.fault_phase == (int)phase) {
		if (!fake.fault_skip) {
			fake.fault_phase = -1;
			result = fake.fault;
		} else {
			fake.fault_skip--;
		}
	}
	if (fake.later_phase == (int)phase) {
		if (!fake.later_skip) {
			fake.later_phase = -1;
			memcpy(fake.messages, fake.later, fake.nlater);
			fake.message = 0;
			fake.nmessages = fake.nlater;
		} else {
			fake.later_skip--;
		}
	}
	if (result == PHY_RESET) {
		fake.reset = true;
		fake.busy = false;
		fake.frees++;
	}
	return result;
}

enum phy_result phy_in(enum phy_phase phase, const u8 *buf, u32 len)
{
	enum phy_result result;

	must(fake.busy, "a phase without BSY");
	must(len, "a phase without a byte");
	must(phase == PHY_DATA_IN || phase == PHY_STATUS ||
	     phase == PHY_MESSAGE_IN, "a phase with the wrong I/O");
	result = end_phase(phase);
	if (result == PHY_RESET || result == PHY_TIMEOUT)
		return result;
	if (phase == PHY_DATA_IN) {
		must(fake.nin + len <= sizeof(fake.in), "too much data");
		memcpy(fake.in + fake.nin, buf, len);
		fake.nin += len;
	} else if (phase == PHY_STATUS) {
		must(fake.nstatus + len <= sizeof(fake.status), "too many status bytes");
		memcpy(fake.status + fake.nstatus, buf, len);
		fake.nstatus += len;
	} else {
		must(fake.nmessage_in + len <= sizeof(fake.message_in), "too many messages");
		memcpy(fake.message_in + fake.nmessage_in, buf, len);
		fake.nmessage_in += len;
	}
	return PHY_OK;
}

enum phy_result phy_out(enum phy_phase phase, u8 *buf, u32 len)
{
	enum phy_result result;
	u32 i;

	must(fake.busy, "a phase without BSY");
	must(len, "a phase without a byte");
	must(phase == PHY_DATA_OUT || phase == PHY_COMMAND ||
	     phase == PHY_MESSAGE_OUT, "a phase with the wrong I/O");
	for (i = 0; i < len; i++) {
		if (phase == PHY_MESSAGE_OUT) {
			/* asked again in the same phase, it begins anew */
			if (fake.message == fake.nmessages)
				fake.message = 0;
			buf[i] = fake.nmessages ? fake.messages[fake.message] : 8;
			if (fake.nmessages)
				fake.message++;
		} else if (phase == PHY_COMMAND) {
			buf[i] = fake.pos < fake.ncdb ? fake.cdb[fake.pos] : 0;
			fake.pos++;
		} else {
			u32 at = fake.pos - fake.ncdb;

			/* one with less data than its CDB says sends nothing */
			if (at >= fake.nout)
				return PHY_TIMEOUT;
			buf[i] = fake.out[at];
			fake.pos++;
		}
	}
	result = end_phase(phase);
	return result;
}

void phy_bus_free(void)
{
	fake.busy = false;
	fake.frees++;
	fake.nmessages = fake.message = 0;
}

void phy_pause(u32 us)
{
	must(fake.busy, "a pause without BSY");
	fake.paused += us;
	fake.pauses++;
}

u8 phy_board(void)
{
	return 2;
}

enum phy_reselected phy_reselect(u8 target, u8 initiator)
{
	must(!fake.busy, "a reselection while BSY is asserted");
	must(fake.ids & 1u << target, "a reselection as somebody else");
	must(initiator < 8 && initiator != target, "a reselection of nobody");
	fake.reselections++;
	fake.reselected = initiator;
	fake.busy = fake.reselect == PHY_RESELECTED;
	return fake.reselect;
}
