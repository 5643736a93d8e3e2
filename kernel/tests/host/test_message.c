// SPDX-License-Identifier: GPL-2.0-only
/* Lengths of bare datagrams: docs/protocol.md section 5 */
#include "test.h"

static int length(u16 stream, const u8 *buf, size_t len, size_t max)
{
	u8 *copy = exact(buf, len);
	int ret = ipscsi_message_length(stream, copy, len, max);

	free(copy);
	return ret;
}

static void ipv4(u8 *buf, u8 words, u16 total)
{
	memset(buf, 0, 60);
	buf[0] = 0x40 | words;
	buf[2] = total >> 8;
	buf[3] = total;
}

static void arp(u8 *buf)
{
	memset(buf, 0, IPSCSI_ARP_LEN);
	memcpy(buf, "\0\1\x08\0\6\4\0\1", 8);
}

TEST(message_null, "a message that begins with a zero byte, or two, is a null message")
{
	static const u16 streams[] = {
		IPSCSI_STREAM_IPV4, IPSCSI_STREAM_ARP, IPSCSI_STREAM_IPV6,
	};
	u8 zeros[64] = { 0 };
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(streams); i++)
		for (len = 0; len <= sizeof(zeros); len++)
			CHECK_EQ(length(streams[i], zeros, len, len), 0);
}

TEST(message_arp_not_null, "an ARP packet, which begins with 00 01, is not a null message")
{
	u8 buf[IPSCSI_ARP_LEN];

	arp(buf);
	CHECK_EQ(length(IPSCSI_STREAM_ARP, buf, 28, 28), 28);
	CHECK_EQ(length(IPSCSI_STREAM_ARP, buf, 2, 2), -EINVAL);
}

TEST(message_ipv4, "an IPv4 datagram is as long as its total length says")
{
	u8 buf[60];

	ipv4(buf, 5, 20);
	CHECK_EQ(length(IPSCSI_STREAM_IPV4, buf, 20, 20), 20);
	ipv4(buf, 5, 84);
	CHECK_EQ(length(IPSCSI_STREAM_IPV4, buf, 40, 84), 84);
	CHECK_EQ(length(IPSCSI_STREAM_IPV4, buf, 40, 65528), 84);
	CHECK_EQ(length(IPSCSI_STREAM_IPV4, buf, 40, 83), -EINVAL);
	ipv4(buf, 5, 65535);
	CHECK_EQ(length(IPSCSI_STREAM_IPV4, buf, 40, 65535), 65535);
}

TEST(message_ipv4_wrong, "an IPv4 datagram with another version or impossible lengths is malformed")
{
	u8 buf[60];
	int words, total;

	for (words = 0; words < 16; words++)
		for (total = 0; total < 80; total++) {
			ipv4(buf, words, total);
			CHECK_EQ(length(IPSCSI_STREAM_IPV4, buf, 40, 80),
				 words < 5 || total < words * 4 ? -EINVAL : total);
		}
	ipv4(buf, 5, 40);
	for (words = 1; words < 16; words++) {
		buf[0] = words << 4 | 5;
		CHECK_EQ(length(IPSCSI_STREAM_IPV4, buf, 40, 40),
			 words == 4 ? 40 : -EINVAL);
	}
}

TEST(message_ipv6, "an IPv6 datagram is 40 bytes and its payload length")
{
	u8 buf[40] = { 0x60 };

	CHECK_EQ(length(IPSCSI_STREAM_IPV6, buf, 40, 40), 40);
	buf[4] = 0x05;
	CHECK_EQ(length(IPSCSI_STREAM_IPV6, buf, 40, 1320), 1320);
	CHECK_EQ(length(IPSCSI_STREAM_IPV6, buf, 40, 1319), -EINVAL);
	buf[4] = 0xff;
	buf[5] = 0xd7;	/* 40 + 65495 = 65535 */
	CHECK_EQ(length(IPSCSI_STREAM_IPV6, buf, 40, 100000), 65535);
	buf[5] = 0xd8;
	CHECK_EQ(length(IPSCSI_STREAM_IPV6, buf, 40, 100000), -EINVAL);
	buf[0] = 0x45;
	CHECK_EQ(length(IPSCSI_STREAM_IPV6, buf, 40, 100000), -EINVAL);
}

TEST(message_arp, "an ARP packet is 28 bytes, Ethernet-like and for IPv4")
{
	u8 good[40] = { 0 }, buf[40];
	int i;

	arp(good);
	CHECK_EQ(length(IPSCSI_STREAM_ARP, good, 40, 60), 28);
	CHECK_EQ(length(IPSCSI_STREAM_ARP, good, 27, 27), -EINVAL);
	/* hardware type, protocol, the two lengths; byte 1 zero makes it null */
	for (i = 0; i < 6; i++) {
		memcpy(buf, good, 40);
		buf[i] ^= 0x10;
		CHECK_EQ(length(IPSCSI_STREAM_ARP, buf, 40, 40), -EINVAL);
	}
}

TEST(message_cut, "a datagram whose header is cut is malformed")
{
	u8 four[60], six[40] = { 0x60 };
	size_t len;

	ipv4(four, 5, 40);
	for (len = 1; len < 20; len++)
		CHECK_EQ(length(IPSCSI_STREAM_IPV4, four, len, 100), -EINVAL);
	for (len = 1; len < 40; len++)
		CHECK_EQ(length(IPSCSI_STREAM_IPV6, six, len, 100), -EINVAL);
}

TEST(message_streams, "other streams have no length of their own")
{
	u8 buf[60];
	u32 stream;

	ipv4(buf, 5, 40);
	for (stream = 0; stream < 65536; stream++)
		if (stream != IPSCSI_STREAM_IPV4 && stream != IPSCSI_STREAM_ARP &&
		    stream != IPSCSI_STREAM_IPV6)
			CHECK_EQ(ipscsi_message_length(stream, buf, 40, 40), -EINVAL);
}

TEST(message_hostile, "random bytes never give a length beyond what was transferred")
{
	static const u16 streams[] = {
		IPSCSI_STREAM_IPV4, IPSCSI_STREAM_ARP, IPSCSI_STREAM_IPV6,
		IPSCSI_STREAM_ETHERNET,
	};
	int i;

	for (i = 0; i < 4 * ROUNDS; i++) {
		u8 buf[48];
		size_t len = random_below(sizeof(buf) + 1);
		size_t max = len + random_below(70000);
		u16 stream = streams[random_below(4)];
		int ret;

		random_fill(buf, len);
		if (len > 6 && random_below(2)) {
			if (stream == IPSCSI_STREAM_ARP)
				memcpy(buf, "\0\1\x08\0\6\4", 6);
			else
				buf[0] = stream == IPSCSI_STREAM_IPV6 ? 0x60 : 0x45;
		}
		ret = length(stream, buf, len, max);
		CHECK(ret >= -EINVAL);
		CHECK(ret <= (int)max && ret <= IPSCSI_MESSAGE_MAX);
	}
}
