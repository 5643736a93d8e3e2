// SPDX-License-Identifier: Apache-2.0
/** The driver's latency classes (debugfs), and percentiles from them. */
import type { Percentiles } from "../api/status.ts";

/** Commands that ended since the device attached, by how long they took. */
export interface LatencyClass {
  /** Microseconds; the class before ends where this one begins. */
  below: number;
  sends: number;
  gets: number;
}

/** @param text of a device's file `latency`: lines of "up to microseconds, SENDs, GETs". Other lines are skipped. */
export function parseLatency(text: string): LatencyClass[] {
  const classes: LatencyClass[] = [];
  for (const line of text.split("\n")) {
    const match = /^([0-9]{1,19}) ([0-9]{1,20}) ([0-9]{1,20})$/.exec(line);
    if (match) classes.push({ below: Number(match[1]), sends: Number(match[2]), gets: Number(match[3]) });
  }
  return classes.sort((one, other) => one.below - other.below);
}

/**
 * @param before an earlier reading of the same device, or none
 * @returns of what ended in between; null when nothing did. Counters that went back are a device that attached anew: then
 * it is of all that ended since.
 */
export function percentiles(
  kind: "sends" | "gets",
  now: readonly LatencyClass[],
  before: readonly LatencyClass[] = [],
): Percentiles | null {
  const was = new Map(before.map((entry) => [entry.below, entry[kind]]));
  const restarted = now.some((entry) => entry[kind] < (was.get(entry.below) ?? 0));
  const counts = now.map((entry) => ({
    below: entry.below,
    count: entry[kind] - (restarted ? 0 : (was.get(entry.below) ?? 0)),
  }));
  const total = counts.reduce((sum, entry) => sum + entry.count, 0);
  if (total === 0) return null;
  const at = (share: number): number => {
    let sum = 0;
    for (const entry of counts) {
      sum += entry.count;
      if (sum >= total * share) return entry.below / 1000;
    }
    return (counts.at(-1)?.below ?? 0) / 1000;
  };
  return { count: total, p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
