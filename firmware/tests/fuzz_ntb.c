// SPDX-License-Identifier: Apache-2.0
/* Fuzzer: a block of a hostile USB host */
#include "usb/ntb.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MUST(condition) do { if (!(condition)) __builtin_trap(); } while (0)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct ntb_reader r;
	u32 offset, len, n = 0;

	if (!ntb_read(&r, data, size))
		return 0;
	while (ntb_next(&r, &offset, &len) == NTB_FRAME) {
		MUST(len && offset + len <= size);
		MUST(data[offset] + data[offset + len - 1] >= 0);	/* can be read */
		MUST(++n <= NTB_FRAMES);
	}
	return 0;
}
