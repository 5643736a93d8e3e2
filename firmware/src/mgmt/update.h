/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another program, over the management port, into the slot that does not run
 *
 * UPDATE_BEGIN brings the first bytes of the update file, IMAGE_SIZE of them;
 * UPDATE_DATA the rest in its order; UPDATE_TRY checks all and restarts into
 * it; UPDATE_CONFIRM, sent to the new program, makes it stay. Without that
 * within UPDATE_TRIAL_MS, and whatever else ends it, the old one starts again.
 */
#ifndef UPDATE_H
#define UPDATE_H

#include "boot/slots.h"
#include "mgmt/messages.h"

#define UPDATE_TRIAL_MS		60000u
#define UPDATE_RESTART_MS	100u	/* in which the answer goes */

/**
 * struct update - what is under way
 * @start: what runs, as the loader says
 * @header: of the update, where @active; of what is tried, where @start.trial
 * @next: bytes of the program that are in flash
 * @tried: it is whole, the next start tries it
 * @restart: restart at @restart_at, ms
 */
struct update {
	struct slot_start start;
	u8 header[IMAGE_SIZE];
	bool active;
	bool tried;
	u32 next;
	bool restart;
	u32 restart_at;
};

void update_init(struct update *up, const struct slot_start *start);
u8 update_begin(struct update *up, const u8 *header);
u8 update_data(struct update *up, const u8 *payload, u32 len);
u8 update_try(struct update *up, u32 now);
u8 update_confirm(struct update *up, const u8 *header);
void update_restart(struct update *up, u32 now);
u32 update_seconds_left(const struct update *up, u32 now);
bool update_due(const struct update *up, u32 now);
void update_scratch(const struct update *up, u32 *scratch);

#endif
