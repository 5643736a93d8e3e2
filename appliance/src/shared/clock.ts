// SPDX-License-Identifier: Apache-2.0
/** Time comes in from outside, so that tests own it. */

/** Stops a timer; calling it twice is fine. */
export type Cancel = () => void;

export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump: boards have no battery-backed clock. */
  now(): number;
  /** Milliseconds that only ever grow; for intervals, rates and time-outs. */
  monotonic(): number;
  /** Calls back once after so many milliseconds. */
  after(milliseconds: number, callback: () => void): Cancel;
  /** Calls back every so many milliseconds. */
  every(milliseconds: number, callback: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
  every(milliseconds, callback) {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};
