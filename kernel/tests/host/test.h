/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of the parsers on the host: a very small framework
 *
 * A test is a function with a sentence that says what holds. Each runs in a
 * process of its own, so that one that a sanitizer stops is one failure.
 */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <stdlib.h>

#include "../../ipscsi_codec.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define TEST(fn, title)							\
	static void fn(void);						\
	__attribute__((constructor)) static void register_##fn(void)	\
	{								\
		test_register(title, fn);				\
	}								\
	static void fn(void)

#define CHECK(condition)						\
	do {								\
		if (!(condition))					\
			test_fail(__FILE__, __LINE__, #condition);	\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		long long _a = (long long)(a), _b = (long long)(b);	\
									\
		if (_a != _b)						\
			test_fail_eq(__FILE__, __LINE__, #a, #b, _a, _b); \
	} while (0)

void test_register(const char *title, void (*run)(void));
_Noreturn void test_fail(const char *file, int line, const char *what);
_Noreturn void test_fail_eq(const char *file, int line, const char *a,
			    const char *b, long long va, long long vb);
_Noreturn void test_skip(const char *reason);

/* Random numbers: xorshift64*, from the seed that is printed */
u64 random64(void);
u32 random_below(u32 n);	/* 0 to n - 1 */
void random_fill(u8 *buf, size_t len);

/*
 * Memory of exactly @len bytes, so that AddressSanitizer sees the first byte
 * that is read or written behind it. Never NULL. Free it with free().
 */
u8 *exact(const void *from, size_t len);

#define ROUNDS 20000	/* of each property with random input */

#endif
