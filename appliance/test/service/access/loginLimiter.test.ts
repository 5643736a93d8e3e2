// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LoginLimiter } from "../../../src/service/access/loginLimiter.ts";
import { ManualClock } from "../../support/manualClock.ts";

const limits = suite<{ clock: ManualClock; limiter: LoginLimiter }>("login limiter");
limits.before.each((context) => {
  context.clock = new ManualClock();
  context.limiter = new LoginLimiter(context.clock);
});

/** Many addresses, none of which has to wait for itself. */
function attack(limiter: LoginLimiter, account: string): void {
  for (let address = 0; address < 40; address++) limiter.failed(`192.0.2.${address}`, account);
}

limits("an address waits longer and longer, whatever the account", ({ limiter }) => {
  for (let attempt = 0; attempt < 5; attempt++) limiter.failed("192.0.2.1", `user${attempt}`);
  assert.is(limiter.waitSeconds("192.0.2.1", "admin"), 0);
  const waits = [0, 1, 2].map(() => {
    limiter.failed("192.0.2.1");
    return limiter.waitSeconds("192.0.2.1");
  });
  assert.equal(waits, [1, 2, 4]);
  assert.is(limiter.waitSeconds("192.0.2.2", "admin"), 0);
});

limits("an account that many fail at is slow for strangers, for a short time", async ({ clock, limiter }) => {
  attack(limiter, "admin");
  assert.is(limiter.waitSeconds("192.0.2.200", "admin"), 10);
  await clock.pass(10_000);
  assert.is(limiter.waitSeconds("192.0.2.200", "admin"), 0);
});

limits("an address that has logged in to an account before is not kept out of it by others", ({ limiter }) => {
  limiter.succeeded("192.0.2.200", "admin");
  attack(limiter, "admin");
  attack(limiter, "other");
  assert.is(limiter.waitSeconds("192.0.2.200", "admin"), 0);
  assert.is(limiter.waitSeconds("192.0.2.200", "other"), 10, "only to this one");
  for (let attempt = 0; attempt < 6; attempt++) limiter.failed("192.0.2.200", "admin");
  assert.is(limiter.waitSeconds("192.0.2.200", "admin"), 1, "its own failures count");
});

limits.run();
