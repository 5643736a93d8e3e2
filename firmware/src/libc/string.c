// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>
#include <string.h>

/* Words where both are aligned: the processor traps on others */
void *memcpy(void *to, const void *from, size_t len)
{
	const uint8_t *f = from;
	uint8_t *t = to;

	if (!(((uintptr_t)t | (uintptr_t)f) & 3)) {
		for (; len >= 4; len -= 4, t += 4, f += 4)
			*(uint32_t *)t = *(const uint32_t *)f;
	}
	while (len--)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t len)
{
	const uint8_t *f = from;
	uint8_t *t = to;

	if (t <= f)
		return memcpy(to, from, len);
	while (len--)
		t[len] = f[len];
	return to;
}

void *memset(void *to, int value, size_t len)
{
	uint8_t *t = to;

	while (len--)
		*t++ = value;
	return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *p = a, *q = b;

	for (; len--; p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}
