// SPDX-License-Identifier: Apache-2.0
/* SCSI commands through /dev/sg, several at once: the interface of sg's version 3, write() and read(). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool.h"

#define TYPE_COMMUNICATIONS	9
#define TIMEOUT_MS		30000
#define UDP_DISCARD		9

int sg_open(const char *path)
{
	struct sg_scsi_id id;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	if (ioctl(fd, SG_GET_SCSI_ID, &id))
		die("%s is no SCSI device: %s", path, strerror(errno));
	if (id.scsi_type != TYPE_COMMUNICATIONS)
		die("%s is of type %d, and not a communications device", path, id.scsi_type);
	return fd;
}

void sg_reserve(int fd, int bytes)
{
	ioctl(fd, SG_SET_RESERVED_SIZE, &bytes);
}

void sg_prepare(struct sg_slot *slot, unsigned char opcode, uint16_t stream, unsigned int length, bool direct)
{
	memset(slot->cdb, 0, sizeof(slot->cdb));
	slot->cdb[0] = opcode;
	slot->cdb[4] = stream >> 8;
	slot->cdb[5] = stream & 0xff;
	slot->cdb[7] = length >> 8;
	slot->cdb[8] = length & 0xff;
	slot->hdr = (struct sg_io_hdr){
		.interface_id = 'S',
		.dxfer_direction = opcode == GET_MESSAGE_10 ? SG_DXFER_FROM_DEV : SG_DXFER_TO_DEV,
		.cmd_len = sizeof(slot->cdb),
		.mx_sb_len = sizeof(slot->sense),
		.dxfer_len = length,
		.dxferp = slot->buffer,
		.cmdp = slot->cdb,
		.sbp = slot->sense,
		.timeout = TIMEOUT_MS,
		.flags = direct ? SG_FLAG_DIRECT_IO : 0,
		.usr_ptr = slot,
	};
}

void sg_submit(int fd, struct sg_slot *slot)
{
	while (write(fd, &slot->hdr, sizeof(slot->hdr)) < 0) {
		/* the queue of the device is full, or memory short: others will be over soon */
		if (errno != EDOM && errno != EAGAIN && errno != ENOMEM && errno != EINTR)
			die("submitting a command: %s", strerror(errno));
	}
}

struct sg_slot *sg_reap(int fd)
{
	struct sg_io_hdr hdr = { .interface_id = 'S', .pack_id = -1 };
	struct sg_slot *slot;

	while (read(fd, &hdr, sizeof(hdr)) < 0)
		if (errno != EINTR)
			die("waiting for a command: %s", strerror(errno));
	slot = hdr.usr_ptr;
	slot->hdr.resid = hdr.resid;
	if ((hdr.info & SG_INFO_OK_MASK) != SG_INFO_OK) {
		/* a unit attention: whoever had the device before us was reset, or left */
		if (hdr.status == 2 && hdr.sb_len_wr > 2 && (slot->sense[2] & 0xf) == 6) {
			sg_submit(fd, slot);
			return sg_reap(fd);
		}
		die("opcode %02xh: status %02xh host %02xh driver %02xh sense %x/%02x/%02x", slot->cdb[0], hdr.status,
		    hdr.host_status, hdr.driver_status, hdr.sb_len_wr ? slot->sense[2] & 0xf : 0,
		    hdr.sb_len_wr ? slot->sense[12] : 0, hdr.sb_len_wr ? slot->sense[13] : 0);
	}
	return slot;
}

static void put16(unsigned char *to, unsigned int value)
{
	to[0] = value >> 8;
	to[1] = value & 0xff;
}

void make_datagram(unsigned char *to, unsigned int length, const char *source, const char *destination)
{
	unsigned int sum = 0;

	if (length < 28)
		die("a UDP datagram has at least 28 bytes");
	memset(to, 0, length);
	to[0] = 0x45;
	put16(to + 2, length);
	to[8] = 64;
	to[9] = 17;
	if (inet_pton(AF_INET, source, to + 12) != 1 || inet_pton(AF_INET, destination, to + 16) != 1)
		die("%s and %s are not two IPv4 addresses", source, destination);
	for (int i = 0; i < 20; i += 2)
		sum += to[i] << 8 | to[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(to + 10, ~(sum + (sum >> 16)) & 0xffff);
	put16(to + 20, 40000);
	put16(to + 22, UDP_DISCARD);
	/* checksum 0: none */
	put16(to + 24, length - 20);
}
