/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings in flash: two copies in sectors of their own, each with a
 * generation and a CRC. The older one is written over, so whenever the power
 * goes, one of them is whole. Later versions put more behind what there is: an
 * earlier one reads its part, and what a copy does not have yet is zeros.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "boot/flash.h"
#include "mgmt/messages.h"

/**
 * struct settings - what the owner chose
 * @scsi_id: of the station, 0 to 7
 * @board: of pins.h; 0: probed
 * @addr: station address; zeros: made from the flash's serial number
 * @name: host name in the station page; empty: "adapter"
 * @flags: MGMT_FLAG_..., a bit each
 * @dayna_id: of the DaynaPORT, where it is switched on; not @scsi_id
 * @dayna_addr: its address; zeros: as @addr
 */
struct settings {
	u8 scsi_id;
	u8 board;
	u8 addr[6];
	char name[MGMT_SETTINGS_NAME_SIZE + 1];
	u8 flags;
	u8 dayna_id;
	u8 dayna_addr[6];
};

static inline bool settings_flag(const struct settings *s, u8 flag)
{
	return s->flags >> flag & 1;
}

bool settings_decode(struct settings *s, const u8 *buf);
void settings_encode(const struct settings *s, u8 *buf);
bool settings_load(struct settings *s);
bool settings_store(const struct settings *s);

#endif
