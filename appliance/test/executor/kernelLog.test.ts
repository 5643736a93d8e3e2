// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KernelLog, type KernelRecords, parseRecord } from "../../src/executor/kernelLog.ts";
import { formatSyslog } from "../../src/service/syslog/rfc5424.ts";
import { ManualClock } from "../support/manualClock.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

interface Context {
  tree: Tree;
  clock: ManualClock;
  /** What the kernel says next. */
  said: (string | "lost")[];
  lines: Record<string, string>[];
  log: KernelLog;
  closed(): boolean;
}

const kernel = suite<Context>("kernel log");
kernel.before.each((context) => {
  const tree = temporaryTree();
  tree.write({ "proc/uptime": "100.00 50.00" });
  const said: string[] = [];
  const lines: Record<string, string>[] = [];
  let closed = false;
  const records: KernelRecords = {
    next: () => said.shift(),
    close: () => {
      closed = true;
    },
  };
  const clock = new ManualClock();
  const log = new KernelLog({
    open: () => records,
    proc: `${tree.root}/proc`,
    clock,
    write: (line) => lines.push(JSON.parse(line) as Record<string, string>),
  });
  Object.assign(context, { tree, clock, said, lines, log, closed: () => closed });
});
kernel.after.each(({ log, tree }) => {
  log.stop();
  tree.dispose();
});

kernel("each level of the kernel has one of ours, its time, and its text", async (context) => {
  const { clock, said, lines } = context;
  context.log.start();
  said.push("3,10,95000000,-;sym0: SCSI BUS reset\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:04.0\n");
  said.push("0,11,1,-;panic", "4,12,1,-;warning", "5,13,1,-;notice", "6,14,1,-;info", "7,15,1,-;debug");
  await clock.pass(2000);
  assert.equal(
    lines.map(({ level, msg }) => `${level} ${msg}`),
    ["error sym0: SCSI BUS reset", "fatal panic", "warn warning", "info notice", "info info"],
  );
  const [first] = lines;
  assert.is(Date.parse(first?.["time"] ?? ""), clock.now() - 5000, "five seconds before the uptime");
  assert.is(first?.["process"], "kernel");
  assert.match(formatSyslog(JSON.stringify(first), "gw")?.text ?? "", /^<27>1 \S+ gw scsigate kernel - - sym0/);
});

kernel("of what was said before the start, only what is wrong", (context) => {
  const { said, lines } = context;
  said.push("6,1,1,-;Linux version", "3,2,2,-;a bad disk", "5,3,3,-;a notice");
  context.log.start();
  assert.equal(
    lines.map(({ msg }) => msg),
    ["a bad disk"],
  );
});

kernel("a broken adapter cannot fill the log: what is left out is counted", async (context) => {
  const { clock, said, lines } = context;
  context.log.start();
  for (let count = 0; count < 500; count++) said.push(`3,${count},1,-;timeout ${count}`);
  await clock.pass(2000);
  assert.is(lines.length, 100);
  await clock.pass(2000);
  const about = lines.filter(({ msg }) => msg?.includes("left out"));
  assert.equal(
    about.map(({ level, msg }) => [level, msg]),
    [["warn", "400 or more lines of the kernel were left out"]],
  );
  said.push("3,501,1,-;later");
  await clock.pass(2000);
  assert.is(lines.at(-1)?.["msg"], "later");
});

kernel("what the kernel has overwritten is told, and reading goes on", async (context) => {
  const { clock, said, lines } = context;
  context.log.start();
  said.push("lost", "3,9,1,-;after");
  await clock.pass(2000);
  assert.equal(
    lines.map(({ msg }) => msg),
    ["after", "1 or more lines of the kernel were left out"],
  );
});

kernel("other programs' lines are none of the kernel's", () => {
  assert.is(parseRecord("30,5,1000,-;systemd[1]: Started."), undefined);
  assert.equal(parseRecord("6,5,1000,c;ready; steady\n KEY=x"), {
    ...{ level: 6, microseconds: 1000, message: "ready; steady" },
  });
});

kernel("property: no text makes the reading fail", () => {
  fc.assert(fc.property(fc.string(), (text) => assert.ok(parseRecord(text) === undefined || text.includes(";"))));
});

kernel("it lets go of the device when it stops", (context) => {
  context.log.start();
  context.log.stop();
  assert.ok(context.closed());
});

kernel.run();
