// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzer: a control message, with the HELLOs that are in it, as target.c does */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u8 copy[4 + 65536];
	struct ipscsi_desc desc;
	struct ipscsi_tlv tlv;
	size_t pos = 0, before = 0;
	int more;

	if (size > IPSCSI_CONTROL_MAX)
		return 0;
	while ((more = ipscsi_tlv_next(data, size, &pos, &tlv)) > 0) {
		MUST(pos > before && pos < size + 4);
		MUST(tlv.value >= data && tlv.value + tlv.len <= data + size);
		if (tlv.type == IPSCSI_TLV_HELLO)
			ipscsi_desc_parse(tlv.value, tlv.len, &desc);
		MUST(ipscsi_tlv_build(copy, sizeof(copy), tlv.type, tlv.value,
				      tlv.len) == pos - before);
		MUST(!memcmp(copy, data + before, 4 + tlv.len));
		before = pos;
	}
	MUST(more == 0 || more == -EINVAL);
	return 0;
}
