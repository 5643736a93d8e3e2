// SPDX-License-Identifier: Apache-2.0
/*
 * The baselines that a packet is measured against: how many SEND MESSAGE commands a second the adapter takes, and how long the
 * smallest command takes there and back. A SEND carries a real datagram: the other end then does with it what it does with a
 * packet.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool.h"

#define MAX_DEPTH	16	/* of one file of sg */
#define MAX_THREADS	8

struct job {
	const char *device;
	const char *source;
	const char *destination;
	unsigned int length;
	unsigned int depth;
	bool direct;
	bool empty;
	unsigned long commands;
	double over;
	pthread_t thread;
};

static void *run_job(void *data)
{
	struct job *job = data;
	struct sg_slot *slots = calloc(job->depth, sizeof(*slots));
	int fd = sg_open(job->device);
	unsigned int in_flight = 0;

	if (!slots)
		die("no memory");
	sg_reserve(fd, job->length);
	for (unsigned int i = 0; i < job->depth; i++) {
		slots[i].buffer = page_buffer(job->length);
		if (!job->empty)
			make_datagram(slots[i].buffer, job->length, job->source, job->destination);
		sg_prepare(&slots[i], SEND_MESSAGE_10, STREAM_IPV4, job->length, job->direct);
		sg_submit(fd, &slots[i]);
		in_flight++;
	}
	while (in_flight) {
		struct sg_slot *slot = sg_reap(fd);

		job->commands++;
		if (time_is_up())
			in_flight--;
		else
			sg_submit(fd, slot);
	}
	job->over = now();
	close(fd);
	return NULL;
}

int run_raw(int argc, char **argv)
{
	struct job jobs[MAX_THREADS] = {};
	struct job model = { .length = 1500, .depth = 16 };
	double begin, end = 0;
	unsigned int seconds = 2;
	unsigned int threads = 1;
	unsigned long commands = 0;
	int c;

	while ((c = getopt(argc, argv, "d:j:n:t:s:r:Dz")) != -1) {
		switch (c) {
		case 'd': model.depth = number(optarg, 1, MAX_DEPTH * MAX_THREADS); break;
		case 'j': threads = number(optarg, 1, MAX_THREADS); break;
		case 'n': model.length = number(optarg, 28, MESSAGE_MAX); break;
		case 't': seconds = number(optarg, 1, 600); break;
		case 's': model.source = optarg; break;
		case 'r': model.destination = optarg; break;
		case 'D': model.direct = true; break;
		case 'z': model.empty = true; break;
		default: return 2;
		}
	}
	if (optind != argc - 1 || (!model.empty && (!model.source || !model.destination)) || threads > model.depth)
		return 2;
	model.device = argv[optind];
	begin = now();
	start_timer(seconds);
	for (unsigned int i = 0; i < threads; i++) {
		jobs[i] = model;
		jobs[i].depth = model.depth / threads + (i < model.depth % threads);
		if (jobs[i].depth > MAX_DEPTH)
			die("at most %d commands a thread", MAX_DEPTH);
		if (pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]))
			die("no thread: %s", strerror(errno));
	}
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(jobs[i].thread, NULL);
		commands += jobs[i].commands;
		if (jobs[i].over > end)
			end = jobs[i].over;
	}
	printf("{\"commands\":%lu,\"bytes\":%lu,\"seconds\":%.6f}\n", commands, commands * model.length, end - begin);
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

int run_tur(int argc, char **argv)
{
	unsigned char cdb[6] = {}, sense[32];
	unsigned int count = 500;
	double *times;
	int c, fd;

	while ((c = getopt(argc, argv, "c:")) != -1) {
		if (c != 'c')
			return 2;
		count = number(optarg, 1, 1000000);
	}
	if (optind != argc - 1)
		return 2;
	fd = sg_open(argv[optind]);
	times = calloc(count, sizeof(*times));
	if (!times)
		die("no memory");
	for (unsigned int i = 0; i < count; i++) {
		struct sg_io_hdr hdr = {
			.interface_id = 'S',
			.dxfer_direction = SG_DXFER_NONE,
			.cmd_len = sizeof(cdb),
			.mx_sb_len = sizeof(sense),
			.cmdp = cdb,
			.sbp = sense,
			.timeout = 20000,
		};
		double begin = now();

		if (ioctl(fd, SG_IO, &hdr))
			die("TEST UNIT READY: %s", strerror(errno));
		times[i] = now() - begin;
		/* the first may be told of a unit attention */
		if (i > 3 && (hdr.info & SG_INFO_OK_MASK) != SG_INFO_OK)
			die("TEST UNIT READY: status %02xh host %02xh", hdr.status, hdr.host_status);
	}
	qsort(times, count, sizeof(*times), by_size);
	printf("{\"median_us\":%.3f,\"min_us\":%.3f,\"count\":%u}\n", times[count / 2] * 1e6, times[0] * 1e6, count);
	close(fd);
	free(times);
	return 0;
}
