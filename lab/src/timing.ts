// SPDX-License-Identifier: Apache-2.0
// A trace of a parallel bus as a timing picture: a row of signals for each connection, up where a signal is asserted. Phases are as wide
// as they have bytes, not as long as they took; that is written above them. Edges within a phase are those that SCSI-2 has there.
import { ATN, BAD, isTransfer, type Phase, type Trace, type Transfer } from "../../firmware/sim/src/trace.ts";

const SIGNALS = ["BSY", "SEL", "ATN", "C/D", "I/O", "MSG", "REQ", "ACK", "RST"] as const;
type Signal = (typeof SIGNALS)[number];

const LINES: Record<Transfer, readonly Signal[]> = {
  "data-out": [],
  "data-in": ["I/O"],
  command: ["C/D"],
  status: ["C/D", "I/O"],
  "message-out": ["MSG", "C/D"],
  "message-in": ["MSG", "C/D", "I/O"],
};

/** Pixels. */
const LEFT = 52;
const MARGIN = 12;
const HEAD = 38;
const ROW = 21;
const HIGH = 13;
const SLANT = 3;
const PHASE = 88;
const BYTE = 30;
const LEAD = 10;
/** Of a data phase with more than this many bytes, the first and the last ones are drawn. */
const LONG = 12;
const FIRST = 4;
const LAST = 2;
const GAP = 74;

interface Shown {
  readonly x: number;
  readonly width: number;
  readonly text: string;
  readonly kind?: "bad" | "gap";
}

/** One connection while it is drawn: what changes, from left to right. */
class Row {
  readonly #up = new Set<Signal>();
  readonly #edges = new Map<Signal, [x: number, up: boolean][]>(SIGNALS.map((signal) => [signal, []]));
  readonly data: Shown[] = [];
  readonly phases: { x: number; phase: Phase }[] = [];
  x = 0;

