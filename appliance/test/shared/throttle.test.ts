// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Logger } from "../../src/shared/log.ts";
import { Throttle } from "../../src/shared/throttle.ts";
import { ManualClock } from "../support/manualClock.ts";

interface Line {
  msg: string;
  address?: string;
  leftOut?: number;
}

function rig(): { clock: ManualClock; throttle: Throttle; lines: Line[] } {
  const clock = new ManualClock();
  const lines: Line[] = [];
  const warn = (fields: object, msg: string) => void lines.push({ ...fields, msg });
  return { clock, lines, throttle: new Throttle(clock, { info: warn, warn } as unknown as Logger) };
}

test("five lines a minute from one source; the rest is told as a number, and other sources are heard", async () => {
  const { clock, throttle, lines } = rig();
  for (let at = 0; at < 1500; at++) throttle.write("warn", "192.0.2.1", { address: "192.0.2.1" }, "login failed");
  throttle.write("warn", "192.0.2.2", { address: "192.0.2.2" }, "login failed");
  assert.is(lines.length, 6);
  assert.is(lines.at(-1)?.address, "192.0.2.2");
  await clock.pass(60_000);
  assert.equal(lines.slice(6), [
    { address: "192.0.2.1", leftOut: 1495, msg: "login failed: more of the same in this minute" },
  ]);
  throttle.write("warn", "192.0.2.1", { address: "192.0.2.1" }, "login failed");
  assert.is(lines.length, 8);
});

test("many sources count as one, so that a network of them fills nothing either", async () => {
  const { clock, throttle, lines } = rig();
  for (let at = 0; at < 10_000; at++) throttle.write("info", `2001:db8::${at.toString(16)}`, {}, "request");
  assert.ok(lines.length < 50, String(lines.length));
  await clock.pass(60_000);
  assert.is(lines.at(-1)?.address, "others");
  assert.is((lines.at(-1)?.leftOut ?? 0) + lines.length - 1, 10_000);
});

test.run();
