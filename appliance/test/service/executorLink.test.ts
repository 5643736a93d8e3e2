// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Request } from "../../src/protocol/messages.ts";
import { ChannelExecutorLink } from "../../src/service/executorLink.ts";
import { errnoOf } from "../../src/shared/errors.ts";
import { ManualClock } from "../support/manualClock.ts";

function setUp() {
  const sent: Request[] = [];
  const clock = new ManualClock();
  return { sent, clock, link: new ChannelExecutorLink((request) => sent.push(request), clock) };
}

test("answers find their questions, in any order; one that nobody asked for is left alone", async () => {
  const { link, sent } = setUp();
  const applied = link.apply({ groups: [] });
  const latency = link.readLatency();
  assert.equal(
    sent.map((request) => request.type),
    ["apply", "latency"],
  );
  const devices = [{ device: "1:0:0:0", text: "128 1 0\n" }];
  link.receive({ type: "applied", id: 99, groups: [] });
  link.receive({ type: "latency", id: 1, devices });
  link.receive({ type: "applied", id: 0, groups: [{ name: "lan", changed: 2 }] });
  assert.equal(await latency, devices);
  assert.equal(await applied, [{ name: "lan", changed: 2 }]);
});

test("a refusal and silence are errors that say what to do", async () => {
  const { link, clock } = setUp();
  const failure = (promise: Promise<unknown>) => promise.then(() => "answered", errnoOf);
  const refused = failure(link.apply({ groups: [] }));
  const silent = failure(link.readLatency());
  link.receive({
    type: "refused",
    id: 0,
    problem: { code: "executor-refused", message: "no", nextStep: "Report it." },
  });
  assert.is(await refused, "executor-refused");
  await clock.pass(10_001);
  assert.is(await silent, "executor-gone");
});

test.run();
