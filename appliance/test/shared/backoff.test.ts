// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Backoff } from "../../src/shared/backoff.ts";

const LIMITS = { firstMs: 1000, longestMs: 8000 };

test("waits are doubled up to the limit", () => {
  const backoff = new Backoff(LIMITS);
  assert.equal(
    [1, 2, 3, 4, 5].map(() => backoff.next()),
    [1000, 2000, 4000, 8000, 8000],
  );
  backoff.reset();
  assert.is(backoff.next(), 1000);
});

test("what works and ends at once is one more failure; what has lasted a minute is a success", () => {
  const backoff = new Backoff(LIMITS);
  const waits: number[] = [];
  let now = 0;
  const session = (lasts: number): void => {
    backoff.works(now);
    now += lasts;
    waits.push(backoff.next(now));
  };
  for (const lasts of [100, 100, 59_999, 60_000, 100]) session(lasts);
  assert.equal(waits, [1000, 2000, 4000, 1000, 2000]);
});

test("a sign of life in between does not begin it anew", () => {
  const backoff = new Backoff(LIMITS);
  backoff.next(0);
  for (const now of [0, 30_000, 59_000]) backoff.works(now);
  assert.is(backoff.next(60_000), 1000);
});

test.run();
