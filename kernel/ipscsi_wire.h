/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * IP over SCSI: constants of the wire, RFC 2143 and docs/protocol.md
 *
 * This header also compiles on the host, for the unit tests and the fuzzers
 * (see tests/host/). All multi-byte fields are big endian, as in SCSI.
 */
#ifndef IPSCSI_WIRE_H
#define IPSCSI_WIRE_H

/* SCSI-2 chapter 18, communications device (type 09h) */
#define IPSCSI_SEND_6		0x0a
#define IPSCSI_SEND_10		0x2a	/* RFC 2143 section 3, byte 0 */
#define IPSCSI_SEND_12		0xaa
#define IPSCSI_GET_6		0x08
#define IPSCSI_GET_10		0x28
#define IPSCSI_GET_12		0xa8

/* Offsets in the CDBs of SEND and GET MESSAGE(10) and (12) */
#define IPSCSI_CDB_STREAM	4	/* 16-bit stream selection */
#define IPSCSI_CDB10_LENGTH	7	/* 16-bit length in bytes */
#define IPSCSI_CDB12_LENGTH	6	/* 32-bit length in bytes */
#define IPSCSI_CDB6_LENGTH	2	/* 24-bit length in bytes */

/* Streams. 0000h-000Fh: RFC 2143 section 3, lowest four bits of the type */
#define IPSCSI_STREAM_IPV4	0x0000
#define IPSCSI_STREAM_ARP	0x0006
#define IPSCSI_STREAM_IPV6	0x000d
#define IPSCSI_STREAM_EXT_MIN	0x0600	/* from here: an EtherType */
#define IPSCSI_STREAM_ETHERNET	0x6558	/* transparent Ethernet bridging */
#define IPSCSI_STREAM_CONTROL	0x88b5	/* docs/protocol.md section 4 */
#define IPSCSI_STREAM_CONTAINER	0x88b6	/* docs/protocol.md section 6 */

/* Sizes in bytes */
#define IPSCSI_MESSAGE_MAX	65535	/* 16-bit length of the (10) CDBs */
#define IPSCSI_MTU_MAX		65280
#define IPSCSI_MTU_MIN		576	/* RFC 791: every host takes that */
#define IPSCSI_NULL_MESSAGE	4	/* bare GET without a message: zeros */
#define IPSCSI_ARP_LEN		28	/* RFC 826, Ethernet-like and IPv4 */

/* The station page, VPD C0h: docs/protocol.md section 2 */
#define IPSCSI_VPD_STATION	0xc0
#define IPSCSI_VPD_HEADER	4
#define IPSCSI_VERSION		1
#define IPSCSI_NAME_MAX		64	/* host name, Linux's limit */

/* Station descriptor: bytes 4 and following of the page, value of HELLO */
#define IPSCSI_DESC_MAGIC	0	/* "IPSC" */
#define IPSCSI_DESC_VERSION	4
#define IPSCSI_DESC_FEATURES	6
#define IPSCSI_DESC_ADDRESS	8
#define IPSCSI_DESC_BASE_MAX	14
#define IPSCSI_DESC_CONT_MAX	16
#define IPSCSI_DESC_GETS	20
#define IPSCSI_DESC_NAMELEN	22
#define IPSCSI_DESC_NAME	23
#define IPSCSI_DESC_INSTANCE	8	/* behind the name: bytes, or none */
#define IPSCSI_DESC_MAX \
	(IPSCSI_DESC_NAME + IPSCSI_NAME_MAX + IPSCSI_DESC_INSTANCE)

/* Feature bits */
#define IPSCSI_F_EXT		0x0001	/* 16-bit streams */
#define IPSCSI_F_GET		0x0002	/* reverse path */
#define IPSCSI_F_CONTAINER	0x0004
#define IPSCSI_F_OFFLOAD	0x0008	/* checksum and segmentation data */
#define IPSCSI_F_RELAY		0x0010	/* forwards between its stations */

/* Control messages: TLVs {type 16, length 16, value padded to 4} */
#define IPSCSI_TLV_HEADER	4
#define IPSCSI_TLV_HELLO	1	/* value: station descriptor */
#define IPSCSI_TLV_BYE		2
#define IPSCSI_TLV_FLUSH	3
#define IPSCSI_CONTROL_MAX	1024	/* bytes; longer is malformed */

/*
 * Containers, docs/protocol.md section 6. Header: version 8, flags 8,
 * count 16, length 32 (whole container, header included), sequence 32,
 * reserved 32. Record: stream 16, the ten bytes of a virtio_net_hdr in big
 * endian, length 32, then the payload, padded to 8.
 */
#define IPSCSI_CONT_HEADER	16
#define IPSCSI_CONT_VERSION	1
#define IPSCSI_CONT_RECORD	16
#define IPSCSI_CONT_PAD		8
#define IPSCSI_CONT_RECORDS	512	/* at most, whatever the length */
/* Least container that a station must take: a packet of the least MTU */
#define IPSCSI_CONT_MIN		(IPSCSI_CONT_HEADER + IPSCSI_CONT_RECORD + \
				 IPSCSI_MTU_MIN + 14 + IPSCSI_CONT_PAD)
#define IPSCSI_CONT_MAX		(1024 * 1024)	/* what we accept at most */

#endif /* IPSCSI_WIRE_H */
