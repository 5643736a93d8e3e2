// SPDX-License-Identifier: Apache-2.0
/**
 * Node's options for the two processes: two heaps on a board with 512 MiB. A leak ends in a restart, not in a stuck box.
 * Compiled code (startBundle.ts) is taken only by a process with the very options that it was made with.
 */

/** The executor's; scsigate-supervisor and the package's unit start it with them. */
export const EXECUTOR_FLAGS = ["--max-old-space-size=64", "--max-semi-space-size=1"];
/** The service holds a broker connection, TLS and the last state of 16 segments; more is a leak. */
export const SERVICE_FLAGS = ["--max-old-space-size=80", "--max-semi-space-size=1"];
