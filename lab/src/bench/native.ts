// SPDX-License-Identifier: Apache-2.0
// The figures of `make bench-native`: what bench/native/guest calls its measurements, and what they are compared with. All of them are
// about processor time, so a sample is how much one second of it does, or how much of it one thing takes.
import type { Outcome } from "./report.ts";
import { type Figure, type FigureSpec, median } from "./stats.ts";

interface Pair {
  readonly label: string;
  /** Names of measurements. */
  readonly ours: string;
  readonly baseline: string;
}

interface NativeFigure extends FigureSpec {
  readonly pairs: readonly Pair[];
  /** A sample from how many were done, and the nanoseconds that they took. */
  readonly sample: (count: number, nanoseconds: number) => number;
  /** How many of the baseline's are compared with one of ours; 1 otherwise. */
  readonly baselines?: number;
}

const perSecond = (count: number, nanoseconds: number): number => (count * 1e9) / nanoseconds;
const microseconds = (count: number, nanoseconds: number): number => nanoseconds / count / 1000;

export const nativeFigures: readonly NativeFigure[] = [
  {
    name: "native-tcp-default",
    title: "TCP, default settings / veth",
    unit: "B/s",
    target: { limit: 0.9, better: "higher" },
    pairs: [
      { label: "station to hub", ours: "tcp", baseline: "tcp-veth" },
      { label: "hub to station", ours: "tcp-back", baseline: "tcp-back-veth" },
    ],
    sample: perSecond,
  },
  {
    name: "native-tcp-base-to-hub",
    title: "TCP, RFC 2143 alone / veth: station to hub",
    unit: "B/s",
    target: { limit: 0.6, better: "higher" },
    pairs: [{ label: "", ours: "base", baseline: "base-veth" }],
    sample: perSecond,
  },
  {
    name: "native-tcp-base-to-station",
    title: "TCP, RFC 2143 alone / veth: hub to station",
    unit: "B/s",
    target: { limit: 0.55, better: "higher" },
    pairs: [{ label: "", ours: "base-back", baseline: "base-back-veth" }],
    sample: perSecond,
  },
  {
    name: "native-packets-base",
    title: "packets of 1500 bytes, RFC 2143 alone / SENDs",
    unit: "/s",
    target: { limit: 1, better: "higher" },
    pairs: [{ label: "", ours: "large", baseline: "large-sends" }],
    sample: perSecond,
  },
  {
    name: "native-packets-base-back",
    title: "the same from hub to station / SENDs",
    unit: "/s",
    pairs: [{ label: "", ours: "large-back", baseline: "large-sends" }],
    sample: perSecond,
  },
  {
    name: "native-packets-many",
    title: "packets of 1500 bytes in containers / SENDs",
    unit: "/s",
    pairs: [{ label: "", ours: "many", baseline: "large-sends" }],
    sample: perSecond,
  },
  {
    name: "native-packets-container",
    title: "64-byte UDP in containers / SENDs",
    unit: "/s",
    target: { limit: 3, better: "higher" },
    pairs: [{ label: "", ours: "small", baseline: "small-sends" }],
    sample: perSecond,
  },
  {
    name: "native-ping",
    title: "ping / two TEST UNIT READY",
    unit: "µs",
    target: { limit: 1.5, better: "lower" },
    pairs: [{ label: "", ours: "ping", baseline: "commands" }],
    sample: microseconds,
    baselines: 2,
  },
];

interface Measurement {
  readonly label: string;
  readonly count: number;
  readonly nanoseconds: number;
}

/** A line of the guest's log. @returns undefined where it is no result */
export function parseResult(line: string): Measurement | undefined {
  const match = /bench-native: (\{.*\})/.exec(line);
  return match?.[1] === undefined ? undefined : (JSON.parse(match[1]) as Measurement);
}

/** Figures of all measurements, in the order in which they were taken. */
export function outcomesOf(measurements: readonly Measurement[]): Outcome[] {
  return nativeFigures.map(({ pairs, sample, baselines = 1, ...spec }): Outcome => {
    const samples = (name: string, times: number): number[] =>
      measurements
        .filter(({ label }) => label === name)
        .map(({ count, nanoseconds }) => times * sample(count, nanoseconds));
    const comparisons: Figure["comparisons"] = pairs.map(({ label, ours, baseline }) => ({
      label,
      ours: samples(ours, 1),
      baseline: samples(baseline, baselines),
    }));
    const missing = comparisons.some((one) => Number.isNaN(median(one.ours) + median(one.baseline)));
    return missing ? { ...spec, missing: "the guest took no such measurement" } : { ...spec, comparisons };
  });
}
