// SPDX-License-Identifier: Apache-2.0
/*
 * lab-agent: runs commands in a lab VM for the host, over one virtio-serial port.
 *
 * Frames, both ways, integers big endian:
 *
 *	u32 id | u8 type | u32 length | payload
 *
 * host -> guest	'H' nonce: starts a session; everything of the last one is killed and forgotten
 *			'R' shell command: run by "sh -c", own session and process group
 *			'T' shell command, on a terminal of its own (window size by 'W')
 *			'W' u16 rows, u16 columns
 *			'I' standard input; length 0 closes it
 *			'K' u8 signal for the command's process group
 * guest -> host	'H' the nonce
 *			'O' standard output    'E' standard error
 *			'X' u8 kind (0 exited, 1 killed, 2 not started), u8 exit code, signal or errno
 *
 * The answer to 'H' begins with MAGIC, so that the host finds the first frame behind whatever an earlier session left in the channel.
 * Commands run side by side; each has an id that the host chose.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAGIC		"\nscsigate-lab-agent\n"
#define HEADER		9
#define MAX_JOBS	64
#define MAX_FRAME	(1024 * 1024)	/* longest command or input that the host may send */
#define CHUNK		16384
/* How often it is looked whether a host is there, milliseconds: the longer none was, the less often. A VM at rest is to rest. */
#define MIN_LOOK_MS	50
#define MAX_LOOK_MS	1000

struct job {
	uint32_t id;
	pid_t pid;
	int in, out, err;	/* -1: closed; a terminal has in == out, err == -1 */
	int tty;
	int reaped, status;
	uint8_t *todo;		/* input that the command has not taken yet */
	size_t todo_len;
	int close_in;
};

static struct job jobs[MAX_JOBS];
static int n_jobs;
static int port;

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Blocks while the host does not read: output is never lost, a slow reader slows the command. */
static int write_all(const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = write(port, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = port, .events = POLLOUT };

			poll(&pfd, 1, 1000);
			if (pfd.revents & POLLHUP)
				return -1;
			continue;
		}
		if (n <= 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

static void send_frame(uint32_t id, char type, const void *data, uint32_t len)
{
	uint8_t *frame = malloc(HEADER + len);

	if (!frame)
		return;
	put32(frame, id);
	frame[4] = type;
	put32(frame + 5, len);
	memcpy(frame + HEADER, data, len);
	write_all(frame, HEADER + len);
	free(frame);
}

static struct job *find_job(uint32_t id)
{
	for (int i = 0; i < n_jobs; i++)
		if (jobs[i].id == id)
			return &jobs[i];
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void drop_job(struct job *j)
{
	if (j->tty)
		j->in = -1;
	close_fd(&j->in);
	close_fd(&j->out);
	close_fd(&j->err);
	free(j->todo);
	*j = jobs[--n_jobs];
}

static void not_started(uint32_t id, int err)
{
	uint8_t why[2] = { 2, (uint8_t)err };

	send_frame(id, 'X', why, 2);
}

static void exec_shell(char *command)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static void start_job(uint32_t id, char *command, int tty)
{
	struct job j = { .id = id, .in = -1, .out = -1, .err = -1, .tty = tty };
	int in[2], out[2], err[2];

	if (n_jobs == MAX_JOBS) {
		not_started(id, EAGAIN);
		return;
	}
	if (tty) {
		int master;

		j.pid = forkpty(&master, NULL, NULL, NULL);
		if (j.pid == 0)
			exec_shell(command);
		if (j.pid < 0) {
			not_started(id, errno);
			return;
		}
		fcntl(master, F_SETFD, FD_CLOEXEC);
		fcntl(master, F_SETFL, O_NONBLOCK);
		j.in = j.out = master;
		jobs[n_jobs++] = j;
		return;
	}
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
		not_started(id, errno);
		return;
	}
	j.pid = fork();
	if (j.pid == 0) {
		setsid();
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		exec_shell(command);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	if (j.pid < 0) {
		close(in[1]);
		close(out[0]);
		close(err[0]);
		not_started(id, errno);
		return;
	}
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	j.in = in[1];
	j.out = out[0];
	j.err = err[0];
	jobs[n_jobs++] = j;
}

static void feed(struct job *j)
{
	while (j->todo_len && j->in >= 0) {
		ssize_t n = write(j->in, j->todo, j->todo_len);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			j->todo_len = 0;
			j->close_in = 1;
			break;
		}
		memmove(j->todo, j->todo + n, j->todo_len - n);
		j->todo_len -= n;
	}
	if (j->close_in && !j->tty)
		close_fd(&j->in);
}

static void end_session(void)
{
	while (n_jobs) {
		if (!jobs[0].reaped)
			kill(-jobs[0].pid, SIGKILL);
		drop_job(&jobs[0]);
	}
}

static void handle(uint32_t id, uint8_t type, uint8_t *data, uint32_t len)
{
	struct job *j = find_job(id);
	char *command;

	switch (type) {
	case 'H':
		end_session();
		write_all(MAGIC, strlen(MAGIC));
		send_frame(id, 'H', data, len);
		break;
	case 'R':
	case 'T':
		command = strndup((char *)data, len);
		if (command)
			start_job(id, command, type == 'T');
		free(command);
		break;
	case 'I':
		if (!j)
			break;
		if (!len) {
			j->close_in = 1;
		} else {
			uint8_t *more = realloc(j->todo, j->todo_len + len);

			if (!more)
				break;
			memcpy(more + j->todo_len, data, len);
			j->todo = more;
			j->todo_len += len;
		}
		feed(j);
		break;
	case 'K':
		if (j && len == 1 && !j->reaped)
			kill(-j->pid, data[0]);
		break;
	case 'W':
		if (j && j->tty && len == 4) {
			struct winsize ws = { .ws_row = data[0] << 8 | data[1], .ws_col = data[2] << 8 | data[3] };

			ioctl(j->in, TIOCSWINSZ, &ws);
		}
		break;
	}
}

static void pump(struct job *j, int *fd, char type)
{
	uint8_t buf[CHUNK];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0) {
		send_frame(j->id, type, buf, n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		if (j->tty)
			j->in = -1;
		close_fd(fd);
	}
}

/*
 * A command is over when it has exited and its output is at its end, or, where something that it left in the background
 * still holds the output open, when there is nothing more to read right now.
 */
static void finish(void)
{
	for (int i = n_jobs - 1; i >= 0; i--) {
		struct job *j = &jobs[i];
		struct pollfd left[2] = { { .fd = j->out, .events = POLLIN }, { .fd = j->err, .events = POLLIN } };
		uint8_t end[2];

		if (!j->reaped && waitpid(j->pid, &j->status, WNOHANG) == j->pid)
			j->reaped = 1;
		if (!j->reaped)
			continue;
		if (poll(left, 2, 0) > 0 && ((left[0].revents | left[1].revents) & POLLIN))
			continue;
		if (WIFSIGNALED(j->status)) {
			end[0] = 1;
			end[1] = WTERMSIG(j->status);
		} else {
			end[0] = 0;
			end[1] = WEXITSTATUS(j->status);
		}
		send_frame(j->id, 'X', end, 2);
		drop_job(j);
	}
}

static void on_child(int sig)
{
	(void)sig;
}

/* One read from the port and the frames that it completes. Returns 0 when the host is not there. */
static int serve_port(void)
{
	static uint8_t buf[HEADER + MAX_FRAME];
	static size_t have;
	ssize_t n = read(port, buf + have, sizeof(buf) - have);
	size_t at = 0;

	if (n <= 0) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 1;
		have = 0;
		return 0;
	}
	have += n;
	while (have - at >= HEADER) {
		uint32_t len = get32(buf + at + 5);

		if (len > MAX_FRAME) {
			have = 0;
			return 1;
		}
		if (have - at < HEADER + len)
			break;
		handle(get32(buf + at), buf[at + 4], buf + at + HEADER, len);
		at += HEADER + len;
	}
	memmove(buf, buf + at, have - at);
	have -= at;
	return 1;
}

