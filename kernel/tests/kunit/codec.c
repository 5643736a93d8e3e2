// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: the parsers as the kernel's compiler and KASAN see them */
#include "rig.h"

static void codec_cdbs(struct kunit *test)
{
	static const struct {
		const char *name;
		bool send;
		u16 stream;
		u32 length;
		u8 lun;
	} want[] = {
		{ "cdb-send-ipv4", true, 0x0000, 32 },
		{ "cdb-send-arp", true, 0x0006, 28 },
		{ "cdb-send-ipv6", true, 0x000d, 1280 },
		{ "cdb-send-scsi2-lun3", true, 0x0000, 32, 3 },
		{ "cdb-send-ethernet", true, 0x6558, 1518 },
		{ "cdb-send-control", true, 0x88b5, 36 },
		{ "cdb-get-ipv4", false, 0x0000, 1500 },
		{ "cdb-get-container", false, 0x88b6, 65528 },
		{ "cdb-send12-container", true, 0x88b6, 131072 },
		{ "cdb-get12-container", false, 0x88b6, 131072 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct ipscsi_cdb out;
		size_t len;
		u8 *cdb = rig_vector(test, want[i].name, &len);
		u8 built[12];

		KUNIT_EXPECT_EQ_MSG(test, ipscsi_cdb_parse(cdb, &out), 0, "%s",
				    want[i].name);
		KUNIT_EXPECT_EQ(test, out.send, want[i].send);
		KUNIT_EXPECT_EQ(test, out.stream, want[i].stream);
		KUNIT_EXPECT_EQ(test, out.length, want[i].length);
		KUNIT_EXPECT_EQ(test, ipscsi_cdb_build(built, want[i].send,
						       want[i].stream,
						       want[i].length,
						       want[i].lun), len);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(built, cdb, len), 0, "%s",
				    want[i].name);
	}
}

static void codec_other_opcodes(struct kunit *test)
{
	struct ipscsi_cdb out;
	u8 cdb[12] = {};
	int op, known = 0;

	for (op = 0; op < 256; op++) {
		cdb[0] = op;
		known += !ipscsi_cdb_parse(cdb, &out);
	}
	KUNIT_EXPECT_EQ(test, known, 6);
}

static void codec_station(struct kunit *test)
{
	struct ipscsi_desc desc, again;
	size_t len, cut;
	u8 *page = rig_vector(test, "station-page", &len);
	u8 built[IPSCSI_DESC_MAX];

	KUNIT_EXPECT_EQ(test, page[0], 0x09);
	KUNIT_EXPECT_EQ(test, page[1], IPSCSI_VPD_STATION);
	KUNIT_ASSERT_EQ(test, ipscsi_desc_parse(page + 4, len - 4, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.features, 0x17);
	KUNIT_EXPECT_STREQ(test, desc.name, "gateway");
	KUNIT_EXPECT_EQ(test, ipscsi_desc_build(built, sizeof(built), &desc),
			len - 4);
	KUNIT_EXPECT_EQ(test, memcmp(built, page + 4, len - 4), 0);
	for (cut = 0; cut < len - 4; cut++) {
		u8 *part = rig_exact(test, page + 4, cut ?: 1);

		KUNIT_EXPECT_EQ(test, ipscsi_desc_parse(part, cut, &again),
				-EINVAL);
		kunit_kfree(test, part);
	}
}

static void codec_control(struct kunit *test)
{
	struct ipscsi_desc desc;
	struct ipscsi_tlv tlv;
	size_t len, pos = 0, cut;
	u8 *hello = rig_vector(test, "control-hello", &len);

	KUNIT_ASSERT_EQ(test, ipscsi_tlv_next(hello, len, &pos, &tlv), 1);
	KUNIT_EXPECT_EQ(test, tlv.type, IPSCSI_TLV_HELLO);
	KUNIT_ASSERT_EQ(test, ipscsi_desc_parse(tlv.value, tlv.len, &desc), 0);
	KUNIT_EXPECT_STREQ(test, desc.name, "station-a");
	KUNIT_EXPECT_EQ(test, ipscsi_tlv_next(hello, len, &pos, &tlv), 0);
	for (cut = 1; cut < len; cut++) {
		u8 *part = rig_exact(test, hello, cut);

		pos = 0;
		KUNIT_EXPECT_EQ(test, ipscsi_tlv_next(part, cut, &pos, &tlv),
				-EINVAL);
		kunit_kfree(test, part);
	}
	hello = rig_vector(test, "control-bye", &len);
	pos = 0;
	KUNIT_EXPECT_EQ(test, ipscsi_tlv_next(hello, len, &pos, &tlv), 1);
	KUNIT_EXPECT_EQ(test, tlv.type, IPSCSI_TLV_BYE);
	KUNIT_EXPECT_EQ(test, tlv.len, 0);
}

static void codec_messages(struct kunit *test)
{
	size_t len, cut;
	u8 *buf = rig_vector(test, "message-ipv4", &len);

	KUNIT_EXPECT_EQ(test, ipscsi_message_length(IPSCSI_STREAM_IPV4, buf,
						    len, len), 32);
	/* a datagram does not end before it says so */
	for (cut = 1; cut < len; cut++) {
		u8 *part = rig_exact(test, buf, cut);

		KUNIT_EXPECT_EQ(test, ipscsi_message_length(IPSCSI_STREAM_IPV4,
							    part, cut, cut),
				-EINVAL);
		kunit_kfree(test, part);
	}
	buf = rig_vector(test, "message-arp", &len);
	KUNIT_EXPECT_EQ(test, ipscsi_message_length(IPSCSI_STREAM_ARP, buf,
						    len, len), 28);
	buf = rig_vector(test, "null-message", &len);
	KUNIT_EXPECT_EQ(test, ipscsi_message_length(IPSCSI_STREAM_IPV4, buf,
						    len, len), 0);
	KUNIT_EXPECT_EQ(test, ipscsi_message_length(0x88b5, "\1", 1, 1),
			-EINVAL);
}

static void codec_addresses(struct kunit *test)
{
	static const char * const ports[] = {
		"iqn.2004-10.org.example:station-a,i,0x00023d000001",
	};
	u8 one[6], two[6];

	ipscsi_addr_from_port(ports[0], one);
	ipscsi_addr_from_port(ports[0], two);
	KUNIT_EXPECT_EQ(test, memcmp(one, two, 6), 0);
	KUNIT_EXPECT_TRUE(test, is_valid_ether_addr(one));
	KUNIT_EXPECT_TRUE(test, is_local_ether_addr(one));
	ipscsi_addr_from_port("", two);
	KUNIT_EXPECT_TRUE(test, is_valid_ether_addr(two));
	KUNIT_EXPECT_NE(test, memcmp(one, two, 6), 0);
}

static struct kunit_case codec_cases[] = {
	KUNIT_CASE(codec_cdbs),
	KUNIT_CASE(codec_other_opcodes),
	KUNIT_CASE(codec_station),
	KUNIT_CASE(codec_control),
	KUNIT_CASE(codec_messages),
	KUNIT_CASE(codec_addresses),
	{}
};

struct kunit_suite ipscsi_codec_suite = {
	.name = "ipscsi_codec",
	.test_cases = codec_cases,
};
