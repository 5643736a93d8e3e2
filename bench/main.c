// SPDX-License-Identifier: Apache-2.0
/*
 * bench-tool COMMAND: see the usage below. Results are one line of JSON on standard output.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const char usage[] =
	"usage: bench-tool raw [-d DEPTH] [-j THREADS] [-n BYTES] [-t SECONDS] [-D] -s SOURCE -r DESTINATION /dev/sgN\n"
	"           SEND MESSAGE(10) as fast as possible; -z instead of the addresses: nothing that IP would look at\n"
	"       bench-tool tur [-c COUNT] /dev/sgN\n"
	"           TEST UNIT READY, one after the other\n"
	"       bench-tool udp [-b BATCH] [-n PAYLOAD] [-t SECONDS] [-N NAMESPACE] [-c COUNTER] DESTINATION\n"
	"           UDP to the discard port as fast as possible, and how much the counter, a file, grew meanwhile\n"
	"       bench-tool daemon [-i INTERFACE] [-g GETS] [-d SENDS] [-m MTU] [-D] /dev/sgN\n"
	"           IP over SCSI (RFC 2143) in user space, until it is killed\n"
	"       bench-tool profile [-t SECONDS]\n"
	"           where the kernel's time goes, by function\n";

noreturn void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench-tool: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static volatile sig_atomic_t up;

static void on_alarm(int signal)
{
	(void)signal;
	up = 1;
}

void start_timer(unsigned int seconds)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &action, NULL);
	alarm(seconds);
}

bool time_is_up(void)
{
	return up;
}

void *page_buffer(size_t bytes)
{
	size_t size = (bytes + 4095) & ~(size_t)4095;
	void *buffer = aligned_alloc(4096, size);

	if (!buffer)
		die("no memory");
	memset(buffer, 0, size);
	return buffer;
}

long number(const char *text, long low, long high)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < low || value > high)
		die("\"%s\" is no number from %ld to %ld", text, low, high);
	return value;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "raw", run_raw },
		{ "tur", run_tur },
		{ "udp", run_udp },
		{ "daemon", run_daemon },
		{ "profile", run_profile },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fputs(usage, stderr);
	return 2;
}
