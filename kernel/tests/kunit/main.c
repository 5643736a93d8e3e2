// SPDX-License-Identifier: GPL-2.0-only
/* ipscsi_test.ko: loading it runs every suite; the result is in the log */
#include <linux/module.h>

#include "rig.h"

kunit_test_suites(&ipscsi_codec_suite, &ipscsi_container_suite,
		  &ipscsi_fdb_suite, &ipscsi_txq_suite, &ipscsi_rx_suite);

MODULE_DESCRIPTION("KUnit tests of ipscsi");
MODULE_AUTHOR("The scsigate developers");
MODULE_LICENSE("GPL");
