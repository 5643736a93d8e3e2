// SPDX-License-Identifier: Apache-2.0
/*
 * farm COLUMNS ROWS ITERATIONS [HOST...]: draws the Mandelbrot set with PVM: the rows are handed out to a worker on each HOST, one
 * after the other as each gets done. Without HOST it draws alone. Prints how many rows came from each host, and a checksum
 * of the picture.
 */
#include <pvm3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HOSTS = 32, WORK = 1, RESULT = 2, AHEAD = 2, STOP = -1 };

static int columns, rows, iterations;

/* One byte for each point: after how many steps it is out, and 0 for those that stay */
static void draw(int row, unsigned char *line)
{
	for (int column = 0; column < columns; column++) {
		double re = 3.0 * column / columns - 2.0, im = 2.4 * row / rows - 1.2, x = 0, y = 0;
		int step = 0;

		while (step < iterations && x * x + y * y < 4) {
			double next = x * x - y * y + re;

			y = 2 * x * y + im;
			x = next;
			step++;
		}
		line[column] = step == iterations ? 0 : 1 + step % 255;
	}
}

/* FNV-1a over the picture */
static uint64_t sum_of(const unsigned char *picture)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < (size_t)columns * rows; i++)
		sum = (sum ^ picture[i]) * 0x100000001b3;
	return sum;
}

static void worker(int master)
{
	unsigned char *line = malloc(columns);
	int row;

	for (;;) {
		pvm_recv(master, WORK);
		pvm_upkint(&row, 1, 1);
		if (row == STOP)
			break;
		draw(row, line);
		pvm_initsend(PvmDataDefault);
		pvm_pkint(&row, 1, 1);
		pvm_pkbyte((char *)line, columns, 1);
		pvm_send(master, RESULT);
	}
	free(line);
}

static void hand_out(int task, int row)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&row, 1, 1);
	pvm_send(task, WORK);
}

static void collect(unsigned char *picture, int hosts, char **names, char **args)
{
	int tasks[MAX_HOSTS], counts[MAX_HOSTS] = { 0 }, next = 0;

	for (int i = 0; i < hosts; i++) {
		if (pvm_spawn("farm", args, PvmTaskHost, names[i], 1, &tasks[i]) != 1) {
			fprintf(stderr, "farm: no worker on %s: %d\n", names[i], tasks[i]);
			exit(1);
		}
	}
	for (int i = 0; i < AHEAD * hosts && next < rows; i++)
		hand_out(tasks[i % hosts], next++);
	for (int done = 0; done < rows; done++) {
		int buffer = pvm_recv(-1, RESULT), length, tag, from, row;

		pvm_bufinfo(buffer, &length, &tag, &from);
		pvm_upkint(&row, 1, 1);
		pvm_upkbyte((char *)picture + (size_t)row * columns, columns, 1);
		for (int i = 0; i < hosts; i++)
			counts[i] += tasks[i] == from;
		if (next < rows)
			hand_out(from, next++);
	}
	for (int i = 0; i < hosts; i++) {
		hand_out(tasks[i], STOP);
		printf("%s %d\n", names[i], counts[i]);
	}
}

int main(int argc, char **argv)
{
	unsigned char *picture;
	int hosts = argc - 4;

	if (argc < 4 || hosts > MAX_HOSTS) {
		fputs("usage: farm COLUMNS ROWS ITERATIONS [HOST...]\n", stderr);
		return 2;
	}
	columns = atoi(argv[1]);
	rows = atoi(argv[2]);
	iterations = atoi(argv[3]);
	/* without hosts there may be no PVM either; a worker gets no hosts */
	if (hosts == 0 && getenv("PVMEPID") && pvm_mytid() >= 0 && pvm_parent() >= 0) {
		pvm_setopt(PvmRoute, PvmRouteDirect);
		worker(pvm_parent());
		pvm_exit();
		return 0;
	}
	picture = malloc((size_t)columns * rows);
	if (hosts == 0) {
		for (int row = 0; row < rows; row++)
			draw(row, picture + (size_t)row * columns);
	} else {
		char *args[] = { argv[1], argv[2], argv[3], NULL };

		if (pvm_mytid() < 0)
			return 1;
		pvm_setopt(PvmRoute, PvmRouteDirect);
		collect(picture, hosts, argv + 4, args);
		pvm_exit();
	}
	printf("%016llx\n", (unsigned long long)sum_of(picture));
	return 0;
}
