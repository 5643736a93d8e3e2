// SPDX-License-Identifier: Apache-2.0
/**
 * Requests and answers on an adapter's management port: one request at a time, asked again when no answer comes, and a counter
 * for everything that can go wrong on the way. The adapter answers the same bytes with the same answer and does not carry
 * them out twice, so that asking again is always safe.
 */
import { Transform, type TransformCallback } from "node:stream";
import { SlipDecoder, SlipEncoder } from "@serialport/parser-slip-encoder";
import type { Cancel, Clock } from "../shared/clock.ts";
import { ScsigateError } from "../shared/errors.ts";
import { type Answer, decodeAnswer, encodeRequest, FRAME_MAX, type FrameFault } from "./frame.ts";
import { RESULTS } from "./messages.ts";
import type { Line } from "./port.ts";

/** An answer takes milliseconds; SETTINGS_SET erases a sector of flash, which may take 400. */
const ANSWER_MS = 700;
const ATTEMPTS = 3;
const END = 0xc0;

/** What went wrong on the line between an adapter and us, by kind. */
export interface LineCounters {
  requests: number;
  answers: number;
  /** An answer was not there in time; asked again, or given up after the third. */
  timeouts: number;
  gaveUp: number;
  tooShort: number;
  tooLong: number;
  badCrc: number;
  notAnAnswer: number;
  /** A good answer that nobody waits for: late, or twice. */
  unexpected: number;
  /** The adapter said no. */
  refused: number;
  /** A good answer whose payload is not what was asked for. */
  badPayload: number;
  writeErrors: number;
  opens: number;
  openFailures: number;
  /** The line ended by itself. */
  disconnects: number;
}

export function noLineCounters(): LineCounters {
  return {
    ...{ requests: 0, answers: 0, timeouts: 0, gaveUp: 0, tooShort: 0, tooLong: 0, badCrc: 0, notAnAnswer: 0 },
    ...{ unexpected: 0, refused: 0, badPayload: 0, writeErrors: 0, opens: 0, openFailures: 0, disconnects: 0 },
  };
}

interface Waiting {
  request: number;
  payload: Uint8Array;
  resolve(payload: Buffer): void;
  reject(error: ScsigateError): void;
}

interface Current extends Waiting {
  frame: Buffer;
  sequence: number;
  attempts: number;
  cancel: Cancel;
}

export interface LinkParts {
  /** The link is its only user, and closes it. */
  line: Line;
  clock: Clock;
  counters: LineCounters;
  /** Of the first request: another one than that of a link before, whose last answer the adapter may still have. */
  firstSequence: number;
  onClosed: () => void;
}

export class ManagementLink {
  readonly #parts: LinkParts;
  readonly #encoder = new SlipEncoder({ bluetoothQuirk: true }); // that is: END before each frame, too
  readonly #queue: Waiting[] = [];
  #current: Current | undefined;
  #sequence: number;
  #closed = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#sequence = parts.firstSequence & 0xffff;
    const { counters } = parts;
    const decoder = new SlipDecoder();
    const { stream } = parts.line;
    this.#encoder.pipe(stream);
    stream.pipe(new Bounded()).pipe(decoder);
    decoder.on("data", (frame: Buffer) => this.#take(frame));
    stream.on("error", () => {
      counters.writeErrors += 1;
      this.#end();
    });
    stream.on("close", () => this.#end());
    stream.on("end", () => this.#end());
  }

  /**
   * @returns the answer's payload
   * @throws ScsigateError adapter-silent or adapter-refused
   */
  request(request: number, payload: Uint8Array = new Uint8Array()): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(silent());
        return;
      }
      this.#queue.push({ request, payload, resolve, reject });
      this.#next();
    });
  }

  /** Ends it: what waits fails. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { line } = this.#parts;
    this.#encoder.unpipe(line.stream);
    line.close();
    this.#fail();
  }

  #end(): void {
    if (this.#closed) return;
    this.#parts.counters.disconnects += 1;
    this.close();
    this.#parts.onClosed();
  }

  #fail(): void {
    const { counters } = this.#parts;
    const waiting = [...(this.#current === undefined ? [] : [this.#current]), ...this.#queue.splice(0)];
    this.#current?.cancel();
    this.#current = undefined;
    counters.gaveUp += waiting.length;
    for (const { reject } of waiting) reject(silent());
  }

  #next(): void {
    const next = this.#current === undefined && !this.#closed ? this.#queue.shift() : undefined;
    if (next === undefined) return;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const frame = encodeRequest(next.request, this.#sequence, next.payload);
    this.#current = { ...next, frame, sequence: this.#sequence, attempts: 0, cancel: () => undefined };
    this.#send(this.#current);
  }

  #send(current: Current): void {
    const { clock, counters } = this.#parts;
    current.attempts += 1;
    counters.requests += 1;
    this.#encoder.write(current.frame);
    current.cancel = clock.after(ANSWER_MS, () => {
      counters.timeouts += 1;
      if (current.attempts < ATTEMPTS) {
        this.#send(current);
        return;
      }
      counters.gaveUp += 1;
      this.#current = undefined;
      current.reject(silent());
      this.#next();
    });
  }

  #take(frame: Buffer): void {
    if (frame.length === 0) return; // END of one, END of the next
    const { counters } = this.#parts;
    const answer: Answer | FrameFault = decodeAnswer(frame);
    if (typeof answer === "string") {
      counters[answer] += 1;
      return;
    }
    const current = this.#current;
    if (current === undefined || answer.sequence !== current.sequence || answer.request !== current.request) {
      counters.unexpected += 1;
      return;
    }
    current.cancel();
    this.#current = undefined;
    if (answer.result === RESULTS.OK) {
      counters.answers += 1;
      current.resolve(Buffer.from(answer.payload));
    } else {
      counters.refused += 1;
      current.reject(refused(answer.result));
    }
    this.#next();
  }
}

/** Bytes of a frame on the line, each of which may be escaped, and some more: what was cut short is too long then. */
const LINE_MAX = 2 * FRAME_MAX + 2;

/** Cuts a frame short that is longer than any can be: SlipDecoder would keep all of it. */
class Bounded extends Transform {
  #length = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const kept = chunk.filter((byte) => {
      if (byte === END) {
        this.#length = 0;
        return true;
      }
      this.#length += 1;
      return this.#length <= LINE_MAX;
    });
    done(null, kept);
  }
}

function silent(): ScsigateError {
  return new ScsigateError(
    "adapter-silent",
    "the adapter does not answer on its management port",
    "Unplug it and plug it in again; if it stays silent, put the firmware on it anew (docs/adapter.md).",
  );
}

function refused(result: number): ScsigateError {
  const name = Object.entries(RESULTS).find(([, value]) => value === result)?.[0] ?? String(result);
  return new ScsigateError(
    "adapter-refused",
    `the adapter refused a request (${name})`,
    "Put the firmware on it that came with this gateway (docs/adapter.md).",
  );
}
