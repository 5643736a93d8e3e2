// SPDX-License-Identifier: Apache-2.0
// What a bench run leaves behind: a table, bench.json, a chart, and the generated part of docs/performance.md.
import {
  type Comparison,
  type Figure,
  figureValue,
  isMet,
  type Missing,
  median,
  ratio,
  spread,
  type Target,
  timesTarget,
} from "./stats.ts";

export type Outcome = Figure | Missing;

export interface Conditions {
  /** ISO date and time. */
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly guest: string;
  /** Load averages of the last minute before and after. */
  readonly load: readonly [number, number];
  readonly seconds: number;
  readonly rounds: number;
}

export function isMeasured(outcome: Outcome): outcome is Figure {
  return !("missing" in outcome);
}

function formatTarget(target: Target | undefined): string {
  if (target === undefined) return "report";
  return `${target.better === "higher" ? "≥" : "≤"} ${formatRatio(target.limit)}`;
}

function formatRatio(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const PREFIXES = [
  [1e9, "G"],
  [1e6, "M"],
  [1e4, "k"],
] as const;

/** Three digits or all before the point, with a prefix for large ones. */
export function formatSample(value: number, unit: string): string {
  const [limit, prefix] = PREFIXES.find(([least]) => value >= least) ?? [1, ""];
  const scaled = value / (prefix === "k" ? 1e3 : limit);
  const digits = scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${prefix}${unit}`;
}

function verdict(outcome: Outcome): string {
  if (!isMeasured(outcome)) return "not measured";
  const met = isMet(figureValue(outcome), outcome.target);
  return met === null ? "" : met ? "met" : "missed";
}

function comparisonText(figure: Figure, comparison: Comparison): string {
  const ours = formatSample(median(comparison.ours), figure.unit);
  const baseline = formatSample(median(comparison.baseline), figure.unit);
  const [least, most] = spread(comparison);
  const label = comparison.label === "" ? "" : `${comparison.label}: `;
  return `${label}${ours} / ${baseline} = ${formatRatio(ratio(comparison))} (${formatRatio(least)} to ${formatRatio(most)})`;
}

/** For a terminal. */
export function formatTable(outcomes: readonly Outcome[]): string {
  const lines = [`${"ratio".padStart(7)}  ${"target".padEnd(8)}${"".padEnd(14)}figure`];
  for (const outcome of outcomes) {
    const value = isMeasured(outcome) ? formatRatio(figureValue(outcome)) : "-";
    const head = `${value.padStart(7)}  ${formatTarget(outcome.target).padEnd(8)}${verdict(outcome).padEnd(14)}`;
    lines.push(`${head}${outcome.title}`);
    const indent = " ".repeat(31);
    if (!isMeasured(outcome)) {
      lines.push(`${indent}${outcome.missing}`);
      continue;
    }
    for (const comparison of outcome.comparisons) lines.push(`${indent}${comparisonText(outcome, comparison)}`);
    if (outcome.note !== undefined) lines.push(`${indent}${outcome.note}`);
  }
  return lines.join("\n");
}

/** build/bench.json. A figure without a target has null there; one that was not measured has a null value and is not ok. */
export function toJson(outcomes: readonly Outcome[], conditions: Conditions): string {
  const figures = outcomes.map((outcome) => {
    const measured = isMeasured(outcome);
    const value = measured ? figureValue(outcome) : null;
    return {
      name: outcome.name,
      value: value === null ? null : Number(value.toPrecision(4)),
      unit: "ratio",
      target: outcome.target?.limit ?? null,
      ok: value === null ? false : isMet(value, outcome.target),
      better: outcome.target?.better ?? null,
      title: outcome.title,
      ...(measured ? { samples: outcome.comparisons, samplesUnit: outcome.unit } : { missing: outcome.missing }),
      ...(measured && outcome.note !== undefined ? { note: outcome.note } : {}),
    };
  });
  return `${JSON.stringify({ conditions, figures }, null, 2)}\n`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const CHART = { width: 820, left: 400, right: 130, top: 44, row: 30, bar: 16 } as const;
/** Bars are cut at this many times the target. */
const CHART_MOST = 2;

/** How near each figure is to its target. The line is the target; to the right of it is better. */
export function toSvg(outcomes: readonly Outcome[], conditions: Conditions, command: string): string {
  const rows = outcomes.filter((outcome): outcome is Figure => isMeasured(outcome) && outcome.target !== undefined);
  const height = CHART.top + rows.length * CHART.row + 34;
  const scale = (CHART.width - CHART.left - CHART.right) / CHART_MOST;
  const bars = rows.map((figure, index) => {
    const y = CHART.top + index * CHART.row;
    const value = figureValue(figure);
    const target = figure.target as Target;
    const times = timesTarget(value, target);
    const width = Math.max(Math.min(times, CHART_MOST) * scale, 1);
    const met = isMet(value, target) === true;
    const text = y + CHART.bar / 2 + 4;
    return [
      `<text x="${CHART.left - 10}" y="${text}" text-anchor="end">${escapeXml(figure.title)}</text>`,
      `<rect class="${met ? "met" : "missed"}" x="${CHART.left}" y="${y}" width="${width.toFixed(1)}" height="${CHART.bar}"/>`,
      `<text x="${(CHART.left + width + 6).toFixed(1)}" y="${text}">${formatRatio(value)}` +
        `<tspan class="faint"> (${escapeXml(formatTarget(target))})</tspan></text>`,
    ].join("\n  ");
  });
  const line = CHART.left + scale;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Generated by ${command}. -->
<svg xmlns="http://www.w3.org/2000/svg" width="${CHART.width}" height="${height}" viewBox="0 0 ${CHART.width} ${height}" role="img">
  <title>Measured ratios against their targets</title>
  <style>
    svg { background: #ffffff; }
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .faint { fill: #656d76; }
    .met { fill: #0969da; }
    .missed { fill: #d4762c; }
    .target { stroke: #1f2328; stroke-dasharray: 4 3; }
    @media (prefers-color-scheme: dark) {
      svg { background: #0d1117; }
      text { fill: #e6edf3; }
      .faint { fill: #8d96a0; }
      .met { fill: #4493f8; }
      .target { stroke: #e6edf3; }
    }
  </style>
  <text x="${CHART.left}" y="20" class="faint">0</text>
  <text x="${line}" y="20" text-anchor="middle">target</text>
  <text x="${CHART.left + CHART_MOST * scale}" y="20" text-anchor="end" class="faint">better by ${CHART_MOST} or more</text>
  ${bars.join("\n  ")}
  <line class="target" x1="${line}" y1="28" x2="${line}" y2="${CHART.top + rows.length * CHART.row}"/>
  <text x="10" y="${height - 10}" class="faint">${escapeXml(`${conditions.date.slice(0, 10)}, ${conditions.machine}, commit ${conditions.commit}`)}</text>
</svg>
`;
}

/** The generated part of docs/performance.md. */
export function toMarkdown(outcomes: readonly Outcome[], conditions: Conditions): string {
  const lines = [
    `Measured ${conditions.date.slice(0, 16).replace("T", " ")} UTC, commit ${conditions.commit}, in ${conditions.seconds.toFixed(0)} s, ${conditions.rounds} rounds.`,
    `Host: ${conditions.machine}, load ${conditions.load.map((load) => load.toFixed(1)).join(" before and ")} after.`,
    `Guest: ${conditions.guest}.`,
    "",
    "| figure | ours / baseline | ratio | rounds | target | |",
    "|---|---|---|---|---|---|",
  ];
  for (const outcome of outcomes) {
    if (!isMeasured(outcome)) {
      lines.push(`| ${outcome.title} | ${outcome.missing} | - | - | ${formatTarget(outcome.target)} | not measured |`);
      continue;
    }
    outcome.comparisons.forEach((comparison, index) => {
      const title = [index === 0 ? outcome.title : "", comparison.label].filter(Boolean).join(": ");
      const ours = formatSample(median(comparison.ours), outcome.unit);
      const baseline = formatSample(median(comparison.baseline), outcome.unit);
      const [least, most] = spread(comparison);
      const rounds = `${formatRatio(least)}-${formatRatio(most)}`;
      const last = index === 0 ? `${formatTarget(outcome.target)} | ${verdict(outcome)}` : "|";
      lines.push(`| ${title} | ${ours} / ${baseline} | ${formatRatio(ratio(comparison))} | ${rounds} | ${last} |`);
    });
  }
  for (const outcome of outcomes) {
    if (isMeasured(outcome) && outcome.note !== undefined) lines.push("", `${outcome.title}: ${outcome.note}`);
  }
  return `${lines.join("\n")}\n`;
}
