// SPDX-License-Identifier: Apache-2.0
/*
 * gets NODE COUNT: sends COUNT GET MESSAGE(10) of stream 0 to a SCSI generic node, all at once, waits for all of them, and
 * prints how many ended with each status, one "STATUS COUNT" a line (SAM-5 table of status codes, hexadecimal; 100: not by
 * the target).
 */
#include <errno.h>
#include <fcntl.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PER_FILE	16	/* sg takes no more of one file */
#define ROOM		64	/* bytes */
#define TIMEOUT		60000	/* ms */
#define NO_STATUS	0x100

static void die(const char *what)
{
	fprintf(stderr, "gets: %s: %s\n", what, strerror(errno));
	exit(1);
}

int main(int argc, char **argv)
{
	static unsigned char cdb[10] = { 0x28, [8] = ROOM };
	static unsigned int ended[NO_STATUS + 1];
	int count = argc == 3 ? atoi(argv[2]) : 0;
	int files = (count + PER_FILE - 1) / PER_FILE;
	unsigned char (*data)[ROOM];
	int *fds;

	if (count < 1 || count > 4096) {
		fputs("usage: gets NODE COUNT\n", stderr);
		return 2;
	}
	fds = calloc(files, sizeof(*fds));
	data = calloc(count, sizeof(*data));
	if (!fds || !data)
		die("memory");
	for (int i = 0; i < files; i++) {
		fds[i] = open(argv[1], O_RDWR);
		if (fds[i] < 0)
			die(argv[1]);
	}
	for (int i = 0; i < count; i++) {
		struct sg_io_hdr hdr = {
			.interface_id = 'S',
			.dxfer_direction = SG_DXFER_FROM_DEV,
			.cmd_len = sizeof(cdb),
			.cmdp = cdb,
			.dxferp = data[i],
			.dxfer_len = ROOM,
			.timeout = TIMEOUT,
		};

		if (write(fds[i / PER_FILE], &hdr, sizeof(hdr)) < 0)
			die("write");
	}
	for (int i = 0; i < count; i++) {
		struct sg_io_hdr hdr = { .interface_id = 'S' };

		if (read(fds[i / PER_FILE], &hdr, sizeof(hdr)) < 0)
			die("read");
		ended[hdr.host_status ? NO_STATUS : hdr.status]++;
	}
	for (int status = 0; status <= NO_STATUS; status++) {
		if (ended[status])
			printf("%x %u\n", status, ended[status]);
	}
	return 0;
}
