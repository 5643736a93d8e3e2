// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { held, joined } from "../../../src/service/history/gaps.ts";

test("a missing sample is joined, a longer absence is a gap, and nothing is made up at the ends", () => {
  assert.equal(joined([1, null, 3], 1), [1, 2, 3]);
  assert.equal(joined([1, null, null, 4], 2), [1, 2, 3, 4]);
  assert.equal(joined([1, null, null, 4], 1), [1, null, null, 4]);
  assert.equal(joined([4, null, null, null, 4], 2), [4, null, null, null, 4]);
  assert.equal(joined([null, 5, null], 2), [null, 5, null]);
  assert.equal(joined([], 2), []);
});

test("a latency holds until the next reading, and no longer", () => {
  assert.equal(held([null, 2, null, null]), [null, 2, 2, 2]);
  const once = held([2, ...new Array(18).fill(null)]);
  assert.equal(once, [...new Array(16).fill(2), null, null, null]);
});

test.run();
