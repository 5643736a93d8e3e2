// SPDX-License-Identifier: Apache-2.0
/*
 * UDP datagrams as fast as a socket takes them, many to a system call. A counter in sysfs tells how many arrived: that of the
 * namespace that we are called in, while the socket may be in another.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

#define MAX_BATCH	256
#define PORT_DISCARD	9

static unsigned long read_counter(int fd)
{
	char text[32] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		die("reading a counter: %s", strerror(errno));
	return strtoul(text, NULL, 10);
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void enter(const char *namespace)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", namespace);
	fd = open_file(path);
	if (setns(fd, CLONE_NEWNET))
		die("%s: %s", path, strerror(errno));
	close(fd);
}

int run_udp(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT_DISCARD) };
	struct mmsghdr messages[MAX_BATCH] = {};
	static unsigned char payload[MESSAGE_MAX];
	struct iovec vec = { .iov_base = payload };
	unsigned int batch = 32;
	unsigned long packets = 0, refused = 0, received = 0;
	unsigned int seconds = 2;
	int c, fd, counter = -1;
	double begin, end;

	vec.iov_len = 64;
	while ((c = getopt(argc, argv, "b:n:t:N:c:")) != -1) {
		switch (c) {
		case 'b': batch = number(optarg, 1, MAX_BATCH); break;
		case 'n': vec.iov_len = number(optarg, 0, 65507); break;
		case 't': seconds = number(optarg, 1, 600); break;
		case 'N': enter(optarg); break;
		case 'c': counter = open_file(optarg); break;
		default: return 2;
		}
	}
	if (optind != argc - 1 || inet_pton(AF_INET, argv[optind], &to.sin_addr) != 1)
		return 2;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("socket: %s", strerror(errno));
	for (unsigned int i = 0; i < batch; i++) {
		messages[i].msg_hdr.msg_iov = &vec;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	if (counter >= 0)
		received = read_counter(counter);
	begin = now();
	start_timer(seconds);
	while (!time_is_up()) {
		int n = sendmmsg(fd, messages, batch, 0);

		if (n > 0)
			packets += n;
		else if (errno == ENOBUFS || errno == ECONNREFUSED)
			refused++;
		else if (errno != EINTR)
			die("sending: %s", strerror(errno));
	}
	end = now();
	if (counter >= 0)
		received = read_counter(counter) - received;
	printf("{\"sent\":%lu,\"received\":%lu,\"refused\":%lu,\"seconds\":%.6f}\n", packets, received, refused, end - begin);
	return 0;
}
