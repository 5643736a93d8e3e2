// SPDX-License-Identifier: Apache-2.0
/** Readings become rows of one resolution. */
import { type Reading, rowBetween } from "./fields.ts";

export interface Slot {
  /** When it ended, monotonic milliseconds: what the clock says to that may change until it is written. */
  at: number;
  rows: Map<string, Float32Array>;
}

export class Level {
  readonly stepMs: number;
  #start: number | undefined;
  #before = new Map<string, Reading>();
  #latest = new Map<string, Reading>();

  constructor(stepMs: number) {
    this.stepMs = stepMs;
  }

  /**
   * @param readings of everything that is there now
   * @param at monotonic milliseconds
   * @returns a slot when one is complete. What came or went meanwhile has a row for the time that it was there.
   */
  add(readings: ReadonlyMap<string, Reading>, at: number): Slot | undefined {
    this.#start ??= at;
    for (const [key, reading] of readings) {
      if (!this.#before.has(key)) this.#before.set(key, reading);
      this.#latest.set(key, reading);
    }
    if (at - this.#start < this.stepMs) return undefined;
    const rows = new Map<string, Float32Array>();
    for (const [key, before] of this.#before) {
      const now = this.#latest.get(key);
      if (now !== undefined && now.at > before.at) rows.set(key, rowBetween(before, now));
    }
    this.#before = new Map(readings);
    this.#latest = new Map(readings);
    // In step with the beginning, unless samples were missed.
    this.#start = at - this.#start < 2 * this.stepMs ? this.#start + this.stepMs : at;
    return { at, rows };
  }
}
