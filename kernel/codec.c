// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * IP over SCSI: parsers and builders of the wire formats
 *
 * RFC 2143 section 3 and docs/protocol.md. Compiles in the kernel and on the
 * host: tests/host/ has property tests and fuzzers for every function here.
 */
#include "ipscsi_codec.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/string.h>
#endif

static u16 get_be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static u32 get_be32(const u8 *p)
{
	return (u32)get_be16(p) << 16 | get_be16(p + 2);
}

static void put_be16(u16 v, u8 *p)
{
	p[0] = v >> 8;
	p[1] = v & 0xff;
}

static void put_be32(u32 v, u8 *p)
{
	put_be16(v >> 16, p);
	put_be16(v & 0xffff, p + 2);
}

static u64 get_be64(const u8 *p)
{
	return (u64)get_be32(p) << 32 | get_be32(p + 4);
}

static void put_be64(u64 v, u8 *p)
{
	put_be32(v >> 32, p);
	put_be32((u32)v, p + 4);
}

/**
 * ipscsi_cdb_parse - read a SEND or GET MESSAGE CDB
 * @cdb: the CDB, as many bytes as its opcode's group says
 * @out: result
 *
 * RFC 2143 section 3 for the (10) form, SCSI-2 chapter 18 for the others.
 * Byte 1 carries the LUN of SCSI-2 initiators and is not looked at.
 *
 * Return: 0, or -EOPNOTSUPP for another opcode.
 */
