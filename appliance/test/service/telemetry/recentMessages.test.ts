// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RecentMessages } from "../../../src/service/telemetry/recentMessages.ts";

const recent = suite("last messages");

recent("the newest come first, old ones go, long ones are cut and keep their size", () => {
  const messages = new RecentMessages();
  assert.equal(messages.messages, []);
  for (let number = 1; number <= 120; number++) {
    messages.add({ topic: `t/${number}`, payload: "ä".repeat(3000), qos: 1, retain: number === 120 }, number);
  }
  const list = messages.messages;
  assert.is(list.length, 50);
  assert.equal([list[0]?.topic, list[0]?.time, list[0]?.retain, list[0]?.qos], ["t/120", 120, true, 1]);
  assert.is(list[49]?.topic, "t/71");
  assert.equal([list[0]?.payload.length, list[0]?.bytes], [2000, 6000]);
});

recent.run();
