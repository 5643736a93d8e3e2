// SPDX-License-Identifier: Apache-2.0
// What happened on a parallel bus, phase by phase, as text: the format of kernel/testing/README.md, which the model there speaks as well.

export const TRANSFERS = ["data-out", "data-in", "command", "status", "message-out", "message-in"] as const;
export type Transfer = (typeof TRANSFERS)[number];
export type Kind = "arbitration" | "selection" | "reselection" | Transfer | "bus-free" | "reset";

/** Entries of a phase: a byte, with this if its parity was bad; or that ATN was raised then. */
export const BAD = 0x100;
export const ATN = 0x200;

export interface Phase {
  /** Since the first one. */
  readonly ns: number;
  readonly kind: Kind;
  /** Who has won the arbitration; of a (re)selection also whom he selects. */
  readonly ids: readonly number[];
  readonly entries: readonly number[];
}

export type Trace = readonly Phase[];

export class TraceError extends Error {}

const IDS: Partial<Record<Kind, number>> = { arbitration: 1, selection: 2, reselection: 2 };
const KINDS = new Set<string>([...TRANSFERS, ...Object.keys(IDS), "bus-free", "reset"]);
const TRANSFER_KINDS = new Set<string>(TRANSFERS);

function isKind(word: string): word is Kind {
  return KINDS.has(word);
}

export function isTransfer(kind: Kind): kind is Transfer {
  return TRANSFER_KINDS.has(kind);
}

function toEntry(word: string, bytes: boolean): number {
  if (word === "atn") return ATN;
  const [, hex, bad] = /^([0-9a-f]{2})(!?)$/.exec(word) ?? [];
  if (hex === undefined || !bytes) throw new TraceError(`"${word}" is not expected here`);
  return Number.parseInt(hex, 16) | (bad === "!" ? BAD : 0);
}

function parseLine(words: readonly string[]): Phase {
  const [time = "", kind = "", ...rest] = words;
  if (time === "full") throw new TraceError("the recorder had no room for what came then");
  if (!/^\d+$/.test(time)) throw new TraceError(`"${time}" is no time in ns`);
  if (!isKind(kind)) throw new TraceError(`"${kind}" is no phase`);
  const count = IDS[kind] ?? 0;
  const ids = rest.slice(0, count);
  if (ids.length < count || !ids.every((id) => /^[0-7]$/.test(id)))
    throw new TraceError(`${kind} needs ${count === 1 ? "a SCSI ID" : "two SCSI IDs"}, 0 to 7`);
  const entries = rest.slice(count);
  if (isTransfer(kind) ? entries.length === 0 : count < 2 && entries.length > 0)
    throw new TraceError(`${kind} has ${entries.length === 0 ? "no byte" : "too many words"}`);
  return {
    ns: Number(time),
    kind,
    ids: ids.map(Number),
    entries: entries.map((word) => toEntry(word, isTransfer(kind))),
  };
}

/** @throws TraceError that names the line */
export function parse(text: string): Phase[] {
  return text.split("\n").flatMap((line, index) => {
    const words = line.split(" ").filter((word) => word !== "");
    if (words.length === 0 || words[0]?.startsWith("#") === true) return [];
    try {
      return [parseLine(words)];
    } catch (error) {
      throw error instanceof TraceError ? new TraceError(`line ${index + 1}: ${error.message}`) : error;
    }
  });
}

function toWord(entry: number): string {
  if (entry === ATN) return "atn";
  return `${(entry & 0xff).toString(16).padStart(2, "0")}${(entry & BAD) !== 0 ? "!" : ""}`;
}

/** All of a phase but its time. */
function toLine({ kind, ids, entries }: Phase): string {
  return [kind, ...ids, ...entries.map(toWord)].join(" ");
}

export function print(trace: Trace): string {
  return trace.map((phase) => `${phase.ns} ${toLine(phase)}\n`).join("");
}

/** The first difference between two traces, times left out; `undefined`: there is none. */
export function difference(one: Trace, other: Trace): string | undefined {
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const [a, b] = [one[at], other[at]].map((phase) => (phase === undefined ? "nothing more" : toLine(phase)));
    if (a !== b) return `phase ${at + 1}: ${a}, and in the other one ${b}`;
  }
  return undefined;
}

/** From a (re)selection to bus free. */
export interface Connection {
  readonly initiator: number;
  readonly target: number;
  readonly reselected: boolean;
  /** Since bus free before it, ns. */
  readonly after: number;
  readonly transfers: readonly (Phase & { readonly kind: Transfer })[];
}

const EXTENDED = 1;
/** SDTR and WDTR. */
const NEGOTIATIONS = [1, 3];

/** Does a target agree on synchronous or wide transfers? */
function negotiates(messages: readonly number[]): boolean {
  for (let at = 0; at + 2 < messages.length; at++) {
    const message = messages[at] ?? 0;
    if (message === EXTENDED) {
      if (NEGOTIATIONS.includes(messages[at + 2] ?? 0)) return true;
      at += (messages[at + 1] ?? 0) + 1;
    } else if (message >> 4 === 2) {
      at++;
    }
  }
  return false;
}

/** What a target and an initiator can play. @throws TraceError that says what of it they cannot */
export function connections(trace: Trace): Connection[] {
  const fail = (what: string): never => {
    throw new TraceError(`${what} cannot be played`);
  };
  const found: Connection[] = [];
  for (let at = 0; at < trace.length; ) {
    const before = trace[at - 1];
    const arbitration = trace[at++];
    const selection = trace[at++];
    if (arbitration?.kind === "reset" || selection?.kind === "reset") fail("a reset");
    const reselected = selection?.kind === "reselection";
    if (arbitration?.kind !== "arbitration" || (selection?.kind !== "selection" && !reselected))
      return fail("something that is no arbitration and selection");
    const [from = 0, to = 0] = selection.ids;
    if (from !== arbitration.ids[0]) fail("a selection by somebody else than who has won");
    const transfers: Connection["transfers"][number][] = [];
    for (; ; at++) {
      const phase = trace[at];
      if (phase === undefined || !isTransfer(phase.kind)) break;
      transfers.push({ ...phase, kind: phase.kind });
    }
    const end = trace[at++]?.kind;
    if (end === "reset") fail("a reset");
    if (end !== "bus-free") fail("a connection without an end");
    if (transfers.length === 0) fail("a selection without an answer");
    for (const { kind, entries } of transfers) {
      if (entries.some((entry) => (entry & BAD) !== 0)) fail("bad parity");
      if (kind === "message-in" && negotiates(entries)) fail("synchronous or wide transfers");
    }
    found.push({
      ...(reselected ? { initiator: to, target: from } : { initiator: from, target: to }),
      reselected,
      after: arbitration.ns - (before?.ns ?? arbitration.ns),
      transfers,
    });
  }
  return found;
}
