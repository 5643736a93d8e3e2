// SPDX-License-Identifier: Apache-2.0
/*
 * Prints the rate of this machine's time stamp counter, kHz. QEMU's TCG gives its guests that very counter; a guest that
 * measures the rate itself while it boots gets a wrong one when the host is busy, and its clock runs several times too fast.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

/* How long to measure: an error of 1 us at either end is 10 ppm. */
#define SPAN_NS 200000000L
/* Of so many readings, the one that was disturbed least. */
#define READINGS 64

struct reading {
	uint64_t counter;
	int64_t ns;
};

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct reading take(void)
{
	struct reading best = { 0, 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		uint64_t before = __rdtsc();
		int64_t ns = now();
		uint64_t after = __rdtsc();

		if (after - before >= least)
			continue;
		least = after - before;
		best = (struct reading){ before + (after - before) / 2, ns };
	}
	return best;
}

int main(void)
{
	const struct timespec span = { .tv_nsec = SPAN_NS };
	struct reading from = take(), to;

	nanosleep(&span, NULL);
	to = take();
	printf("%.0f\n", (double)(to.counter - from.counter) * 1e6 / (double)(to.ns - from.ns));
	return 0;
}
