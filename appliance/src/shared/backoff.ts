// SPDX-License-Identifier: Apache-2.0
/**
 * Waiting times between attempts: doubled each time, up to a limit, back to the start after what was reached has lasted. A connection
 * that is opened and ended at once is a failure like any other.
 */

export interface BackoffLimits {
  /** Wait after the first failure, milliseconds. */
  firstMs: number;
  /** Longest wait, milliseconds. */
  longestMs: number;
}

/** How long something must have worked to count as a success, milliseconds. */
const LASTING_MS = 60_000;

export class Backoff {
  readonly #limits: BackoffLimits;
  #failures = 0;
  #worksSince: number | undefined;

  constructor(limits: BackoffLimits) {
    this.#limits = limits;
  }

  /** It works. @param now monotonic milliseconds */
  works(now: number): void {
    this.#worksSince ??= now;
  }

  /**
   * Milliseconds to wait now; each call counts as one more failure.
   * @param now monotonic milliseconds; only for those who say when it works
   */
  next(now = 0): number {
    if (this.#worksSince !== undefined && now - this.#worksSince >= LASTING_MS) this.#failures = 0;
    this.#worksSince = undefined;
    // 2^30 ms is twelve days: no limit that anybody sets is above it, and the power stays finite.
    const wait = this.#limits.firstMs * 2 ** Math.min(this.#failures, 30);
    this.#failures += 1;
    return Math.min(wait, this.#limits.longestMs);
  }

  /** Start from the shortest wait again, whatever was before. */
  reset(): void {
    this.#failures = 0;
    this.#worksSince = undefined;
  }
}
