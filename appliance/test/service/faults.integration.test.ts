// SPDX-License-Identifier: Apache-2.0
// Faults around the gateway: each is a reason in the state that says what to do, and goes when its cause goes. What
// takes a real kernel (partitions, clocks, cards, rights) is in lab/test/faults.test.ts.
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Health, Problem, Status } from "../../src/api/status.ts";
import { socketClient } from "../../src/cli/client.ts";
import { startGateway, type TestGateway, until, writeLink } from "../support/gateway.ts";

const faults = suite("faults");

function watch(gateway: TestGateway) {
  const call = socketClient(join(gateway.tree.root, "control.sock"));
  const reasons = async (): Promise<Problem[]> => ((await call("GET", "/health")).json as Health).reasons;
  return {
    call,
    reason: async (code: string): Promise<Problem> => {
      await until(code, async () => (await reasons()).some((reason) => reason.code === code));
      return (await reasons()).find((reason) => reason.code === code) as Problem;
    },
    gone: (code: string) =>
      until(`${code} to go`, async () => (await reasons()).every((reason) => reason.code !== code)),
  };
}

faults("a name server that does not answer: told, with where to look, and no more when it is not needed", async () => {
  const mqtt = { enabled: true, url: "mqtt://broker.invalid:1883" };
  const gateway = await startGateway({ config: { version: 1, mqtt } });
  const { call, reason, gone } = watch(gateway);
  const { message, nextStep } = await reason("broker-unreachable");
  assert.match(message, /ENOTFOUND|EAI_AGAIN/);
  assert.match(nextStep, "name server");
  assert.is((await call("GET", "/api/v1/status")).status, 200, "nothing else waits for it");
  await call("PATCH", "/api/v1/config", { mqtt: { enabled: false } }, { "If-Match": "*" });
  await gone("broker-unreachable");
  await gateway.stop();
});

faults("what the disk does not give back is done without, and not written over", async () => {
  const files = ["identity.json", "addresses.json", "initiators.json"];
  // Reading a folder is an error of its own, as of a bad block.
  const gateway = await startGateway({
    config: { version: 1 },
    before: (tree) => {
      for (const file of files) tree.write({ [`data/${file}/kept`]: "x" });
    },
  });
  await until("first plan", () => gateway.plans.length > 0);
  const status = async () => (await watch(gateway).call("GET", "/api/v1/status")).json as Status;
  await until("all is well", async () => (await status()).health.status === "ok");
  assert.is((await status()).id, "525400123456", "as of the LAN's interface");
  for (const file of files) assert.ok(gateway.tree.exists(`data/${file}/kept`), file);
  await gateway.stop();
});

faults("the LAN's adapter goes and comes back", async () => {
  const gateway = await startGateway({ config: { version: 1 } });
  const { reason, gone } = watch(gateway);
  await until("first plan", () => gateway.plans.length > 0);
  gateway.tree.remove("sys/class/net/eth0");
  const { nextStep } = await reason("interface-missing");
  assert.ok(nextStep.length > 10);
  writeLink(gateway.tree, "eth0", { index: 9, address: "52:54:00:12:34:56" });
  await gone("interface-missing");
  await gateway.stop();
});

faults("an executor that fails at one thing: told, and over when it works", async () => {
  let broken = true;
  const problem = { code: "command-failed", message: "dnsmasq: no", nextStep: "Look at the log." } as const;
  const gateway = await startGateway({
    apply: async (plan) =>
      plan.groups.map(({ name }) => ({
        ...{ name, changed: 0 },
        ...(broken && name === "seg0-dhcp" ? { failure: { kind: "dnsmasq" as const, problem } } : {}),
      })),
  });
  const { reason, gone } = watch(gateway);
  assert.is((await reason("command-failed")).message, "dnsmasq: no");
  broken = false;
  await gone("command-failed");
  await gateway.stop();
});

faults.run();
