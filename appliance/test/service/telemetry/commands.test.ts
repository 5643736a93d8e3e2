// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Status } from "../../../src/api/status.ts";
import type { MqttCommand } from "../../../src/config/types.ts";
import { defaultConfig } from "../../../src/config/validate.ts";
import { Commands, CommandTimes } from "../../../src/service/telemetry/commands.ts";
import { Discovery } from "../../../src/service/telemetry/discovery.ts";
import { until } from "../../support/machine.ts";

const commands = suite("commands over MQTT");
const folders: string[] = [];

function setUp(enabled: boolean, allow: MqttCommand[]) {
  const done: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "scsigate-commands-"));
  folders.push(folder);
  let uptime = 100;
  const times = () => new CommandTimes(join(folder, "commands"), () => uptime);
  const actions = {
    refresh: () => done.push("refresh"),
    restart: () => done.push("restart"),
    update: () => done.push("update"),
  };
  const start = () => new Commands({ enabled, allow }, times(), actions);
  const pass = (seconds: number) => {
    uptime += seconds;
  };
  return { handler: start(), start, done, pass, folder };
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
  const { handler, done, pass } = setUp(true, ["refresh"]);
  for (let count = 0; count < 50; count++) handler.handle("refresh", "", false);
  assert.is(done.length, 10);
  assert.is(handler.handle("refresh", "", false), undefined);
  pass(61);
  assert.is(handler.handle("refresh", "", false)?.accepted, true);
});

commands("a restart forgets none of them: a loop on the broker is no reason to restart for ever", () => {
  const { start, done, pass, folder } = setUp(true, ["restart"]);
  for (let count = 0; count < 50; count++) start().handle("restart", "", false);
  assert.is(done.length, 10);
  pass(61);
  assert.is(start().handle("restart", "", false)?.accepted, true);
  pass(-100); // the machine itself was started anew
  assert.is(start().handle("restart", "", false)?.accepted, true);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "");
  assert.is(start().handle("restart", "", false), undefined, "what cannot be counted is not done");
});

commands("a broker that acknowledges nothing makes no queue of what it is told", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scsigate-discovery-"));
  folders.push(folder);
  const config = { ...defaultConfig().mqtt, enabled: true };
  const answers: ((done: boolean) => void)[] = [];
  const publish = () => new Promise<boolean>((resolve) => answers.push(resolve));
  const discovery = new Discovery(
    { ...config, homeAssistant: { ...config.homeAssistant, enabled: true } },
    join(folder, "x"),
    publish,
  );
  const status = (hostname: string) =>
    ({
      id: "0123456789ab",
      hostname,
      segments: [],
      temperatures: [],
      lan: { addresses: [], mac: null },
      mqtt: {},
      update: {},
    }) as unknown as Status;
  let settled = 0;
  for (let second = 0; second < 1000; second++) void discovery.update(status(`gw${second}`)).then(() => (settled += 1));
  await until("the first", () => answers.length === 1);
  answers[0]?.(true);
  await until("the newest, and nothing of those between", () => answers.length === 2);
  answers[1]?.(true);
  await until("the end", () => settled === 1000);
  assert.is(answers.length, 2);
});

commands.after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

commands.run();
