// SPDX-License-Identifier: Apache-2.0
// An adapter as a segment: sysfs is a fixture, commands are written down.
import { chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { setAdapter } from "../../src/executor/operations/adapter.ts";
import { setLink } from "../../src/executor/operations/network.ts";
import { prune } from "../../src/executor/operations/prune.ts";
import { Ours } from "../../src/executor/ours.ts";
import type { AdapterOperation } from "../../src/protocol/operations.ts";
import { ScsigateError } from "../../src/shared/errors.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import { plugIn, SERIAL, unplug } from "../support/fakeAdapter.ts";
import { writeLink, writeSegment } from "../support/tree.ts";

const test = suite<{ test: TestExecutor }>("an adapter's interface becomes the segment's");
test.before.each((context) => {
  context.test = testExecutor();
});
test.after.each((context) => context.test.tree.dispose());

const OPERATION: AdapterOperation = { kind: "adapter", segment: "seg0", serial: SERIAL };
const NOTHING = {
  ...{ segments: [], addressed: [], served: [], targets: [], extended: [], tunnels: [], proxied: [], vlans: [] },
  ...{ bridge: false, mesh: false, encrypted: false, driverDisk: false },
};

async function refused(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, ScsigateError);
  return (error as ScsigateError).code;
}

test("whatever udev calls it, it gets the segment's name, once", async ({ test: { tree, context, commands } }) => {
  plugIn(tree, { interface: "enx02005e100001" });
  assert.is(await setAdapter(OPERATION, context), true);
  assert.equal(commands, ["ip link set dev enx02005e100001 down", "ip link set dev enx02005e100001 name seg0"]);
  unplug(tree, { interface: "enx02005e100001" });
  plugIn(tree, { interface: "seg0" });
  assert.is(await setAdapter(OPERATION, context), false);
  assert.is(commands.length, 2);
});

test("absent, in the boot loader, or without an interface: said, and nothing is done", async ({ test: own }) => {
  const { tree, context, commands } = own;
  assert.is(await refused(setAdapter(OPERATION, context)), "adapter-absent");
  tree.write({ "sys/bus/usb/devices/1-3/idVendor": "2e8a", "sys/bus/usb/devices/1-3/idProduct": "0003" });
  assert.is(await refused(setAdapter(OPERATION, context)), "adapter-boot-loader");
  plugIn(tree, { interface: null });
  assert.is(await refused(setAdapter(OPERATION, context)), "adapter-unreachable");
  unplug(tree);
  plugIn(tree, { manufacturer: "somebody" });
  assert.is(await refused(setAdapter(OPERATION, context)), "adapter-wrong");
  assert.equal(commands, []);
});

test("an interface of somebody else with that name stays; the driver's, where it is ours, makes room", async ({
  test: { tree, context, commands },
}) => {
  plugIn(tree);
  writeLink(tree, "seg0", { index: 3, address: "52:54:00:00:00:03" });
  assert.is(await refused(setAdapter(OPERATION, context)), "interface-taken");
  writeSegment(tree, "seg0", { index: 3, address: "52:54:00:00:00:03" });
  assert.is(await refused(setAdapter(OPERATION, context)), "interface-taken");
  assert.equal(commands, []);
  await new Ours(context.paths.run, "segments").note("seg0");
  await setAdapter(OPERATION, context);
  assert.equal(commands, ["ip link del dev seg0", "ip link set dev usb0 down", "ip link set dev usb0 name seg0"]);
});

const RELEASED = ["ip link set dev seg0 nomaster", "ip link set dev seg0 down", "ip link set dev seg0 name seg0-us"];

test("two adapters change places", async ({ test: { tree, context, commands } }) => {
  plugIn(tree, { port: "1-1", serial: "0000000000000001", interface: "seg0", index: 7 });
  plugIn(tree, { port: "1-2", serial: SERIAL, interface: "seg1", index: 8 });
  await setAdapter(OPERATION, context);
  assert.equal(commands, [...RELEASED, "ip link set dev seg1 down", "ip link set dev seg1 name seg0"]);
});

test("the name is given back: to another fabric, and when the segment goes", async ({ test: own }) => {
  const { tree, context, commands } = own;
  plugIn(tree, { interface: "seg0" });
  await setAdapter(OPERATION, context);
  await prune({ kind: "prune", ...NOTHING }, context);
  assert.equal(commands, RELEASED);
  assert.equal(await new Ours(context.paths.run, "segments").names(), []);
  commands.length = 0;
  const create = { kind: "ipscsi" as const, address: "02:00:00:00:00:01" };
  await setLink({ kind: "link", name: "seg0", create }, context).catch(() => undefined);
  assert.equal(commands.slice(0, 3), RELEASED);
});

test("the service gets the management port, and no other file", async ({ test: { tree, context } }) => {
  if (process.getuid?.() !== 0) return; // only root gives files away
  const path = join(context.paths.dev, "ttyACM0");
  mkdirSync(context.paths.dev, { recursive: true });
  writeFileSync(path, "");
  writeFileSync(join(context.paths.dev, "sda"), "");
  chownSync(path, 0, 20);
  plugIn(tree, { interface: "seg0" });
  const served = { ...context, serviceUser: { uid: 990, gid: 990 } };
  assert.is(await setAdapter(OPERATION, served), true);
  assert.equal([statSync(path).uid, statSync(path).gid], [990, 20]);
  assert.is(await setAdapter(OPERATION, served), false);
  unplug(tree, { interface: "seg0" });
  plugIn(tree, { interface: "seg0", tty: "sda" });
  assert.is(await setAdapter(OPERATION, served), false);
  assert.is(statSync(join(context.paths.dev, "sda")).uid, 0);
});

test("what the executor takes for a serial number", () => {
  const request = (serial: string) => ({
    ...{ type: "apply", id: 1 },
    plan: { groups: [{ name: "seg0", operations: [{ ...OPERATION, serial }] }] },
  });
  assert.ok(validateRequest(request(SERIAL)));
  for (const serial of ["", "../../etc", `${SERIAL}0`, SERIAL.toLowerCase()])
    assert.not.ok(validateRequest(request(serial)));
});

test.run();
