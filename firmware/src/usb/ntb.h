/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CDC-NCM's blocks, NTB16: several Ethernet frames in one USB transfer
 *
 * NCM 1.0 sections 3.2 and 3.3. Little endian, as USB is. The reader takes
 * hostile blocks: it reads nothing outside of the block and ends after at
 * most NTB_FRAMES entries, whatever the tables point to.
 */
#ifndef NTB_H
#define NTB_H

#include "ipscsi_codec.h"

#define NTB_IN_SIZE	4096	/* bytes, device to host */
#define NTB_OUT_SIZE	4096	/* and back; Linux wants 2048 at least */
#define NTB_FRAMES	64	/* entries that are read of one block */
#define NTB_IN_FRAMES	12	/* frames of a block that we make */
#define NTB_PARAMETERS	28	/* bytes: answer to GET_NTB_PARAMETERS */

enum ntb_next {
	NTB_END,	/* no more frames */
	NTB_FRAME,	/* there is one */
	NTB_BAD,	/* the block is malformed from here on */
};

struct ntb_reader {
	const u8 *buf;
	u32 length;
	u16 sequence;
	u32 entry;	/* offset of the next entry, 0 where there is none */
	u32 table_end;
	u16 next_table;
	u16 entries;
	u16 tables;
};

struct ntb_writer {
	u8 *buf;
	u32 size;
	u32 length;
	u16 sequence;
	u16 frames;
};

bool ntb_read(struct ntb_reader *r, const u8 *buf, u32 len);
enum ntb_next ntb_next(struct ntb_reader *r, u32 *offset, u32 *len);
void ntb_write(struct ntb_writer *w, u8 *buf, u32 size, u16 sequence);
u8 *ntb_add(struct ntb_writer *w, u32 len);
u32 ntb_end(struct ntb_writer *w);
void ntb_parameters(u8 *buf);

#endif
