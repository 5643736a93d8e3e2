// SPDX-License-Identifier: Apache-2.0
/* Puts the layers together, and goes round */
#include "boot/clock.h"
#include "boot/regs.h"
#include "boot/serial.h"
#include "dayna/dayna.h"
#include "ipscsi/hub.h"
#include "mgmt/mgmt.h"
#include "phy/phy.h"
#include "pins/pins.h"
#include "usb/usb.h"

#define UNIT_HUB	0
#define UNIT_DAYNA	1

static struct target target;
static struct hub hub;
static struct dayna dayna;
static struct mgmt mgmt;

_Noreturn void main_loop(u32 slot, u32 trial, u32 fell_back, u32 length);

/* Milliseconds; the timer of 32 bits and 1 MHz is not enough for days */
static u32 milliseconds(void)
{
	static u32 last, rest, ms;
	u32 now = clock_us();

	rest += now - last;
	last = now;
	ms += rest / 1000;
	rest %= 1000;
	return ms;
}

/* What is set, or one made from the flash's serial number */
static void address(u8 *addr, const u8 *set, const char *prefix,
		    const char *serial)
{
	static const u8 unset[6];
	char port[32] = "";
	u32 n = strnlen(prefix, 8);

	memcpy(port, prefix, n);
	memcpy(port + n, serial, strnlen(serial, 16));
	if (memcmp(set, unset, 6))
		memcpy(addr, set, 6);
	else
		ipscsi_addr_from_port(port, addr);
}

static _Noreturn void restart(void)
{
	u32 scratch[SCRATCHES], i;

	for (i = 0; i < SCRATCHES; i++)
		scratch[i] = REG(WATCHDOG_SCRATCH(i));
	update_scratch(&mgmt.update, scratch);
	for (i = 0; i < SCRATCHES; i++)
		REG(WATCHDOG_SCRATCH(i)) = scratch[i];
	watchdog_restart();
}

/* What the loader says: struct slot_start */
_Noreturn void main_loop(u32 slot, u32 trial, u32 fell_back, u32 length)
{
	const struct slot_start start = { slot, trial, fell_back, length };
	struct settings settings;
	struct target_command cmd;
	char serial[17];
	u8 addr[6], ids[TARGET_UNITS];
	bool with_dayna;

	clock_init();
	serial_read(serial);
	settings_load(&settings);
	ids[UNIT_HUB] = settings.scsi_id;
	ids[UNIT_DAYNA] = settings.dayna_id;
	pins_init(settings.board);
	address(addr, settings.addr, "", serial);
	hub_init(&hub, &target, UNIT_HUB, addr,
		 settings.name[0] ? settings.name : "adapter", serial);
	if (settings_flag(&settings, MGMT_FLAG_HELD_GETS))
		hub_hold(&hub);
	with_dayna = settings_flag(&settings, MGMT_FLAG_DAYNAPORT);
	target_init(&target, ids, with_dayna ? 2 : 1);
	target_quiet(&target, UNIT_DAYNA);
	address(addr, settings.dayna_addr, "dayna:", serial);
	dayna_init(&dayna, &target, &hub, addr,
		   settings_flag(&settings, MGMT_FLAG_DAYNA_PAD) ? 128 : 64);
	mgmt_init(&mgmt, &target, &hub, &start);
	usb_init(&hub, &mgmt, serial);
	watchdog_init();
	for (;;) {
		watchdog_feed();
		hub_tick(&hub, milliseconds());
		switch (target_poll(&target, &cmd)) {
		case TARGET_COMMAND:
			if (cmd.unit == UNIT_DAYNA)
				dayna_command(&dayna, &cmd);
			else
				hub_command(&hub, &cmd);
			break;
		case TARGET_WAS_RESET:
			hub_reset(&hub);
			break;
		case TARGET_IDLE:
			hub_held(&hub);
			break;
		}
		usb_poll();
		if (update_due(&mgmt.update, hub.now))
			restart();
	}
}
