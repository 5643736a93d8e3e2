// SPDX-License-Identifier: Apache-2.0
/**
 * Asks the network by mDNS, as a simple resolver does (RFC 6762, 6.7), again and again until the answer is there or the
 * time is over.
 *   node --import tsx mdnsQuery.ts INTERFACE IPV4 4|6 TYPE NAME SECONDS
 * Prints the answers, sorted, on one line; "silence" where nobody answers. TYPE: A, AAAA, PTR, SRV or TXT.
 */
import { createSocket } from "node:dgram";

const TYPES: Record<string, number> = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33 };
const AGAIN_MS = 250;

export function encodeQuery(name: string, type: number): Buffer {
  const labels = name.split(".").flatMap((label) => [Buffer.from([Buffer.byteLength(label)]), Buffer.from(label)]);
  const header = Buffer.from([0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, type, 0, 1])]);
}

/** A name with its pointers followed, and where what is behind it begins. */
function readName(message: Buffer, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let at = start;
  let next: number | undefined;
  for (;;) {
    const length = message.readUInt8(at);
    if (length === 0) return { name: labels.join("."), next: next ?? at + 1 };
    if (length >= 0xc0) {
      next ??= at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
      continue;
    }
    labels.push(message.toString("utf8", at + 1, at + 1 + length));
    at += 1 + length;
  }
}

function readData(message: Buffer, type: number, at: number, length: number): string {
  if (type === TYPES["A"]) return [...message.subarray(at, at + length)].join(".");
  if (type === TYPES["PTR"]) return readName(message, at).name;
  if (type === TYPES["SRV"]) return `${readName(message, at + 6).name}:${message.readUInt16BE(at + 4)}`;
  if (type !== TYPES["TXT"]) return message.toString("hex", at, at + length);
  const texts: string[] = [];
  for (let from = at; from < at + length; from += 1 + message.readUInt8(from))
    texts.push(message.toString("utf8", from + 1, from + 1 + message.readUInt8(from)));
  return texts.sort().join(" ");
}

export function decodeAnswers(message: Buffer, type: number): string[] {
  let at = 12;
  for (let count = message.readUInt16BE(4); count > 0; count--) at = readName(message, at).next + 4;
  const answers: string[] = [];
  for (let count = message.readUInt16BE(6); count > 0; count--) {
    const { next } = readName(message, at);
    const length = message.readUInt16BE(next + 8);
    if (message.readUInt16BE(next) === type) answers.push(readData(message, type, next + 10, length));
    at = next + 10 + length;
  }
  return answers;
}

const [face = "", own = "", version = "4", type = "A", name = "", seconds = "5"] = process.argv.slice(2);
const number = TYPES[type] ?? 1;
const six = version === "6";
const socket = createSocket(six ? "udp6" : "udp4");
const answers = new Set<string>();
const ask = () => socket.send(encodeQuery(name, number), 5353, six ? `ff02::fb%${face}` : "224.0.0.251");
const end = () => {
  socket.close();
  clearInterval(again);
  clearTimeout(over);
  console.log([...answers].sort().join(", ") || "silence");
};
const over = setTimeout(end, Number(seconds) * 1000);
const again = setInterval(ask, AGAIN_MS);
socket.on("message", (message) => {
  for (const answer of decodeAnswers(message, number)) answers.add(answer);
  if (answers.size > 0) end();
});
socket.bind(0, () => {
  socket.setMulticastInterface(six ? `::%${face}` : own);
  ask();
});
