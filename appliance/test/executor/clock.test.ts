// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ClockKeeper } from "../../src/executor/clockKeeper.ts";
import { setTimeZone } from "../../src/executor/operations/kernel.ts";
import type { Clock } from "../../src/shared/clock.ts";
import { toProblem } from "../../src/shared/errors.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import { until } from "../support/gateway.ts";
import { ManualClock } from "../support/manualClock.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;

interface Context {
  executor: TestExecutor;
  /** Milliseconds since 1970 that the board starts with. */
  boot(now: number): Promise<{ keeper: ClockKeeper; clock: Clock & ManualClock }>;
}

const clocks = suite<Context>("clock");
clocks.before.each((context) => {
  const executor = testExecutor();
  context.executor = executor;
  const { tree } = executor;
  tree.write({ "executor.js": "" });
  mkdirSync(join(tree.root, "data"));
  utimesSync(join(tree.root, "executor.js"), 1_700_000_000, 1_700_000_000);
  context.boot = async (now) => {
    const clock = new ManualClock();
    clock.now = () => now + clock.monotonic();
    const keeper = new ClockKeeper({
      ...{ file: join(tree.root, "data/clock"), program: join(tree.root, "executor.js") },
      ...{ clock, run: executor.context.run, log: silentLogger() },
    });
    await keeper.start();
    return { keeper, clock };
  };
});
clocks.after.each(({ executor }) => executor.tree.dispose());

clocks("a board that starts in 1970 goes on from when its program was built", async ({ executor, boot }) => {
  await (await boot(0)).keeper.stop();
  assert.equal(executor.commands, ["date -u -s @1700000000"]);
});

clocks("later, it goes on from when it was last seen running", async ({ executor, boot }) => {
  const { keeper, clock } = await boot(1_790_000_000_000);
  assert.equal(executor.commands, [], "its clock is right");
  await clock.pass(3 * 3600_000);
  await until("the third note", () => Number(executor.tree.read("data/clock")) === 1_790_010_800_000);
  await clock.pass(5000);
  await keeper.stop();
  assert.is(Number(executor.tree.read("data/clock")), 1_790_010_805_000);
  await (await boot(1_600_000_000_000)).keeper.stop();
  assert.equal(executor.commands, ["date -u -s @1790010805"]);
});

clocks("it never goes back, and a damaged note sets nothing", async ({ executor, boot }) => {
  for (const note of ["", "soon", "99999999999999999", "-5", String(1_790_000_000_000 - YEAR_MS)]) {
    executor.tree.write({ "data/clock": note });
    await (await boot(1_790_000_000_000)).keeper.stop();
  }
  assert.equal(executor.commands, []);
});

clocks("a partition that takes nothing, and a clock that cannot be set, stop nothing", async ({ executor, boot }) => {
  executor.tree.remove("data");
  executor.context.run = async () => {
    throw new Error("date: cannot set date: Operation not permitted");
  };
  await (await boot(0)).keeper.stop();
});

clocks("the time zone is a link that leads to its file; a second time changes nothing", async ({ executor }) => {
  const { context, tree } = executor;
  tree.write({ "zones/Europe/Berlin": "TZif2", "zones/UTC": "TZif2" });
  const link = join(tree.root, "run/scsigate/localtime");
  assert.is(await setTimeZone({ kind: "timeZone", zone: "Europe/Berlin" }, context), true);
  assert.is(readlinkSync(link), join(tree.root, "zones/Europe/Berlin"));
  assert.is(await setTimeZone({ kind: "timeZone", zone: "Europe/Berlin" }, context), false);
  assert.is(await setTimeZone({ kind: "timeZone", zone: "UTC" }, context), true);
  assert.is(readlinkSync(link), join(tree.root, "zones/UTC"));
});

clocks("an image without time zones says so, and has UTC", async ({ executor: { context } }) => {
  assert.is(await setTimeZone({ kind: "timeZone", zone: "UTC" }, context), false);
  const problem = await setTimeZone({ kind: "timeZone", zone: "Europe/Berlin" }, context).catch(toProblem);
  assert.is(typeof problem === "object" && problem.code, "zone-missing");
});

clocks.run();
