// SPDX-License-Identifier: Apache-2.0
/*
 * sends NODE PORT FILE...: sends each file, a datagram, in a SEND MESSAGE(10) of stream 0 to a SCSI generic node, one after
 * the other, all from the same memory: sg's own buffer of an open node. Afterwards it reads as many datagrams from the UDP
 * port PORT of this machine, and writes their payloads to its output.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ROOM		32768	/* bytes: what sg keeps for an open node */
#define TIMEOUT		60000	/* ms */

static void die(const char *what)
{
	fprintf(stderr, "sends: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_at(int port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval patience = { .tv_sec = 10 };
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	if (udp < 0 || setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    bind(udp, (struct sockaddr *)&here, sizeof(here)))
		die("UDP");
	return udp;
}

int main(int argc, char **argv)
{
	static unsigned char data[ROOM];
	int node, udp;

	if (argc < 4) {
		fputs("usage: sends NODE PORT FILE...\n", stderr);
		return 2;
	}
	udp = listen_at(atoi(argv[2]));
	node = open(argv[1], O_RDWR);
	if (node < 0)
		die(argv[1]);
	for (int i = 3; i < argc; i++) {
		int file = open(argv[i], O_RDONLY);
		ssize_t len = file < 0 ? -1 : read(file, data, sizeof(data));

		if (len < 0)
			die(argv[i]);
		close(file);

		unsigned char cdb[10] = { 0x2a, [7] = len >> 8, [8] = len };
		struct sg_io_hdr hdr = {
			.interface_id = 'S',
			.dxfer_direction = SG_DXFER_TO_DEV,
			.cmd_len = sizeof(cdb),
			.cmdp = cdb,
			.dxferp = data,
			.dxfer_len = len,
			.timeout = TIMEOUT,
		};

		if (ioctl(node, SG_IO, &hdr) < 0)
			die(argv[1]);
		if (hdr.status || hdr.host_status || hdr.driver_status) {
			fprintf(stderr, "sends: %s: status %02x %02x %02x\n", argv[i],
				hdr.status, hdr.host_status, hdr.driver_status);
			return 1;
		}
	}
	for (int i = 3; i < argc; i++) {
		ssize_t len = recv(udp, data, sizeof(data), 0);

		if (len < 0 || write(STDOUT_FILENO, data, len) != len)
			die("a datagram");
	}
	return 0;
}
