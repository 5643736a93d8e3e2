// SPDX-License-Identifier: GPL-2.0-only
/* Runs the tests of this folder. Arguments: part of a title, to run only those */
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define TESTS_MAX	128
#define EXIT_SKIP	77

static struct {
	const char *title;
	void (*run)(void);
} tests[TESTS_MAX];
static int ntests;
static u64 state;

void test_register(const char *title, void (*run)(void))
{
	if (ntests == TESTS_MAX)
		abort();
	tests[ntests].title = title;
	tests[ntests++].run = run;
}

void test_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "  %s:%d: not true: %s\n", file, line, what);
	_exit(1);
}

void test_fail_eq(const char *file, int line, const char *a, const char *b,
		  long long va, long long vb)
{
	fprintf(stderr, "  %s:%d: %s is %lld, %s is %lld\n", file, line, a, va,
		b, vb);
	_exit(1);
}

void test_skip(const char *reason)
{
	fprintf(stderr, "  skipped: %s\n", reason);
	_exit(EXIT_SKIP);
}

u64 random64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

u32 random_below(u32 n)
{
	return n ? (random64() >> 32) % n : 0;
}

void random_fill(u8 *buf, size_t len)
{
	while (len--)
		*buf++ = random64() >> 56;
}

u8 *exact(const void *from, size_t len)
{
	u8 *buf = malloc(len);

	if (!buf && !len)
		buf = malloc(1);
	if (!buf)
		abort();
	if (len && from)
		memcpy(buf, from, len);
	else if (len)
		memset(buf, 0, len);
	return buf;
}

int main(int argc, char **argv)
{
	int i, status, passed = 0, failed = 0, skipped = 0;
	const char *word = getenv("SEED");
	u64 seed = word ? strtoull(word, NULL, 0) : (u64)time(NULL) << 16 ^ getpid();

	printf("unit tests of the parsers, SEED=%llu\n", (unsigned long long)seed);
	for (i = 0; i < ntests; i++) {
		pid_t child;

		if (argc > 1 && !strstr(tests[i].title, argv[1]))
			continue;
		/* the same numbers for a test, whichever others run */
		state = (seed + i + 1) * 0x9e3779b97f4a7c15ull | 1;
		fflush(NULL);
		child = fork();
		if (child < 0) {
			perror("fork");
			return 1;
		}
		if (!child) {
			tests[i].run();
			exit(0);
		}
		if (waitpid(child, &status, 0) != child)
			return 1;
		if (WIFEXITED(status) && !WEXITSTATUS(status)) {
			passed++;
		} else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP) {
			printf("skip: %s\n", tests[i].title);
			skipped++;
		} else {
			printf("FAIL: %s (again: SEED=%llu)\n", tests[i].title,
			       (unsigned long long)seed);
			failed++;
		}
	}
	printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	return failed != 0;
}
