/* SPDX-License-Identifier: Apache-2.0 */
/* Between who draws and who carries: pvm/ and mpi/ are two of the latter. */

/*
 * Joins the others, and starts the workers where that is the master's task: on `hosts`, with the arguments `args` (ending with NULL).
 * Returns how many workers there are, and -1 in a worker. Ends the program with a message when it fails.
 */
int carrier_begin(char **hosts, int count, char **args);
void carrier_end(void);

/* Master: workers are numbered from 0. */
const char *worker_name(int worker);
void send_row(int worker, int row);
/* Waits for any line. Returns from which worker it is. */
int receive_line(int *row, unsigned char *line, int columns);

/* Worker */
int receive_row(void);
void send_line(int row, const unsigned char *line, int columns);
