// SPDX-License-Identifier: GPL-2.0-only
/* Station descriptors: docs/protocol.md section 2 */
#include "test.h"

static void sample(struct ipscsi_desc *desc)
{
	memset(desc, 0, sizeof(*desc));
	desc->version = 1;
	desc->features = IPSCSI_F_EXT | IPSCSI_F_GET | IPSCSI_F_CONTAINER;
	memcpy(desc->addr, "\x02\x00\x00\x00\x00\x2a", 6);
	desc->base_max = 65535;
	desc->cont_max = 65535;
	desc->gets = 8;
	strcpy(desc->name, "station-a");
}

static size_t build(u8 *buf, const struct ipscsi_desc *desc)
{
	size_t len = ipscsi_desc_build(buf, IPSCSI_DESC_MAX, desc);

	CHECK(len);
	return len;
}

/* Parses a copy of exactly @len bytes; a refused one must leave the result */
static int parse(const u8 *buf, size_t len, struct ipscsi_desc *desc)
{
	struct ipscsi_desc before;
	u8 *copy = exact(buf, len);
	int err;

	memset(desc, 0xa5, sizeof(*desc));
	before = *desc;
	err = ipscsi_desc_parse(copy, len, desc);
	if (err)
		CHECK(!memcmp(&before, desc, sizeof(before)));
	free(copy);
	return err;
}

TEST(desc_layout, "a station descriptor has its fields where the page has them")
{
	struct ipscsi_desc desc;
	u8 buf[IPSCSI_DESC_MAX];

	sample(&desc);
	CHECK_EQ(build(buf, &desc), 23 + 9);
	CHECK(!memcmp(buf, "IPSC\1\0\0\7\2\0\0\0\0\x2a\xff\xff\0\0\xff\xff\0\x8\x9station-a", 32));
}

TEST(desc_cut, "a descriptor that is cut anywhere is refused")
{
	struct ipscsi_desc desc;
	u8 buf[IPSCSI_DESC_MAX];
	size_t len, cut;

	sample(&desc);
	len = build(buf, &desc);
	for (cut = 0; cut < len; cut++)
		CHECK_EQ(parse(buf, cut, &desc), -EINVAL);
	CHECK_EQ(parse(buf, len, &desc), 0);
}

TEST(desc_longer, "what follows name and instance is for later versions, and ignored")
{
	struct ipscsi_desc desc;
	u8 buf[IPSCSI_DESC_MAX + 40] = { 0 };
	size_t len;

	sample(&desc);
	len = build(buf, &desc);
	CHECK_EQ(parse(buf, len + 30, &desc), 0);
	CHECK(!strcmp(desc.name, "station-a"));
}

TEST(desc_instance, "an instance follows the name; one that is cut is none")
{
	struct ipscsi_desc desc;
	u8 buf[IPSCSI_DESC_MAX];
	size_t len, cut;

	sample(&desc);
	desc.instance = 0x0123456789abcdefull;
	len = build(buf, &desc);
	CHECK_EQ(len, 32 + 8);
	CHECK(!memcmp(buf + 32, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8));
	CHECK_EQ(ipscsi_desc_build(buf, len - 1, &desc), 0);
	for (cut = 32; cut < len; cut++) {
		CHECK_EQ(parse(buf, cut, &desc), 0);
		CHECK(!desc.instance);
	}
	CHECK_EQ(parse(buf, len, &desc), 0);
	CHECK(desc.instance == 0x0123456789abcdefull);
	CHECK(!strcmp(desc.name, "station-a"));
}

TEST(desc_refused, "another magic, version 0, and addresses that no station has are refused")
{
	struct ipscsi_desc desc;
	u8 good[IPSCSI_DESC_MAX], buf[IPSCSI_DESC_MAX];
	size_t len;
	int i;

	sample(&desc);
	len = build(good, &desc);
	for (i = 0; i < 4; i++) {
		memcpy(buf, good, len);
		buf[i] ^= 0x20;
		CHECK_EQ(parse(buf, len, &desc), -EINVAL);
	}
	memcpy(buf, good, len);
	buf[IPSCSI_DESC_VERSION] = 0;
	CHECK_EQ(parse(buf, len, &desc), -EINVAL);
	memcpy(buf, good, len);
	memset(buf + IPSCSI_DESC_ADDRESS, 0, 6);
	CHECK_EQ(parse(buf, len, &desc), -EINVAL);
	memset(buf + IPSCSI_DESC_ADDRESS, 0xff, 6);
	CHECK_EQ(parse(buf, len, &desc), -EINVAL);
	buf[IPSCSI_DESC_ADDRESS] = 0x01;
	CHECK_EQ(parse(buf, len, &desc), -EINVAL);
}

