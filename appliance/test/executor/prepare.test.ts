// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { prepare } from "../../src/executor/prepare.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

interface Context {
  tree: Tree;
  paths: { run: string; proc: string; data: string };
}

const ground = suite<Context>("the ground for the service");
ground.before.each((context) => {
  context.tree = temporaryTree();
  const path = (name: string) => join(context.tree.root, name);
  context.paths = { run: path("run"), proc: path("proc"), data: path("data") };
  context.tree.write({ "proc/sys/net/ipv4/ip_unprivileged_port_start": 1024 });
});
ground.after.each(({ tree }) => tree.dispose());

function modeOf(path: string): number {
  return statSync(path).mode & 0o7777;
}

ground("folders get their owner and mode, made or found", ({ tree, paths }) => {
  prepare(paths, user, silentLogger());
  const [run, data] = [join(paths.run, "scsigate/service"), join(paths.data, "scsigate")];
  assert.equal([modeOf(run), modeOf(data)], [0o700, 0o750]);
  assert.is(tree.read("proc/sys/net/ipv4/ip_unprivileged_port_start"), "80");
  chmodSync(data, 0o777);
  prepare(paths, user, silentLogger());
  assert.is(modeOf(data), 0o750);
});

ground("without a data folder that can be made, the rest is prepared all the same", ({ tree, paths }) => {
  tree.write({ data: "no folder" });
  prepare(paths, user, silentLogger());
  assert.is(modeOf(join(paths.run, "scsigate/service")), 0o700);
  assert.is(tree.read("proc/sys/net/ipv4/ip_unprivileged_port_start"), "80");
});

const mounts = spawnSync("unshare", ["-m", "true"]).status === 0;
(mounts ? ground : ground.skip)("a read-only file system that has all of it is no failure", ({ paths }) => {
  const program = `
    const { prepare } = await import(${JSON.stringify(new URL("../../src/executor/prepare.ts", import.meta.url))});
    const { execSync } = await import("node:child_process");
    const failed = [];
    const log = { error: (what) => failed.push(what) };
    const [paths, user] = ${JSON.stringify([paths, user])};
    prepare(paths, user, log);
    execSync("mount -o remount,ro " + paths.data);
    prepare(paths, user, log);
    console.log(JSON.stringify(failed));`;
  const script = 'mkdir -p "$0" && mount -t tmpfs tmpfs "$0" && exec node --import tsx --input-type=module -e "$1"';
  const { stdout, stderr } = spawnSync("unshare", ["-m", "sh", "-c", script, paths.data, program], {
    encoding: "utf8",
  });
  assert.is(stdout.trim(), "[]", stderr);
});

ground.run();
