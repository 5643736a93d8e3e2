// SPDX-License-Identifier: GPL-2.0-only
/* Containers: docs/protocol.md section 6, and both of the driver's walks */
#include "test.h"
#include "walk.h"

static struct walk got, put;

/* Both walks over a copy of exactly @len bytes; they must see the same */
static void walk_both(const u8 *buf, size_t len)
{
	u8 *copy = exact(buf, len);
	unsigned int i;

	walk_get(copy, len, &got);
	walk_send(copy, len, &put);
	free(copy);
	CHECK_EQ(got.count, put.count);
	for (i = 0; i < got.count; i++) {
		CHECK_EQ(got.stream[i], put.stream[i]);
		CHECK_EQ(got.length[i], put.length[i]);
		CHECK_EQ(got.hash[i], put.hash[i]);
	}
	CHECK_EQ(got.malformed, put.malformed);
	if (got.count)
		CHECK_EQ(got.seq, put.seq);
}

static size_t add(u8 *buf, size_t len, u16 stream, const u8 *payload, u32 n)
{
	struct ipscsi_record record = { .stream = stream, .length = n };

	ipscsi_record_build(buf + len, &record);
	memset(buf + len + 16, 0, ipscsi_record_size(n) - 16);
	memcpy(buf + len + 16, payload, n);
	return len + ipscsi_record_size(n);
}

static void header(u8 *buf, u16 count, u32 length, u32 seq)
{
	struct ipscsi_cont cont = { .count = count, .length = length, .seq = seq };

	ipscsi_cont_build(buf, &cont);
}

/* Three records: 20, 8 and 1 bytes of payload; in all 16 + 40 + 24 + 24 */
#define SAMPLE_LEN 104

static void sample(u8 *buf)
{
	u8 payload[20];
	size_t len = IPSCSI_CONT_HEADER;

	memset(payload, 0x77, sizeof(payload));
	len = add(buf, len, 0x0000, payload, 20);
	len = add(buf, len, 0x6558, payload, 8);
	len = add(buf, len, 0x000d, payload, 1);
	CHECK_EQ(len, SAMPLE_LEN);
	header(buf, 3, len, 5);
}

TEST(cont_header, "a container's header is 16 bytes, reserved ones zero")
{
	u8 *buf = exact(NULL, 16);
	struct ipscsi_cont cont;

	memset(buf, 0xff, 16);
	header(buf, 0x0102, 0x03040506, 0x0708090a);
	CHECK(!memcmp(buf, "\1\0\1\2\3\4\5\6\7\x8\x9\xa\0\0\0\0", 16));
	header(buf, 3, 100, 7);
	CHECK_EQ(ipscsi_cont_parse(buf, 100, &cont), 0);
	CHECK_EQ(cont.count, 3);
	CHECK_EQ(cont.length, 100);
	CHECK_EQ(cont.seq, 7);
	free(buf);
}

TEST(cont_null, "a null container is a header with no records")
{
	u8 buf[16];

	header(buf, 0, 16, 0);
	walk_both(buf, 16);
	CHECK_EQ(got.count, 0);
	CHECK_EQ(got.null, 1);
	CHECK_EQ(got.malformed, 0);
}

TEST(cont_reserved, "flags and reserved bytes of a header are not looked at")
{
	u8 buf[SAMPLE_LEN];

	sample(buf);
	buf[1] = 0xff;
	memset(buf + 12, 0xff, 4);
	walk_both(buf, sizeof(buf));
	CHECK_EQ(got.count, 3);
	CHECK_EQ(got.malformed, 0);
}

TEST(cont_version, "only version 1 is understood")
{
	struct ipscsi_cont cont;
	u8 buf[16];
	int version;

	for (version = 0; version < 256; version++) {
		header(buf, 0, 16, 0);
		buf[0] = version;
		CHECK_EQ(ipscsi_cont_parse(buf, 16, &cont),
			 version == 1 ? 0 : -EINVAL);
	}
}

TEST(cont_length, "a container is not longer than what came, and has room for its records")
{
	struct ipscsi_cont cont;
	u8 buf[16];
	u32 length, count;

	for (length = 0; length < 200; length++)
		for (count = 0; count < 16; count++) {
			header(buf, count, length, 0);
			CHECK_EQ(ipscsi_cont_parse(buf, 100, &cont),
				 length < 16 || length > 100 ||
				 count > (length - 16) / 16 ? -EINVAL : 0);
		}
	header(buf, 65535, 0xffffffff, 0);
	CHECK_EQ(ipscsi_cont_parse(buf, 1 << 20, &cont), -EINVAL);
	header(buf, 512, 1 << 20, 0);
	CHECK_EQ(ipscsi_cont_parse(buf, 1 << 20, &cont), 0);
	/* one for each of 32767 tiny records would keep the receiver too long */
	for (count = 513; count <= 65535; count++) {
		header(buf, count, 1 << 20, 0);
		CHECK_EQ(ipscsi_cont_parse(buf, 1 << 20, &cont), -EINVAL);
	}
	for (length = 0; length < 16; length++)
		CHECK_EQ(ipscsi_cont_parse(buf, length, &cont), -EINVAL);
}

