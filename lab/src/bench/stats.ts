// SPDX-License-Identifier: Apache-2.0
// From samples to figures: medians, ratios, and whether a target is met.

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Measured in turn, so that what happens on the machine meanwhile happens to both. */
export interface Comparison {
  /** What was compared, for example "station to hub". */
  readonly label: string;
  readonly ours: readonly number[];
  readonly baseline: readonly number[];
}

export function ratio(comparison: Comparison): number {
  return median(comparison.ours) / median(comparison.baseline);
}

/** Least and greatest ratio of the single rounds: how much to trust the figure. */
export function spread(comparison: Comparison): readonly [number, number] {
  const ratios = comparison.ours.flatMap((value, index) => {
    const other = comparison.baseline[index];
    return other === undefined ? [] : [value / other];
  });
  return [Math.min(...ratios), Math.max(...ratios)];
}

export interface Target {
  readonly limit: number;
  readonly better: "higher" | "lower";
}

export interface FigureSpec {
  readonly name: string;
  readonly title: string;
  /** Of the samples; the figure itself is a ratio of two of them. */
  readonly unit: string;
  /** undefined: only reported. */
  readonly target?: Target;
}

export interface Figure extends FigureSpec {
  readonly comparisons: readonly Comparison[];
  /** What the reader must know beside the numbers. */
  readonly note?: string;
}

/** What is measured of a figure. */
export type Measured = Pick<Figure, "comparisons" | "note">;

/** What could not be measured, and why. */
export interface Missing extends FigureSpec {
  readonly missing: string;
}

/** The ratio that the figure is about: of several, the one farthest from the target on the wrong side. */
export function figureValue(figure: Figure): number {
  const ratios = figure.comparisons.map(ratio);
  return figure.target?.better === "higher" ? Math.min(...ratios) : Math.max(...ratios);
}

/** null where there is no target. */
export function isMet(value: number, target: Target | undefined): boolean | null {
  if (target === undefined) return null;
  return target.better === "higher" ? value >= target.limit : value <= target.limit;
}

/** How many times as good as the target: 1 is just met. */
export function timesTarget(value: number, target: Target): number {
  return target.better === "higher" ? value / target.limit : target.limit / value;
}
