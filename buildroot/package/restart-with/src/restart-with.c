// SPDX-License-Identifier: Apache-2.0
/*
 * Restarts the machine at once, with a word for the boot loader: restart-with "0 tryboot". That word is the kernel's
 * LINUX_REBOOT_CMD_RESTART2, for which neither busybox nor a shell has a way. Nothing is synced or unmounted: whoever calls it has.
 */
#include <errno.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: restart-with WORD\n");
		return 2;
	}
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART2, argv[1]);
	fprintf(stderr, "restart-with: %s\n", strerror(errno));
	return 1;
}
