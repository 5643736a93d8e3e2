// SPDX-License-Identifier: Apache-2.0
// What `make adapters` found, as a table of docs/adapters.md.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { labKernel } from "../build/kernel.ts";
import { emulator, qemuVersion } from "../build/qemu.ts";
import { buildDir } from "../paths.ts";
import type { Pair, Seen, Unlinks } from "../rigs/anyAdapter.ts";
import { forDocs, writePart } from "./report.ts";

/** A pair, and what it did or why it did nothing. */
export type Row = { readonly pair: Pair } & ({ readonly seen: Seen } | { readonly why: string });

const HEAD = [
  "initiator and target",
  "kernel modules",
  "ping, ms",
  "20 MB both ways",
  "iperf3 to the hub, to the station, Mbit/s",
  "LUN unlinked: known after, back after",
  "loaded, unloaded, loaded",
];

function cells(row: Row): string[] {
  const { name, drivers, holdsLun = "" } = row.pair;
  const start = [name, [...new Set(drivers)].join(", ")];
  if ("why" in row) return [...start, `**does not work**: ${row.why}`, ...Array<string>(HEAD.length - 3).fill("")];
  const { ping, rates, unlinks } = row.seen;
  const speeds = rates.map((rate) => (rate / 1e6).toFixed(0)).join(", ");
  return [...start, ping.toFixed(1), "whole", speeds, unlinks === undefined ? holdsLun : times(unlinks), "yes"];
}

function times({ unlinked, linked }: Unlinks): string {
  return `${unlinked.toFixed(1)} s, ${linked.toFixed(1)} s`;
}

export function toTable(rows: readonly Row[], versions: string): string {
  const line = (words: readonly string[]): string => `| ${words.join(" | ")} |\n`;
  return `${versions}\n\n${line(HEAD)}|${"---|".repeat(HEAD.length)}\n${rows.map((row) => line(cells(row))).join("")}`;
}

/** Figures into build/scenarios, on request the table into the document. @returns a line about where */
export async function writeMatrix(rows: readonly Row[]): Promise<string> {
  const folder = join(buildDir, "scenarios");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "adapters.json"), `${JSON.stringify(rows, null, 2)}\n`);
  const versions = `Linux ${(await labKernel()).version}, QEMU ${await qemuVersion(await emulator())}.`;
  const table = toTable(rows, versions);
  const part = forDocs(() => table);
  if (part !== undefined) writePart("docs/adapters.md", "make adapters DOCS=1", part);
  return `build/scenarios/adapters.json${part === undefined ? "" : ", docs/adapters.md"}\n${table}`;
}
