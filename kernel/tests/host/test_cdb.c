// SPDX-License-Identifier: GPL-2.0-only
/* SEND and GET MESSAGE CDBs: RFC 2143 section 3, docs/protocol.md section 1 */
#include "test.h"

static const u8 opcodes[] = {
	IPSCSI_SEND_6, IPSCSI_SEND_10, IPSCSI_SEND_12,
	IPSCSI_GET_6, IPSCSI_GET_10, IPSCSI_GET_12,
};

static size_t group_length(u8 opcode)
{
	return opcode >> 5 == 0 ? 6 : opcode >> 5 == 5 ? 12 : 10;
}

static bool known(u8 opcode)
{
	return memchr(opcodes, opcode, sizeof(opcodes));
}

TEST(cdb_rfc2143, "a SEND MESSAGE(10) has exactly the bytes of RFC 2143 section 3")
{
	static const u8 want[10] = { 0x2a, 0, 0, 0, 0, 0x06, 0, 0, 28, 0 };
	u8 cdb[12];

	CHECK_EQ(ipscsi_cdb_build(cdb, true, IPSCSI_STREAM_ARP, 28, 0), 10);
	CHECK(!memcmp(cdb, want, 10));
}

TEST(cdb_lun, "a SCSI-2 device gets its LUN in the top three bits of byte 1")
{
	struct ipscsi_cdb out;
	u8 cdb[12];
	int lun;

	for (lun = 0; lun < 256; lun++) {
		ipscsi_cdb_build(cdb, true, 0, 1, lun);
		CHECK_EQ(cdb[1], (lun & 7) << 5);
		CHECK_EQ(ipscsi_cdb_parse(cdb, &out), 0);
	}
}

TEST(cdb_twelve, "65535 bytes go in a (10) CDB, 65536 in a (12) CDB")
{
	u8 *cdb = exact(NULL, 12);

	CHECK_EQ(ipscsi_cdb_build(cdb, true, 0x88b6, 65535, 0), 10);
	CHECK_EQ(cdb[0], 0x2a);
	CHECK_EQ(ipscsi_cdb_build(cdb, true, 0x88b6, 65536, 0), 12);
	CHECK_EQ(cdb[0], 0xaa);
	CHECK_EQ(ipscsi_cdb_build(cdb, false, 0x88b6, 65536, 0), 12);
	CHECK_EQ(cdb[0], 0xa8);
	free(cdb);
}

TEST(cdb_unknown, "every opcode but SEND and GET MESSAGE is refused by its first byte")
{
	struct ipscsi_cdb out;
	int opcode;

	for (opcode = 0; opcode < 256; opcode++) {
		u8 first = opcode;
		u8 *cdb = exact(NULL, known(opcode) ? 12 : 1);

		cdb[0] = first;
		CHECK_EQ(ipscsi_cdb_parse(cdb, &out),
			 known(opcode) ? 0 : -EOPNOTSUPP);
		free(cdb);
	}
}

TEST(cdb_group, "a CDB is not read past the length of its opcode's group")
{
	struct ipscsi_cdb out;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		u8 *cdb = exact(NULL, group_length(opcodes[i]));

		cdb[0] = opcodes[i];
		CHECK_EQ(ipscsi_cdb_parse(cdb, &out), 0);
		CHECK_EQ(out.send, (opcodes[i] & 0x0f) == 0x0a);
		free(cdb);
	}
}

TEST(cdb_pointers, "the field pointers show where a CDB's stream and length are")
{
	struct ipscsi_cdb out;
	u8 cdb[12] = { 0 };

	cdb[0] = IPSCSI_SEND_10;
	CHECK_EQ(ipscsi_cdb_parse(cdb, &out), 0);
	CHECK_EQ(out.stream_byte, 4);
	CHECK_EQ(out.length_byte, 7);
	cdb[0] = IPSCSI_GET_12;
	CHECK_EQ(ipscsi_cdb_parse(cdb, &out), 0);
	CHECK_EQ(out.stream_byte, 4);
	CHECK_EQ(out.length_byte, 6);
	cdb[0] = IPSCSI_SEND_6;
	CHECK_EQ(ipscsi_cdb_parse(cdb, &out), 0);
	CHECK_EQ(out.length_byte, 2);
}

TEST(cdb_six, "a (6) CDB has a 24-bit length, and the stream of IPv4")
{
	static const u8 cdb[6] = { IPSCSI_SEND_6, 0xff, 0x01, 0x02, 0x03, 0xff };
	struct ipscsi_cdb out;
	u8 *copy = exact(cdb, sizeof(cdb));

	CHECK_EQ(ipscsi_cdb_parse(copy, &out), 0);
	CHECK_EQ(out.length, 0x010203);
	CHECK_EQ(out.stream, IPSCSI_STREAM_IPV4);
	CHECK(out.send);
	free(copy);
}

TEST(cdb_random, "what is built is what is parsed, for any stream and length")
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		u32 length = random64() >> (32 + random_below(32));
		u16 stream = random64();
		bool send = random_below(2);
		struct ipscsi_cdb out;
		u8 room[12], *cdb;
		size_t len;

		memset(room, 0xff, sizeof(room));
		len = ipscsi_cdb_build(room, send, stream, length, random64());
		CHECK_EQ(len, group_length(room[0]));
		cdb = exact(room, len);
		CHECK_EQ(ipscsi_cdb_parse(cdb, &out), 0);
		CHECK_EQ(out.send, send);
		CHECK_EQ(out.stream, stream);
		CHECK_EQ(out.length, length);
		/* what RFC 2143 says is zero is zero */
		CHECK(!(cdb[1] & 0x1f) && !cdb[2] && !cdb[3] && !cdb[len - 1]);
		free(cdb);
	}
}