  set(up: boolean, ...signals: readonly Signal[]): void {
    for (const signal of signals) {
      if (this.#up.has(signal) === up) continue;
      if (up) this.#up.add(signal);
      else this.#up.delete(signal);
      this.#edges.get(signal)?.push([this.x, up]);
    }
  }

  /** All but these are released. */
  only(...signals: readonly Signal[]): void {
    this.set(false, ...SIGNALS.filter((signal) => !signals.includes(signal)));
    this.set(true, ...signals);
  }

  show(width: number, text: string, kind?: Shown["kind"]): void {
    this.data.push({ x: this.x, width, text, ...(kind === undefined ? {} : { kind }) });
  }

  path(signal: Signal, y: number): string {
    let path = `M0 ${y}`;
    for (const [x, up] of this.#edges.get(signal) ?? []) path += `H${x}L${x + SLANT} ${up ? y - HIGH : y}`;
    return `${path}H${this.x}`;
  }

  has(signal: Signal): boolean {
    return this.#up.has(signal);
  }
}

function hex(entry: number): string {
  return `${(entry & 0xff).toString(16).padStart(2, "0")}${(entry & BAD) !== 0 ? "!" : ""}`;
}

/** REQ, ACK, and both released again. */
function drawByte(row: Row, entry: number, ends: boolean): void {
  row.show(BYTE - 2, hex(entry), (entry & BAD) !== 0 ? "bad" : undefined);
  row.set(true, "REQ");
  row.x += BYTE / 4;
  if (ends) row.set(false, "ATN");
  row.set(true, "ACK");
  row.x += BYTE / 4;
  row.set(false, "REQ");
  row.x += BYTE / 4;
  row.set(false, "ACK");
  row.x += BYTE / 4;
}

function drawTransfer(row: Row, kind: Transfer, entries: readonly number[]): void {
  const begin = row.x;
  row.only("BSY", ...LINES[kind], ...(row.has("ATN") ? (["ATN"] as const) : []));
  row.x += LEAD;
  const long = entries.length > LONG;
  for (const [at, entry] of entries.entries()) {
    if (entry === ATN) row.set(true, "ATN");
    else if (!long || at < FIRST || at >= entries.length - LAST)
      drawByte(row, entry, kind === "message-out" && at === entries.length - 1);
    else if (at === FIRST) {
      row.show(GAP - 2, `${entries.length - FIRST - LAST} more`, "gap");
      row.x += GAP;
    }
  }
  row.x = Math.max(row.x, begin + PHASE);
}

function drawSelection(row: Row, { kind, ids, entries }: Phase, answered: boolean): void {
  row.set(true, "SEL");
  if (kind === "reselection") row.set(true, "I/O");
  if (entries.includes(ATN)) row.set(true, "ATN");
  row.show(PHASE * 0.75 - 2, ids.join(", "));
  row.x += PHASE / 4;
  row.set(false, "BSY");
  row.x += PHASE / 4;
  if (answered) row.set(true, "BSY");
  row.x += PHASE / 4;
  if (answered) row.set(false, "SEL");
  row.x += PHASE / 4;
}

function drawPhase(row: Row, phase: Phase, next: Phase | undefined): void {
  row.phases.push({ x: row.x, phase });
  if (isTransfer(phase.kind)) drawTransfer(row, phase.kind, phase.entries);
  else if (phase.kind === "selection" || phase.kind === "reselection")
    drawSelection(row, phase, next !== undefined && next.kind !== "bus-free");
  else {
    if (phase.kind === "arbitration") {
      row.only("BSY");
      row.show(PHASE - 2, phase.ids.join());
    } else if (phase.kind === "reset") row.only("RST");
    else row.only();
    row.x += PHASE;
  }
}

/** Each from its arbitration on. */
function rowsOf(trace: Trace): Row[] {
  const rows: Row[] = [];
  for (const [at, phase] of trace.entries()) {
    if (at === 0 || phase.kind === "arbitration") rows.push(new Row());
    const row = rows.at(-1);
    if (row === undefined) continue;
    drawPhase(row, phase, trace[at + 1]);
  }
  return rows;
}

function time(ns: number): string {
  return ns < 1e6 ? `${(ns / 1e3).toFixed(1)} µs` : `${(ns / 1e6).toFixed(2)} ms`;
}

function drawRow(row: Row, top: number, begin: number): string {
  const bottom = top + HEAD + ROW * (SIGNALS.length + 1);
  const level = (at: number): number => top + HEAD + ROW * at + HIGH;
  const signals = SIGNALS.map(
    (signal, at) =>
      `<text x="-8" y="${level(at)}" class="name">${signal}</text><path d="${row.path(signal, level(at))}" class="signal"/>`,
  );
  const y = level(SIGNALS.length);
  const data = row.data.map(
    ({ x, width, text, kind = "byte" }) =>
      `<rect x="${x}" y="${y - HIGH}" width="${width}" height="${HIGH + 2}" rx="3" class="${kind}"/>` +
      `<text x="${x + width / 2}" y="${y - 2}" class="data">${text}</text>`,
  );
  const phases = row.phases.map(
    ({ x, phase: { kind, ns } }) =>
      `<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/><text x="${x + 4}" y="${top + 12}">${kind}</text>` +
      `<text x="${x + 4}" y="${top + 26}" class="faint">${time(ns - begin)}</text>`,
  );
  return [...phases, ...signals, `<text x="-8" y="${y}" class="name">DATA</text>`, ...data].join("\n");
}

/** @param title plain text. @param command that makes the picture */
export function timing(trace: Trace, title: string, command: string): string {
  const rows = rowsOf(trace);
  const step = HEAD + ROW * (SIGNALS.length + 1) + 2 * MARGIN;
  const width = LEFT + Math.max(PHASE, ...rows.map(({ x }) => x)) + MARGIN;
  const height = step * rows.length + MARGIN;
  const begin = trace[0]?.ns ?? 0;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Generated by ${command}. -->
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
  <title>${title.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</title>
  <style>
    svg { background: #ffffff; }
    text { font: 12px system-ui, sans-serif; fill: #1f2328; }
    .faint { font-size: 11px; fill: #656d76; }
    .name { text-anchor: end; }
    .data { font-family: ui-monospace, monospace; font-size: 11px; text-anchor: middle; }
    line { stroke: #d0d7de; }
    .signal { fill: none; stroke: #0969da; stroke-width: 1.5; }
    .byte { fill: #ddf4ff; stroke: #0969da; }
    .gap { fill: none; stroke: #656d76; stroke-dasharray: 3 3; }
    .bad { fill: #ffd8b5; stroke: #bc4c00; }
    @media (prefers-color-scheme: dark) {
      svg { background: #0d1117; }
      text { fill: #e6edf3; }
      .faint { fill: #8d96a0; }
      line { stroke: #30363d; }
      .signal { stroke: #4493f8; }
      .byte { fill: #12294a; stroke: #4493f8; }
      .gap { stroke: #8d96a0; }
      .bad { fill: #5a2d0c; stroke: #f0883e; }
    }
  </style>
  <g transform="translate(${LEFT} 0)">
${rows.map((row, at) => drawRow(row, MARGIN + step * at, begin)).join("\n")}
  </g>
</svg>
`;
}
