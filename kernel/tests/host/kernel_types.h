/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What codec.c needs of the kernel's headers, on the host */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EXPORT_SYMBOL_GPL(name)

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#endif
