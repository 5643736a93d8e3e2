// SPDX-License-Identifier: Apache-2.0
/** The adapter's program that came with this gateway: an update file of firmware/scripts/image.mjs. */
import { readFileSync } from "node:fs";
import { UPDATE_BEGIN_LAYOUT, UPDATE_BEGIN_SIZE } from "./messages.ts";

export interface AdapterImage {
  /** What UPDATE_BEGIN and UPDATE_CONFIRM take. */
  header: Buffer;
  program: Buffer;
  /** Its version, as the adapter will tell it in HELLO. */
  firmware: string;
}

/** @returns undefined where there is none, or where it is not whole */
export function readImage(path: string): AdapterImage | undefined {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return undefined;
  }
  const { length, firmware } = UPDATE_BEGIN_LAYOUT;
  const header = file.subarray(0, UPDATE_BEGIN_SIZE);
  const program = file.subarray(UPDATE_BEGIN_SIZE);
  if (header.length < UPDATE_BEGIN_SIZE || program.length !== header.readUInt32BE(length.at)) return undefined;
  const [name = ""] = header.toString("latin1", firmware.at, firmware.at + firmware.size).split("\0");
  return { header, program, firmware: name };
}
