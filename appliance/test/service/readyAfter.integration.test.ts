// SPDX-License-Identifier: Apache-2.0
/** How long after its start the machine forwarded. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Status } from "../../src/api/status.ts";
import type { GroupResult } from "../../src/protocol/operations.ts";
import { startGateway, type TestGateway, temporaryTree, until, writeMachine } from "../support/gateway.ts";

const CONFIG = { version: 1, segments: [{ name: "seg0", ipv4: { address: "10.143.0.1/24" } }] };

async function ready(gateway: TestGateway): Promise<number | null> {
  return (JSON.parse((await gateway.get("/api/v1/status")).body) as Status).readyAfterSeconds;
}

test("it counts once nothing fails that a packet needs, and a service that starts anew does not count again", async () => {
  const tree = temporaryTree();
  writeMachine(tree);
  let broken = "seg0";
  const failure: GroupResult["failure"] = {
    kind: "modules",
    problem: { code: "module-missing", message: "no module", nextStep: "Load it." },
  };
  const gateway = await startGateway({
    tree,
    config: CONFIG,
    apply: async (plan) =>
      plan.groups.map(({ name }) => ({ name, changed: 0, ...(name === broken && failure ? { failure } : {}) })),
  });
  await until("two rounds", () => gateway.plans.length > 1);
  assert.is(await ready(gateway), null);
  tree.write({ "proc/uptime": "93800.5 1.0" });
  broken = "clock"; // packets need no clock
  await until("it forwards", async () => (await ready(gateway)) === 93_800.5);
  await gateway.stop();
  tree.write({ "proc/uptime": "99999.5 1.0" });
  const next = await startGateway({ tree });
  await until("the same", async () => (await ready(next)) === 93_800.5);
  await next.stop();
  tree.dispose();
});

test.run();
