// SPDX-License-Identifier: Apache-2.0
// Throughput of one TCP connection, by iperf3: the command of the client, and what it has said.
import { LabError } from "../errors.ts";

/**
 * Tries until the server is there, and again where a try fails: the server must not be one that ends after a connection (-1). With -J it
 * exits with 0 whatever happens.
 * @param to address of the server
 * @param more options: -R for the other way
 */
export function iperfClient(to: string, seconds: number, more = ""): string {
  const client = `iperf3 -J -t ${seconds} -c ${to} ${more}`;
  const received = "grep -q sum_received /tmp/iperf";
  return `sh -c 'for try in $(seq 40); do ${client} >/tmp/iperf; ${received} && break; sleep 0.5; done; cat /tmp/iperf'`;
}

/** @returns bits a second that were received. @throws LabError vm-command-failed where there was no connection */
export function iperfRate(said: string): number {
  const result = JSON.parse(said) as { end?: { sum_received?: { bits_per_second: number } }; error?: string };
  const rate = result.end?.sum_received?.bits_per_second;
  if (rate === undefined) throw new LabError("vm-command-failed", `iperf3: ${result.error}`, "See the logs.");
  return rate;
}
