/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRC_H
#define CRC_H

#include "ipscsi_codec.h"

/* CRC-32 of IEEE 802.3 and zlib. @crc: 0, or that of what comes before */
u32 crc32(u32 crc, const u8 *buf, u32 len);

static inline void put32(u8 *p, u32 v)
{
	p[0] = v >> 24;
	p[1] = v >> 16 & 0xff;
	p[2] = v >> 8 & 0xff;
	p[3] = v & 0xff;
}

static inline u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

#endif
