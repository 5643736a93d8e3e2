// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: the management line, and what may be in flash. Byte 0: bit 0: the
 * rest is the line as it is; otherwise requests with a good CRC; bit 1: first
 * some bytes for flash; bits 3 to 7: which program runs.
 */
#include "fake_flash.h"
#include "boot/crc.h"
#include "mgmt/mgmt.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MUST(condition) do { if (!(condition)) __builtin_trap(); } while (0)

static struct target t;
static struct hub h;
static struct mgmt m;
static struct slot_start start;

static void line(u8 byte)
{
	if (byte == 0xc0 || byte == 0xdb) {
		mgmt_input(&m, 0xdb);
		byte = byte == 0xc0 ? 0xdc : 0xdd;
	}
	mgmt_input(&m, byte);
}

static void good_frame(const u8 *data, size_t len)
{
	u8 crc[4];
	size_t i;

	put32(crc, crc32(0, data, len));
	for (i = 0; i < len; i++)
		line(data[i]);
	for (i = 0; i < 4; i++)
		line(crc[i]);
	mgmt_input(&m, 0xc0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 ids[] = { 3 }, own[] = { 2, 0, 0, 0, 0, 1 };
	struct settings s;
	const u8 *bytes;
	size_t i;
	u8 kind;

	if (!size)
		return 0;
	kind = data[0];
	data++;
	size--;
	memset(flash.bytes, 0xff, sizeof(flash.bytes));
	memset(flash.program + SLOT_OFFSET(0), 0xff, 4 * FLASH_SECTOR);
	memset(flash.program + SLOT_OFFSET(1), 0xff, 4 * FLASH_SECTOR);
	start.slot = kind >> 3 & 1;
	start.trial = kind >> 4 & 1;
	start.length = kind >> 5;
	if (kind & 2 && size > 128) {
		memcpy(flash.bytes, data, 96);
		if (kind & 4)	/* as if it was whole */
			put32(flash.bytes + 12 + MGMT_SETTINGS_SIZE,
			      crc32(0, flash.bytes, 12 + MGMT_SETTINGS_SIZE));
		memcpy(flash.bytes + FLASH_SECTOR, data + 96, 32);
		data += 128;
		size -= 128;
	}
	target_init(&t, ids, 1);
	hub_init(&h, &t, 0, own, "fuzz", "1");
	mgmt_init(&m, &t, &h, &start);
	if (kind & 1) {
		for (i = 0; i < size; i++)
			mgmt_input(&m, data[i]);
	} else {
		while (size) {
			size_t len = data[0] < size ? data[0] : size - 1;

			good_frame(data + 1, len);
			data += 1 + len;
			size -= 1 + len;
			MUST(m.out_length <= sizeof(m.out));
			if (len & 1)
				mgmt_sent(&m, mgmt_output(&m, &bytes));
		}
	}
	MUST(m.out_sent <= m.out_length);
	settings_load(&s);
	MUST(s.scsi_id < 8 && s.board <= 2);
	return 0;
}
