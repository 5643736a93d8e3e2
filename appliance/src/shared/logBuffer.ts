// SPDX-License-Identifier: Apache-2.0
/**
 * The last lines of the log, for the API and the command line: a box without a console cable has no other place to
 * look.
 */
import { randomBytes } from "node:crypto";

const MAX_LINES = 500;
/** A longer line is cut, characters. */
const MAX_LINE = 4096;

export interface LogLine {
  level: string;
  time: string;
  msg: string;
  /** Which line it is: the buffer's name and a number that counts up by one. */
  cursor: string;
  [field: string]: unknown;
}

export class LogBuffer {
  readonly #listeners = new Set<(line: string) => void>();
  /** A cursor of an earlier service is none of this one's. */
  readonly #name = randomBytes(4).toString("hex");
  #lines: string[] = [];
  /** Of the next line. */
  #number = 0;

  /** pino's destination. */
  write(line: string): void {
    this.keep(line);
    for (const listener of this.#listeners) listener(line);
  }

  /** Keeps a line that listeners have had before. */
  keep(line: string): void {
    this.#number += 1;
    this.#lines.push(line.length > MAX_LINE ? JSON.stringify({ msg: line.slice(0, MAX_LINE) }) : line);
    if (this.#lines.length > 2 * MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES);
  }

  /** Puts lines of before in front, as far as there is room; at the start, before anybody knows a cursor. */
  putBefore(lines: readonly string[]): void {
    const room = Math.max(0, MAX_LINES - this.#lines.length);
    const fitting = room === 0 ? [] : lines.slice(-room);
    this.#lines = [...fitting, ...this.#lines];
    this.#number += fitting.length;
  }

  /** Calls back with each line from now on. @returns a function that ends it */
  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The last lines, oldest first.
   * @param after the cursor of a line: only what came after it. What is not known any more counts as not given.
   */
  last(count: number, after?: string): LogLine[] {
    const first = this.#number - this.#lines.length;
    const known = new RegExp(`^${this.#name}-([0-9]{1,15})$`).exec(after ?? "");
    const from = known === null ? first : Math.max(first, Number(known[1]) + 1);
    const wanted = Math.min(count, MAX_LINES, Math.max(0, this.#number - from));
    return this.#lines.slice(this.#lines.length - wanted).map((line, index) => {
      const value: unknown = JSON.parse(line);
      const cursor = `${this.#name}-${this.#number - wanted + index}`;
      return { level: "info", time: "", msg: "", ...(value as object), cursor };
    });
  }
}
