// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { forgetOwner } from "../../src/executor/forget.ts";
import { setSsh } from "../../src/executor/operations/ssh.ts";
import type { SshOperation } from "../../src/protocol/operations.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5zC1MkfC3cUyDYIJlVDOhNJFVDI0xKgvGvTMgBqWoT me@desk";
const OTHER = KEY.replace("me@", "other@");
const PID = "run/scsigate/dropbear.pid";

function operation(change: Partial<SshOperation> = {}): SshOperation {
  return { kind: "ssh", enabled: true, port: 22, keys: [KEY], ...change };
}

const ssh = suite<{ test: TestExecutor }>("SSH");
ssh.before.each((context) => {
  const test = testExecutor();
  const { root } = test.tree;
  mkdirSync(join(root, "root"));
  symlinkSync("../run/scsigate/ssh", join(root, "root/.ssh")); // as the image's overlay has it
  const { run } = test.context;
  test.context.run = async (file, args, options) => {
    if (file === "dropbearkey") test.tree.write({ "data/ssh/ed25519.new": "a key" });
    if (file === "dropbear") test.running.set(PID, join(root, PID));
    return run(file, args, options);
  };
  const { stop } = test.context.processes;
  test.context.processes.stop = async (pid) => {
    test.running.delete(PID);
    await stop(pid);
  };
  context.test = test;
});
ssh.after.each(({ test }) => test.tree.dispose());

const START = "dropbear -s -g -j -k -K 60 -r /data/ssh/ed25519 -p 22 -P /run/scsigate/dropbear.pid";
const MAKE = "dropbearkey -t ed25519 -f /data/ssh/ed25519.new";

ssh("off, nothing happens, and nothing is made", async ({ test }) => {
  assert.is(await setSsh(operation({ enabled: false, keys: [] }), test.context), false);
  assert.equal(test.commands, []);
  assert.not(test.tree.exists("data/ssh"));
});

ssh("on, it makes a host key once, takes the keys that are given, and no password", async ({ test }) => {
  assert.is(await setSsh(operation(), test.context), true);
  assert.equal(test.commands, [MAKE, START]);
  assert.is(test.tree.read("run/scsigate/ssh/authorized_keys"), KEY);
  assert.is(statSync(join(test.tree.root, "run/scsigate/ssh/authorized_keys")).mode & 0o777, 0o600);
  assert.is(await setSsh(operation(), test.context), false);
  test.running.clear();
  assert.is(await setSsh(operation(), test.context), true, "it had died");
  assert.equal(test.commands.slice(2), [START]);
});

ssh("one more key disturbs nobody; one that goes, or another port, ends all sessions", async ({ test }) => {
  await setSsh(operation(), test.context);
  test.commands.length = 0;
  assert.is(await setSsh(operation({ keys: [KEY, OTHER] }), test.context), true);
  assert.equal(test.commands, []);
  assert.is(await setSsh(operation({ keys: [OTHER] }), test.context), true);
  assert.equal(test.commands, ["stop 4711", START]);
  test.commands.length = 0;
  assert.is(await setSsh(operation({ keys: [OTHER], port: 2222 }), test.context), true);
  assert.equal(test.commands, ["stop 4711", START.replace("-p 22", "-p 2222")]);
});

ssh("off again, sessions end and no key is left that opens anything; the host key stays", async ({ test }) => {
  await setSsh(operation(), test.context);
  assert.is(await setSsh(operation({ enabled: false }), test.context), true);
  assert.is(test.commands.at(-1), "stop 4711");
  assert.not(test.tree.exists("run/scsigate/ssh"));
  assert.ok(test.tree.exists("data/ssh/ed25519"));
  assert.is(await setSsh(operation({ enabled: false }), test.context), false);
});

ssh("on a machine that has SSH of its own, it is left alone", async ({ test }) => {
  test.tree.remove("root/.ssh");
  mkdirSync(join(test.tree.root, "root/.ssh"));
  let code = "";
  await setSsh(operation(), test.context).catch((error: { code: string }) => {
    code = error.code;
  });
  assert.is(code, "ssh-unusable");
  assert.equal(test.commands, []);
});

ssh("a factory reset takes what the owner left, and the programs that would write it again", async ({ test }) => {
  await setSsh(operation(), test.context);
  const { tree, running } = test;
  const at = (name: string) => join(tree.root, name);
  tree.write({ "run/scsigate/dnsmasq-seg0.pid": 4711, "run/scsigate/chronyd.pid": 4711 });
  running.set("run/scsigate/dnsmasq-seg0.pid", `--conf-file=${at("run/scsigate/dnsmasq-seg0.conf")}`);
  running.set("run/scsigate/chronyd.pid", at("run/scsigate/chrony.conf"));
  tree.write({ "data/dhcp/seg0.leases": "1", "data/chrony/drift": "1", "data/update/bundle/part": "1" });
  tree.write({ "data/clock": "1", "data/scsigate/identity.json": "1" });
  test.commands.length = 0;
  await forgetOwner(test.context);
  assert.equal(test.commands, ["stop 4711", "stop 4711", "stop 4711"]);
  for (const name of ["dhcp/seg0.leases", "chrony/drift", "update/bundle", "ssh/ed25519"])
    assert.not(tree.exists(`data/${name}`), name);
  assert.ok(tree.exists("data/clock") && tree.exists("data/scsigate/identity.json"), "these are not the owner's");
});

ssh("a key with options, or with another line in it, is refused", () => {
  const valid = (key: string): boolean => {
    const plan = { groups: [{ name: "ssh", operations: [operation({ keys: [key] })] }] };
    return validateRequest({ type: "apply", id: 1, plan }) as boolean;
  };
  assert.ok(valid(KEY));
  for (const bad of [`command="sh" ${KEY}`, `${KEY}\n${OTHER}`, `${KEY}\n`, "", KEY.replace(" ", "\t")])
    assert.not(valid(bad), bad);
});

ssh.run();
