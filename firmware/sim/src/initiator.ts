// SPDX-License-Identifier: Apache-2.0
// A scripted initiator: arbitration, selection, and whatever phases the target asks for.
import { type Bus, DESKEW_AND_SKEW, RELEASED, withParity } from "./bus.ts";

/** SCSI-2 4.7, ns. */
const BUS_SETTLE = 400;
const ARBITRATION = 2400;
const BUS_CLEAR = 800;
const BUS_FREE = 800;

const DATA_OUT = 0;
const DATA_IN = 1;
const COMMAND = 2;
const STATUS = 3;
const MESSAGE_OUT = 6;
const MESSAGE_IN = 7;

export interface Options {
  readonly target: number;
  readonly id?: number;
  /** IDENTIFY for this LUN; left out: selection without ATN. */
  readonly lun?: number;
  /** IDENTIFY says that the target may disconnect. */
  readonly disconnect?: boolean;
  readonly out?: Uint8Array;
  /** Bytes after IDENTIFY. */
  readonly messages?: readonly number[];
  /** ATN with that byte of a phase, and these messages then. */
  readonly later?: { readonly phase: number; readonly byte: number; readonly messages: readonly number[] };
  /** Byte of a phase, counted from 0, that goes with bad parity. */
  readonly badParity?: { readonly phase: number; readonly byte: number };
  /** It answers nothing any more after so many bytes of all phases. */
  readonly silentAfter?: number;
  /** RST after so many bytes of all phases. */
  readonly resetAfter?: number;
}

export interface Result {
  readonly selected: boolean;
  readonly status?: number;
  readonly data: Uint8Array;
  readonly messages: number[];
  /** From BSY of the target to bus free, µs. */
  readonly us: number;
}

export class Initiator {
  readonly #bus: Bus;
  /** From each edge of REQ to its answer, ns. */
  readonly #latency: number;

  constructor(bus: Bus, latencyNs = 60) {
    this.#bus = bus;
    this.#latency = latencyNs;
  }

