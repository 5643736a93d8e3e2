// SPDX-License-Identifier: Apache-2.0
/**
 * D-Bus messages as bytes (D-Bus Specification, "Message Protocol"): little-endian, and of the types only those that
 * RAUC's interface and a bus need. What comes in is read to the first text of its body; nothing needs more.
 */
import { ScsigateError } from "../../../shared/errors.ts";

export const TYPE = { call: 1, reply: 2, error: 3, signal: 4 } as const;
/** Longest message that is taken, bytes: a path, and options that are not read. */
const MAX_MESSAGE = 64 * 1024;
const FIXED_BYTES = 16;
const LITTLE_ENDIAN = 0x6c;
const VERSION = 1;
const NO_REPLY = 1;
const FIELD = { path: 1, interface: 2, member: 3, error: 4, replySerial: 5, destination: 6, sender: 7, signature: 8 };

export interface Call {
  serial: number;
  /** The caller wants an answer. */
  answer: boolean;
  path: string;
  interface: string;
  member: string;
  /** First value of the body, when it is a text. */
  text: string | undefined;
}

/** A value with its type; "a{sv}" is a list of names with values. */
export type Value =
  | readonly ["s" | "o" | "g", string]
  | readonly ["u" | "i", number]
  | readonly ["b", boolean]
  | readonly ["as", readonly string[]]
  | readonly ["a{sv}", Readonly<Record<string, Value>>]
  | readonly ["(isi)", readonly [number, string, number]];

export interface Message {
  type: (typeof TYPE)[keyof typeof TYPE];
  serial: number;
  path?: string;
  interface?: string;
  member?: string;
  /** Name of an error. */
  error?: string;
  replySerial?: number;
  body?: readonly Value[];
}

/** @returns the length of the message that begins here, bytes; undefined while that is not there yet @throws ScsigateError */
export function lengthOf(data: Buffer): number | undefined {
  if (data.length < FIXED_BYTES) return undefined;
  if (data[0] !== LITTLE_ENDIAN || data[3] !== VERSION) throw malformed();
  const body = data.readUInt32LE(4);
  const fields = data.readUInt32LE(12);
  if (body > MAX_MESSAGE || fields > MAX_MESSAGE) throw malformed();
  return aligned(FIXED_BYTES + fields, 8) + body;
}

/**
 * @param data one whole message
 * @returns undefined for one that is no call
 * @throws ScsigateError when it is none
 */
export function readCall(data: Buffer): Call | undefined {
  try {
    return parseCall(data);
  } catch {
    throw malformed(); // a length that points out of it
  }
}

function parseCall(data: Buffer): Call | undefined {
  if (data[1] !== TYPE.call) return undefined;
  const end = FIXED_BYTES + data.readUInt32LE(12);
  const fields = new Map<number, string>();
  for (let at = FIXED_BYTES; at < end; ) {
    at = aligned(at, 8);
    const code = data.readUInt8(at);
    const signature = data.toString("latin1", at + 2, at + 3);
    if (data.readUInt8(at + 1) !== 1) throw malformed();
    at += 4;
    if (signature === "g") {
      const length = data.readUInt8(at);
      fields.set(code, data.toString("latin1", at + 1, at + 1 + length));
      at += length + 2;
    } else if (signature === "s" || signature === "o") {
      const length = data.readUInt32LE(at);
      if (at + 4 + length >= end) throw malformed();
      fields.set(code, data.toString("utf8", at + 4, at + 4 + length));
      at += length + 5;
    } else if (signature === "u") at += 4;
    else throw malformed();
  }
  const field = (code: number) => fields.get(code) ?? "";
  const body = data.subarray(aligned(end, 8));
  const isText = field(FIELD.signature).startsWith("s");
  const length = isText ? body.readUInt32LE(0) : 0;
  if (isText && 4 + length >= body.length) throw malformed();
  return {
    serial: data.readUInt32LE(8),
    answer: ((data[2] ?? 0) & NO_REPLY) === 0,
    path: field(FIELD.path),
    interface: field(FIELD.interface),
    member: field(FIELD.member),
    text: isText ? body.toString("utf8", 4, 4 + length) : undefined,
  };
}

