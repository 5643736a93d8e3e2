// SPDX-License-Identifier: GPL-2.0-only
/* Makes the test vectors with the code that the driver has */
#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

struct vector vectors[VECTORS_MAX];
static int count;

const char * const vector_ports[3] = {
	"iqn.1993-08.org.debian:01:station-a",
	"naa.6001405a1b2c3d4e",
	"2:0:0:0",
};

static struct vector *add(const char *name)
{
	if (count == VECTORS_MAX)
		abort();
	vectors[count].name = name;
	vectors[count].len = 0;
	return &vectors[count++];
}

static void put(struct vector *v, const void *from, size_t len)
{
	if (v->len + len > VECTOR_BYTES)
		abort();
	if (from)
		memcpy(v->bytes + v->len, from, len);
	else
		memset(v->bytes + v->len, 0, len);
	v->len += len;
}

static void add_cdb(const char *name, bool send, u16 stream, u32 length, u8 lun)
{
	struct vector *v = add(name);

	v->len = ipscsi_cdb_build(v->bytes, send, stream, length, lun);
}

static void station(struct ipscsi_desc *desc, u8 last, const char *name)
{
	memset(desc, 0, sizeof(*desc));
	desc->version = IPSCSI_VERSION;
	desc->features = IPSCSI_F_EXT | IPSCSI_F_GET | IPSCSI_F_CONTAINER;
	memcpy(desc->addr, "\x02\x00\x5e\x10\x00", 5);
	desc->addr[5] = last;
	desc->base_max = 65535;
	desc->cont_max = 65535;
	desc->gets = 8;
	strcpy(desc->name, name);
}

static void add_control(const char *name, u16 type, const u8 *value, u16 len)
{
	struct vector *v = add(name);

	v->len = ipscsi_tlv_build(v->bytes, VECTOR_BYTES, type, value, len);
	if (!v->len)
		abort();
}

