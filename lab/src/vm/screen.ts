// SPDX-License-Identifier: Apache-2.0
// What a VM's screen really shows: a picture, as QEMU would draw it in a window.
import { LabError } from "../errors.ts";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, a byte each, row by row from the top. */
  readonly pixels: Buffer;
}

/** Reads a PPM (P6) as QEMU's screendump writes it. */
export function readPicture(file: Buffer): Picture {
  const header = /^P6\s(\d+) (\d+)\s255\s/.exec(file.subarray(0, 40).toString("latin1"));
  if (header === null) throw new LabError("usage", "This is not a picture.", "QEMU's screendump writes a PPM.");
  return { width: Number(header[1]), height: Number(header[2]), pixels: file.subarray(header[0].length) };
}

/** Which of so many lines of text have anything but black on them, from the top. */
export function litLines({ width, height, pixels }: Picture, lines: number): boolean[] {
  const bytes = Math.floor(height / lines) * width * 3;
  return Array.from({ length: lines }, (_, at) => pixels.subarray(at * bytes, (at + 1) * bytes).some((v) => v !== 0));
}
