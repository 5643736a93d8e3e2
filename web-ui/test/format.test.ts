// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
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

test("moments have one form, in the zone that is named", () => {
  const script = `
    const format = await import(${JSON.stringify(new URL("../src/core/format.ts", import.meta.url).href)});
    const at = Date.UTC(2026, 10, 29, 13, 3, 5);
    console.log(JSON.stringify([
      format.moment(at), format.moment("2026-11-29T13:03:05.123Z"), format.moment("never"), format.timeOfDay(at),
      format.minuteOfDay(at), format.dayAndMinute(at), format.zone(at), format.inZone("2026-11-29 13:03:05 UTC, good"),
    ]));`;
  const found = execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    env: { ...process.env, TZ: "Europe/Berlin" },
  });
  assert.equal(JSON.parse(found.toString()), [
    "2026-11-29 14:03:05",
    "2026-11-29 14:03:05",
    "never",
    "14:03:05",
    "14:03",
    "11-29 14:03",
    "Europe/Berlin (UTC+01:00)",
    "2026-11-29 14:03:05, good",
  ]);
});

test("property: a size is never wider than ten characters", () => {
  fc.assert(fc.property(fc.nat(2 ** 52), (value) => bytes(value).length <= 10 && !bytes(value).includes("1000")));
});

test.run();
