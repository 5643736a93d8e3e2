// SPDX-License-Identifier: Apache-2.0
/*
 * A communications device that answers as a script says: scripted-peer UIO-DEVICE RULES LOG
 *
 * The user-space end of a LUN of target_core_user (Linux: Documentation/target/tcmu-design.rst), for tests of what
 * the driver does with a target that is not ours and not well. RULES is read again before each command; a line is
 *
 *     OPCODE good                the command succeeds; where it wants data it gets 4 zero bytes
 *     OPCODE sense KEY ASC ASCQ  CHECK CONDITION
 *     OPCODE status STATUS       another status, for example 08 (BUSY)
 *     OPCODE data BYTE...        the command succeeds with these bytes
 *
 * with all numbers in hexadecimal; OPCODE 12PP is INQUIRY for page PP. What no line names succeeds, INQUIRY describes a communications device without
 * vital product data, and READ CAPACITY is not known. LOG gets a line for each command: opcode, and the stream of
 * a MESSAGE command of 10 bytes.
 */
#include <fcntl.h>
#include <linux/target_core_user.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GOOD = 0x00, CHECK_CONDITION = 0x02, MAX_DATA = 256 };

struct answer {
	uint8_t status;
	uint8_t sense[3];
	uint8_t data[MAX_DATA];
	size_t len;
};

static uint8_t *map;

static void refuse(struct answer *a, uint8_t key, uint8_t asc, uint8_t ascq)
{
	a->status = CHECK_CONDITION;
	a->sense[0] = key;
	a->sense[1] = asc;
	a->sense[2] = ascq;
}

/* SPC-4 section 6.4: a communications device that knows queueing, SPC-3 */
static void inquiry(const uint8_t *cdb, struct answer *a)
{
	static const uint8_t standard[36] = {
		0x09, 0, 0x05, 0x02, 31, 0, 0, 0x02, 'L', 'A', 'B', ' ', ' ', ' ', ' ', ' ',
		'S',  'c', 'r', 'i', 'p', 't', 'e', 'd', ' ', 'p', 'e', 'e', 'r', ' ', ' ', ' ', '1', '.', '0', ' ',
	};

	if (cdb[1] & 1) {
		refuse(a, 0x05, 0x24, 0x00);
		return;
	}
	memcpy(a->data, standard, sizeof(standard));
	a->len = sizeof(standard);
}

static void default_answer(const uint8_t *cdb, struct answer *a)
{
	if (cdb[0] == 0x12)
		inquiry(cdb, a);
	else if (cdb[0] == 0x25)
		refuse(a, 0x05, 0x20, 0x00);
	else
		a->len = 4;
}

/* Return: false where the rest of the line makes no sense */
static bool parse_rule(char *rest, struct answer *a)
{
	char word[16];
	unsigned int v[3];
	int used, n;

	if (sscanf(rest, "%15s%n", word, &used) != 1)
		return false;
	rest += used;
	if (!strcmp(word, "good")) {
		a->len = 4;
	} else if (!strcmp(word, "sense") && sscanf(rest, "%x %x %x", &v[0], &v[1], &v[2]) == 3) {
		refuse(a, v[0], v[1], v[2]);
	} else if (!strcmp(word, "status") && sscanf(rest, "%x", &v[0]) == 1) {
		a->status = v[0];
	} else if (!strcmp(word, "data")) {
		for (; a->len < MAX_DATA && sscanf(rest, "%x%n", &v[0], &n) == 1; rest += n)
			a->data[a->len++] = v[0];
	} else {
		return false;
	}
	return true;
}

