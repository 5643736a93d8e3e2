// SPDX-License-Identifier: Apache-2.0
/** Log lines that strangers can cause: some of each kind and source a minute, the rest as a number. */
import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";

/** Of one kind from one source. */
const LINES_PER_MINUTE = 5;
const WINDOW_MS = 60_000;
/** Sources that are told apart at a time; all others count as one. */
const MAX_SOURCES = 32;
const OTHERS = "others";

interface Window {
  /** When it began, monotonic milliseconds. */
  since: number;
  lines: number;
  leftOut: number;
}

export class Throttle {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Writes a line, or counts it; what was counted is told when its minute is over.
   * @param address whose doing it is
   */
  write(level: "info" | "warn", address: string, fields: object, message: string): void {
    const now = this.#clock.monotonic();
    for (const [key, { since, leftOut }] of this.#windows) {
      if (leftOut === 0 && now - since >= WINDOW_MS) this.#windows.delete(key);
    }
    const own = `${message} ${address}`;
    const key = this.#windows.has(own) || this.#windows.size < MAX_SOURCES ? own : `${message} ${OTHERS}`;
    const window = this.#windows.get(key) ?? { since: now, lines: 0, leftOut: 0 };
    this.#windows.set(key, window);
    if (window.lines < LINES_PER_MINUTE) {
      window.lines += 1;
      this.#log[level](fields, message);
      return;
    }
    window.leftOut += 1;
    if (window.leftOut > 1) return;
    this.#clock.after(Math.max(window.since + WINDOW_MS - now, 0), () => {
      this.#windows.delete(key);
      const from = key === own ? address : OTHERS;
      this.#log[level]({ address: from, leftOut: window.leftOut }, `${message}: more of the same in this minute`);
    });
  }
}
