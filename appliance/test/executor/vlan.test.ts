// SPDX-License-Identifier: Apache-2.0
// The LAN's VLAN: sysfs is a fixture, commands are written down. lab/test/stations.test.ts has the real one, with packets.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { pruneVlans, setVlan } from "../../src/executor/operations/vlan.ts";
import { parseVlan } from "../../src/observe/ipJson.ts";
import type { VlanOperation } from "../../src/protocol/operations.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import { writeLink } from "../support/tree.ts";

const test = suite<{ test: TestExecutor }>("the LAN's VLAN");
test.before.each((context) => {
  context.test = testExecutor();
});
test.after.each((context) => context.test.tree.dispose());

const VLAN: VlanOperation = { kind: "vlan", id: 7, port: "eth0" };
const ADD = "ip link add link eth0 name lan.7 type vlan id 7";
const DELETE = "ip link del dev lan.7";

/** `ip -j -d link show` of iproute2 6.1, as far as it matters. */
function shown(port: string, id: number): string {
  const linkinfo = { info_kind: "vlan", info_data: { protocol: "802.1Q", id, flags: ["REORDER_HDR"] } };
  return JSON.stringify([{ ifindex: 5, link: port, ifname: "lan.7", linkinfo }]);
}

function changes(commands: readonly string[]): string[] {
  return commands.filter((command) => / (add|del|flush) /.test(command));
}

test("it is made once, and goes when it is not named", async ({ test: { tree, context, commands, outputs } }) => {
  assert.is(await setVlan(VLAN, context), true);
  writeLink(tree, "lan.7", { index: 5, address: "52:54:00:00:00:01" });
  outputs.set("ip -j -d link show dev lan.7", shown("eth0", 7));
  assert.is(await setVlan(VLAN, context), false);
  assert.equal(changes(commands), [ADD]);
  assert.is(await pruneVlans(["lan.7"], context), false);
  assert.is(await pruneVlans(["lan.8"], context), true);
  assert.equal(changes(commands), [ADD, DELETE]);
  assert.is(await pruneVlans([], context), false);
});

test("another cable: the old one goes first, with its client", async ({ test: own }) => {
  const { tree, context, commands, outputs, running } = own;
  await setVlan({ ...VLAN, port: "eth1" }, context);
  writeLink(tree, "lan.7", { index: 5, address: "52:54:00:00:00:01" });
  outputs.set("ip -j -d link show dev lan.7", shown("eth1", 7));
  running.set("run/scsigate/udhcpc-lan.7.pid", "lan.7");
  commands.length = 0;
  assert.is(await setVlan(VLAN, context), true);
  assert.ok(commands.includes("stop 4711"), commands.join("\n"));
  assert.equal(changes(commands), [DELETE, ADD]);
});

test("an interface of that name that is somebody else's stays", async ({ test: { tree, context, commands } }) => {
  writeLink(tree, "lan.7", { index: 5, address: "52:54:00:00:00:01" });
  const error = await setVlan(VLAN, context).then(
    () => undefined,
    (reason: unknown) => reason as { code: string; message: string },
  );
  assert.is(error?.code, "interface-taken");
  assert.match(error?.message ?? "", "lan.7 exists and is not VLAN 7 on eth0");
  assert.equal(changes(commands), []);
  assert.is(await pruneVlans([], context), false);
});

test("what ip shows of other interfaces is no VLAN", () => {
  assert.equal(parseVlan(shown("eth0", 7)), { port: "eth0", id: 7 });
  for (const other of ["", "[]", "[{}]", '[{"ifname":"lan.7","linkinfo":{"info_kind":"dummy"}}]'])
    assert.is(parseVlan(other), undefined, other);
});

test.run();