TEST(cont_record, "a record has 1 to 65535 bytes of payload, and fits")
{
	struct ipscsi_record record = { .stream = 0x1234 };
	u8 *buf = exact(NULL, 16);
	u32 length, left;

	memset(record.vnet, 0x5a, 10);
	for (length = 0; length < 70; length++) {
		record.length = length;
		ipscsi_record_build(buf, &record);
		for (left = 0; left < 100; left++) {
			struct ipscsi_record out;
			int err = ipscsi_record_parse(buf, left, &out);

			CHECK_EQ(err, !length || left < 16 + length ? -EINVAL : 0);
			if (err)
				continue;
			CHECK_EQ(out.stream, 0x1234);
			CHECK_EQ(out.length, length);
			CHECK(!memcmp(out.vnet, record.vnet, 10));
		}
	}
	record.length = 65535;
	ipscsi_record_build(buf, &record);
	CHECK_EQ(ipscsi_record_parse(buf, 1 << 20, &record), 0);
	for (length = 65536; length; length <<= 1) {
		struct ipscsi_record out;

		record.length = length;
		ipscsi_record_build(buf, &record);
		CHECK_EQ(ipscsi_record_parse(buf, (size_t)-1, &out), -EINVAL);
	}
	free(buf);
}

TEST(cont_record_size, "a record takes 16 bytes and its payload, padded to 8")
{
	u32 length;

	for (length = 1; length <= 65535; length++) {
		u32 size = ipscsi_record_size(length);

		CHECK_EQ(size % 8, 0);
		CHECK(size >= 16 + length && size < 16 + length + 8);
	}
}

TEST(cont_walk, "both walks find the records of a container, in order")
{
	u8 buf[SAMPLE_LEN];

	sample(buf);
	walk_both(buf, sizeof(buf));
	CHECK_EQ(got.count, 3);
	CHECK_EQ(got.length[0], 20);
	CHECK_EQ(got.length[1], 8);
	CHECK_EQ(got.length[2], 1);
	CHECK_EQ(got.stream[0], 0x0000);
	CHECK_EQ(got.stream[1], 0x6558);
	CHECK_EQ(got.stream[2], 0x000d);
	CHECK_EQ(got.malformed + put.malformed, 0);
	CHECK_EQ(got.seq, 5);
}

TEST(cont_cut, "a container that was cut anywhere is malformed and gives no record")
{
	u8 buf[SAMPLE_LEN];
	size_t cut;

	sample(buf);
	for (cut = 0; cut < sizeof(buf); cut++) {
		walk_both(buf, cut);
		CHECK_EQ(got.count, 0);
		CHECK_EQ(got.malformed, 1);
		CHECK_EQ(put.malformed, 1);
	}
}

TEST(cont_shortened, "a container whose length ends early gives the records that are whole")
{
	u8 buf[SAMPLE_LEN];
	u32 length;

	for (length = 16 + 3 * 16; length <= SAMPLE_LEN; length++) {
		sample(buf);
		header(buf, 3, length, 0);
		walk_both(buf, sizeof(buf));
		/* records begin at 16, 56 and 80; padding may be missing */
		CHECK_EQ(got.count, (length >= 52) + (length >= 80) + (length >= 97));
		if (got.count < 3)
			CHECK_EQ(got.malformed, 1);
	}
}

TEST(cont_trailer, "what follows a container in the command is ignored")
{
	u8 buf[SAMPLE_LEN + 64];

	sample(buf);
	memset(buf + SAMPLE_LEN, 0xff, 64);
	walk_both(buf, sizeof(buf));
	CHECK_EQ(got.count, 3);
	CHECK_EQ(got.malformed + put.malformed, 0);
}

TEST(cont_fewer, "records behind the last that the header counts are ignored")
{
	u8 buf[SAMPLE_LEN];

	sample(buf);
	header(buf, 2, SAMPLE_LEN, 0);
	walk_both(buf, sizeof(buf));
	CHECK_EQ(got.count, 2);
	CHECK_EQ(got.malformed + put.malformed, 0);
}

TEST(cont_random, "both walks give back what was put in, for any records")
{
	static u8 buf[1 << 17], payload[65535];
	int i;

	random_fill(payload, sizeof(payload));
	for (i = 0; i < ROUNDS / 20; i++) {
		u32 n = random_below(40), k, lengths[40];
		size_t len = IPSCSI_CONT_HEADER;
		static const u8 no_vnet[10];

		for (k = 0; k < n; k++) {
			lengths[k] = 1 + random_below(random_below(8) ? 100 : 2000);
			len = add(buf, len, k, payload + k, lengths[k]);
		}
		header(buf, n, len, i);
		walk_both(buf, len);
		CHECK_EQ(got.count, n);
		CHECK_EQ(got.malformed + put.malformed, 0);
		for (k = 0; k < n; k++) {
			CHECK_EQ(got.stream[k], k);
			CHECK_EQ(got.length[k], lengths[k]);
			CHECK(got.hash[k] == walk_hash(payload + k, lengths[k], no_vnet));
		}
	}
}

TEST(cont_longest, "a record of 65535 bytes, in a container that needs SEND MESSAGE(12)")
{
	size_t len = IPSCSI_CONT_HEADER;
	u8 *payload = exact(NULL, 65535);
	u8 *buf = exact(NULL, 16 + 2 * 65552);

	random_fill(payload, 65535);
	len = add(buf, len, 0x6558, payload, 65535);
	len = add(buf, len, 0x0000, payload, 65535);
	header(buf, 2, len, 0);
	walk_both(buf, len);
	CHECK_EQ(got.count, 2);
	CHECK_EQ(got.length[1], 65535);
	free(payload);
	free(buf);
}

TEST(cont_hostile, "a container with random damage is walked without reading past it")
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		u8 buf[SAMPLE_LEN];
		int n = 1 + random_below(4);

		sample(buf);
		while (n--)
			buf[random_below(sizeof(buf))] = random64();
		walk_both(buf, random_below(3) ? sizeof(buf) :
						 random_below(sizeof(buf) + 1));
		CHECK(got.count <= 5);
	}
}
