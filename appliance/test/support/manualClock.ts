// SPDX-License-Identifier: Apache-2.0
/** Time that passes when a test says so. */
import type { Clock } from "../../src/shared/clock.ts";

export class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; every: number; callback: () => void }[] = [];

  now(): number {
    return 1_800_000_000_000 + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#add(milliseconds, 0, callback);
  }

  every(milliseconds: number, callback: () => void): () => void {
    return this.#add(milliseconds, milliseconds, callback);
  }

  /** Lets time pass, and everything that was waiting for it happen. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settle();
      const next = this.#timers.filter((timer) => timer.at <= end).sort((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      if (next.every > 0) next.at += next.every;
      else this.#timers = this.#timers.filter((timer) => timer !== next);
      next.callback();
    }
    this.#now = end;
    await settle();
  }

  #add(milliseconds: number, every: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, every, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
}

/** Lets promises that are ready do their work. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