int ipscsi_cdb_parse(const u8 *cdb, struct ipscsi_cdb *out)
{
	out->send = cdb[0] == IPSCSI_SEND_6 || cdb[0] == IPSCSI_SEND_10 ||
		    cdb[0] == IPSCSI_SEND_12;
	switch (cdb[0]) {
	case IPSCSI_SEND_6:
	case IPSCSI_GET_6:
		out->stream = 0;
		out->stream_byte = 0;
		out->length_byte = IPSCSI_CDB6_LENGTH;
		out->length = (u32)cdb[2] << 16 | get_be16(cdb + 3);
		return 0;
	case IPSCSI_SEND_10:
	case IPSCSI_GET_10:
		out->stream_byte = IPSCSI_CDB_STREAM;
		out->stream = get_be16(cdb + IPSCSI_CDB_STREAM);
		out->length_byte = IPSCSI_CDB10_LENGTH;
		out->length = get_be16(cdb + IPSCSI_CDB10_LENGTH);
		return 0;
	case IPSCSI_SEND_12:
	case IPSCSI_GET_12:
		out->stream_byte = IPSCSI_CDB_STREAM;
		out->stream = get_be16(cdb + IPSCSI_CDB_STREAM);
		out->length_byte = IPSCSI_CDB12_LENGTH;
		out->length = get_be32(cdb + IPSCSI_CDB12_LENGTH);
		return 0;
	}
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_GPL(ipscsi_cdb_parse);

/**
 * ipscsi_cdb_build - make a SEND or GET MESSAGE CDB
 * @cdb: room for 12 bytes
 * @send: SEND, otherwise GET
 * @stream: stream selection
 * @length: bytes; over 65535 makes the (12) form
 * @lun: logical unit for byte 1, 0 for devices newer than SCSI-2
 *
 * RFC 2143 section 3.
 *
 * Return: length of the CDB, 10 or 12.
 */
size_t ipscsi_cdb_build(u8 *cdb, bool send, u16 stream, u32 length, u8 lun)
{
	memset(cdb, 0, 12);
	cdb[1] = (lun & 7) << 5;
	put_be16(stream, cdb + IPSCSI_CDB_STREAM);
	if (length > IPSCSI_MESSAGE_MAX) {
		cdb[0] = send ? IPSCSI_SEND_12 : IPSCSI_GET_12;
		put_be32(length, cdb + IPSCSI_CDB12_LENGTH);
		return 12;
	}
	cdb[0] = send ? IPSCSI_SEND_10 : IPSCSI_GET_10;
	put_be16(length, cdb + IPSCSI_CDB10_LENGTH);
	return 10;
}
EXPORT_SYMBOL_GPL(ipscsi_cdb_build);

/**
 * ipscsi_desc_parse - read a station descriptor
 * @buf: station page from byte 4, or value of a HELLO
 * @len: bytes there
 * @desc: result; untouched on error
 *
 * docs/protocol.md section 2.
 *
 * Return: 0, or -EINVAL: too short, no "IPSC", version 0, a multicast or
 * zero address, or a name that does not fit.
 */
int ipscsi_desc_parse(const u8 *buf, size_t len, struct ipscsi_desc *desc)
{
	static const u8 zero[6];
	const u8 *addr = buf + IPSCSI_DESC_ADDRESS;
	size_t namelen, end, i;

	if (len < IPSCSI_DESC_NAME || memcmp(buf, "IPSC", 4))
		return -EINVAL;
	namelen = buf[IPSCSI_DESC_NAMELEN];
	if (namelen > len - IPSCSI_DESC_NAME || !buf[IPSCSI_DESC_VERSION] ||
	    addr[0] & 1 || !memcmp(addr, zero, 6))
		return -EINVAL;
	end = IPSCSI_DESC_NAME + namelen;
	if (namelen > IPSCSI_NAME_MAX)
		namelen = IPSCSI_NAME_MAX;

	desc->version = buf[IPSCSI_DESC_VERSION];
	desc->features = get_be16(buf + IPSCSI_DESC_FEATURES);
	memcpy(desc->addr, addr, 6);
	desc->base_max = get_be16(buf + IPSCSI_DESC_BASE_MAX);
	desc->cont_max = get_be32(buf + IPSCSI_DESC_CONT_MAX);
	desc->gets = get_be16(buf + IPSCSI_DESC_GETS);
	for (i = 0; i < namelen; i++) {
		u8 c = buf[IPSCSI_DESC_NAME + i];

		/* it is shown in sysfs, one value a line */
		desc->name[i] = c < 0x20 || c == 0x7f ? '?' : c;
	}
	desc->name[namelen] = '\0';
	desc->instance = len - end < IPSCSI_DESC_INSTANCE ? 0 :
							    get_be64(buf + end);
	return 0;
}
EXPORT_SYMBOL_GPL(ipscsi_desc_parse);

/**
 * ipscsi_desc_build - write a station descriptor
 * @buf: room; IPSCSI_DESC_MAX bytes always suffice
 * @size: bytes of room
 * @desc: the station
 *
 * Return: bytes written, or 0 where they do not fit.
 */
size_t ipscsi_desc_build(u8 *buf, size_t size, const struct ipscsi_desc *desc)
{
	size_t namelen = strnlen(desc->name, IPSCSI_NAME_MAX);
	size_t len = IPSCSI_DESC_NAME + namelen;

	if (size < len + (desc->instance ? IPSCSI_DESC_INSTANCE : 0))
		return 0;
	memset(buf, 0, IPSCSI_DESC_NAME);
	memcpy(buf, "IPSC", 4);
	buf[IPSCSI_DESC_VERSION] = desc->version;
	put_be16(desc->features, buf + IPSCSI_DESC_FEATURES);
	memcpy(buf + IPSCSI_DESC_ADDRESS, desc->addr, 6);
	put_be16(desc->base_max, buf + IPSCSI_DESC_BASE_MAX);
	put_be32(desc->cont_max, buf + IPSCSI_DESC_CONT_MAX);
	put_be16(desc->gets, buf + IPSCSI_DESC_GETS);
	buf[IPSCSI_DESC_NAMELEN] = namelen;
	memcpy(buf + IPSCSI_DESC_NAME, desc->name, namelen);
	if (desc->instance) {
		put_be64(desc->instance, buf + len);
		len += IPSCSI_DESC_INSTANCE;
	}
	return len;
}
EXPORT_SYMBOL_GPL(ipscsi_desc_build);

/**
 * ipscsi_tlv_next - step through a control message
 * @buf: the message
 * @len: its length in bytes
 * @pos: where to read; 0 at first, moved to the next element
 * @tlv: result
 *
 * docs/protocol.md section 4.
 *
 * Return: 1 with an element, 0 at the end, -EINVAL where the message is cut.
 */
int ipscsi_tlv_next(const u8 *buf, size_t len, size_t *pos,
		    struct ipscsi_tlv *tlv)
{
	size_t left;

	if (*pos >= len)
		return 0;
	left = len - *pos;
	if (left < IPSCSI_TLV_HEADER)
		return -EINVAL;
	tlv->type = get_be16(buf + *pos);
	tlv->len = get_be16(buf + *pos + 2);
	if (tlv->len > left - IPSCSI_TLV_HEADER)
		return -EINVAL;
	tlv->value = buf + *pos + IPSCSI_TLV_HEADER;
	*pos += IPSCSI_TLV_HEADER + ((tlv->len + 3u) & ~3u);
	return 1;
}
EXPORT_SYMBOL_GPL(ipscsi_tlv_next);

/**
 * ipscsi_tlv_build - write one element of a control message
 * @buf: room
 * @size: bytes of room
 * @type: IPSCSI_TLV_*
 * @value: its value, or NULL where @len is 0
 * @len: bytes of value
 *
 * Return: bytes written with padding, or 0 where they do not fit.
 */
size_t ipscsi_tlv_build(u8 *buf, size_t size, u16 type, const u8 *value,
			u16 len)
{
	size_t total = IPSCSI_TLV_HEADER + ((len + 3u) & ~3u);

	if (size < total)
		return 0;
	memset(buf, 0, total);
	put_be16(type, buf);
	put_be16(len, buf + 2);
	if (len)
		memcpy(buf + IPSCSI_TLV_HEADER, value, len);
	return total;
}
EXPORT_SYMBOL_GPL(ipscsi_tlv_build);

/**
 * ipscsi_message_length - length of a bare datagram, as itself says
 * @stream: IPSCSI_STREAM_IPV4, _ARP or _IPV6
 * @buf: its first bytes
 * @len: how many of them are there; 40 always suffice
 * @max: bytes that were transferred, at least @len
 *
 * Residual counts are not to be trusted (docs/protocol.md section 5), so the
 * length is taken from the datagram: RFC 791 total length, RFC 8200 payload
 * length, RFC 826.
 *
 * Return: bytes, 0 for a null message, -EINVAL where it is malformed, or
 * longer than @max.
 */
int ipscsi_message_length(u16 stream, const u8 *buf, size_t len, size_t max)
{
	size_t total;

	/* a null message: at least one byte, the first of them zero */
	if (!len || (!buf[0] && (len < 2 || !buf[1])))
		return 0;
	switch (stream) {
	case IPSCSI_STREAM_IPV4:
		if (len < 20 || buf[0] >> 4 != 4 || (buf[0] & 15) < 5)
			return -EINVAL;
		total = get_be16(buf + 2);
		if (total < (buf[0] & 15) * 4u)
			return -EINVAL;
		break;
	case IPSCSI_STREAM_IPV6:
		if (len < 40 || buf[0] >> 4 != 6)
			return -EINVAL;
		total = 40 + get_be16(buf + 4);
		break;
	case IPSCSI_STREAM_ARP:
		/* hardware type 1, protocol 0800h, lengths 6 and 4 */
		if (len < IPSCSI_ARP_LEN || get_be16(buf) != 1 ||
		    get_be16(buf + 2) != 0x0800 || buf[4] != 6 || buf[5] != 4)
			return -EINVAL;
		total = IPSCSI_ARP_LEN;
		break;
	default:
		return -EINVAL;
	}
	return total > max || total > IPSCSI_MESSAGE_MAX ? -EINVAL : (int)total;
}
EXPORT_SYMBOL_GPL(ipscsi_message_length);

/**
 * ipscsi_cont_parse - read the header of a container
 * @buf: its first bytes
 * @len: bytes that were transferred in all; IPSCSI_CONT_HEADER are read
 * @cont: result
 *
 * Return: 0, or -EINVAL: too short, another version, a length that is longer
 * than @len, more records than can be in that length, or than
 * IPSCSI_CONT_RECORDS.
 */
int ipscsi_cont_parse(const u8 *buf, size_t len, struct ipscsi_cont *cont)
{
	if (len < IPSCSI_CONT_HEADER || buf[0] != IPSCSI_CONT_VERSION)
		return -EINVAL;
	cont->count = get_be16(buf + 2);
	cont->length = get_be32(buf + 4);
	cont->seq = get_be32(buf + 8);
	if (cont->length < IPSCSI_CONT_HEADER || cont->length > len ||
	    cont->count > IPSCSI_CONT_RECORDS ||
	    cont->count > (cont->length - IPSCSI_CONT_HEADER) /
			  IPSCSI_CONT_RECORD)
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_GPL(ipscsi_cont_parse);

/**
 * ipscsi_cont_build - write the header of a container
 * @buf: room for IPSCSI_CONT_HEADER bytes
 * @cont: what to write
 */
void ipscsi_cont_build(u8 *buf, const struct ipscsi_cont *cont)
{
	memset(buf, 0, IPSCSI_CONT_HEADER);
	buf[0] = IPSCSI_CONT_VERSION;
	put_be16(cont->count, buf + 2);
	put_be32(cont->length, buf + 4);
	put_be32(cont->seq, buf + 8);
}
EXPORT_SYMBOL_GPL(ipscsi_cont_build);

/**
 * ipscsi_record_parse - read the header of a record
 * @buf: its IPSCSI_CONT_RECORD bytes
 * @left: bytes from there to the end of the container
 * @record: result
 *
 * Return: 0, or -EINVAL where it does not fit in @left, or has no payload.
 */
int ipscsi_record_parse(const u8 *buf, size_t left,
			struct ipscsi_record *record)
{
	if (left < IPSCSI_CONT_RECORD)
		return -EINVAL;
	record->stream = get_be16(buf);
	memcpy(record->vnet, buf + 2, sizeof(record->vnet));
	record->length = get_be32(buf + 12);
	if (!record->length || record->length > IPSCSI_MESSAGE_MAX ||
	    record->length > left - IPSCSI_CONT_RECORD)
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_GPL(ipscsi_record_parse);

/**
 * ipscsi_record_build - write the header of a record
 * @buf: room for IPSCSI_CONT_RECORD bytes
 * @record: what to write
 */
void ipscsi_record_build(u8 *buf, const struct ipscsi_record *record)
{
	put_be16(record->stream, buf);
	memcpy(buf + 2, record->vnet, sizeof(record->vnet));
	put_be32(record->length, buf + 12);
}
EXPORT_SYMBOL_GPL(ipscsi_record_build);

/**
 * ipscsi_addr_from_port - station address of a nexus that says no HELLO
 * @port: initiator port name, NUL terminated
 * @addr: room for 6 bytes
 *
 * docs/protocol.md section 4: FNV-1a, 64 bits, folded to 48, locally
 * administered and unicast. The same name always gives the same address.
 */
void ipscsi_addr_from_port(const char *port, u8 *addr)
{
	u64 hash = 0xcbf29ce484222325ull;
	int i;

	for (; *port; port++)
		hash = (hash ^ (u8)*port) * 0x100000001b3ull;
	hash ^= hash >> 48;
	for (i = 0; i < 6; i++)
		addr[i] = hash >> (40 - 8 * i);
	addr[0] = (addr[0] & 0xfc) | 2;
}
EXPORT_SYMBOL_GPL(ipscsi_addr_from_port);
