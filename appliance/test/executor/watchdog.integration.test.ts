// SPDX-License-Identifier: Apache-2.0
/** scsigate-watchdog with a file in the place of the hardware, and what it waits for. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { showLife } from "../../src/executor/lifeSign.ts";
import { type Tree, temporaryTree, until } from "../support/gateway.ts";
import { ManualClock } from "../support/manualClock.ts";

const PROGRAM = join(import.meta.dirname, "../../../buildroot/board/common/rootfs-overlay/usr/sbin/scsigate-watchdog");

interface Context {
  tree: Tree;
  program: ChildProcess;
  /** @param patience seconds */
  start(patience: number): void;
  /** What the hardware got so far. */
  fed(): string;
}

const watchdog = suite<Context>("watchdog");
watchdog.before.each((context) => {
  const tree = temporaryTree();
  tree.write({ watchdog: "" });
  context.tree = tree;
  context.start = (patience) => {
    context.program = spawn("busybox", ["sh", PROGRAM], {
      env: {
        ...process.env,
        SCSIGATE_PATH: process.env["PATH"],
        SCSIGATE_WATCHDOG: join(tree.root, "watchdog"),
        SCSIGATE_RUN: tree.root,
        SCSIGATE_WATCHDOG_FEED: "0.1",
        SCSIGATE_WATCHDOG_PATIENCE: String(patience),
        SCSIGATE_WATCHDOG_SHUTDOWN: "2",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
  };
  context.fed = () => readFileSync(join(tree.root, "watchdog"), "utf8");
});
watchdog.after.each(async ({ program, tree }) => {
  const ended = new Promise((resolve) => program.once("exit", resolve));
  if (program.exitCode === null && program.kill("SIGKILL")) await ended;
  tree.dispose();
});

/** Resolves when it is fed no more. */
async function starved(fed: () => string): Promise<void> {
  let [last, since] = [fed().length, Date.now()];
  await until("nothing more to come", () => {
    if (fed().length !== last) [last, since] = [fed().length, Date.now()];
    return Date.now() - since > 1500;
  });
}

watchdog(
  "it is fed while the supervisor shows life, and no longer; then again when that comes back",
  async (context) => {
    const { tree, start, fed } = context;
    tree.write({ "scsigate/alive": 0 });
    start(3);
    let beat = 0;
    const alive = setInterval(() => tree.write({ "scsigate/alive": ++beat }), 500);
    const begun = Date.now();
    await until("more than its patience", () => Date.now() - begun > 6000);
    const before = fed().length;
    await until("food", () => fed().length > before);
    clearInterval(alive);
    await starved(fed);
    assert.match(fed(), /^\n?\.+$/, "no magic letter: the hardware goes on counting");
    const hungry = fed().length;
    tree.write({ "scsigate/alive": "another" });
    await until("food again", () => fed().length > hungry);
  },
);

watchdog("a clean end is told to the hardware, and not waited for", async (context) => {
  const { start, fed } = context;
  start(300);
  await until("food", () => fed().includes("."));
  context.program.kill("SIGTERM");
  await until("its end", () => context.program.exitCode === 0);
  assert.match(fed(), /\.V$/);
});

watchdog("a shutdown has its time, whatever the supervisor does", async ({ tree, start, fed }) => {
  const up = Math.floor(Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]));
  tree.write({ "scsigate/stopping": up });
  start(300);
  await until("food", () => fed().includes("."));
  await starved(fed);
  assert.not.match(fed(), "V");
});

watchdog("the supervisor's first sign comes after a while, and each is another", async (context) => {
  const { tree, start } = context;
  start(300);
  const clock = new ManualClock();
  let works = true;
  const stop = showLife(join(tree.root, "scsigate/alive"), clock, () => works);
  await clock.pass(9000);
  assert.not(tree.exists("scsigate/alive"), "one that dies at once shows none");
  const seen = new Set<string | undefined>();
  for (let i = 0; i < 3; i++) {
    await clock.pass(10_000);
    await until(
      "a sign",
      () =>
        tree.exists("scsigate/alive") && !seen.has(tree.read("scsigate/alive")) && tree.read("scsigate/alive") !== "",
    );
    seen.add(tree.read("scsigate/alive"));
  }
  assert.is(seen.size, 3);
  works = false;
  const last = tree.read("scsigate/alive");
  await clock.pass(60_000);
  assert.is(tree.read("scsigate/alive"), last, "nor one whose service does not work");
  stop();
});

watchdog.run();
