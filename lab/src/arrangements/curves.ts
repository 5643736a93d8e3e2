// SPDX-License-Identifier: Apache-2.0
// What `make scenario NAME=growth` found: a chart of curves over the number of stations, and a table, for docs/scale.md.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDir, repoDir } from "../paths.ts";
import { forDocs, writePart } from "./report.ts";

/** One size of a segment. Processor time is of the machine that emulates. */
export interface Step {
  readonly stations: number;
  /** To add the stations since the step before, milliseconds for each. */
  readonly setup: number;
  /** The same, memory in KiB. */
  readonly kib: number;
  /** Of a ping's packet to the hub, and of one to another station, microseconds. */
  readonly packet: number;
  readonly relayed: number;
  /** Of TCP to the hub, milliseconds for each MiB. */
  readonly mib: number;
}

const CURVES: readonly {
  readonly key: Exclude<keyof Step, "stations">;
  readonly name: string;
  readonly hue: number;
}[] = [
  { key: "setup", name: "setup, ms of processor time a station", hue: 210 },
  { key: "kib", name: "memory, KiB a station", hue: 140 },
  { key: "packet", name: "a small packet to the hub, µs of processor time", hue: 20 },
  { key: "relayed", name: "a small packet to another station, µs", hue: 330 },
  { key: "mib", name: "TCP to the hub, ms a MiB", hue: 270 },
];

const WIDTH = 640;
const HEIGHT = 300;
const MARGIN = { left: 48, right: 16, top: 16, bottom: 150 } as const;
/** Of the vertical axis: each curve against its first value. */
const LINES = [0.5, 1, 2, 4];

/** Both axes double from line to line. */
export function chart(steps: readonly Step[]): string {
  const counts = steps.map(({ stations }) => Math.log2(stations));
  const [low, high] = [Math.min(...counts), Math.max(...counts)];
  const x = (stations: number): number =>
    MARGIN.left + ((Math.log2(stations) - low) / (high - low)) * (WIDTH - MARGIN.left - MARGIN.right);
  const ratios = CURVES.flatMap(({ key }) => steps.map((step) => step[key] / (steps[0]?.[key] ?? 1)));
  const [bottom, top] = [Math.log2(Math.min(...ratios, 0.5)), Math.log2(Math.max(...ratios, 4))];
  const y = (ratio: number): number => MARGIN.top + ((top - Math.log2(ratio)) / (top - bottom)) * HEIGHT;
  const grid = LINES.map(
    (ratio) =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(ratio).toFixed(1)}" y2="${y(ratio).toFixed(1)}"/>` +
      `<text x="${MARGIN.left - 6}" y="${(y(ratio) + 4).toFixed(1)}" text-anchor="end">${ratio}</text>`,
  );
  const ticks = steps.map(
    ({ stations }) =>
      `<text x="${x(stations).toFixed(1)}" y="${MARGIN.top + HEIGHT + 18}" text-anchor="middle">${stations}</text>`,
  );
  const curves = CURVES.map(({ key, name, hue }, index) => {
    const first = steps[0]?.[key] ?? 1;
    const points = steps.map((step) => `${x(step.stations).toFixed(1)},${y(step[key] / first).toFixed(1)}`).join(" ");
    const row = MARGIN.top + HEIGHT + 44 + 20 * index;
    return (
      `<polyline points="${points}" stroke="hsl(${hue} 60% 42%)"/>` +
      `<rect x="${MARGIN.left}" y="${row - 10}" width="12" height="12" fill="hsl(${hue} 60% 42%)"/>` +
      `<text x="${MARGIN.left + 20}" y="${row}">${name}; 1 = ${figure(first)}</text>`
    );
  });
  const height = MARGIN.top + HEIGHT + MARGIN.bottom;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>What a station costs, by the number of stations on a segment; the smallest segment = 1</title>
<style>
  text { font: 13px sans-serif; fill: #223 }
  line { stroke: #ccd }
  polyline { fill: none; stroke-width: 2.5 }
</style>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${[...grid, ...ticks, ...curves].join("\n")}
</svg>
`;
}

function figure(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

export function toTable(steps: readonly Step[], limit: string): string {
  const head = ["stations", ...CURVES.map(({ name }) => name)];
  const rows = steps.map((step) => [String(step.stations), ...CURVES.map(({ key }) => figure(step[key]))]);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const picture = "![cost of a station by the number of stations](scale/growth.svg)";
  return `${picture}\n\n${line(head)}|${"---|".repeat(head.length)}\n${rows.map(line).join("")}\n${limit}\n`;
}

/** Chart and figures into build/scenarios, on request into the document. @returns a line about where */
export function writeCurves(steps: readonly Step[], limit: string): string {
  const folder = join(buildDir, "scenarios");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "growth.svg"), chart(steps));
  writeFileSync(join(folder, "growth.json"), `${JSON.stringify({ steps, limit }, null, 2)}\n`);
  const table = toTable(steps, limit);
  const part = forDocs(() => table);
  if (part !== undefined) {
    writePart("docs/scale.md", "make scenario NAME=growth DOCS=1", part);
    mkdirSync(join(repoDir, "docs/scale"), { recursive: true });
    copyFileSync(join(folder, "growth.svg"), join(repoDir, "docs/scale/growth.svg"));
  }
  return `build/scenarios/growth.svg, .json${part === undefined ? "" : ", docs/scale.md"}\n${table}`;
}