/** @param sender, destination unique names or well-known ones */
export function writeMessage(message: Message, sender: string, destination?: string): Buffer {
  const { type, serial, body = [] } = message;
  const out = new Writer();
  for (const value of body) out.value(value);
  const content = out.bytes;
  const fields = new Writer();
  const put = (code: number, value: Value | undefined) => {
    if (value === undefined) return;
    fields.align(8);
    fields.byte(code);
    fields.variant(value);
  };
  const text = (kind: "s" | "o", value: string | undefined): Value | undefined =>
    value === undefined ? undefined : [kind, value];
  put(FIELD.path, text("o", message.path));
  put(FIELD.interface, text("s", message.interface));
  put(FIELD.member, text("s", message.member));
  put(FIELD.error, text("s", message.error));
  put(FIELD.replySerial, message.replySerial === undefined ? undefined : ["u", message.replySerial]);
  put(FIELD.destination, text("s", destination));
  put(FIELD.sender, ["s", sender]);
  if (body.length > 0) put(FIELD.signature, ["g", body.map(([kind]) => kind).join("")]);
  const head = Buffer.alloc(FIXED_BYTES);
  head.set([LITTLE_ENDIAN, type, type === TYPE.call ? 0 : NO_REPLY, VERSION]);
  head.writeUInt32LE(content.length, 4);
  head.writeUInt32LE(serial, 8);
  head.writeUInt32LE(fields.bytes.length, 12);
  const padding = Buffer.alloc(aligned(fields.bytes.length, 8) - fields.bytes.length);
  return Buffer.concat([head, fields.bytes, padding, content]);
}

/** Writes values one after the other, each at a multiple of its own alignment. */
class Writer {
  #parts: number[] = [];

  get bytes(): Buffer {
    return Buffer.from(this.#parts);
  }

  align(to: number): void {
    while (this.#parts.length % to !== 0) this.#parts.push(0);
  }

  byte(value: number): void {
    this.#parts.push(value);
  }

  variant(value: Value): void {
    this.#signature(value[0]);
    this.value(value);
  }

  value(value: Value): void {
    switch (value[0]) {
      case "s":
      case "o":
        this.#text(value[1]);
        break;
      case "g":
        this.#signature(value[1]);
        break;
      case "u":
      case "i":
        this.#word(value[1]);
        break;
      case "b":
        this.#word(value[1] ? 1 : 0);
        break;
      case "as":
        this.#array(4, () => {
          for (const text of value[1]) this.#text(text);
        });
        break;
      case "a{sv}":
        this.#array(8, () => {
          for (const [name, entry] of Object.entries(value[1])) {
            this.align(8);
            this.#text(name);
            this.variant(entry);
          }
        });
        break;
      case "(isi)":
        this.align(8);
        this.#word(value[1][0]);
        this.#text(value[1][1]);
        this.#word(value[1][2]);
        break;
    }
  }

  /** Its length does not count what comes between it and the first element. */
  #array(alignment: number, fill: () => void): void {
    this.#word(0);
    const place = this.#parts.length - 4;
    this.align(alignment);
    const begin = this.#parts.length;
    fill();
    const length = this.#parts.length - begin;
    for (let byte = 0; byte < 4; byte++) this.#parts[place + byte] = (length >>> (8 * byte)) & 0xff;
  }

  #word(value: number): void {
    this.align(4);
    for (let byte = 0; byte < 4; byte++) this.#parts.push((value >>> (8 * byte)) & 0xff);
  }

  #text(value: string): void {
    const bytes = Buffer.from(value.replaceAll("\0", ""), "utf8");
    this.#word(bytes.length);
    this.#parts.push(...bytes, 0);
  }

  #signature(value: string): void {
    this.#parts.push(value.length, ...Buffer.from(value, "latin1"), 0);
  }
}

function aligned(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

function malformed(): ScsigateError {
  return new ScsigateError("update-failed", "this is no message for RAUC", "Report this with a support bundle.");
}
