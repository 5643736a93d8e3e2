// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's cards, put in as its PCMCIA stub does: any number of them
 *
 * aha152x.c as the kernel has it is beside this file where it is compiled.
 */
#define AHA152X_PCMCIA 1
#define AHA152X_STAT 1
#include "aha152x.c"
#include "ports.h"

static unsigned int cards = 1;
module_param(cards, uint, 0444);
MODULE_PARM_DESC(cards, "how many of the model's chips to take, from its first");
static int ids[MODEL_CHIPS] = { 7, 6, 5, 4, 3, 1, 0 };
module_param_array(ids, int, NULL, 0444);
MODULE_PARM_DESC(ids, "their SCSI IDs");
static bool synchronous = true;
module_param(synchronous, bool, 0444);
MODULE_PARM_DESC(synchronous, "ask for synchronous transfers");

static struct Scsi_Host *card[MODEL_CHIPS];

static void remove_cards(void)
{
	unsigned int i;

	for (i = 0; i < cards; i++)
		aha152x_release(card[i]);
}

static int __init cards_init(void)
{
	unsigned int i;

	if (cards > MODEL_CHIPS)
		return -EINVAL;
	for (i = 0; i < cards; i++) {
		struct aha152x_setup setup = {
			.io_port = MODEL_PORT + i * MODEL_STEP,
			.irq = i + 1,
			.scsiid = ids[i],
			.reconnect = 1,
			.parity = 1,
			.synchronous = synchronous,
			.delay = 10,
		};

		card[i] = aha152x_probe_one(&setup);
		if (!card[i]) {
			remove_cards();
			return -ENODEV;
		}
	}
	return 0;
}

static void __exit cards_exit(void)
{
	remove_cards();
}

module_init(cards_init);
module_exit(cards_exit);
