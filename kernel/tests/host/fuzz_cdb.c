// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzer: a CDB that is parsed is the one that would be built from it */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t need, len;
	struct ipscsi_cdb cdb;
	u8 again[12];

	/* the mid-layer gives as many bytes as the opcode's group has */
	if (!size)
		return 0;
	need = data[0] >> 5 == 0 ? 6 : data[0] >> 5 == 5 ? 12 : 10;
	if (size < need || ipscsi_cdb_parse(data, &cdb))
		return 0;
	MUST(need == 6 || cdb.stream == (data[4] << 8 | data[5]));
	MUST(cdb.length_byte < need && cdb.stream_byte < need);
	len = ipscsi_cdb_build(again, cdb.send, cdb.stream, cdb.length, 0);
	MUST(!ipscsi_cdb_parse(again, &cdb));
	if (need == len) {
		MUST(again[0] == data[0]);
		MUST(!memcmp(again + 4, data + 4, 2));
		MUST(!memcmp(again + cdb.length_byte, data + cdb.length_byte,
			     need == 10 ? 2 : 4));
	}
	return 0;
}
