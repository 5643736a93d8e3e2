// SPDX-License-Identifier: Apache-2.0
/* Puts the layers together, and goes round */
#include "boot/clock.h"
#include "boot/regs.h"
#include "boot/serial.h"
#include "ipscsi/hub.h"
#include "mgmt/mgmt.h"
#include "phy/phy.h"
#include "pins/pins.h"
#include "usb/usb.h"

static struct target target;
static struct hub hub;
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
	static const u8 unset[6];
	struct settings settings;
	struct target_command cmd;
	char serial[17];
	u8 addr[6];

	clock_init();
	serial_read(serial);
	settings_load(&settings);
	pins_init(settings.board);
	if (memcmp(settings.addr, unset, 6))
		memcpy(addr, settings.addr, 6);
	else
		ipscsi_addr_from_port(serial, addr);
	hub_init(&hub, &target, 0, addr,
		 settings.name[0] ? settings.name : "adapter", serial);
	target_init(&target, &settings.scsi_id, 1);
	mgmt_init(&mgmt, &target, &hub, &start);
	usb_init(&hub, &mgmt, serial);
	watchdog_init();
	for (;;) {
		watchdog_feed();
		hub_tick(&hub, milliseconds());
		switch (target_poll(&target, &cmd)) {
		case TARGET_COMMAND:
			hub_command(&hub, &cmd);
			break;
		case TARGET_WAS_RESET:
			hub_reset(&hub);
			break;
		case TARGET_IDLE:
			break;
		}
		usb_poll();
		if (update_due(&mgmt.update, hub.now))
			restart();
	}
}
