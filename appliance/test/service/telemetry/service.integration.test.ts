// SPDX-License-Identifier: Apache-2.0
import { fork } from "node:child_process";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Health } from "../../../src/api/status.ts";
import { startGateway, until } from "../../support/gateway.ts";
import { TestBroker } from "../../support/mosquitto.ts";
import { BASE } from "../../support/telemetryRig.ts";

const service = suite<{ broker: TestBroker }>("the whole service and its broker");
service.before.each(async (context) => {
  context.broker = new TestBroker();
  await context.broker.start();
});
service.after.each((context) => context.broker.stop());

function document({ port }: TestBroker) {
  return { version: 1, hostname: "gateway", mqtt: { enabled: true, url: `mqtt://127.0.0.1:${port}` } };
}

service("the broker goes: degraded, with its reason; it comes back: well again", async ({ broker }) => {
  const gateway = await startGateway({ config: document(broker) });
  const health = async () => JSON.parse((await gateway.get("/health")).body) as Health;
  try {
    await until("well", async () => (await health()).status === "ok");
    await until("online", () => broker.last(`${BASE}/state`)?.["state"] === "online");
    await broker.kill();
    await until("degraded", async () => (await health()).reasons[0]?.code === "broker-unreachable");
    assert.is((await health()).status, "degraded");
    await broker.start();
    await until("well again", async () => (await health()).status === "ok");
  } finally {
    await gateway.stop();
  }
  await until("offline", () => broker.last(`${BASE}/state`)?.["state"] === "offline");
});

service("a service that is killed leaves its last will", async ({ broker }) => {
  const child = fork(join(import.meta.dirname, "../../support/gatewayProcess.ts"), [JSON.stringify(document(broker))], {
    execArgv: ["--import", "tsx"],
    env: { ...process.env, TMPDIR: broker.tree.root }, // it cannot clean up after itself
  });
  try {
    await until("online", () => broker.last(`${BASE}/state`)?.["state"] === "online", 60_000); // it has no cache of TypeScript
  } finally {
    child.kill("SIGKILL");
  }
  await until("last will", () => broker.last(`${BASE}/state`)?.["state"] === "offline");
});

service.run();
