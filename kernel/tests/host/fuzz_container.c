// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzer: both of the driver's walks through one container see the same */
#include "fuzz.h"
#include "walk.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct walk got, put;
	u64 bytes = IPSCSI_CONT_HEADER;
	unsigned int i;

	if (size > 65528)
		return 0;
	walk_get(data, size, &got);
	walk_send(data, size, &put);
	MUST(got.count == put.count);
	for (i = 0; i < got.count; i++) {
		MUST(got.stream[i] == put.stream[i]);
		MUST(got.length[i] == put.length[i]);
		MUST(got.hash[i] == put.hash[i]);
		bytes += IPSCSI_CONT_RECORD + got.length[i];
	}
	MUST(!got.count || bytes <= size);
	MUST(got.malformed == put.malformed);
	return 0;
}