static void checksum(u8 *field, const u8 *from, size_t len)
{
	u32 sum = 0;
	size_t i;

	field[0] = 0;
	field[1] = 0;
	for (i = 0; i < len; i += 2)
		sum += from[i] << 8 | (i + 1 < len ? from[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	field[0] = ~sum >> 8;
	field[1] = ~sum;
}

/* An ICMP echo request from 192.168.77.10 to 192.168.77.1, data "scsi" */
static void add_echo(void)
{
	static const u8 head[20] = {
		0x45, 0, 0, 32, 0x21, 0x43, 0x40, 0, 64, 1, 0, 0,
		192, 168, 77, 10, 192, 168, 77, 1,
	};
	static const u8 echo[12] = { 8, 0, 0, 0, 0x12, 0x34, 0, 1, 's', 'c', 's', 'i' };
	struct vector *v = add("message-ipv4");

	put(v, head, 20);
	put(v, echo, 12);
	checksum(v->bytes + 10, v->bytes, 20);
	checksum(v->bytes + 22, v->bytes + 20, 12);
}

/* Who has 192.168.77.1, asks 192.168.77.10 at 02:00:5e:10:00:0a */
static void add_arp(void)
{
	static const u8 arp[IPSCSI_ARP_LEN] = {
		0, 1, 8, 0, 6, 4, 0, 1,
		0x02, 0x00, 0x5e, 0x10, 0x00, 0x0a, 192, 168, 77, 10,
		0, 0, 0, 0, 0, 0, 192, 168, 77, 1,
	};

	put(add("message-arp"), arp, sizeof(arp));
}

static void put_record(struct vector *v, const struct ipscsi_record *record,
		       const u8 *payload)
{
	u8 buf[IPSCSI_CONT_RECORD];

	ipscsi_record_build(buf, record);
	put(v, buf, sizeof(buf));
	put(v, payload, record->length);
	put(v, NULL, ipscsi_record_size(record->length) - IPSCSI_CONT_RECORD -
		     record->length);
}

static void add_containers(void)
{
	struct ipscsi_cont cont = { .length = IPSCSI_CONT_HEADER };
	const struct vector *echo = vector_find("message-ipv4");
	const struct vector *arp = vector_find("message-arp");
	struct ipscsi_record record = {};
	struct vector *v = add("container-null");

	v->len = IPSCSI_CONT_HEADER;
	ipscsi_cont_build(v->bytes, &cont);

	v = add("container");
	put(v, NULL, IPSCSI_CONT_HEADER);
	record.stream = IPSCSI_STREAM_IPV4;
	record.length = echo->len;
	put_record(v, &record, echo->bytes);
	record.stream = IPSCSI_STREAM_ARP;
	record.length = arp->len;
	put_record(v, &record, arp->bytes);
	cont.count = 2;
	cont.length = v->len;
	cont.seq = 7;
	ipscsi_cont_build(v->bytes, &cont);

	/* TCP over IPv4, 2920 bytes of data to be cut into pieces of 1460 */
	v = add("record-header-offload");
	record.stream = IPSCSI_STREAM_IPV4;
	record.length = 2960;
	memcpy(record.vnet, "\1\1\0\x28\5\xb4\0\x14\0\x10", 10);
	v->len = IPSCSI_CONT_RECORD;
	ipscsi_record_build(v->bytes, &record);
}

int vectors_make(void)
{
	static const char * const names[] = {
		"address-iscsi", "address-naa", "address-device",
	};
	u8 value[IPSCSI_DESC_MAX];
	struct ipscsi_desc desc;
	struct vector *v;
	size_t len, i;

	count = 0;
	add_cdb("cdb-send-ipv4", true, IPSCSI_STREAM_IPV4, 32, 0);
	add_cdb("cdb-send-arp", true, IPSCSI_STREAM_ARP, 28, 0);
	add_cdb("cdb-send-ipv6", true, IPSCSI_STREAM_IPV6, 1280, 0);
	add_cdb("cdb-send-scsi2-lun3", true, IPSCSI_STREAM_IPV4, 32, 3);
	add_cdb("cdb-send-ethernet", true, IPSCSI_STREAM_ETHERNET, 1518, 0);
	add_cdb("cdb-send-control", true, IPSCSI_STREAM_CONTROL, 36, 0);
	add_cdb("cdb-get-ipv4", false, IPSCSI_STREAM_IPV4, 1500, 0);
	add_cdb("cdb-get-container", false, IPSCSI_STREAM_CONTAINER, 65528, 0);
	add_cdb("cdb-send12-container", true, IPSCSI_STREAM_CONTAINER, 131072, 0);
	add_cdb("cdb-get12-container", false, IPSCSI_STREAM_CONTAINER, 131072, 0);
	add_echo();
	add_arp();

	station(&desc, 0x01, "gateway");
	desc.features |= IPSCSI_F_RELAY;
	v = add("station-page");
	len = ipscsi_desc_build(v->bytes + IPSCSI_VPD_HEADER,
				VECTOR_BYTES - IPSCSI_VPD_HEADER, &desc);
	v->bytes[0] = 0x09;
	v->bytes[1] = IPSCSI_VPD_STATION;
	v->bytes[2] = len >> 8;
	v->bytes[3] = len;
	v->len = IPSCSI_VPD_HEADER + len;

	station(&desc, 0x0a, "station-a");
	len = ipscsi_desc_build(value, sizeof(value), &desc);
	add_control("control-hello", IPSCSI_TLV_HELLO, value, len);
	add_control("control-bye", IPSCSI_TLV_BYE, NULL, 0);
	add_control("control-flush", IPSCSI_TLV_FLUSH, NULL, 0);
	put(add("null-message"), NULL, IPSCSI_NULL_MESSAGE);
	add_containers();

	for (i = 0; i < 3; i++) {
		v = add(names[i]);
		v->len = 6;
		ipscsi_addr_from_port(vector_ports[i], v->bytes);
	}
	return count;
}

const struct vector *vector_find(const char *name)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strcmp(vectors[i].name, name))
			return &vectors[i];
	abort();
}

char *vectors_text(void)
{
	char *text = NULL;
	size_t size = 0, k;
	FILE *out = open_memstream(&text, &size);
	int i;

	if (!out)
		abort();
	for (i = 0; i < count; i++) {
		fprintf(out, "%s%s\n", i ? "\n" : "", vectors[i].name);
		for (k = 0; k < vectors[i].len; k++)
			fprintf(out, "%02x%c", vectors[i].bytes[k],
				k % 16 == 15 || k == vectors[i].len - 1 ? '\n' : ' ');
	}
	fclose(out);
	return text;
}
