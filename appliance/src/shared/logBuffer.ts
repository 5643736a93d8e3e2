// SPDX-License-Identifier: Apache-2.0
/**
 * The last lines of the log, for the API and the command line: a box without a console cable has no other place to
 * look.
 */

const MAX_LINES = 500;
/** A longer line is cut, characters. */
const MAX_LINE = 4096;

export interface LogLine {
  level: string;
  time: string;
  msg: string;
  [field: string]: unknown;
}

export class LogBuffer {
  readonly #listeners = new Set<(line: string) => void>();
  #lines: string[] = [];

  /** pino's destination. */
  write(line: string): void {
    this.keep(line);
    for (const listener of this.#listeners) listener(line);
  }

  /** Keeps a line that listeners have had before. */
  keep(line: string): void {
    this.#lines.push(line.length > MAX_LINE ? JSON.stringify({ msg: line.slice(0, MAX_LINE) }) : line);
    if (this.#lines.length > 2 * MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES);
  }

  /** Calls back with each line from now on. @returns a function that ends it */
  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The last lines, oldest first. */
  last(count: number): LogLine[] {
    return this.#lines.slice(-Math.min(count, MAX_LINES)).map((line) => {
      const value: unknown = JSON.parse(line);
      return { level: "info", time: "", msg: "", ...(value as object) };
    });
  }
}
