// SPDX-License-Identifier: Apache-2.0
/* Runs the host tests. Argument: part of a sentence, to run only those */
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define TESTS_MAX 128
#ifndef PROTOCOL
#define PROTOCOL "../../docs/protocol.md"
#endif

static struct {
	const char *sentence;
	void (*run)(void);
} tests[TESTS_MAX];
static int ntests;
static u64 seed, state;

void check_add(const char *sentence, void (*run)(void))
{
	if (ntests == TESTS_MAX)
		abort();
	tests[ntests].sentence = sentence;
	tests[ntests++].run = run;
}

void check_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "  %s:%d: not true: %s\n", file, line, what);
	_exit(1);
}

void check_same(const char *file, int line, const char *what, long long a,
		long long b)
{
	if (a == b)
		return;
	fprintf(stderr, "  %s:%d: %s is %lld (%llxh), not %lld (%llxh)\n", file,
		line, what, a, a, b, b);
	_exit(1);
}

size_t from_hex(u8 *buf, size_t size, const char *hex)
{
	size_t n = 0;
	char *end;

	for (;;) {
		unsigned long v = strtoul(hex, &end, 16);

		if (end == hex)
			return n;
		if (n == size)
			abort();
		buf[n++] = v;
		hex = end;
	}
}

void check_bytes(const char *file, int line, const u8 *a, size_t len,
		 const char *hex)
{
	u8 want[4096];
	size_t i, n = from_hex(want, sizeof(want), hex);

	if (n == len && !memcmp(a, want, n))
		return;
	fprintf(stderr, "  %s:%d: not these bytes: %s\n  but:", file, line, hex);
	for (i = 0; i < len; i++)
		fprintf(stderr, " %02x", a[i]);
	fputc('\n', stderr);
	_exit(1);
}

size_t golden(u8 *buf, size_t size, const char *name)
{
	char line[256], hex[4096] = "";
	FILE *file = fopen(PROTOCOL, "r");
	bool on = false;

	if (!file)
		check_fail(PROTOCOL, 0, "the protocol can be read");
	while (fgets(line, sizeof(line), file)) {
		if (on && (line[0] == '\n' || line[0] == '`'))
			break;
		if (on)
			strncat(hex, line, sizeof(hex) - strlen(hex) - 1);
		line[strcspn(line, "\n")] = 0;
		on |= !strcmp(line, name);
	}
	fclose(file);
	if (!on)
		check_fail(PROTOCOL, 0, name);
	return from_hex(buf, size, hex);
}

u32 rand32(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 32;
}

u32 rand_below(u32 n)
{
	return (u64)rand32() * n >> 32;
}

u8 *heap(const void *from, size_t len)
{
	u8 *buf = calloc(1, len ? len : 1);

	if (!buf)
		abort();
	if (from && len)
		memcpy(buf, from, len);
	return buf;
}

int main(int argc, char **argv)
{
	const char *word = getenv("SEED");
	int i, status, passed = 0, failed = 0;

	seed = word ? strtoull(word, NULL, 0) : (u64)time(NULL) * 1000 + getpid();
	printf("firmware on the host, SEED=%llu\n", (unsigned long long)seed);
	for (i = 0; i < ntests; i++) {
		pid_t child;

		if (argc > 1 && !strstr(tests[i].sentence, argv[1]))
			continue;
		state = seed;
		fflush(NULL);
		child = fork();
		if (child < 0)
			return 1;
		if (!child) {
			tests[i].run();
			exit(0);
		}
		if (waitpid(child, &status, 0) == child && WIFEXITED(status) &&
		    !WEXITSTATUS(status)) {
			passed++;
			continue;
		}
		printf("FAIL: %s (again: SEED=%llu)\n", tests[i].sentence,
		       (unsigned long long)seed);
		failed++;
	}
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
