// SPDX-License-Identifier: Apache-2.0
/**
 * Frames of an adapter's management port, as firmware/src/mgmt/mgmt.h has them: request, result, sequence, payload,
 * CRC-32. SLIP around them is the line's business (link.ts). All numbers are big endian.
 */
import { PAYLOAD_MAX } from "./messages.ts";

const HEADER = 4;
const CRC = 4;
/** Bytes of the longest frame. */
export const FRAME_MAX = HEADER + PAYLOAD_MAX + CRC;
const ANSWER = 0x80;

export interface Answer {
  request: number;
  result: number;
  sequence: number;
  payload: Buffer;
}

/** Why a frame is none. */
export type FrameFault = "tooShort" | "tooLong" | "badCrc" | "notAnAnswer";

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** Of IEEE 802.3 and zlib; zlib has a function for it from Node 22 on. */
export function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

export function encodeRequest(request: number, sequence: number, payload: Uint8Array): Buffer {
  return seal(Buffer.from([request, 0, sequence >> 8, sequence & 0xff, ...payload]));
}

/** For stand-ins of adapters. */
export function encodeAnswer({ request, result, sequence, payload }: Answer): Buffer {
  return seal(Buffer.from([request | ANSWER, result, sequence >> 8, sequence & 0xff, ...payload]));
}

function seal(body: Buffer): Buffer {
  const crc = Buffer.alloc(CRC);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([body, crc]);
}

export function decodeAnswer(frame: Buffer): Answer | FrameFault {
  if (frame.length < HEADER + CRC) return "tooShort";
  if (frame.length > FRAME_MAX) return "tooLong";
  const end = frame.length - CRC;
  if (frame.readUInt32BE(end) !== crc32(frame.subarray(0, end))) return "badCrc";
  const first = frame.readUInt8(0);
  if ((first & ANSWER) === 0) return "notAnAnswer";
  return {
    ...{ request: first & ~ANSWER, result: frame.readUInt8(1), sequence: frame.readUInt16BE(2) },
    payload: frame.subarray(HEADER, end),
  };
}
