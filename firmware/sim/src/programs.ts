// SPDX-License-Identifier: Apache-2.0
// The update file that the build makes, and others like it.
import { readFileSync } from "node:fs";
import { crc32, PROGRAM } from "./bench.ts";

export const FILE = readFileSync(PROGRAM.replace(/bin$/, "update"));
export const HEADER = FILE.subarray(0, 32);
export const VERSION = FILE.subarray(16, 32).toString("latin1").replaceAll("\0", "");

/** The same program by another version: what it says in HELLO. */
export function another(version: string, change?: (image: Buffer) => void): Buffer {
  const image = Buffer.from(FILE.subarray(32));
  const at = image.indexOf(`${VERSION}\0`);
  if (at <= 0 || version.length !== VERSION.length) throw new Error(`"${version}" does not fit in`);
  image.write(version, at);
  change?.(image);
  const header = Buffer.from(HEADER);
  header.writeUInt32BE(crc32(image), 12);
  header.write(version, 16);
  return Buffer.concat([header, image]);
}
