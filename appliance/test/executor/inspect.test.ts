// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Executor } from "../../src/executor/executor.ts";
import { inspect } from "../../src/executor/inspect.ts";
import type { Reply } from "../../src/protocol/messages.ts";
import { ScsigateError } from "../../src/shared/errors.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import { until } from "../support/gateway.ts";

const LIO = "sys/kernel/config/target";
const TPG = `${LIO}/iscsi/iqn.2026-11.org.scsigate:seg0/tpgt_1`;

const looks = suite<{ executor: TestExecutor }>("inspection");
looks.before.each((context) => {
  context.executor = testExecutor();
});
looks.after.each(({ executor }) => executor.tree.dispose());

async function files(executor: TestExecutor): Promise<Map<string, string>> {
  return new Map((await inspect(executor.context)).map(({ name, content }) => [name, content]));
}

looks("programs and the kernel's folders, as far as they are there", async ({ executor }) => {
  const { tree, outputs } = executor;
  tree.write({
    "sys/class/net/eth0/type": 1,
    "sys/class/net/seg0/ipscsi/mode": "hub",
    [`${TPG}/enable`]: 1,
    [`${LIO}/core/ipscsi_0/seg0/info`]: "segment=seg0\nstations=1",
    "run/scsigate/dnsmasq-seg0.conf": "interface=seg0",
    "run/scsigate/bird.conf": 'password "of the mesh"',
    "sys/devices/host3/state": "running",
    "sys/devices/host3/power/control": "auto",
  });
  mkdirSync(join(tree.root, "sys/class/scsi_host"), { recursive: true });
  symlinkSync("../../devices/host3", join(tree.root, "sys/class/scsi_host/host3"));
  outputs.set("nft list ruleset", "table inet scsigate {}\n");
  outputs.set("ethtool -S seg0", "NIC statistics:\n     retries: 1\n");
  const found = await files(executor);
  assert.is(found.get("nft.txt"), "table inet scsigate {}\n");
  assert.match(found.get("ethtool-seg0-statistics.txt") ?? "", "retries: 1");
  assert.is(found.get("sysfs-net-seg0.txt"), "mode: hub\n");
  assert.match(found.get("configfs-target.txt") ?? "", "core/ipscsi_0/seg0/info: segment=seg0\n    stations=1\n");
  assert.is(found.get("sysfs-scsi_host.txt"), "host3/state: running\n");
  assert.is(found.get("run-dnsmasq.txt"), "dnsmasq-seg0.conf: interface=seg0\n");
  assert.not.match([...found.values()].join(""), "of the mesh");
});

looks("CHAP names and passwords are not even read", async ({ executor }) => {
  executor.tree.write({
    [`${TPG}/acls/iqn.a/auth/password`]: "correct-horse",
    [`${TPG}/auth/password_mutual`]: "battery-staple",
    [`${LIO}/iscsi/discovery_auth/password`]: "discover-me-not",
    [`${TPG}/acls/iqn.a/info`]: "No active iSCSI Session",
    [`${TPG}/attrib/generate_node_acls`]: 0,
  });
  const text = (await files(executor)).get("configfs-target.txt") ?? "";
  assert.match(text, "No active iSCSI Session");
  assert.match(text, "attrib/generate_node_acls: 0");
  for (const secret of ["correct-horse", "battery-staple", "discover-me-not"]) assert.not.match(text, secret);
});

looks("a program that is missing says so in its place, and a flood is cut", async ({ executor }) => {
  const { context } = executor;
  context.run = async (file, args) => {
    if (file === "nft") throw new ScsigateError("command-missing", "nft is not installed", "Install it.");
    return args.includes("neighbour") ? "x".repeat(1_000_000) : "";
  };
  const found = await files(executor);
  assert.is(found.get("nft.txt"), "nft is not installed\n");
  assert.ok((found.get("ip-neighbour.txt") ?? "").length < 300_000);
});

looks("a machine that is short of breath is asked no more after a while", async ({ executor }) => {
  const { context } = executor;
  let now = 0;
  context.clock = { ...context.clock, monotonic: () => now };
  context.run = async () => {
    now += 4000;
    return "slow\n";
  };
  const found = await files(executor);
  assert.is(found.get("ip-link.txt"), "slow\n");
  assert.is(found.get("disks.txt"), "left out: it took too long\n");
});

looks("a loop of references ends", async ({ executor }) => {
  const { tree } = executor;
  tree.write({ "sys/class/scsi_host/x/y": 1 });
  symlinkSync("..", join(tree.root, "sys/class/scsi_host/up"));
  const found = await files(executor);
  assert.ok((found.get("sysfs-scsi_host.txt") ?? "").includes("x/y: 1"));
});

looks("the service gets it while a plan is under way", async ({ executor }) => {
  const replies: Reply[] = [];
  const whole = new Executor(executor.context, () => {});
  whole.handle({ type: "inspect", id: 7 }, (reply) => replies.push(reply));
  await until("the answer", () => replies.length === 1);
  assert.is(replies[0]?.type, "inspected");
  whole.handle({ type: "inspect", id: 8, path: "/etc/shadow" }, (reply) => replies.push(reply));
  assert.is(replies[1]?.type, "refused");
});

looks.run();