TEST(desc_future, "a later version and unknown feature bits are kept, not refused")
{
	struct ipscsi_desc desc;
	u8 buf[IPSCSI_DESC_MAX];
	size_t len;

	sample(&desc);
	desc.version = 255;
	desc.features = 0xffff;
	len = build(buf, &desc);
	CHECK_EQ(parse(buf, len, &desc), 0);
	CHECK_EQ(desc.version, 255);
	CHECK_EQ(desc.features, 0xffff);
}

TEST(desc_reserved, "the reserved byte is written as zero and not looked at")
{
	struct ipscsi_desc desc;
	u8 buf[IPSCSI_DESC_MAX];
	size_t len;

	sample(&desc);
	memset(buf, 0xff, sizeof(buf));
	len = build(buf, &desc);
	CHECK_EQ(buf[5], 0);
	buf[5] = 0xff;
	CHECK_EQ(parse(buf, len, &desc), 0);
}

TEST(desc_name, "a name may be 0 to 255 bytes; 64 are kept, NUL terminated")
{
	u8 buf[IPSCSI_DESC_NAME + 255];
	struct ipscsi_desc desc;
	int n;

	sample(&desc);
	desc.name[0] = '\0';
	build(buf, &desc);
	memset(buf + IPSCSI_DESC_NAME, 'x', 255);
	for (n = 0; n < 256; n++) {
		buf[IPSCSI_DESC_NAMELEN] = n;
		CHECK_EQ(parse(buf, IPSCSI_DESC_NAME + n, &desc), 0);
		CHECK_EQ(strlen(desc.name), n < IPSCSI_NAME_MAX ? n : IPSCSI_NAME_MAX);
		if (n)
			CHECK_EQ(parse(buf, IPSCSI_DESC_NAME + n - 1, &desc), -EINVAL);
	}
}

TEST(desc_control, "control characters in a name become question marks")
{
	struct ipscsi_desc desc;
	u8 buf[IPSCSI_DESC_MAX];
	int c;

	for (c = 0; c < 256; c++) {
		sample(&desc);
		build(buf, &desc);
		buf[IPSCSI_DESC_NAME] = c;
		CHECK_EQ(parse(buf, IPSCSI_DESC_NAME + 9, &desc), 0);
		CHECK_EQ((u8)desc.name[0], c < 0x20 || c == 0x7f ? '?' : c);
		CHECK(!strcmp(desc.name + 1, "tation-a"));
	}
}

TEST(desc_room, "a descriptor is written into enough room, or not at all")
{
	struct ipscsi_desc desc;
	size_t size;

	sample(&desc);
	for (size = 0; size < IPSCSI_DESC_MAX; size++) {
		u8 *buf = exact(NULL, size);

		CHECK_EQ(ipscsi_desc_build(buf, size, &desc), size < 32 ? 0 : 32);
		free(buf);
	}
}

TEST(desc_random, "what is built is what is parsed, for any station")
{
	int i, n;

	for (i = 0; i < ROUNDS; i++) {
		u8 buf[IPSCSI_DESC_MAX];
		struct ipscsi_desc in, out;
		size_t len;

		memset(&in, 0, sizeof(in));
		random_fill((u8 *)&in, offsetof(struct ipscsi_desc, name));
		in.version |= 1;
		in.addr[0] = (in.addr[0] & 0xfe) | 2;
		n = random_below(IPSCSI_NAME_MAX + 1);
		while (n--)
			in.name[n] = 0x20 + random_below(0x5f);
		len = build(buf, &in);
		CHECK_EQ(len, IPSCSI_DESC_NAME + strlen(in.name));
		CHECK_EQ(parse(buf, len, &out), 0);
		CHECK_EQ(out.version, in.version);
		CHECK_EQ(out.features, in.features);
		CHECK(!memcmp(out.addr, in.addr, 6));
		CHECK_EQ(out.base_max, in.base_max);
		CHECK_EQ(out.cont_max, in.cont_max);
		CHECK_EQ(out.gets, in.gets);
		CHECK(!strcmp(out.name, in.name));
	}
}

TEST(desc_hostile, "random bytes give a refusal, or a station with a unicast address")
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		u8 buf[IPSCSI_DESC_MAX + 8];
		size_t len = random_below(sizeof(buf) + 1);
		struct ipscsi_desc desc;

		random_fill(buf, len);
		if (random_below(4))
			memcpy(buf, "IPSC", len < 4 ? len : 4);
		if (parse(buf, len, &desc))
			continue;
		CHECK(!(desc.addr[0] & 1));
		CHECK(strnlen(desc.name, sizeof(desc.name)) <= IPSCSI_NAME_MAX);
	}
}
