// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { alone } from "../src/ui/stations/plot.ts";

test("a value between two gaps is shown as a point, since it makes no line", () => {
  assert.equal(alone([1, null, 2, null, 3, 4, null, 5]), [0, 2, 7]);
  assert.equal(alone([1, 2, 3]), []);
  assert.equal(alone([null, null]), []);
});

test.run();
