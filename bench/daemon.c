// SPDX-License-Identifier: Apache-2.0
/*
 * IP over SCSI in user space: what one would write without a driver, as fast as that gets. RFC 2143 and GET MESSAGE, between a TUN
 * interface and /dev/sg.
 *
 * One thread takes datagrams from TUN and keeps up to 16 SENDs in flight; another keeps GETs outstanding and writes what they bring
 * to TUN. Each has a file of sg of its own, for sg keeps one lock and one queue of 16 commands for each. The results of SENDs are
 * fetched only when no slot is free: a read() each, as many as there are SENDs, but never a wait in the way of a datagram.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

#define MAX_SLOTS	16

struct direction {
	const char *device;
	int tun;
	unsigned int slots;
	bool direct;
};

static int open_tun(const char *name, int mtu)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || control < 0)
		die("/dev/net/tun: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request))
		die("interface %s: %s", name, strerror(errno));
	request.ifr_mtu = mtu;
	if (ioctl(control, SIOCSIFMTU, &request))
		die("MTU %d: %s", mtu, strerror(errno));
	close(control);
	return fd;
}

static void *send_datagrams(void *data)
{
	struct direction *d = data;
	struct sg_slot slots[MAX_SLOTS] = {}, *free_slots = NULL, *slot;
	int fd = sg_open(d->device);

	sg_reserve(fd, MESSAGE_MAX);
	for (unsigned int i = 0; i < d->slots; i++) {
		slots[i].buffer = page_buffer(MESSAGE_MAX);
		slots[i].next = free_slots;
		free_slots = &slots[i];
	}
	for (;;) {
		ssize_t n;

		if (!free_slots) {
			free_slots = sg_reap(fd);
			free_slots->next = NULL;
		}
		slot = free_slots;
		n = read(d->tun, slot->buffer, MESSAGE_MAX);
		if (n < 0) {
			/* not up yet */
			if (errno != EINTR && errno != EIO)
				die("reading from TUN: %s", strerror(errno));
			continue;
		}
		/* IPv6 would go on stream 000Dh; nobody here speaks it */
		if (n < 20 || slot->buffer[0] >> 4 != 4)
			continue;
		free_slots = slot->next;
		sg_prepare(slot, SEND_MESSAGE_10, STREAM_IPV4, n, d->direct);
		sg_submit(fd, slot);
	}
	return NULL;
}

static void *get_datagrams(void *data)
{
	struct direction *d = data;
	struct sg_slot slots[MAX_SLOTS] = {};
	int fd = sg_open(d->device);

	for (unsigned int i = 0; i < d->slots; i++) {
		slots[i].buffer = page_buffer(MESSAGE_MAX);
		sg_prepare(&slots[i], GET_MESSAGE_10, STREAM_IPV4, MESSAGE_MAX, d->direct);
		sg_submit(fd, &slots[i]);
	}
	for (;;) {
		struct sg_slot *slot = sg_reap(fd);
		const unsigned char *b = slot->buffer;
		unsigned int length = b[2] << 8 | b[3];

		/* a null message is four zeros */
		if (b[0] >> 4 == 4 && length >= 20 && write(d->tun, b, length) < 0 && errno != EIO)
			die("writing to TUN: %s", strerror(errno));
		sg_submit(fd, slot);
	}
	return NULL;
}

int run_daemon(int argc, char **argv)
{
	struct direction out = { .slots = 16 }, in = { .slots = 8 };
	const char *interface = "tun0";
	pthread_t sender, getter;
	int c, mtu = 65280;

	while ((c = getopt(argc, argv, "i:g:d:m:D")) != -1) {
		switch (c) {
		case 'i': interface = optarg; break;
		case 'g': in.slots = number(optarg, 1, MAX_SLOTS); break;
		case 'd': out.slots = number(optarg, 1, MAX_SLOTS); break;
		case 'm': mtu = number(optarg, 576, 65280); break;
		case 'D': out.direct = in.direct = true; break;
		default: return 2;
		}
	}
	if (optind != argc - 1)
		return 2;
	out.device = in.device = argv[optind];
	out.tun = in.tun = open_tun(interface, mtu);
	if (pthread_create(&sender, NULL, send_datagrams, &out) || pthread_create(&getter, NULL, get_datagrams, &in))
		die("no thread: %s", strerror(errno));
	puts("ready");
	fflush(stdout);
	pthread_join(sender, NULL);
	pthread_join(getter, NULL);
	return 0;
}
