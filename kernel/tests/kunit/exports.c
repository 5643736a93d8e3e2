// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ipscsi_test.ko looks at inside ipscsi.ko, linked into the latter on
 * kernels with KUnit only: nothing of this is there on others
 */
#include <linux/export.h>

#include "../../ipscsi.h"

EXPORT_SYMBOL_GPL(ipscsi_seg_create_auto);
EXPORT_SYMBOL_GPL(ipscsi_seg_count);
EXPORT_SYMBOL_GPL(ipscsi_peer_queue);
EXPORT_SYMBOL_GPL(ipscsi_peer_sum);
EXPORT_SYMBOL_GPL(ipscsi_fdb_lookup);
EXPORT_SYMBOL_GPL(ipscsi_fdb_learn);
EXPORT_SYMBOL_GPL(ipscsi_fdb_flush);
