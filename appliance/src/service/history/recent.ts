// SPDX-License-Identifier: Apache-2.0
/** The last minutes in full, in memory: a ring of rows for each station and segment. */
import { WIDTH } from "./fields.ts";
import type { Slot } from "./level.ts";

/** Seconds that are kept: a quarter of an hour, and a bit for samples that are early. */
const SLOTS = 930;
/** Rings, of 108 KB each: two full segments. Whatever comes on top is charted by the minute only. */
const MAX_RINGS = 128;

interface Ring {
  values: Float32Array;
  times: Float64Array;
  /** Where the next row goes. */
  next: number;
}

export class Recent {
  readonly #rings = new Map<string, Ring>();

  add({ at, rows }: Slot): void {
    for (const [key, row] of rows) {
      const ring = this.#ring(key, at);
      if (ring === undefined) continue;
      ring.values.set(row, ring.next * WIDTH);
      ring.times[ring.next] = at;
      ring.next = (ring.next + 1) % SLOTS;
    }
  }

  /** Rows of one station or segment between two moments (monotonic milliseconds), in no particular order. */
  *rows(key: string, from: number, to: number): Generator<{ at: number; row: Float32Array }> {
    const ring = this.#rings.get(key);
    if (ring === undefined) return;
    for (const [index, at] of ring.times.entries()) {
      if (at >= from && at <= to) yield { at, row: ring.values.subarray(index * WIDTH, (index + 1) * WIDTH) };
    }
  }

  /** A new one takes the place of one that has had nothing for as long as a ring lasts. */
  #ring(key: string, at: number): Ring | undefined {
    const known = this.#rings.get(key);
    if (known !== undefined) return known;
    if (this.#rings.size >= MAX_RINGS) {
      const old = [...this.#rings].find(([, ring]) => at - Math.max(...ring.times) > SLOTS * 1000);
      if (old === undefined) return undefined;
      this.#rings.delete(old[0]);
    }
    const values = new Float32Array(SLOTS * WIDTH);
    const ring = { values, times: new Float64Array(SLOTS).fill(Number.NEGATIVE_INFINITY), next: 0 };
    this.#rings.set(key, ring);
    return ring;
  }
}
