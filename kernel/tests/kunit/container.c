// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: containers, docs/protocol.md section 6 */
#include <linux/random.h>

#include "rig.h"

#define WALK_MAX	8
#define MUTATIONS	2000

/* A walk as io.c and target.c do it. Return: records, or -EINVAL */
static int walk(const u8 *buf, size_t len, struct ipscsi_record *records)
{
	struct ipscsi_cont cont;
	size_t pos = IPSCSI_CONT_HEADER;
	int i;

	if (ipscsi_cont_parse(buf, len, &cont))
		return -EINVAL;
	for (i = 0; i < cont.count; i++) {
		struct ipscsi_record record;

		if (pos >= cont.length ||
		    ipscsi_record_parse(buf + pos, cont.length - pos, &record))
			return -EINVAL;
		if (i < WALK_MAX)
			records[i] = record;
		pos += ipscsi_record_size(record.length);
	}
	return cont.count;
}

static void container_vector(struct kunit *test)
{
	struct ipscsi_record records[WALK_MAX] = {};
	size_t len;
	u8 *buf = rig_vector(test, "container", &len);

	KUNIT_ASSERT_EQ(test, walk(buf, len, records), 2);
	KUNIT_EXPECT_EQ(test, records[0].stream, IPSCSI_STREAM_IPV4);
	KUNIT_EXPECT_EQ(test, records[0].length, 32);
	KUNIT_EXPECT_EQ(test, records[1].stream, IPSCSI_STREAM_ARP);
	KUNIT_EXPECT_EQ(test, records[1].length, 28);
	buf = rig_vector(test, "container-null", &len);
	KUNIT_EXPECT_EQ(test, walk(buf, len, records), 0);
}

static void container_cut(struct kunit *test)
{
	struct ipscsi_record records[WALK_MAX];
	size_t len, cut;
	u8 *buf = rig_vector(test, "container", &len);

	for (cut = 1; cut < len; cut++) {
		u8 *part = rig_exact(test, buf, cut);

		KUNIT_EXPECT_EQ(test, walk(part, cut, records), -EINVAL);
		kunit_kfree(test, part);
	}
}

static void container_bounds(struct kunit *test)
{
	struct ipscsi_cont cont = { .count = 0 };
	u8 buf[IPSCSI_CONT_HEADER];
	u32 length, count;

	for (length = 0; length < 120; length++) {
		for (count = 0; count < 10; count++) {
			struct ipscsi_cont in = { count, length, 1 };
			bool bad = length < 16 || length > 100 ||
				   count > (length - 16) / 16;

			ipscsi_cont_build(buf, &in);
			KUNIT_EXPECT_EQ(test, ipscsi_cont_parse(buf, 100, &cont),
					bad ? -EINVAL : 0);
		}
	}
}

static void container_record_size(struct kunit *test)
{
	u32 length;

	for (length = 1; length <= IPSCSI_MESSAGE_MAX; length++) {
		u32 size = ipscsi_record_size(length);

		if (size % 8 || size < 16 + length || size >= 24 + length)
			KUNIT_FAIL(test, "%u bytes take %u", length, size);
	}
}

static void container_hostile(struct kunit *test)
{
	struct ipscsi_record records[WALK_MAX];
	size_t len, cut;
	u8 *buf = rig_vector(test, "container", &len);
	int i, n;

	for (i = 0; i < MUTATIONS; i++) {
		u8 *bad;

		cut = 1 + get_random_u32() % len;
		bad = rig_exact(test, buf, cut);
		for (n = get_random_u32() % 4; n >= 0; n--)
			bad[get_random_u32() % cut] = get_random_u32();
		n = walk(bad, cut, records);
		KUNIT_EXPECT_LE(test, n, 6);
		kunit_kfree(test, bad);
	}
}

static struct kunit_case container_cases[] = {
	KUNIT_CASE(container_vector),
	KUNIT_CASE(container_cut),
	KUNIT_CASE(container_bounds),
	KUNIT_CASE(container_record_size),
	KUNIT_CASE(container_hostile),
	{}
};

struct kunit_suite ipscsi_container_suite = {
	.name = "ipscsi_container",
	.test_cases = container_cases,
};
