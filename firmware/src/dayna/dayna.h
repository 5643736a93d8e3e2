/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DaynaPORT SCSI/Link, on an ID of its own, for hosts with its drivers
 *
 * Written from what emulators and drivers are known to do
 * (firmware/README.md). The host behind it is one more station of the hub:
 * whole Ethernet frames, from its own address only. It never gets a unit
 * attention, and never BUSY: drivers of its age know neither. What does not
 * fit is dropped and counted, as on an Ethernet.
 */
#ifndef DAYNA_H
#define DAYNA_H

#include "ipscsi/hub.h"

#define DAYNA_READ_MAX	6144	/* bytes of one READ, as the real one has them */
#define DAYNA_HEADER	6	/* length, flags */
#define DAYNA_FCS	4

/**
 * struct dayna - the device
 * @addr: its address: that of the settings, or what the host has set
 * @shortest: frames are padded to so many bytes, with FCS
 * @enabled: the host has switched it on
 */
struct dayna {
	struct target *target;
	struct hub *hub;
	u8 addr[6];
	u8 shortest;
	bool enabled;
};

void dayna_init(struct dayna *d, struct target *t, struct hub *h,
		const u8 *addr, u8 shortest);
void dayna_command(struct dayna *d, const struct target_command *cmd);

#endif
