// SPDX-License-Identifier: GPL-2.0-only
/* The test vectors: code, vectors.txt and docs/protocol.md have the same */
#include "test.h"
#include "vectors.h"
#include "walk.h"

#ifndef PROTOCOL_MD
#define PROTOCOL_MD "../../../docs/protocol.md"
#endif

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text;
	size_t len;

	if (!file)
		return NULL;
	text = calloc(1, 1 << 20);
	if (!text)
		abort();
	len = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	text[len] = '\0';
	return text;
}

/* A copy of exactly the vector's bytes */
static u8 *bytes(const char *name, size_t *len)
{
	const struct vector *v;

	vectors_make();
	v = vector_find(name);
	*len = v->len;
	return exact(v->bytes, v->len);
}

TEST(vectors_file, "vectors.txt is what the code makes (make vectors writes it anew)")
{
	char *want = read_file("vectors.txt");

	vectors_make();
	CHECK(want);
	CHECK(!strcmp(want, vectors_text()));
}

TEST(vectors_document, "docs/protocol.md has the vectors, byte for byte")
{
	char *document = read_file(PROTOCOL_MD);

	if (!document)
		test_skip("docs/protocol.md is not there");
	vectors_make();
	CHECK(strstr(document, vectors_text()));
}

TEST(vectors_cdbs, "the CDBs among the vectors are parsed to what they were made of")
{
	static const struct {
		const char *name;
		bool send;
		u16 stream;
		u32 length;
	} want[] = {
		{ "cdb-send-ipv4", true, 0x0000, 32 },
		{ "cdb-send-arp", true, 0x0006, 28 },
		{ "cdb-send-ipv6", true, 0x000d, 1280 },
		{ "cdb-send-scsi2-lun3", true, 0x0000, 32 },
		{ "cdb-send-ethernet", true, 0x6558, 1518 },
		{ "cdb-send-control", true, 0x88b5, 36 },
		{ "cdb-get-ipv4", false, 0x0000, 1500 },
		{ "cdb-get-container", false, 0x88b6, 65528 },
		{ "cdb-send12-container", true, 0x88b6, 131072 },
		{ "cdb-get12-container", false, 0x88b6, 131072 },
	};
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		u8 *cdb = bytes(want[i].name, &len);
		struct ipscsi_cdb out;

		CHECK_EQ(len, want[i].length > 65535 ? 12 : 10);
		CHECK_EQ(ipscsi_cdb_parse(cdb, &out), 0);
		CHECK_EQ(out.send, want[i].send);
		CHECK_EQ(out.stream, want[i].stream);
		CHECK_EQ(out.length, want[i].length);
		free(cdb);
	}
}

TEST(vectors_messages, "the datagrams among the vectors have the length that they claim")
{
	size_t len;
	u8 *buf = bytes("message-ipv4", &len);

	CHECK_EQ(len, 32);
	CHECK_EQ(ipscsi_message_length(IPSCSI_STREAM_IPV4, buf, len, len), 32);
	buf = bytes("message-arp", &len);
	CHECK_EQ(ipscsi_message_length(IPSCSI_STREAM_ARP, buf, len, len), 28);
	buf = bytes("null-message", &len);
	CHECK_EQ(len, 4);
	CHECK_EQ(ipscsi_message_length(IPSCSI_STREAM_IPV4, buf, len, len), 0);
}

TEST(vectors_station, "the station page and HELLO among the vectors describe their stations")
{
	struct ipscsi_desc desc;
	struct ipscsi_tlv tlv;
	size_t len, pos = 0;
	u8 *buf = bytes("station-page", &len);

	CHECK_EQ(buf[0], 0x09);
	CHECK_EQ(buf[1], 0xc0);
	CHECK_EQ(buf[2] << 8 | buf[3], len - 4);
	CHECK_EQ(ipscsi_desc_parse(buf + 4, len - 4, &desc), 0);
	CHECK_EQ(desc.features, 0x17);
	CHECK(!strcmp(desc.name, "gateway"));

	buf = bytes("control-hello", &len);
	CHECK_EQ(len, 36);
	CHECK_EQ(ipscsi_tlv_next(buf, len, &pos, &tlv), 1);
	CHECK_EQ(tlv.type, IPSCSI_TLV_HELLO);
	CHECK_EQ(ipscsi_desc_parse(tlv.value, tlv.len, &desc), 0);
	CHECK_EQ(desc.features, 0x07);
	CHECK_EQ(desc.gets, 8);
	CHECK(!memcmp(desc.addr, "\x02\x00\x5e\x10\x00\x0a", 6));
	CHECK(!strcmp(desc.name, "station-a"));
	CHECK_EQ(ipscsi_tlv_next(buf, len, &pos, &tlv), 0);
}

TEST(vectors_containers, "the containers among the vectors are walked to their records")
{
	static struct walk walk;
	size_t len;
	u8 *buf = bytes("container", &len);

	walk_get(buf, len, &walk);
	CHECK_EQ(walk.count, 2);
	CHECK_EQ(walk.malformed, 0);
	CHECK_EQ(walk.stream[0], 0x0000);
	CHECK_EQ(walk.length[0], 32);
	CHECK_EQ(walk.stream[1], 0x0006);
	CHECK_EQ(walk.length[1], 28);
	buf = bytes("container-null", &len);
	walk_get(buf, len, &walk);
	CHECK_EQ(walk.null, 1);
}