static void answer_for(const char *rules, const uint8_t *cdb, struct answer *a)
{
	FILE *f = fopen(rules, "re");
	char line[4 * MAX_DATA];
	unsigned int wanted = cdb[0], opcode;
	int used;

	if (cdb[0] == 0x12 && cdb[1] & 1)
		wanted = 0x1200 | cdb[2];
	memset(a, 0, sizeof(*a));
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%x%n", &opcode, &used) != 1 || opcode != wanted)
			continue;
		if (!parse_rule(line + used, a)) {
			fprintf(stderr, "scripted-peer: not understood: %s", line);
			exit(2);
		}
		fclose(f);
		return;
	}
	if (f)
		fclose(f);
	default_answer(cdb, a);
}

static void handle(struct tcmu_cmd_entry *e, const char *rules, FILE *log)
{
	const uint8_t *cdb = map + e->req.cdb_off;
	struct answer a;
	uint32_t done = 0;

	if ((cdb[0] & 0x1f) == 0x08 || (cdb[0] & 0x1f) == 0x0a)
		fprintf(log, "%02x %02x%02x\n", cdb[0], cdb[4], cdb[5]);
	else
		fprintf(log, "%02x\n", cdb[0]);
	fflush(log);
	answer_for(rules, cdb, &a);
	/* SEND MESSAGE: its pieces are what came, not what goes */
	if ((cdb[0] & 0x1f) != 0x0a) {
		for (uint32_t i = 0; i < e->req.iov_cnt && done < a.len; i++) {
			size_t n = e->req.iov[i].iov_len;

			if (n > a.len - done)
				n = a.len - done;
			memcpy(map + (uintptr_t)e->req.iov[i].iov_base, a.data + done, n);
			done += n;
		}
		if (a.status == GOOD)
			e->hdr.uflags |= TCMU_UFLAG_READ_LEN;
	}
	/* the response lies over the request */
	memset(&e->rsp, 0, sizeof(e->rsp));
	e->rsp.scsi_status = a.status;
	e->rsp.read_len = done;
	if (a.status == CHECK_CONDITION) {
		/* SPC-4 section 4.5.3: fixed format */
		e->rsp.sense_buffer[0] = 0x70;
		e->rsp.sense_buffer[2] = a.sense[0];
		e->rsp.sense_buffer[7] = 10;
		e->rsp.sense_buffer[12] = a.sense[1];
		e->rsp.sense_buffer[13] = a.sense[2];
	}
}

static size_t map_size(const char *device)
{
	const char *name = strrchr(device, '/');
	char path[128];
	unsigned long size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/uio/%s/maps/map0/size", name ? name + 1 : device);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%lx", &size) != 1) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return size;
}

int main(int argc, char **argv)
{
	struct tcmu_mailbox *mailbox;
	FILE *log;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: scripted-peer UIO-DEVICE RULES LOG\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	log = fopen(argv[3], "ae");
	if (fd < 0 || !log) {
		perror(fd < 0 ? argv[1] : argv[3]);
		return 1;
	}
	map = mmap(NULL, map_size(argv[1]), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	mailbox = (struct tcmu_mailbox *)map;
	for (;;) {
		uint32_t tail = mailbox->cmd_tail, count;
		bool any = false;

		while (tail != __atomic_load_n(&mailbox->cmd_head, __ATOMIC_ACQUIRE)) {
			struct tcmu_cmd_entry *e = (void *)(map + mailbox->cmdr_off + tail);

			if (tcmu_hdr_get_op(e->hdr.len_op) == TCMU_OP_CMD)
				handle(e, argv[2], log);
			else if (tcmu_hdr_get_op(e->hdr.len_op) != TCMU_OP_PAD)
				e->hdr.uflags |= TCMU_UFLAG_UNKNOWN_OP;
			tail = (tail + tcmu_hdr_get_len(e->hdr.len_op)) % mailbox->cmdr_size;
			__atomic_store_n(&mailbox->cmd_tail, tail, __ATOMIC_RELEASE);
			any = true;
		}
		count = 0;
		if (any && write(fd, &count, sizeof(count)) != sizeof(count)) {
			perror("write");
			return 1;
		}
		if (read(fd, &count, sizeof(count)) != sizeof(count))
			return 0;	/* the LUN is gone */
	}
}
