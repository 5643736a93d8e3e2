// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytes, count, duration, rate } from "../src/core/format.ts";

test("bytes and rates have three digits and decimal units", () => {
  assert.is(bytes(0), "0 B");
  assert.is(bytes(999), "999 B");
  assert.is(bytes(1000), "1.00 kB");
  assert.is(bytes(1_234_567), "1.23 MB");
  assert.is(bytes(99_990_000), "100 MB");
  assert.is(rate(0), "0 bit/s");
  assert.is(rate(125_000), "1.00 Mbit/s");
  assert.is(count(1234567), "1,234,567");
});

test("durations start with what matters", () => {
  assert.is(duration(5), "5 s");
  assert.is(duration(65), "1 min 5 s");
  assert.is(duration(3700), "1 h 1 min");
  assert.is(duration(93784), "1 d 2 h 3 min");
});

test("property: a size is never wider than ten characters", () => {
  fc.assert(fc.property(fc.nat(2 ** 52), (value) => bytes(value).length <= 10 && !bytes(value).includes("1000")));
});

test.run();
