// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI: /sys/kernel/debug/ipscsi/<h:c:t:l>/latency
 *
 * How long SENDs and GETs took, in classes of powers of two microseconds. A
 * GET that waits for a packet takes up to the hold time: that is no fault.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "idev.h"

static struct dentry *ipscsi_debugfs;

static int latency_show(struct seq_file *m, void *v)
{
	struct ipscsi_idev *idev = m->private;
	int i;

	seq_puts(m, "# up to usecs, SENDs, GETs\n");
	for (i = 0; i < IPSCSI_LATENCY_MAX; i++)
		if (idev->latency[0][i] || idev->latency[1][i])
			seq_printf(m, "%lu %llu %llu\n", BIT(i),
				   idev->latency[0][i], idev->latency[1][i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

/**
 * ipscsi_debugfs_add - show a device
 * @idev: the device; idev->debugfs is to be removed before it goes
 */
void ipscsi_debugfs_add(struct ipscsi_idev *idev)
{
	idev->debugfs = debugfs_create_dir(ipscsi_idev_name(idev),
					   ipscsi_debugfs);
	debugfs_create_file("latency", 0400, idev->debugfs, idev,
			    &latency_fops);
}

/**
 * ipscsi_debugfs_init - make the folder; without it nothing else changes
 */
void ipscsi_debugfs_init(void)
{
	ipscsi_debugfs = debugfs_create_dir("ipscsi", NULL);
	/* for tests, which play our own part */
	debugfs_create_x64("hello_instance", 0400, ipscsi_debugfs,
			   &ipscsi_instance.hello);
}

/**
 * ipscsi_debugfs_exit - remove it
 */
void ipscsi_debugfs_exit(void)
{
	debugfs_remove(ipscsi_debugfs);
}
