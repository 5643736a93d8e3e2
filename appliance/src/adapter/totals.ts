// SPDX-License-Identifier: Apache-2.0
/** Counters of 32 bits that wrap, added up to such as do not. */

/** Of what a counter holds: nothing moves it by as much between two looks. */
const HALF = 2 ** 31;

export class Totals<K extends string> {
  #last: Record<K, number> | undefined;
  /** Since we know it. */
  values: Record<K, number>;

  constructor(names: readonly K[]) {
    this.values = Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>;
  }

  /** @param now each below 2^32; the first ones count as they are */
  add(now: Record<K, number>): void {
    const names = Object.keys(this.values) as K[];
    // What fell without having wrapped has begun anew, and so has all of it.
    const fell = (name: K) => now[name] < (this.#last?.[name] ?? 0) && (this.#last?.[name] ?? 0) - now[name] < HALF;
    if (names.some(fell)) this.restart();
    const last = this.#last;
    const entries = names.map((name) => {
      const grown = last === undefined ? now[name] : (now[name] - last[name]) >>> 0;
      return [name, this.values[name] + grown] as const;
    });
    this.#last = { ...now };
    this.values = Object.fromEntries(entries) as Record<K, number>;
  }

  /** What counts has started anew, at zero. */
  restart(): void {
    this.#last = undefined;
    this.values = Object.fromEntries(Object.keys(this.values).map((name) => [name, 0])) as Record<K, number>;
  }
}
