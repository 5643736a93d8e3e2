// SPDX-License-Identifier: Apache-2.0
/** Small files of the kernel: what they are about may go at any time, so that one that cannot be read is empty. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** A file without its line end; empty when it cannot be read. */
export function text(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** What is in a folder; nothing when it cannot be read. */
export function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The same in the order of the numbers in them: host2 before host10. */
export function namesInOrder(folder: string): string[] {
  return names(folder).sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
}

/** Name of what a link leads to; undefined when it is none. */
export function linkName(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
}
