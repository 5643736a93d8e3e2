// SPDX-License-Identifier: Apache-2.0
/*
 * farm COLUMNS ROWS ITERATIONS [HOST...]: draws the Mandelbrot set: the rows are handed out to the workers, one after the other as each
 * gets done. With PVM there is a worker on each HOST, with MPI one in each process but the first. Without workers it draws
 * alone. Prints how many rows came from each host, and a checksum of the picture.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm.h"

enum { MAX_WORKERS = 32, AHEAD = 2, STOP = -1 };

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

static void work(void)
{
	unsigned char *line = malloc(columns);
	int row;

	while ((row = receive_row()) != STOP) {
		draw(row, line);
		send_line(row, line, columns);
	}
	free(line);
}

static void collect(unsigned char *picture, int workers)
{
	int counts[MAX_WORKERS] = { 0 }, next = 0;
	unsigned char *line = malloc(columns);

	for (int i = 0; i < AHEAD * workers && next < rows; i++)
		send_row(i % workers, next++);
	for (int done = 0; done < rows; done++) {
		int row, worker = receive_line(&row, line, columns);

		memcpy(picture + (size_t)row * columns, line, columns);
		counts[worker]++;
		if (next < rows)
			send_row(worker, next++);
	}
	free(line);
	for (int i = 0; i < workers; i++) {
		send_row(i, STOP);
		printf("%s %d\n", worker_name(i), counts[i]);
	}
}

int main(int argc, char **argv)
{
	unsigned char *picture;
	int workers;

	if (argc < 4 || argc - 4 > MAX_WORKERS) {
		fputs("usage: farm COLUMNS ROWS ITERATIONS [HOST...]\n", stderr);
		return 2;
	}
	columns = atoi(argv[1]);
	rows = atoi(argv[2]);
	iterations = atoi(argv[3]);
	workers = carrier_begin(argv + 4, argc - 4, (char *[]){ argv[1], argv[2], argv[3], NULL });
	if (workers > MAX_WORKERS) {
		fputs("farm: too many workers\n", stderr);
		return 1;
	}
	if (workers < 0) {
		work();
		carrier_end();
		return 0;
	}
	picture = malloc((size_t)columns * rows);
	if (workers == 0)
		for (int row = 0; row < rows; row++)
			draw(row, picture + (size_t)row * columns);
	else
		collect(picture, workers);
	carrier_end();
	printf("%016llx\n", (unsigned long long)sum_of(picture));
	free(picture);
	return 0;
}
