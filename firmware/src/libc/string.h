/* SPDX-License-Identifier: Apache-2.0 */
/* What the firmware needs of a C library's headers; string.c has it */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strnlen(const char *s, size_t max);

#endif
