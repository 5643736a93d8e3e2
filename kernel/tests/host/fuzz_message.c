// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzer: the length of a datagram. Byte 0 chooses the stream */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t head;
	u8 *copy;
	int ret;

	if (size < 2)
		return 0;
	/* callers look at 40 bytes at most */
	head = size - 1 < 40 ? size - 1 : 40;
	copy = malloc(head);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, head);
	ret = ipscsi_message_length(data[0], copy, head, size - 1);
	free(copy);
	MUST(ret >= 0 || ret == -EINVAL);
	MUST(ret <= (int)(size - 1) && ret <= IPSCSI_MESSAGE_MAX);
	if (ret > 0)
		MUST(ret >= 20);
	return 0;
}
