// SPDX-License-Identifier: Apache-2.0
/** Waiting times between attempts: doubled each time, up to a limit, back to the start after success. */

export interface BackoffLimits {
  /** Wait after the first failure, milliseconds. */
  firstMs: number;
  /** Longest wait, milliseconds. */
  longestMs: number;
}

export class Backoff {
  readonly #limits: BackoffLimits;
  #failures = 0;

  constructor(limits: BackoffLimits) {
    this.#limits = limits;
  }

  /** Milliseconds to wait now; each call counts as one more failure. */
  next(): number {
    // 2^30 ms is twelve days: no limit that anybody sets is above it, and the power stays finite.
    const wait = this.#limits.firstMs * 2 ** Math.min(this.#failures, 30);
    this.#failures += 1;
    return Math.min(wait, this.#limits.longestMs);
  }

  /** The attempt lasted: start from the shortest wait again. */
  reset(): void {
    this.#failures = 0;
  }
}
