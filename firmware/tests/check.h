/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host tests of the firmware's layers
 *
 * A test is a function with a sentence that says what holds. Each runs in a
 * process of its own, so that a sanitizer stops one test and not all.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "ipscsi_codec.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define TEST(fn, sentence)						\
	static void fn(void);						\
	__attribute__((constructor)) static void add_##fn(void)		\
	{								\
		check_add(sentence, fn);				\
	}								\
	static void fn(void)

#define OK(condition)							\
	((condition) ? (void)0 : check_fail(__FILE__, __LINE__, #condition))

#define SAME(a, b)							\
	check_same(__FILE__, __LINE__, #a, (long long)(a), (long long)(b))

/* @len bytes at @a are those of the text @hex ("2a 00 ...") */
#define BYTES(a, len, hex) check_bytes(__FILE__, __LINE__, a, len, hex)

void check_add(const char *sentence, void (*run)(void));
_Noreturn void check_fail(const char *file, int line, const char *what);
void check_same(const char *file, int line, const char *what, long long a,
		long long b);
void check_bytes(const char *file, int line, const u8 *a, size_t len,
		 const char *hex);

/* Hex text to bytes. Return: how many */
size_t from_hex(u8 *buf, size_t size, const char *hex);

/* A vector of docs/protocol.md, by its name. Fails where there is none */
size_t golden(u8 *buf, size_t size, const char *name);

u32 rand32(void);		/* from the seed that is printed */
u32 rand_below(u32 n);		/* 0 to n - 1; n is not 0 */

/* Bytes on the heap, exactly as many: the sanitizer sees each one too many */
u8 *heap(const void *from, size_t len);

#endif
