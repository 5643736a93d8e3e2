// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { MqttCommand } from "../../../src/config/types.ts";
import { Commands } from "../../../src/service/telemetry/commands.ts";
import { ManualClock } from "../../support/manualClock.ts";

const commands = suite("commands over MQTT");

function setUp(enabled: boolean, allow: MqttCommand[]) {
  const done: string[] = [];
  const clock = new ManualClock();
  const actions = {
    refresh: () => done.push("refresh"),
    restart: () => done.push("restart"),
    update: () => done.push("update"),
  };
  return { handler: new Commands({ enabled, allow }, clock, actions), done, clock };
}

commands(
  "property: nothing but a listed command, not retained, with an empty payload or PRESS, does anything",
  async () => {
    const name = fc.oneof(fc.constantFrom("refresh", "restart", "reboot", "toString", "__proto__", ""), fc.string());
    const payload = fc.oneof(fc.constantFrom("", "PRESS", "press", "{}"), fc.string({ unit: "binary" }));
    const allow = fc.uniqueArray(fc.constantFrom<MqttCommand>("refresh", "restart"));
    fc.assert(
      fc.property(fc.boolean(), allow, name, payload, fc.boolean(), (enabled, listed, asked, text, retained) => {
        const { handler, done } = setUp(enabled, listed);
        const answer = handler.handle(asked, text, retained);
        const good = enabled && listed.some((one) => one === asked) && !retained && ["", "PRESS"].includes(text);
        assert.equal(done, good ? [asked] : []);
        assert.is(answer?.accepted, good);
        assert.is(answer?.message === "", good);
        assert.ok((answer?.command.length ?? 0) <= 64);
      }),
    );
  },
);

commands("ten a minute; then silence, until the minute is over", async () => {
  const { handler, done, clock } = setUp(true, ["refresh"]);
  for (let count = 0; count < 50; count++) handler.handle("refresh", "", false);
  assert.is(done.length, 10);
  assert.is(handler.handle("refresh", "", false), undefined);
  await clock.pass(60_001);
  assert.is(handler.handle("refresh", "", false)?.accepted, true);
});

commands.run();
