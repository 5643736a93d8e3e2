// SPDX-License-Identifier: Apache-2.0
/*
 * interleave MODEL SEED ROUNDS DISK...: commands, and trouble on the modelled bus (MODEL is its folder in debugfs), at moments
 * that come from a generator. In each round every disk gets a write and a read, all at the same time, each in blocks that only
 * this one writes; every block has the number of the write that it is from, so that one that was lost, or was executed once
 * more after a later one, is seen. It ends at the first that is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK		512	/* bytes */
#define BLOCKS		64	/* of each disk's own */
#define LONGEST		8	/* blocks of a command */
#define DISKS		16
#define TROUBLE_US	15000	/* of a round, when there may be trouble */
#define PARITY_BYTES	1200	/* of what crosses the bus meanwhile */
#define DISK_BUSY_NS	4000000	/* that long the scripted disk may be away */

struct disk {
	const char *name;
	int fd, number;
	uint32_t random;
	uint32_t last;			/* number of the last write */
	uint32_t expected[BLOCKS];	/* from which write a block is; 0: none yet */
	unsigned char *data;
};

static const char *model;
static unsigned int rounds, now;
static pthread_barrier_t begin, end;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "interleave: round %u: %s: %s\n", now, what, why);
	exit(1);
}

/* xorshift32 */
static uint32_t below(uint32_t *state, uint32_t limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state % limit;
}

static void set(const char *file, uint32_t value)
{
	char path[256], text[16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", model, file);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, sprintf(text, "%u", value)) < 0)
		die(path, strerror(errno));
	close(fd);
}

static void fill(unsigned char *block, uint32_t write, uint32_t at)
{
	uint32_t *word = (uint32_t *)block;

	for (unsigned int i = 0; i < BLOCK / sizeof(*word); i++)
		word[i] = write * 2654435761u ^ at << 16 ^ i;
}

static off_t place(const struct disk *disk, unsigned int at)
{
	return (off_t)(disk->number * BLOCKS + at) * BLOCK;
}

static void write_some(struct disk *disk)
{
	unsigned int n = 1 + below(&disk->random, LONGEST);
	unsigned int at = below(&disk->random, BLOCKS - n + 1);

	disk->last++;
	for (unsigned int i = 0; i < n; i++) {
		fill(disk->data + i * BLOCK, disk->last, at + i);
		disk->expected[at + i] = disk->last;
	}
	if (pwrite(disk->fd, disk->data, n * BLOCK, place(disk, at)) != (ssize_t)n * BLOCK)
		die(disk->name, strerror(errno));
}

/* A block is not of the write that was the last one there */
static void complain(const struct disk *disk, unsigned int at, const unsigned char *block)
{
	unsigned char other[BLOCK];
	uint32_t from = disk->last;
	unsigned int same = 0;
	char why[160];

	do {
		fill(other, from, at);
		for (same = 0; same < BLOCK && block[same] == other[same]; same++)
			;
	} while (same < 4 && from--);
	snprintf(why, sizeof(why), "block %u is of write %d for %u bytes, not of write %u; the last write is %u", at,
		 same < 4 ? -1 : (int)from, same, disk->expected[at], disk->last);
	die(disk->name, why);
}

static void check_some(struct disk *disk, unsigned int at, unsigned int n)
{
	unsigned char right[BLOCK];

	memset(disk->data, 0, n * BLOCK);
	if (pread(disk->fd, disk->data, n * BLOCK, place(disk, at)) != (ssize_t)n * BLOCK)
		die(disk->name, strerror(errno));
	for (unsigned int i = 0; i < n; i++) {
		if (!disk->expected[at + i])
			continue;
		fill(right, disk->expected[at + i], at + i);
		if (memcmp(disk->data + i * BLOCK, right, BLOCK))
			complain(disk, at + i, disk->data + i * BLOCK);
	}
}

static void *work(void *argument)
{
	struct disk *disk = argument;

	for (unsigned int round = 0; round < rounds; round++) {
		unsigned int n = 1 + below(&disk->random, LONGEST);

		pthread_barrier_wait(&begin);
		write_some(disk);
		check_some(disk, below(&disk->random, BLOCKS - n + 1), n);
		pthread_barrier_wait(&end);
	}
	for (unsigned int at = 0; at < BLOCKS; at += LONGEST)
		check_some(disk, at, LONGEST);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct disk disks[DISKS];
	pthread_t threads[DISKS];
	unsigned int resets = 0, parity = 0;
	uint32_t seed, random;
	int count = argc - 4;

	if (count < 1 || count > DISKS) {
		fputs("usage: interleave MODEL SEED ROUNDS DISK...\n", stderr);
		return 2;
	}
	model = argv[1];
	seed = strtoul(argv[2], NULL, 10);
	rounds = strtoul(argv[3], NULL, 10);
	random = seed ? seed : 1;
	pthread_barrier_init(&begin, NULL, count + 1);
	pthread_barrier_init(&end, NULL, count + 1);
	for (int i = 0; i < count; i++) {
		struct disk *disk = &disks[i];

		disk->name = argv[4 + i];
		disk->number = i;
		disk->random = random + 0x9e3779b9u * (i + 1);
		disk->fd = open(disk->name, O_RDWR | O_DIRECT);
		if (disk->fd < 0 || posix_memalign((void **)&disk->data, 4096, LONGEST * BLOCK))
			die(disk->name, strerror(errno));
		if (pthread_create(&threads[i], NULL, work, disk))
			die(disk->name, "no thread");
	}
	for (now = 0; now < rounds; now++) {
		uint32_t kind = below(&random, 4), when = below(&random, TROUBLE_US);
		uint32_t byte = 1 + below(&random, PARITY_BYTES), busy = below(&random, DISK_BUSY_NS);

		set("disk_busy_ns", busy);
		if (kind & 1) {
			set("parity_at", byte);
			parity++;
		}
		pthread_barrier_wait(&begin);
		if (kind & 2) {
			usleep(when);
			set("reset", 1);
			resets++;
		}
		pthread_barrier_wait(&end);
	}
	set("parity_at", 0);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%u rounds, %u commands, %u bytes of bad parity, %u resets\n", rounds, 2 * rounds * count, parity, resets);
	return 0;
}
