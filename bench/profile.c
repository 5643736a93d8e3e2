// SPDX-License-Identifier: Apache-2.0
/*
 * Where the kernel spends its time: samples of all processors, by function. A VM has no perf, and needs none for this.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tool.h"

#define RING_PAGES	128	/* a power of two */
#define MAX_CPUS	64
#define HERTZ		2000
#define TOP		60
#define DRAIN_US	50000

struct symbol {
	uint64_t address;
	unsigned long samples;
	char name[80];
};

static struct symbol *symbols;
static size_t count;

static int by_address(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	return (left->address > right->address) - (left->address < right->address);
}

static int by_samples(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	return (left->samples < right->samples) - (left->samples > right->samples);
}

static void read_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], module[64], kind;
	size_t room = 0;

	if (!file)
		die("/proc/kallsyms: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		struct symbol *s;
		char name[256];
		int n;

		if (count == room) {
			room = room ? 2 * room : 1 << 17;
			symbols = realloc(symbols, room * sizeof(*symbols));
			if (!symbols)
				die("no memory");
		}
		s = &symbols[count];
		memset(s, 0, sizeof(*s));
		n = sscanf(line, "%lx %c %255s %63s", &s->address, &kind, name, module);
		if (n < 3 || (kind != 't' && kind != 'T' && kind != 'w' && kind != 'W'))
			continue;
		snprintf(s->name, sizeof(s->name), "%.50s %.24s", name, n == 4 ? module : "");
		count++;
	}
	fclose(file);
	qsort(symbols, count, sizeof(*symbols), by_address);
}

static struct symbol *symbol_of(uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &symbols[low - 1] : NULL;
}


static void drain(struct perf_event_mmap_page *ring, unsigned long *user, unsigned long *kernel)
{
	size_t size = RING_PAGES * 4096UL;
	unsigned char *data = (unsigned char *)ring + 4096;
	uint64_t head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE), tail = ring->data_tail;

	while (tail < head) {
		struct perf_event_header *header = (void *)(data + tail % size);

		if (header->type == PERF_RECORD_SAMPLE) {
			/* a header of 8 bytes and an address: never cut by the end of the ring */
			uint64_t ip = *(uint64_t *)(data + (tail + sizeof(*header)) % size);

			if ((header->misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_USER) {
				++*user;
			} else {
				struct symbol *s = symbol_of(ip);

				++*kernel;
				if (s)
					s->samples++;
			}
		}
		tail += header->size;
	}
	__atomic_store_n(&ring->data_tail, tail, __ATOMIC_RELEASE);
}

int run_profile(int argc, char **argv)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attributes),
		.sample_freq = HERTZ,
		.freq = 1,
		.sample_type = PERF_SAMPLE_IP,
	};
	struct perf_event_mmap_page *rings[MAX_CPUS];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned long user = 0, kernel = 0, seconds = 2;
	int c;

	while ((c = getopt(argc, argv, "t:")) != -1) {
		if (c != 't')
			return 2;
		seconds = number(optarg, 1, 600);
	}
	read_symbols();
	for (long i = 0; i < cpus && i < MAX_CPUS; i++) {
		int fd = syscall(SYS_perf_event_open, &attributes, -1, i, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0)
			die("perf_event_open: %s", strerror(errno));
		rings[i] = mmap(NULL, (RING_PAGES + 1) * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (rings[i] == MAP_FAILED)
			die("ring: %s", strerror(errno));
	}
	start_timer(seconds);
	while (!time_is_up()) {
		usleep(DRAIN_US);
		for (long i = 0; i < cpus && i < MAX_CPUS; i++)
			drain(rings[i], &user, &kernel);
	}
	printf("samples: %lu in the kernel, %lu in programs\n", kernel, user);
	qsort(symbols, count, sizeof(*symbols), by_samples);
	for (size_t i = 0; i < TOP && i < count && symbols[i].samples; i++)
		printf("%5.1f %% %6lu %s\n", 100.0 * symbols[i].samples / (kernel + user), symbols[i].samples,
		       symbols[i].name);
	return 0;
}
