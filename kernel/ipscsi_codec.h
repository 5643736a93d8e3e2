/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * IP over SCSI: parsers and builders, free of kernel state
 *
 * Everything here takes hostile input from the bus. No function reads past
 * the length that it is given, and none sleeps, locks or allocates, so all
 * may be called in any context. The same code compiles on the host.
 */
#ifndef IPSCSI_CODEC_H
#define IPSCSI_CODEC_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include "tests/host/kernel_types.h"
#endif
#include "ipscsi_wire.h"

/**
 * struct ipscsi_desc - a station, as it describes itself
 * @version: protocol version, 1
 * @features: IPSCSI_F_* bits; unknown bits are kept
 * @addr: station address
 * @base_max: longest base message that it takes, bytes
 * @cont_max: longest container that it takes, bytes
 * @gets: GET commands that it holds for one nexus
 * @name: host name, NUL terminated, control characters replaced by '?'
 * @instance: which running module it is, or 0: see ipscsi_instance
 */
struct ipscsi_desc {
	u8 version;
	u16 features;
	u8 addr[6];
	u16 base_max;
	u32 cont_max;
	u16 gets;
	char name[IPSCSI_NAME_MAX + 1];
	u64 instance;
};

/**
 * struct ipscsi_tlv - one element of a control message
 * @type: IPSCSI_TLV_*, or unknown
 * @len: length of the value in bytes
 * @value: points into the message
 */
struct ipscsi_tlv {
	u16 type;
	u16 len;
	const u8 *value;
};

/**
 * struct ipscsi_cont - header of a container
 * @count: number of records
 * @length: bytes, header included
 * @seq: counts the containers of one direction of one pair of stations
 */
struct ipscsi_cont {
	u16 count;
	u32 length;
	u32 seq;
};

/**
 * struct ipscsi_record - header of a record in a container
 * @stream: what the payload is
 * @vnet: checksum and segmentation data, a big endian virtio_net_hdr
 * @length: bytes of payload, without padding
 */
struct ipscsi_record {
	u16 stream;
	u8 vnet[10];
	u32 length;
};

/**
 * struct ipscsi_cdb - what a SEND or GET MESSAGE CDB asks for
 * @send: SEND, otherwise GET
 * @stream: stream selection; 0 for the (6) forms, which have none
 * @length: bytes
 * @stream_byte: offset of the stream field, for the field pointer
 * @length_byte: offset of the length field, for the field pointer
 */
struct ipscsi_cdb {
	bool send;
	u16 stream;
	u32 length;
	u8 stream_byte;
	u8 length_byte;
};

int ipscsi_cdb_parse(const u8 *cdb, struct ipscsi_cdb *out);
size_t ipscsi_cdb_build(u8 *cdb, bool send, u16 stream, u32 length, u8 lun);
int ipscsi_desc_parse(const u8 *buf, size_t len, struct ipscsi_desc *desc);
size_t ipscsi_desc_build(u8 *buf, size_t size, const struct ipscsi_desc *desc);
int ipscsi_tlv_next(const u8 *buf, size_t len, size_t *pos,
		    struct ipscsi_tlv *tlv);
size_t ipscsi_tlv_build(u8 *buf, size_t size, u16 type, const u8 *value,
			u16 len);
int ipscsi_message_length(u16 stream, const u8 *buf, size_t len, size_t max);
int ipscsi_cont_parse(const u8 *buf, size_t len, struct ipscsi_cont *cont);
void ipscsi_cont_build(u8 *buf, const struct ipscsi_cont *cont);
int ipscsi_record_parse(const u8 *buf, size_t left,
			struct ipscsi_record *record);
void ipscsi_record_build(u8 *buf, const struct ipscsi_record *record);
void ipscsi_addr_from_port(const char *port, u8 *addr);

/**
 * ipscsi_record_size - bytes that a payload takes in a container
 * @length: bytes of payload
 */
static inline u32 ipscsi_record_size(u32 length)
{
	return IPSCSI_CONT_RECORD +
	       ((length + IPSCSI_CONT_PAD - 1) & ~(u32)(IPSCSI_CONT_PAD - 1));
}

#endif /* IPSCSI_CODEC_H */
