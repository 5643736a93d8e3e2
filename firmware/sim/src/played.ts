// SPDX-License-Identifier: Apache-2.0
// Plays a trace: a target that goes through its phases, in the place of the board, and the scripted initiator that does its part.
import { Bus, type Clock, DESKEW_AND_SKEW, withParity } from "./bus.ts";
import { Initiator, type Options, type Result } from "./initiator.ts";
import { Recorder } from "./recorder.ts";
import { ATN, type Connection, connections, type Phase, type Trace, TraceError, type Transfer } from "./trace.ts";

const STEP = 10;
/** SCSI-2 4.7, ns. */
const BUS_SETTLE = 400;
const ARBITRATION = 2400;
const BUS_CLEAR = 800;
const BUS_FREE = 800;
/** From each edge of ACK to its answer. */
const LATENCY = 60;

const LINES: Record<Transfer, { msg: boolean; cd: boolean; io: boolean }> = {
  "data-out": { msg: false, cd: false, io: false },
  "data-in": { msg: false, cd: false, io: true },
  command: { msg: false, cd: true, io: false },
  status: { msg: false, cd: true, io: true },
  "message-out": { msg: true, cd: true, io: false },
  "message-in": { msg: true, cd: true, io: true },
};

/** Ends a step of the target. */
type Until = () => boolean;

/** The target's part of some connections. It is the bus's clock, too. */
export class PlayedTarget implements Clock {
  readonly bus: Bus;
  ns = 0;
  readonly #steps: Iterator<Until, void>;
  #until: Until | undefined = () => true;

  constructor(played: readonly Connection[]) {
    this.bus = new Bus(this);
    this.#steps = this.#play(played);
  }

  run(until: () => boolean, limitMs: number, what = "nothing happened"): void {
    const end = this.ns + limitMs * 1e6;
    while (!until()) {
      if (this.ns > end) throw new Error(`${what} within ${limitMs} ms`);
      this.ns += STEP;
      while (this.#until?.() === true) this.#until = this.#steps.next().value ?? undefined;
    }
  }

  #for(ns: number): Until {
    const end = this.ns + ns;
    return () => this.ns >= end;
  }

  *#play(played: readonly Connection[]): Generator<Until, void> {
    const { bus } = this;
    for (const connection of played) {
      if (connection.reselected) yield* this.#reselect(connection);
      else yield* this.#answer(connection);
      for (const { kind, entries } of connection.transfers) {
        bus.assert({ bsy: true, ...LINES[kind] });
        yield this.#for(BUS_SETTLE);
        for (const entry of entries) if (entry !== ATN) yield* this.#byte(LINES[kind].io ? entry : undefined);
      }
      bus.assert({});
    }
  }

  *#answer({ initiator, target }: Connection): Generator<Until, void> {
    const { bus } = this;
    const ids = withParity((1 << initiator) | (1 << target));
    yield () => bus.lines.sel && !bus.lines.bsy && !bus.lines.io && bus.lines.data === ids;
    yield this.#for(BUS_SETTLE);
    bus.assert({ bsy: true });
    yield () => !bus.lines.sel;
  }

  *#reselect({ initiator, target, after }: Connection): Generator<Until, void> {
    const { bus } = this;
    yield this.#for(Math.max(after, BUS_SETTLE + BUS_FREE));
    yield () => !bus.lines.bsy && !bus.lines.sel;
    // the only one who arbitrates
    const id = { data: 1 << target, drivesData: true };
    bus.assert({ ...id, bsy: true });
    yield this.#for(ARBITRATION);
    bus.assert({ ...id, bsy: true, sel: true });
    yield this.#for(BUS_CLEAR + BUS_SETTLE);
    const ids = { sel: true, io: true, data: withParity((1 << initiator) | (1 << target)), drivesData: true };
    bus.assert({ ...ids, bsy: true });
    yield this.#for(2 * DESKEW_AND_SKEW);
    bus.assert(ids);
    yield this.#for(BUS_SETTLE);
    yield () => bus.lines.bsy;
    bus.assert({ bsy: true, sel: true, io: true });
    yield this.#for(DESKEW_AND_SKEW);
    bus.assert({ bsy: true, io: true });
    yield this.#for(BUS_SETTLE);
  }

  /** @param sent `undefined`: it takes one */
  *#byte(sent: number | undefined): Generator<Until, void> {
    const { bus } = this;
    const { bsy, msg, cd, io } = bus.asserted;
    const phase = { bsy, msg, cd, io, ...(sent === undefined ? {} : { data: withParity(sent), drivesData: true }) };
    bus.assert(phase);
    yield this.#for(DESKEW_AND_SKEW);
    bus.assert({ ...phase, req: true });
    yield () => bus.lines.ack;
    yield this.#for(LATENCY);
    bus.assert({ bsy, msg, cd, io });
    yield () => !bus.lines.ack;
    yield this.#for(LATENCY);
  }
}

/** Where ATN is raised after the selection, and the messages that follow. @throws TraceError where the initiator cannot do that */
function laterOf(transfers: readonly (Phase & { kind: Transfer })[]): Options["later"] {
  const sent = new Map<Transfer, number>();
  let later: Options["later"];
  for (const [index, { kind, entries }] of transfers.entries()) {
    for (const [at, entry] of entries.entries()) {
      if (entry !== ATN) {
        sent.set(kind, (sent.get(kind) ?? 0) + 1);
        continue;
      }
      if (later !== undefined || kind === "message-out" || at === entries.length - 1)
        throw new TraceError("ATN twice, in MESSAGE OUT or after the last byte of a phase cannot be played");
      const { msg, cd, io } = LINES[kind];
      const messages = transfers.slice(index).find((phase) => phase.kind === "message-out")?.entries ?? [];
      later = { phase: (msg ? 4 : 0) | (cd ? 2 : 0) | (io ? 1 : 0), byte: sent.get(kind) ?? 0, messages };
    }
  }
  return later;
}

/** One connection, from the initiator's side. `undefined`: nobody came to reselect it. */
function issue(host: Initiator, { initiator, target, reselected, after, transfers }: Connection): Result | undefined {
  const all = (wanted: Transfer): number[] =>
    transfers.filter(({ kind }) => kind === wanted).flatMap(({ entries }) => entries.filter((entry) => entry !== ATN));
  const later = laterOf(transfers);
  const options = {
    target,
    id: initiator,
    out: Uint8Array.from(all("data-out")),
    ...(later === undefined ? {} : { later }),
  };
  if (reselected) return host.reselected(options, after / 1e6 + 1);
  const [first] = transfers;
  const messages = first?.kind === "message-out" ? first.entries : [];
  return host.command(all("command"), { ...options, messages });
}

/** Plays a trace to the scripted initiator. @returns what was recorded of that. @throws TraceError when that cannot be done */
export function replay(trace: Trace): Phase[] {
  const played = connections(trace);
  const { bus } = new PlayedTarget(played);
  const recorder = new Recorder(bus);
  const host = new Initiator(bus);
  for (const connection of played)
    if (issue(host, connection) === undefined) throw new TraceError("nobody came to reselect");
  return recorder.trace;
}
