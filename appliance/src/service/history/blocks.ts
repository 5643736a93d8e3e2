// SPDX-License-Identifier: Apache-2.0
/**
 * Rows on disk: blocks that are appended whole. Each carries its length and a check sum, so that a block that a power cut
 * tore is told from a good one; and its own list of columns, so that a later version can read it.
 *
 *     magic "sgh1" (4 bytes), length of the payload (4), first eight bytes of its SHA-256 (8), payload
 *     payload, deflated: length of the head (4), head (JSON: times, keys, fields), then a 32-bit float for each time, key and
 *     field, in this order; NaN: unknown
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { deflateRawSync, inflateRaw } from "node:zlib";
import { isObject } from "../../shared/json.ts";

const inflate = promisify(inflateRaw);

const MAGIC = "sgh1";
const HEADER = 16;
/** Longest payload that is believed, bytes; also what it may inflate to, four times over. */
const MAX_PAYLOAD = 4 * 1024 * 1024;
/** Bits of a float's fraction that are kept: three decimal digits, and the rest compresses well. */
const DROPPED_BITS = 13;

export interface Block {
  /** Ends of the time slots, milliseconds since 1970. */
  times: number[];
  /** Stations and segments. */
  keys: string[];
  fields: string[];
  /** times * keys * fields values. */
  values: Float32Array;
}

export function encodeBlock({ times, keys, fields, values }: Block): Buffer {
  const head = Buffer.from(JSON.stringify({ times, keys, fields }));
  const body = Buffer.alloc(4 + head.length + values.length * 4);
  body.writeUInt32LE(head.length, 0);
  head.copy(body, 4);
  values.forEach((value, index) => {
    body.writeFloatLE(value, 4 + head.length + index * 4);
  });
  for (let offset = 4 + head.length; offset < body.length; offset += 4) {
    // Not of a NaN: it would become infinite.
    if (Number.isNaN(body.readFloatLE(offset))) body.writeUInt32LE(0x7fc00000, offset);
    else body.writeUInt32LE(((body.readUInt32LE(offset) >>> DROPPED_BITS) << DROPPED_BITS) >>> 0, offset);
  }
  const payload = deflateRawSync(body, { level: 6 });
  const header = Buffer.alloc(HEADER);
  header.write(MAGIC, 0, "latin1");
  header.writeUInt32LE(payload.length, 4);
  checkSum(payload).copy(header, 8);
  return Buffer.concat([header, payload]);
}

/** Payloads of the good blocks at the start of a file, and how long that start is, bytes. What follows is torn. */
export function splitBlocks(file: Buffer): { payloads: Buffer[]; length: number } {
  const payloads: Buffer[] = [];
  let offset = 0;
  while (file.length - offset >= HEADER && file.toString("latin1", offset, offset + 4) === MAGIC) {
    const end = offset + HEADER + file.readUInt32LE(offset + 4);
    if (end > file.length || end - offset > MAX_PAYLOAD) break;
    const payload = file.subarray(offset + HEADER, end);
    if (!checkSum(payload).equals(file.subarray(offset + 8, offset + HEADER))) break;
    payloads.push(payload);
    offset = end;
  }
  return { payloads, length: offset };
}

/** Undefined for what is no block of ours, check sum or not. */
export async function decodePayload(payload: Buffer): Promise<Block | undefined> {
  try {
    const body = await inflate(payload, { maxOutputLength: 4 * MAX_PAYLOAD });
    const start = 4 + body.readUInt32LE(0);
    const head: unknown = JSON.parse(body.toString("utf8", 4, start));
    if (!isObject(head)) return undefined;
    const { times, keys, fields } = head;
    if (!isList(times, isNumber) || !isList(keys, isText) || !isList(fields, isText)) return undefined;
    const count = times.length * keys.length * fields.length;
    if (body.length !== start + count * 4) return undefined;
    const values = new Float32Array(count);
    for (let index = 0; index < count; index++) values[index] = body.readFloatLE(start + index * 4);
    return { times, keys, fields, values };
  } catch {
    return undefined;
  }
}

function isList<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isNumber(item: unknown): item is number {
  return typeof item === "number";
}

function isText(item: unknown): item is string {
  return typeof item === "string";
}

function checkSum(payload: Buffer): Buffer {
  return createHash("sha256").update(payload).digest().subarray(0, 8);
}
