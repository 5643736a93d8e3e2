// SPDX-License-Identifier: Apache-2.0
/** The driver's counters, as `ethtool -S` prints them. */
import type { DriverCounters } from "../api/status.ts";

/** @param output of `ethtool -S <segment>`: a headline, then "     name: value" lines. Other lines are skipped. */
export function parseDriverCounters(output: string): DriverCounters {
  const counters: DriverCounters = {};
  for (const line of output.split("\n")) {
    const match = /^\s+([a-z][a-z0-9_]*): ([0-9]{1,20})$/.exec(line);
    if (match?.[1] !== undefined) counters[match[1]] = Number(match[2]);
  }
  return counters;
}
