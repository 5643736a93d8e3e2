// SPDX-License-Identifier: Apache-2.0
/** Small files of the kernel: what they are about may go at any time, so that one that cannot be read is empty. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";

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
  return names(folder).sort(compareNames);
}

/** A language's rules of order would do the same, and load its data at each start. */
function compareNames(one: string, other: string): number {
  const parts = (name: string): string[] => name.match(/[0-9]+|[^0-9]+/g) ?? [];
  const [ours, theirs] = [parts(one), parts(other)];
  for (const [index, part] of ours.entries()) {
    const against = theirs[index];
    if (against === undefined) return 1;
    const numbers = Number(part) - Number(against); // NaN where one is none
    if (numbers !== 0 && !Number.isNaN(numbers)) return numbers;
    if (part !== against && Number.isNaN(numbers)) return part < against ? -1 : 1;
  }
  return ours.length - theirs.length;
}

/** Name of what a link leads to; undefined when it is none. */
export function linkName(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
}

/** Seconds since the machine started; 0 when it cannot be read. @param proc /proc */
export function readUptime(proc: string): number {
  return Number(text(join(proc, "uptime")).split(" ")[0]) || 0;
}