  #wait(ns: number): void {
    const end = this.#bus.clock.ns + ns;
    this.#bus.clock.run(() => this.#bus.clock.ns >= end, 1);
  }

  #select(target: number, id: number, atn: boolean): boolean {
    const { clock, lines } = this.#bus;
    if (lines.bsy || lines.sel) throw new Error("the bus is not free");
    this.#wait(BUS_FREE);
    this.#bus.drive({ bsy: true, data: 1 << id });
    this.#wait(ARBITRATION);
    this.#bus.drive({ sel: true });
    this.#wait(BUS_CLEAR + BUS_SETTLE);
    const both = withParity((1 << id) | (1 << target));
    this.#bus.drive({ data: both, atn });
    this.#wait(90);
    this.#bus.drive({ bsy: false });
    this.#wait(BUS_SETTLE);
    try {
      clock.run(() => lines.bsy, 5);
    } catch {
      this.#bus.drive(RELEASED);
      return false;
    }
    this.#wait(90);
    this.#bus.drive({ sel: false, data: 0 });
    return true;
  }

  /** Carries out one command, up to bus free: without a status, the target may have disconnected. */
  command(cdb: readonly number[], options: Options): Result {
    const messages = [...(options.lun === undefined ? [] : [0x80 | options.lun]), ...(options.messages ?? [])];
    if (options.lun !== undefined && options.disconnect === true) messages[0] = 0xc0 | options.lun;
    if (!this.#select(options.target, options.id ?? 7, messages.length > 0)) {
      return { selected: false, data: new Uint8Array(), messages: [], us: 0 };
    }
    return this.#phases(cdb, options, messages);
  }

  /** Lets itself be reselected, and goes on with the command up to bus free. `undefined`: nobody came for so long. */
  reselected(options: Options, ms: number): Result | undefined {
    const { clock, lines } = this.#bus;
    const id = options.id ?? 7;
    try {
      clock.run(() => lines.sel && lines.io && !lines.bsy, ms);
    } catch {
      return undefined;
    }
    this.#wait(BUS_SETTLE);
    if (lines.data !== withParity((1 << id) | (1 << options.target))) throw new Error("reselection with other IDs");
    this.#bus.drive({ bsy: true });
    clock.run(() => !lines.sel, 1, "SEL stays");
    this.#wait(90);
    this.#bus.drive({ bsy: false });
    if (!lines.bsy) throw new Error("the target does not assert BSY after its reselection");
    return this.#phases([], options, []);
  }

  #phases(cdb: readonly number[], options: Options, first: number[]): Result {
    const { clock, lines } = this.#bus;
    let messages = first;
    let told = 0;
    const out = options.out ?? new Uint8Array();
    const data: number[] = [];
    const got: number[] = [];
    let status: number | undefined;
    const sent = new Map<number, number>();
    let total = 0;
    const begin = clock.ns;
    for (;;) {
      clock.run(() => lines.req || !lines.bsy, 1100, "neither REQ nor bus free");
      if (!lines.bsy) break;
      const phase = (lines.msg ? 4 : 0) | (lines.cd ? 2 : 0) | (lines.io ? 1 : 0);
      if (clock.ns - this.#bus.phaseSince < BUS_SETTLE) throw new Error("REQ before the phase has settled");
      if (options.silentAfter === total) {
        this.#bus.drive(RELEASED);
        clock.run(() => !lines.bsy, 1100, "the bus is not freed");
        break;
      }
      if (options.resetAfter === total++) {
        this.#bus.drive({ ...RELEASED, rst: true });
        this.#wait(25_000);
        this.#bus.drive({ rst: false });
        this.#wait(BUS_FREE);
        break;
      }
      const nth = sent.get(phase) ?? 0;
      sent.set(phase, nth + 1);
      const { later } = options;
      if (later?.phase === phase && later.byte === nth && phase !== MESSAGE_OUT) {
        messages = [...later.messages];
        told = 0;
        this.#bus.drive({ atn: true });
      }
      if (lines.io) {
        const byte = lines.data & 0xff;
        if (withParity(byte) !== lines.data) throw new Error("the board's parity is bad");
        this.#wait(this.#latency);
        this.#bus.drive({ ack: true });
        clock.run(() => !lines.req, 10, "REQ stays");
        this.#wait(this.#latency);
        this.#bus.drive({ ack: false });
        if (phase === DATA_IN) data.push(byte);
        else if (phase === STATUS) status = byte;
        else if (phase === MESSAGE_IN) got.push(byte);
        else throw new Error(`a phase that is reserved: ${phase}`);
        continue;
      }
      // asked for messages again without ATN, it sends all of them anew (6.1.9.2)
      if (phase === MESSAGE_OUT && told === messages.length) {
        told = 0;
        if (messages.length > 1) this.#bus.drive({ atn: true });
      }
      const from = { [DATA_OUT]: out, [COMMAND]: cdb, [MESSAGE_OUT]: messages }[phase];
      if (from === undefined) throw new Error(`a phase that is reserved: ${phase}`);
      const byte = from[phase === MESSAGE_OUT ? told++ : nth];
      if (byte === undefined) throw new Error(`the target wants too much in phase ${phase}`);
      const bad = options.badParity?.phase === phase && options.badParity.byte === nth;
      this.#wait(this.#latency);
      this.#bus.drive({ data: withParity(byte) ^ (bad ? 0x100 : 0) });
      this.#wait(DESKEW_AND_SKEW);
      if (phase === MESSAGE_OUT && told === messages.length) this.#bus.drive({ atn: false });
      this.#bus.drive({ ack: true });
      clock.run(() => !lines.req, 10, "REQ stays");
      this.#bus.drive({ data: 0 });
      this.#wait(this.#latency);
      this.#bus.drive({ ack: false });
    }
    this.#bus.drive(RELEASED);
    const us = (clock.ns - begin) / 1000;
    return {
      selected: true,
      ...(status === undefined ? {} : { status }),
      data: Uint8Array.from(data),
      messages: got,
      us,
    };
  }
}

/** SEND or GET MESSAGE(10): RFC 2143 section 3. */
export function message(send: boolean, stream: number, length: number): number[] {
  return [send ? 0x2a : 0x28, 0, 0, 0, stream >> 8, stream & 0xff, 0, length >> 8, length & 0xff, 0];
}
