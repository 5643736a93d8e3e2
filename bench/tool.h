/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-tool: what `make bench` runs in a VM beside iperf3 and ping. One static program; lab/src/bench/tool.ts compiles it.
 */
#ifndef BENCH_TOOL_H
#define BENCH_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include <scsi/sg.h>

#define SEND_MESSAGE_10		0x2a
#define GET_MESSAGE_10		0x28
#define STREAM_IPV4		0x0000
#define MESSAGE_MAX		65535

/* A command for /dev/sg's asynchronous interface: write() submits it, read() brings it back */
struct sg_slot {
	struct sg_io_hdr hdr;
	unsigned char cdb[10];
	unsigned char sense[32];
	unsigned char *buffer;	/* page aligned */
	struct sg_slot *next;	/* in a list of free ones */
};

noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
double now(void);
/* From now on; time_is_up() then costs no look at the clock, which is slow in a VM */
void start_timer(unsigned int seconds);
bool time_is_up(void);
void *page_buffer(size_t bytes);
/* Reads a number in a range from an option's argument */
long number(const char *text, long low, long high);

/* Opens a device and checks that it is of type 09h: 2Ah is WRITE to a disk */
int sg_open(const char *path);
/* A SEND or GET MESSAGE(10) of this many bytes. @direct: the adapter uses the buffer itself, where sg allows that */
void sg_prepare(struct sg_slot *slot, unsigned char opcode, uint16_t stream, unsigned int length, bool direct);
void sg_submit(int fd, struct sg_slot *slot);
/* Waits for one command to be over; ends the program when it failed */
struct sg_slot *sg_reap(int fd);
/* Lets indirect I/O use this much memory at once, instead of asking the allocator for each command */
void sg_reserve(int fd, int bytes);

/* An IPv4 datagram of @length bytes with UDP to the discard port in it */
void make_datagram(unsigned char *to, unsigned int length, const char *source, const char *destination);

int run_raw(int argc, char **argv);
int run_tur(int argc, char **argv);
int run_udp(int argc, char **argv);
int run_daemon(int argc, char **argv);
int run_profile(int argc, char **argv);

#endif
