// SPDX-License-Identifier: Apache-2.0
/** Small files of the kernel: what they are about may go at any time, so that one that cannot be read is empty. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** A file without its line end; empty when it cannot be read. */
export function text(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** A file that was written less than this ago may be written again within the same tick of its time stamp, milliseconds. */
const FRESH_MS = 1000;

/** What files say that others write now and then: each is read again only when it has changed, or was written just now. */
export class KeptReadings<T> {
  readonly #parse: (text: string) => T;
  /** By path. */
  readonly #kept = new Map<string, { stamp: string | undefined; value: T }>();

  /** @param parse gets the text; an empty one where the file cannot be read */
  constructor(parse: (text: string) => T) {
    this.#parse = parse;
  }

  read(path: string): T {
    const stamp = stampOf(path);
    const before = this.#kept.get(path);
    if (before !== undefined && stamp !== undefined && stamp === before.stamp) return before.value;
    const value = this.#parse(text(path));
    this.#kept.set(path, { stamp, value });
    return value;
  }
}

/** Undefined: what is read now may be another text soon after. */
function stampOf(path: string): string | undefined {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return Math.abs(Date.now() - mtimeMs) < FRESH_MS ? undefined : `${ino} ${size} ${mtimeMs}`;
  } catch {
    return undefined;
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
