/* SPDX-License-Identifier: GPL-2.0-only */
/* The test vectors of docs/protocol.md section 10, made by the code */
#ifndef VECTORS_H
#define VECTORS_H

#include "../../ipscsi_codec.h"

#define VECTORS_MAX	32
#define VECTOR_BYTES	256

struct vector {
	const char *name;
	size_t len;
	u8 bytes[VECTOR_BYTES];
};

extern struct vector vectors[VECTORS_MAX];

/* Makes them all. Return: how many */
int vectors_make(void);
const struct vector *vector_find(const char *name);

/* As vectors.txt and the document have them: name, hex, blank line */
char *vectors_text(void);

extern const char * const vector_ports[3];

#endif