/*
 * A socket that wants time stamps turns a static key of the receive path on, and closing it turns the key off: each
 * ping patches the code that packets run through. QEMU's TCG with several threads now and then translates the
 * breakpoint of such a patch too late, and the kernel dies of a stray int3. One socket that stays keeps the key on.
 */
static void keep_time_stamps_on(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)) < 0)
		perror("lab-agent: SO_TIMESTAMP");
}

int main(int argc, char **argv)
{
	struct sigaction child = { .sa_handler = on_child };
	sigset_t blocked, open_mask;
	int connected = 0;
	int look_ms = MIN_LOOK_MS;

	if (argc != 2) {
		fprintf(stderr, "usage: lab-agent /dev/virtio-ports/NAME\n");
		return 2;
	}
	port = open(argv[1], O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (port < 0) {
		perror(argv[1]);
		return 1;
	}
	keep_time_stamps_on();
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &child, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &open_mask);

	for (;;) {
		struct pollfd fds[1 + 3 * MAX_JOBS];
		struct { struct job *job; int *fd; char type; } what[1 + 3 * MAX_JOBS];
		int n = 0, live;
		int wait_ms = connected ? 60000 : look_ms;
		struct timespec wait = { .tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L };

		fds[n++] = (struct pollfd){ .fd = connected ? port : -1, .events = POLLIN };
		for (int i = 0; i < n_jobs; i++) {
			struct job *j = &jobs[i];

			if (j->out >= 0) {
				what[n].job = j, what[n].fd = &j->out, what[n].type = 'O';
				fds[n++] = (struct pollfd){ .fd = j->out, .events = POLLIN };
			}
			if (j->err >= 0) {
				what[n].job = j, what[n].fd = &j->err, what[n].type = 'E';
				fds[n++] = (struct pollfd){ .fd = j->err, .events = POLLIN };
			}
			if (j->in >= 0 && j->todo_len) {
				what[n].job = j, what[n].fd = &j->in, what[n].type = 'I';
				fds[n++] = (struct pollfd){ .fd = j->in, .events = POLLOUT };
			}
		}
		live = ppoll(fds, n, &wait, &open_mask);
		if (live > 0) {
			for (int i = 1; i < n; i++) {
				if (!fds[i].revents || *what[i].fd < 0)
					continue;
				if (what[i].type == 'I')
					feed(what[i].job);
				else
					pump(what[i].job, what[i].fd, what[i].type);
			}
		}
		finish();
		/* The port says "hung up" as long as no host is connected: then look again now and then. */
		if (!connected || (fds[0].revents & (POLLIN | POLLHUP))) {
			int was = connected;

			connected = serve_port();
			if (was && !connected)
				end_session();
			look_ms = connected ? MIN_LOOK_MS : look_ms < MAX_LOOK_MS / 2 ? look_ms * 2 : MAX_LOOK_MS;
		}
	}
}
