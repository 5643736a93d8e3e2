// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { clearAddresses } from "../../src/executor/operations/network.ts";
import { renderChrony, setTimeKeeper } from "../../src/executor/operations/timeKeeper.ts";
import type { TimeKeeperOperation } from "../../src/protocol/operations.ts";
import { PATHS, type TestExecutor, testExecutor } from "../support/executor.ts";

function operation(change: Partial<TimeKeeperOperation> = {}): TimeKeeperOperation {
  return { kind: "timeKeeper", servers: [], clients: ["10.143.0.1/24", "fd12:0:0:1::/64"], ...change };
}

const keeper = suite<{ test: TestExecutor }>("time keeper");
keeper.before.each((context) => {
  context.test = testExecutor();
});
keeper.after.each(({ test }) => test.tree.dispose());

keeper("without servers, those of the LAN and a pool; segments are served whatever they say", () => {
  const lines = renderChrony(operation(), PATHS).split("\n");
  for (const line of [
    "sourcedir /run/udhcpc",
    "pool pool.ntp.org iburst maxsources 4",
    "local stratum 10",
    "allow 10.143.0.1/24",
    "allow fd12:0:0:1::/64",
  ])
    assert.ok(lines.includes(line), line);
});

keeper("servers that are given are the only ones; an address is one server, a name can be several", () => {
  const servers = ["192.168.1.1", "fd00::7b", "time.example.org"];
  const text = renderChrony(operation({ servers, clients: [] }), PATHS);
  assert.match(text, "server 192.168.1.1 iburst\nserver fd00::7b iburst\npool time.example.org iburst maxsources 4\n");
  assert.not.match(text, /sourcedir|pool\.ntp|allow|local/);
});

keeper("it is started once, and again only when something changed", async ({ test }) => {
  const config = join(test.tree.root, "run/scsigate/chrony.conf");
  assert.is(await setTimeKeeper(operation(), test.context), true);
  test.running.set("run/scsigate/chronyd.pid", config);
  assert.is(await setTimeKeeper(operation(), test.context), false);
  assert.equal(test.commands, ["chronyd -f /run/scsigate/chrony.conf"]);
  test.tree.write({ "run/scsigate/chronyd.pid": 4711 });
  assert.is(await setTimeKeeper(operation({ servers: ["10.0.0.1"] }), test.context), true);
  assert.not(test.tree.exists("run/scsigate/chronyd.pid"), "one that had to be killed would be in the way of the next");
  assert.equal(test.commands.slice(1), ["stop 4711", "chronyd -f /run/scsigate/chrony.conf"]);
  test.running.clear();
  assert.is(await setTimeKeeper(operation({ servers: ["10.0.0.1"] }), test.context), true, "it had died");
});

keeper(
  "what the LAN's DHCP server told goes with its addresses, whether chrony hears of it or not",
  async ({ test }) => {
    const told = "run/udhcpc/eth0.sources";
    test.tree.write({ [told]: "server 192.168.1.1 iburst" });
    await clearAddresses("eth0", test.context);
    assert.not(test.tree.exists(told));
    assert.equal(test.commands, ["chronyc -h /run/scsigate/chrony/chronyd.sock reload sources"]);
    await clearAddresses("eth0", test.context);
    assert.is(test.commands.length, 1, "there is nothing to tell");
    test.tree.write({ [told]: "server 192.168.1.1 iburst" });
    test.context.run = () => Promise.reject(new Error("506 Cannot talk to daemon"));
    await clearAddresses("eth0", test.context);
    assert.not(test.tree.exists(told));
  },
);

keeper("what could be another directive is refused", () => {
  const valid = (change: Partial<TimeKeeperOperation>): boolean => {
    const plan = { groups: [{ name: "clock", operations: [operation(change)] }] };
    return validateRequest({ type: "apply", id: 1, plan }) as boolean;
  };
  assert.ok(valid({ servers: ["192.168.1.1", "fd00::7b", "time.example.org"] }));
  for (const server of ["a b", "a\nuser root", "", "-x", "a#", "a\n"]) assert.not(valid({ servers: [server] }), server);
  for (const client of ["all", "10.0.0.0/8 ", "0.0.0.0/0", "10.0.0.1/24\nuser root"])
    assert.not(valid({ clients: [client] }), client);
});

keeper.run();
