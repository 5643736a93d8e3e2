// SPDX-License-Identifier: GPL-2.0-only
/* Control messages: docs/protocol.md section 4 */
#include "test.h"

/* Steps through a copy of exactly @len bytes. Return: elements, or -EINVAL */
static int walk(const u8 *buf, size_t len)
{
	u8 *copy = exact(buf, len);
	size_t pos = 0, before = 0;
	struct ipscsi_tlv tlv;
	int n = 0, more;

	while ((more = ipscsi_tlv_next(copy, len, &pos, &tlv)) > 0) {
		size_t i;
		volatile u8 sum = 0;

		n++;
		CHECK(pos > before);
		CHECK(tlv.value >= copy && tlv.value + tlv.len <= copy + len);
		for (i = 0; i < tlv.len; i++)
			sum += tlv.value[i];
		before = pos;
	}
	free(copy);
	return more ? more : n;
}

TEST(tlv_bye, "BYE and FLUSH are four bytes")
{
	u8 *buf = exact(NULL, 4);

	CHECK_EQ(ipscsi_tlv_build(buf, 4, IPSCSI_TLV_BYE, NULL, 0), 4);
	CHECK(!memcmp(buf, "\0\2\0\0", 4));
	CHECK_EQ(ipscsi_tlv_build(buf, 4, IPSCSI_TLV_FLUSH, NULL, 0), 4);
	CHECK(!memcmp(buf, "\0\3\0\0", 4));
	free(buf);
}

TEST(tlv_empty, "an empty control message has no elements")
{
	CHECK_EQ(walk(NULL, 0), 0);
}

TEST(tlv_padding, "values are padded with zeros to four bytes")
{
	u8 buf[16], value[8];
	u16 len;

	memset(value, 0xee, sizeof(value));
	for (len = 0; len <= 8; len++) {
		size_t want = 4 + (len + 3) / 4 * 4, i;

		memset(buf, 0xff, sizeof(buf));
		CHECK_EQ(ipscsi_tlv_build(buf, sizeof(buf), 9, value, len), want);
		for (i = 4 + len; i < want; i++)
			CHECK_EQ(buf[i], 0);
		if (want < sizeof(buf))
			CHECK_EQ(buf[want], 0xff);
	}
}

TEST(tlv_last, "the padding of the last element may be missing")
{
	static const u8 message[] = { 0, 9, 0, 1, 0xee };

	CHECK_EQ(walk(message, sizeof(message)), 1);
}

TEST(tlv_room, "an element is written into enough room, or not at all")
{
	u8 value[5] = { 1, 2, 3, 4, 5 };
	size_t size;

	for (size = 0; size < 20; size++) {
		u8 *buf = exact(NULL, size);

		CHECK_EQ(ipscsi_tlv_build(buf, size, 1, value, 5),
			 size < 12 ? 0 : 12);
		free(buf);
	}
}

TEST(tlv_cut, "a message that is cut within an element is malformed, between elements it ends")
{
	u8 buf[64], value[6] = { 0 };
	size_t len = 0, cut;

	len += ipscsi_tlv_build(buf + len, sizeof(buf) - len, 1, value, 6);
	len += ipscsi_tlv_build(buf + len, sizeof(buf) - len, 77, NULL, 0);
	len += ipscsi_tlv_build(buf + len, sizeof(buf) - len, 2, value, 4);
	CHECK_EQ(len, 24);
	CHECK_EQ(walk(buf, len), 3);
	for (cut = 0; cut < len; cut++) {
		int want = cut == 0 ? 0 : cut < 10 ? -EINVAL :
			   cut <= 12 ? 1 : cut < 16 ? -EINVAL :
			   cut == 16 ? 2 : -EINVAL;

		CHECK_EQ(walk(buf, cut), want);
	}
}

TEST(tlv_huge, "an element that claims more than there is is malformed")
{
	u8 buf[32] = { 0 };
	u32 claim;

	for (claim = 0; claim <= 65535; claim += claim < 40 ? 1 : 97) {
		buf[0] = 0;
		buf[1] = 1;
		buf[2] = claim >> 8;
		buf[3] = claim;
		if (claim > sizeof(buf) - 4)
			CHECK_EQ(walk(buf, sizeof(buf)), -EINVAL);
		else
			CHECK(walk(buf, sizeof(buf)) > 0);
	}
}

TEST(tlv_longest, "a value of 65535 bytes goes through")
{
	size_t size = 4 + 65536;
	u8 *value = exact(NULL, 65535), *buf = exact(NULL, size);
	struct ipscsi_tlv tlv;
	size_t pos = 0;

	random_fill(value, 65535);
	CHECK_EQ(ipscsi_tlv_build(buf, size, 5, value, 65535), size);
	CHECK_EQ(ipscsi_tlv_next(buf, size, &pos, &tlv), 1);
	CHECK_EQ(tlv.len, 65535);
	CHECK(!memcmp(tlv.value, value, 65535));
	CHECK_EQ(ipscsi_tlv_next(buf, size, &pos, &tlv), 0);
	free(value);
	free(buf);
}

TEST(tlv_random, "any sequence of elements is read as it was written")
{
	int i;

	for (i = 0; i < ROUNDS / 4; i++) {
		u16 types[8], lens[8];
		u8 values[8][40], buf[IPSCSI_CONTROL_MAX];
		struct ipscsi_tlv tlv;
		size_t len = 0, pos = 0;
		u32 n = random_below(9), k;
		u8 *copy;

		for (k = 0; k < n; k++) {
			types[k] = random64();
			lens[k] = random_below(41);
			random_fill(values[k], lens[k]);
			len += ipscsi_tlv_build(buf + len, sizeof(buf) - len,
						types[k], values[k], lens[k]);
		}
		copy = exact(buf, len);
		for (k = 0; k < n; k++) {
			CHECK_EQ(ipscsi_tlv_next(copy, len, &pos, &tlv), 1);
			CHECK_EQ(tlv.type, types[k]);
			CHECK_EQ(tlv.len, lens[k]);
			CHECK(!memcmp(tlv.value, values[k], lens[k]));
		}
		CHECK_EQ(ipscsi_tlv_next(copy, len, &pos, &tlv), 0);
		CHECK_EQ(ipscsi_tlv_next(copy, len, &pos, &tlv), 0);
		free(copy);
	}
}

TEST(tlv_hostile, "random bytes are stepped through without reading past them")
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		u8 buf[128];
		size_t len = random_below(sizeof(buf) + 1);
		u32 k;

		random_fill(buf, len);
		/* short lengths now and then, so that it gets further */
		for (k = 2; k + 1 < len; k += 4 * (1 + random_below(3))) {
			buf[k] = 0;
			buf[k + 1] &= 0x1f;
		}
		CHECK(walk(buf, len) >= -EINVAL);
	}
}
