// SPDX-License-Identifier: Apache-2.0
/** What is kept of stations and segments over time, and how two readings of counters become one row of it. */
import type { DriverCounters, LinkCounters, SegmentStatus, StationStatus } from "../../api/status.ts";
import { type LatencyClass, percentiles } from "../../observe/latency.ts";
import { REASONS } from "../telemetry/payloads.ts";

/** Per second; the link's own errors among them. */
const COUNTERS = [
  ...(["rx_bytes", "tx_bytes", "rx_packets", "tx_packets"] as const),
  ...(["rx_errors", "rx_dropped", "tx_errors", "tx_dropped"] as const),
] as const satisfies readonly (keyof LinkCounters)[];
/** Milliseconds. */
const LATENCIES = ["send_p50", "send_p90", "send_p99", "get_p50", "get_p90", "get_p99"] as const;

/** A row's columns. */
export const FIELDS = [...COUNTERS, ...LATENCIES, ...REASONS] as const;
export type Field = (typeof FIELDS)[number];
export const WIDTH = FIELDS.length;

export function isLatency(field: string): boolean {
  return (LATENCIES as readonly string[]).includes(field);
}

/** Counters at one moment. */
export interface Reading {
  /** Monotonic milliseconds. */
  at: number;
  /** COUNTERS, then REASONS; NaN where there is none. */
  counters: readonly number[];
  classes: readonly LatencyClass[];
}

export function stationKey(segment: string, address: string): string {
  return `${segment} ${address}`;
}

export function readStation(
  { counters, device, driver }: StationStatus,
  at: number,
  classes: ReadonlyMap<string, readonly LatencyClass[]>,
): Reading {
  return { at, counters: countersOf(counters, driver), classes: classes.get(device) ?? [] };
}

function countersOf(counters: LinkCounters, driver: DriverCounters | null): number[] {
  const own = COUNTERS.map((name) => counters[name]);
  return [...own, ...REASONS.map((name) => (driver === null ? Number.NaN : (driver[name] ?? 0)))];
}

/** A segment's latencies are those of all its stations together. */
export function readSegment(
  { counters, driver, stations }: SegmentStatus,
  at: number,
  classes: ReadonlyMap<string, readonly LatencyClass[]>,
): Reading {
  const sums = new Map<number, LatencyClass>();
  for (const { device } of stations) {
    for (const { below, sends, gets } of classes.get(device) ?? []) {
      const sum = sums.get(below);
      sums.set(below, { below, sends: sends + (sum?.sends ?? 0), gets: gets + (sum?.gets ?? 0) });
    }
  }
  const merged = [...sums.values()].sort((one, other) => one.below - other.below);
  return { at, counters: countersOf(counters, driver), classes: merged };
}

/**
 * @param now a later reading than before
 * @returns what happened in between, in the order of FIELDS; NaN where that is not known. A counter that went back was
 * reset: then it counts from zero.
 */
export function rowBetween(before: Reading, now: Reading): Float32Array {
  const row = new Float32Array(WIDTH).fill(Number.NaN);
  const seconds = (now.at - before.at) / 1000;
  const perSecond = (index: number): number => {
    const [was = Number.NaN, is = Number.NaN] = [before.counters[index], now.counters[index]];
    return (is >= was ? is - was : is < was ? is : Number.NaN) / seconds;
  };
  COUNTERS.forEach((_name, index) => {
    row[index] = perSecond(index);
  });
  REASONS.forEach((_name, index) => {
    row[COUNTERS.length + LATENCIES.length + index] = perSecond(COUNTERS.length + index);
  });
  const send = percentiles("sends", now.classes, before.classes);
  const get = percentiles("gets", now.classes, before.classes);
  [send?.p50, send?.p90, send?.p99, get?.p50, get?.p90, get?.p99].forEach((value, index) => {
    row[COUNTERS.length + index] = value ?? Number.NaN;
  });
  return row;
}
