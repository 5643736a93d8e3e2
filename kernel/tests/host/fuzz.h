/* SPDX-License-Identifier: GPL-2.0-only */
/* What the libFuzzer targets share. libFuzzer gives input of exact size */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdlib.h>

#include "../../ipscsi_codec.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Something that must hold does not: libFuzzer keeps the input */
#define MUST(condition) do { if (!(condition)) __builtin_trap(); } while (0)

#endif
