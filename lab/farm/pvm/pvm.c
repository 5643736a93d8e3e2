// SPDX-License-Identifier: Apache-2.0
/* By PVM: the master spawns a worker on each host. */
#include <pvm3.h>
#include <stdio.h>
#include <stdlib.h>

#include "farm.h"

enum { MAX_HOSTS = 32, WORK = 1, RESULT = 2 };

static int master, count, tasks[MAX_HOSTS];
static char **names;

int carrier_begin(char **hosts, int n, char **args)
{
	/* without hosts there may be no PVM either; a worker gets no hosts */
	if (n == 0) {
		if (!getenv("PVMEPID") || pvm_mytid() < 0)
			return 0;
		master = pvm_parent();
		if (master < 0)
			return 0;
		pvm_setopt(PvmRoute, PvmRouteDirect);
		return -1;
	}
	if (pvm_mytid() < 0)
		exit(1); /* it has said why */
	pvm_setopt(PvmRoute, PvmRouteDirect);
	names = hosts;
	for (count = 0; count < n; count++) {
		if (pvm_spawn("farm", args, PvmTaskHost, names[count], 1, &tasks[count]) != 1) {
			fprintf(stderr, "farm: no worker on %s: %d\n", names[count], tasks[count]);
			exit(1);
		}
	}
	return count;
}

void carrier_end(void)
{
	if (count > 0 || master > 0)
		pvm_exit();
}

const char *worker_name(int worker)
{
	return names[worker];
}

void send_row(int worker, int row)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&row, 1, 1);
	pvm_send(tasks[worker], WORK);
}

int receive_line(int *row, unsigned char *line, int columns)
{
	int buffer = pvm_recv(-1, RESULT), length, tag, from, worker = 0;

	pvm_bufinfo(buffer, &length, &tag, &from);
	pvm_upkint(row, 1, 1);
	pvm_upkbyte((char *)line, columns, 1);
	while (tasks[worker] != from)
		worker++;
	return worker;
}

int receive_row(void)
{
	int row;

	pvm_recv(master, WORK);
	pvm_upkint(&row, 1, 1);
	return row;
}

void send_line(int row, const unsigned char *line, int columns)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&row, 1, 1);
	pvm_pkbyte((char *)line, columns, 1);
	pvm_send(master, RESULT);
}
