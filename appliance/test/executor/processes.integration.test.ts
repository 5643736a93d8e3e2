// SPDX-License-Identifier: Apache-2.0
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemProcesses } from "../../src/executor/processes.ts";
import { ServiceProcess } from "../../src/executor/serviceProcess.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { until } from "../support/gateway.ts";
import { ManualClock } from "../support/manualClock.ts";
import { temporaryTree } from "../support/tree.ts";

test("a program that was started is found by its pid file, and only if it is the one", async () => {
  const tree = temporaryTree();
  const processes = systemProcesses("/proc");
  const pidFile = join(tree.root, "x.pid");
  const pid = await processes.startDetached("sleep", ["1234.5"]);
  writeFileSync(pidFile, `${pid}\n`);
  await until("exec", async () => (await processes.find(pidFile, "1234.5")) === pid);
  assert.is(await processes.find(pidFile, "other"), undefined);
  await processes.stop(pid);
  assert.is(await processes.find(pidFile, "1234.5"), undefined);
  assert.is(await processes.find(join(tree.root, "none"), "1234.5"), undefined);
  tree.dispose();
});

test("all processes of a program with an argument are found, and no others", async () => {
  const processes = systemProcesses("/proc");
  const argument = "4321.25";
  const pids = [await processes.startDetached("sleep", [argument]), await processes.startDetached("sleep", [argument])];
  const other = await processes.startDetached("tail", ["-f", "/dev/null", "--pid", "1", "-s", argument]);
  await until("exec", async () => (await processes.findAll("sleep", argument)).length === 2);
  assert.equal((await processes.findAll("sleep", argument)).sort(), pids.sort());
  assert.equal(await processes.findAll("sleep", "other"), []);
  for (const pid of [...pids, other]) await processes.stop(pid);
  assert.equal(await processes.findAll("sleep", argument), []);
});

test("a program that does not end when it is asked to is gone when stop() has returned", async () => {
  const tree = temporaryTree();
  const processes = systemProcesses("/proc");
  const pidFile = join(tree.root, "x.pid");
  const ready = join(tree.root, "ready");
  const pid = await processes.startDetached("sh", ["-c", `trap '' TERM; : >'${ready}'; while :; do sleep 0.1; done`]);
  writeFileSync(pidFile, `${pid}\n`);
  await until("the trap", () => existsSync(ready));
  await processes.stop(pid);
  assert.is(await processes.find(pidFile, "-c"), undefined);
  tree.dispose();
});

test("a program that ends has no command line before it has closed its sockets: stop() waits for both", async () => {
  const tree = temporaryTree();
  const pid = await systemProcesses("/proc").startDetached("sleep", ["1234.75"]);
  tree.write({ [`${pid}/cmdline`]: "", [`${pid}/stat`]: `${pid} (a (strange) name) R 1 1` });
  const order: string[] = [];
  const stopped = systemProcesses(tree.root)
    .stop(pid)
    .then(() => order.push("stopped"));
  setTimeout(() => {
    order.push("sockets closed");
    tree.write({ [`${pid}/stat`]: `${pid} (a (strange) name) Z 1 1` });
  }, 200);
  await stopped;
  assert.equal(order, ["sockets closed", "stopped"]);
  tree.dispose();
});

test("a program that is not installed is an error that says so", async () => {
  try {
    await systemProcesses("/proc").startDetached("no-such-program", []);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), "no-such-program is not installed");
  }
});

test("the service is forked, talked to, started again when it dies, and stopped", async () => {
  const tree = temporaryTree();
  const module = join(tree.root, "child.cjs");
  writeFileSync(
    module,
    'process.on("message", (m) => process.send({ echo: m })); process.send({ hello: process.pid });\n',
  );
  const messages: unknown[] = [];
  const service = new ServiceProcess({
    module,
    environment: { PATH: process.env["PATH"] ?? "" },
    execArgv: [],
    clock: systemClock,
    log: silentLogger(),
    onMessage: (message, reply) => {
      messages.push(message);
      reply({ type: "applied", id: messages.length, groups: [] });
    },
  });
  service.start();
  await until("hello and its echo", () => messages.length >= 2);
  assert.equal(messages[1], { echo: { type: "applied", id: 1, groups: [] } });
  service.tellLog('{"msg":"said"}');
  const note = JSON.stringify({ echo: { type: "log", line: '{"msg":"said"}' } });
  await until("a line of the log", () => messages.some((message) => JSON.stringify(message) === note));
  const first = service.pid ?? 0;
  process.kill(first, "SIGKILL");
  await until("a new one", () => service.pid !== undefined && service.pid !== first);
  const second = service.pid ?? 0;
  const again = JSON.stringify({ echo: { type: "log", line: '{"msg":"said"}', again: true } });
  await until("what the one before had", () => messages.some((message) => JSON.stringify(message) === again));
  await service.stop();
  assert.is(service.pid, undefined);
  assert.throws(() => process.kill(second, 0), /ESRCH/);
  tree.dispose();
});

test("a service that hangs is ended and started again; until then it does not count as working", async () => {
  const tree = temporaryTree();
  const module = join(tree.root, "child.cjs");
  writeFileSync(module, 'process.on("message", () => {}); process.send({ type: "alive" });\n');
  const clock = new ManualClock();
  let heard = 0;
  const service = new ServiceProcess({
    module,
    environment: { PATH: process.env["PATH"] ?? "" },
    execArgv: [],
    clock,
    log: silentLogger(),
    onMessage: () => {
      heard += 1;
    },
  });
  assert.not(service.works);
  service.start();
  await until("a sign of life", () => heard === 1);
  assert.ok(service.works);
  const first = service.pid ?? 0;
  process.kill(first, "SIGSTOP");
  await clock.pass(140_000);
  assert.is(service.pid, first);
  assert.ok(service.works);
  // No further than to its end: then the next one would start meanwhile.
  for (let waited = 0; service.works && waited < 20_000; waited += 1000) await clock.pass(1000);
  assert.not(service.works);
  await until("its end", () => service.pid === undefined);
  await clock.pass(30_000);
  await until("the next one", () => heard === 2);
  assert.is.not(service.pid, first);
  assert.ok(service.works);
  await service.stop();
  tree.dispose();
});

test("a service that does not read gets no endless queue: what did not fit is counted", async () => {
  const tree = temporaryTree();
  const module = join(tree.root, "child.cjs");
  // Asleep for two seconds in one go: the channel fills.
  writeFileSync(
    module,
    "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000); process.on('message', () => {});",
  );
  const told: string[] = [];
  const log = pino({}, { write: (line: string) => told.push(line) });
  const service = new ServiceProcess({
    module,
    environment: { PATH: process.env["PATH"] ?? "" },
    execArgv: [],
    clock: systemClock,
    log,
    onMessage: () => {},
  });
  service.start();
  const line = JSON.stringify({ msg: "x".repeat(2000) });
  for (let count = 0; count < 2000; count++) service.tellLog(line);
  await until("it is told", () => told.some((text) => text.includes("log lines were left out")));
  const { lost } = JSON.parse(told.find((text) => text.includes("left out")) ?? "{}") as { lost: number };
  assert.is(lost, 1500);
  await service.stop();
  tree.dispose();
});

test.run();
