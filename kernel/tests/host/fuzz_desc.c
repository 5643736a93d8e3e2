// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzer: a station descriptor that is accepted can be told on, unchanged */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct ipscsi_desc desc, again;
	u8 buf[IPSCSI_DESC_MAX];
	size_t len, i;

	memset(&desc, 0, sizeof(desc));
	memset(&again, 0, sizeof(again));
	if (ipscsi_desc_parse(data, size, &desc))
		return 0;
	MUST(!(desc.addr[0] & 1));
	MUST(strnlen(desc.name, sizeof(desc.name)) <= IPSCSI_NAME_MAX);
	for (i = 0; desc.name[i]; i++)
		MUST((u8)desc.name[i] >= 0x20 && desc.name[i] != 0x7f);
	len = ipscsi_desc_build(buf, sizeof(buf), &desc);
	MUST(len && !ipscsi_desc_parse(buf, len, &again));
	MUST(again.version == desc.version && again.features == desc.features);
	MUST(!memcmp(again.addr, desc.addr, 6) && again.gets == desc.gets);
	MUST(again.base_max == desc.base_max && again.cont_max == desc.cont_max);
	MUST(!strcmp(again.name, desc.name));
	return 0;
}
