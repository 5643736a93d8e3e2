// SPDX-License-Identifier: Apache-2.0
// Records what happens on the bus, from its signals alone.
import { type Bus, withParity } from "./bus.ts";
import { ATN, BAD, type Kind, type Phase, type Transfer } from "./trace.ts";

/** By MSG, C/D and I/O; two are reserved. */
const KINDS: readonly (Transfer | undefined)[] = [
  ...(["data-out", "data-in", "command", "status"] as const),
  ...([undefined, undefined, "message-out", "message-in"] as const),
];

/** SCSI IDs on the data lines, the highest one first. */
function idsOf(data: number): number[] {
  return [7, 6, 5, 4, 3, 2, 1, 0].filter((id) => ((data >> id) & 1) === 1);
}

export class Recorder {
  readonly #bus: Bus;
  #phases: { ns: number; kind: Kind; ids: number[]; entries: number[] }[] = [];
  /** "lost": in a connection whose begin was not seen. */
  #state: "lost" | "free" | "connected" | "reset" = "lost";
  /** IDs of the arbitration that goes on, and when it began. */
  #contenders = 0;
  #arbitration: number | undefined;
  /** Whom somebody has selected. */
  readonly #targets = new Set<number>();
  #ack = false;
  #atn = false;

  constructor(bus: Bus) {
    this.#bus = bus;
    bus.watchers.push(() => this.#look());
    this.#look();
  }

  get trace(): Phase[] {
    const begin = this.#phases[0]?.ns ?? 0;
    return this.#phases.map((phase) => ({ ...phase, ns: phase.ns - begin, entries: [...phase.entries] }));
  }

  clear(): void {
    this.#phases = [];
    if (this.#state !== "free") this.#state = "lost";
  }

  #begin(kind: Kind, ids: number[] = [], ns = Math.round(this.#bus.clock.ns)): void {
    this.#phases.push({ ns, kind, ids, entries: [] });
  }

  #look(): void {
    const { lines } = this.#bus;
    const raised = lines.atn && !this.#atn;
    const acknowledged = lines.ack && !this.#ack;
    this.#atn = lines.atn;
    this.#ack = lines.ack;
    if (lines.rst) {
      if (this.#state !== "reset") this.#begin("reset");
      this.#state = "reset";
    } else if (!lines.bsy && !lines.sel) {
      if (this.#state === "connected" || this.#state === "reset") this.#begin("bus-free");
      this.#state = "free";
      this.#contenders = 0;
      this.#arbitration = undefined;
    } else if (this.#state === "free") {
      this.#arbitrates();
    } else if (this.#state === "connected") {
      if (acknowledged) this.#byte();
      if (raised) this.#phases.at(-1)?.entries.push(ATN);
    }
  }

  #arbitrates(): void {
    const { lines, clock } = this.#bus;
    this.#arbitration ??= Math.round(clock.ns);
    if (!lines.sel) this.#contenders = lines.data & 0xff;
    if (!lines.sel || lines.bsy) return;
    const both = idsOf(lines.data & 0xff);
    // a board that arbitrates without asserting its ID is known by what it was before
    const [winner = both.find((id) => this.#targets.has(id)) ?? 0] = idsOf(this.#contenders);
    const other = both.find((id) => id !== winner) ?? winner;
    this.#begin("arbitration", [winner], this.#arbitration);
    this.#begin(lines.io ? "reselection" : "selection", [winner, other]);
    if (lines.atn) this.#phases.at(-1)?.entries.push(ATN);
    if (!lines.io) this.#targets.add(other);
    this.#state = "connected";
  }

  #byte(): void {
    const { lines } = this.#bus;
    const kind = KINDS[(lines.msg ? 4 : 0) | (lines.cd ? 2 : 0) | (lines.io ? 1 : 0)];
    if (kind === undefined) return;
    const byte = lines.data & 0xff;
    if (this.#phases.at(-1)?.kind !== kind) this.#begin(kind);
    this.#phases.at(-1)?.entries.push(byte | (withParity(byte) === lines.data ? 0 : BAD));
  }
}
