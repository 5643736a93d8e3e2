// SPDX-License-Identifier: Apache-2.0
/* By MPI: mpiexec has started all processes; the first one is the master. A line's number is its tag. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "farm.h"

enum { MASTER = 0, PAUSE_US = 200 };

/* By worker */
static char (*names)[MPI_MAX_PROCESSOR_NAME];

/* MPI_Recv() waits busily, and hosts that share a processor would wait for each other. */
static void wait_for_message(int from)
{
	int there;

	for (;;) {
		MPI_Iprobe(from, MPI_ANY_TAG, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
		if (there)
			return;
		usleep(PAUSE_US);
	}
}

int carrier_begin(char **hosts, int n, char **args)
{
	char name[MPI_MAX_PROCESSOR_NAME] = "";
	int rank, size, length;

	(void)hosts;
	(void)args;
	if (n > 0) {
		fputs("farm: with MPI, mpiexec says which hosts\n", stderr);
		exit(2);
	}
	MPI_Init(NULL, NULL);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Get_processor_name(name, &length);
	if (rank == MASTER)
		names = malloc(size * sizeof(*names));
	MPI_Gather(name, sizeof(name), MPI_CHAR, names, sizeof(name), MPI_CHAR, MASTER, MPI_COMM_WORLD);
	return rank == MASTER ? size - 1 : -1;
}

void carrier_end(void)
{
	free(names);
	MPI_Finalize();
}

const char *worker_name(int worker)
{
	return names[worker + 1];
}

void send_row(int worker, int row)
{
	MPI_Send(&row, 1, MPI_INT, worker + 1, 0, MPI_COMM_WORLD);
}

int receive_line(int *row, unsigned char *line, int columns)
{
	MPI_Status status;

	wait_for_message(MPI_ANY_SOURCE);
	MPI_Recv(line, columns, MPI_BYTE, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
	*row = status.MPI_TAG;
	return status.MPI_SOURCE - 1;
}

int receive_row(void)
{
	int row;

	wait_for_message(MASTER);
	MPI_Recv(&row, 1, MPI_INT, MASTER, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	return row;
}

void send_line(int row, const unsigned char *line, int columns)
{
	MPI_Send(line, columns, MPI_BYTE, MASTER, row, MPI_COMM_WORLD);
}
