// SPDX-License-Identifier: Apache-2.0
/* CDC-NCM's blocks */
#include "check.h"
#include "usb/ntb.h"

TEST(ntb_vector, "a block of two frames has the bytes of NCM 1.0")
{
	u8 buf[256];
	struct ntb_writer w;

	memset(buf, 0xee, sizeof(buf));
	ntb_write(&w, buf, sizeof(buf), 0x0102);
	memcpy(ntb_add(&w, 5), "first", 5);
	memcpy(ntb_add(&w, 6), "second", 6);
	SAME(ntb_end(&w), 86);
	BYTES(buf, 32, "4e 43 4d 48 0c 00 02 01 56 00 0c 00 "
	      "4e 43 4d 30 14 00 00 00 48 00 05 00 50 00 06 00 00 00 00 00");
	OK(!memcmp(buf + 72, "first\0\0\0second", 14));
}

TEST(ntb_parameter_block, "the NTB parameters: 4096 bytes each way, NTB16 only, alignment 4")
{
	u8 buf[NTB_PARAMETERS];

	ntb_parameters(buf);
	BYTES(buf, sizeof(buf), "1c 00 01 00 00 10 00 00 04 00 00 00 04 00 00 00 "
	      "00 10 00 00 04 00 00 00 04 00 40 00");
}

TEST(ntb_random, "what is written is read again, for random frames; a full block takes no more")
{
	u32 i, n, len[NTB_IN_FRAMES + 1], offset, got;

	for (i = 0; i < 3000; i++) {
		u32 size = 72 + rand_below(4000), total;
		u8 *buf = heap(NULL, size), *exact;
		struct ntb_writer w;
		struct ntb_reader r;

		ntb_write(&w, buf, size, i);
		for (n = 0;; n++) {
			u8 *to;

			len[n] = 1 + rand_below(600);
			to = ntb_add(&w, len[n]);
			if (!to)
				break;
			memset(to, n + 1, len[n]);
		}
		total = ntb_end(&w);
		OK(total <= size);
		SAME(!total, !n);
		exact = heap(buf, total);
		SAME(ntb_read(&r, exact, total), n > 0);
		for (got = 0; n && ntb_next(&r, &offset, &total) == NTB_FRAME; got++) {
			SAME(total, len[got]);
			SAME(exact[offset], got + 1);
			SAME(exact[offset + total - 1], got + 1);
		}
		SAME(got, n);
		SAME(r.sequence, n ? (u16)i : 0);
		free(buf);
		free(exact);
	}
}

TEST(ntb_hostile, "headers, tables and entries that lie are refused")
{
	u8 good[128], buf[128];
	u32 total, offset, len;
	struct ntb_writer w;
	struct ntb_reader r;
	static const struct { u8 at, value; } header[] = {
		{ 0, 'X' }, { 4, 13 }, { 9, 1 }, { 10, 0 }, { 10, 14 },
		{ 11, 1 }, { 12, 'X' }, { 15, '1' }, { 16, 8 }, { 16, 18 },
		{ 17, 1 },
	};
	size_t i;

	ntb_write(&w, good, sizeof(good), 0);
	ntb_add(&w, 20);
	total = ntb_end(&w);
	for (i = 0; i < COUNT(header); i++) {
		memcpy(buf, good, total);
		buf[header[i].at] = header[i].value;
		OK(!ntb_read(&r, buf, total));
	}
	for (i = 0; i < total; i++)
		OK(!ntb_read(&r, good, i));
	/* a frame over the end; in the header; a table without end mark; a loop */
	memcpy(buf, good, total);
	buf[22] = 21;
	OK(ntb_read(&r, buf, total));
	SAME(ntb_next(&r, &offset, &len), NTB_BAD);
	SAME(ntb_next(&r, &offset, &len), NTB_END);
	memcpy(buf, good, total);
	buf[20] = 11;
	OK(ntb_read(&r, buf, total));
	SAME(ntb_next(&r, &offset, &len), NTB_BAD);
	memcpy(buf, good, total);
	buf[24] = 50;
	buf[26] = 10;
	OK(ntb_read(&r, buf, total));
	SAME(ntb_next(&r, &offset, &len), NTB_FRAME);
	SAME(ntb_next(&r, &offset, &len), NTB_FRAME);
	SAME(ntb_next(&r, &offset, &len), NTB_BAD);
	memcpy(buf, good, total);
	buf[18] = 12;
	OK(ntb_read(&r, buf, total));
	for (i = 0; ntb_next(&r, &offset, &len) == NTB_FRAME; i++)
		;
	SAME(i, 8);
}
