// SPDX-License-Identifier: Apache-2.0
// What a run of an arrangement leaves behind: a drawing and figures in build/scenarios, on request in docs/ as well.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replaceGenerated } from "../generated.ts";
import { buildDir, repoDir } from "../paths.ts";
import { draw } from "./draw.ts";
import { type Arrangement, hostsOf, type Network, routersOf } from "./plan.ts";

export interface Measured {
  /** Buses between two hosts, and bits a second of one TCP connection between them. */
  rates: [hops: number, rate: number][];
  /** Of the host's processors, from nothing to all hosts there. */
  seconds: number;
  kibPerHost: number;
  /** Seconds from the end of a host to the first packet on another way; not set where there is none. */
  convergence?: number;
}

/** Part of docs/clusters.md. Rates are told against the one over a single bus: all hosts share the processors that carry them. */
export function toMarkdown(arrangement: Arrangement, measured: Measured): string {
  const one = measured.rates[0]?.[1] ?? 1;
  const rates = measured.rates.map(([hops, rate]) => `${hops}: ${(rate / one).toFixed(2)}`).join(", ");
  const { loss } = arrangement;
  const rows: [string, string][] = [
    ["hosts, of them routing", `${hostsOf(arrangement).length}, ${routersOf(arrangement).length}`],
    ["buses", String(arrangement.buses.length)],
    ["to build it", `${measured.seconds.toFixed(0)} s of processor time, ${measured.kibPerHost.toFixed(0)} KiB a host`],
    ["TCP by buses crossed, one bus = 1", rates],
  ];
  if (measured.convergence !== undefined) {
    const way = `${loss.between.map((host) => host.toUpperCase()).join(" to ")} crosses ${loss.hops[1]} buses instead of ${loss.hops[0]}`;
    rows.push([`${loss.host.toUpperCase()} loses its power`, `${way}, after ${measured.convergence.toFixed(1)} s`]);
  }
  return toPart(arrangement, rows);
}

/** A drawing, and a table of two columns. */
export function toPart({ name, title }: Network, rows: readonly (readonly [string, string])[]): string {
  const table = rows.map(([what, value]) => `| ${what} | ${value} |`).join("\n");
  return `![${title}](clusters/${name}.svg)\n\n| | |\n|---|---|\n${table}\n`;
}

/** Where `make scenario DOCS=1` asks for it. */
export function forDocs(part: () => string): string | undefined {
  return process.env["DOCS"] === "1" ? part() : undefined;
}

/** Puts what a command found into the part of a document that is its own. @param path of the document, from the repository's root */
export function writePart(path: string, command: string, part: string): void {
  const document = join(repoDir, path);
  writeFileSync(document, replaceGenerated(readFileSync(document, "utf8"), command, part));
}

/** Writes drawing and figures down; returns a line about where. @param part of docs/clusters.md; undefined: none is written */
export function writeDown(network: Network, figures: object, part: string | undefined): string {
  const { name } = network;
  const folder = join(buildDir, "scenarios");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.svg`), draw(network));
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(figures, null, 2)}\n`);
  if (part !== undefined) {
    writePart("docs/clusters.md", `make scenario NAME=${name} DOCS=1`, part);
    mkdirSync(join(repoDir, "docs/clusters"), { recursive: true });
    copyFileSync(join(folder, `${name}.svg`), join(repoDir, "docs/clusters", `${name}.svg`));
  }
  return `build/scenarios/${name}.svg, .json${part === undefined ? "" : ", docs/clusters.md"}: ${JSON.stringify(figures)}`;
}
