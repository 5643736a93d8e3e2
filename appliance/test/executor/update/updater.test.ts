// SPDX-License-Identifier: Apache-2.0
// The executor's side of updates. What rauc prints was recorded from rauc 1.8.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Executor } from "../../../src/executor/executor.ts";
import type { ImageState, Reply } from "../../../src/protocol/messages.ts";
import { ScsigateError } from "../../../src/shared/errors.ts";
import type { StreamListener } from "../../../src/shared/stream.ts";
import { type TestExecutor, testExecutor } from "../../support/executor.ts";
import { until } from "../../support/machine.ts";
import { ManualClock } from "../../support/manualClock.ts";

const SHOW = { ORDER: "A B", A_OK: "1", A_GOOD: "1", A_TRY: "x", B_OK: "0", B_GOOD: "0", B_TRY: "" };
const INFO = JSON.stringify({
  ...{ compatible: "scsigate-x86_64-debian", version: "1.2.0", description: "test", build: "20261128", hooks: [] },
  images: [{ kernel: { variant: null, filename: "kernel.img", size: 100000 } }],
});
const STATUS = JSON.stringify({
  compatible: "scsigate-x86_64-debian",
  booted: "A",
  boot_primary: "kernel.0",
  slots: [],
});
const STEPS = [
  "installing",
  "  0% Installing",
  " 20% Checking bundle",
  " 40% Checking bundle done.",
  " 60% Updating slots",
  " 90% Copying image to rootfs.1 done.",
  "100% Installing done.",
  "idle",
  "",
].join("\n");
const FAILED = [
  " 60% Checking manifest contents done.",
  "100% Installing failed.",
  "LastError: Failed mounting bundle: Failed to open /dev/mapper/control: No such file or directory",
  "idle",
  "",
].join("\n");

interface Context {
  test: TestExecutor;
  clock: ManualClock;
  executor: Executor;
  /** What the boot loader's state is. */
  boot: Record<string, string>;
  /** Programs that run beside others, and those that were asked to end. */
  beside: string[];
  ended: string[];
  /** What "rauc install" prints, and how it ends. */
  install: { text: string; code: number };
}

const updates = suite<Context>("the executor's updates");
updates.before.each((context) => {
  const test = testExecutor();
  const clock = new ManualClock();
  Object.assign(context, { test, clock, boot: { ...SHOW }, beside: [], ended: [], install: { text: STEPS, code: 0 } });
  const image = { board: "x86_64", compatible: "scsigate-x86_64-debian", version: "1.0.0", root: "debian" };
  test.tree.write({ "run/image/slot": "A", "image.json": JSON.stringify(image) });
  mkdirSync(join(test.tree.root, "data/scsigate/update"), { recursive: true });
  mkdirSync(join(test.tree.root, "data/update"), { recursive: true });
  test.outputs.set("rauc info", INFO);
  const { run } = test.context;
  Object.assign(test.context, {
    clock,
    async run(file: string, args: readonly string[], options?: object) {
      const text = await run(file, args, options);
      if (file === "scsigate-boot") return boot(context, args);
      return file === "env" && args.includes("status") ? STATUS : text;
    },
    stream(file: string, args: readonly string[], listener: StreamListener) {
      const line = [file, ...args].join(" ").replaceAll(test.tree.root, "");
      context.beside.push(line);
      if (file === "dbus-daemon") writeFileSync(join(test.tree.root, "run/scsigate/update/bus"), "");
      if (args.includes("install")) {
        setImmediate(() => {
          // in two pieces, as a pipe may have it
          listener.onData(Buffer.from(context.install.text.slice(0, 30)));
          listener.onData(Buffer.from(context.install.text.slice(30)));
          listener.onEnd(context.install.code, context.install.code === 0 ? "" : "Installing failed");
        });
      }
      return () => void context.ended.push(line);
    },
  });
  context.executor = new Executor(test.context, () => {});
});
updates.after.each(({ test, executor }) => {
  executor.stop();
  test.tree.dispose();
});

/** What scsigate-boot does to its state. */
function boot({ boot: state }: Context, [command, slot = "", value]: readonly string[]): string {
  if (command === "set-state") Object.assign(state, { [`${slot}_GOOD`]: value === "good" ? "1" : "0" });
  if (command === "set-primary") state["ORDER"] = slot === "A" ? "A B" : "B A";
  return Object.entries(state)
    .map(([name, text]) => `${name}=${text}\n`)
    .join("");
}

/** All answers to a request, up to the last. */
async function ask({ executor, clock }: Context, message: object): Promise<Reply[]> {
  const replies: Reply[] = [];
  let over = false;
  executor.handle(message, (reply) => {
    replies.push(reply);
    over ||= reply.type !== "installProgress";
  });
  for (const end = Date.now() + 30_000; Date.now() < end && !over; ) {
    await clock.pass(100);
    await new Promise((resolve) => setTimeout(resolve, 1)); // the disk takes its own time
  }
  return replies;
}

async function imageOf(context: Context): Promise<ImageState | null> {
  const reply = (await ask(context, { type: "image", id: 1 })).at(-1);
  return reply?.type === "image" ? reply.image : null;
}

function problemOf(replies: readonly Reply[]): string {
  const last = replies.at(-1);
  return last?.type === "refused" ? `${last.problem.code}: ${last.problem.message}` : String(last?.type);
}

async function take(context: Context): Promise<void> {
  context.test.tree.write({ "data/scsigate/update/bundle.raucb": "hsqs..." });
  const replies = await ask(context, { type: "takeBundle", id: 2, name: "bundle.raucb" });
  assert.is(replies.at(-1)?.type, "bundle", problemOf(replies));
}

updates("the image is what runs, and what the boot loader says of both slots", async (context) => {
  assert.equal(await imageOf(context), {
    ...{ board: "x86_64", compatible: "scsigate-x86_64-debian", version: "1.0.0", slot: "A", first: "A" },
    slots: {
      A: { version: "1.0.0", mayStart: true, confirmed: true, tries: 1 },
      B: { version: null, mayStart: false, confirmed: false, tries: 0 },
    },
  });
  context.test.tree.remove("run/image");
  assert.is(await imageOf(context), null);
});

updates(
  "an installation: bus and rauc run meanwhile and end with it; the slot's version is remembered",
  async (context) => {
    const { test, beside, ended } = context;
    await context.executor.start();
    await take(context);
    const replies = await ask(context, { type: "installBundle", id: 3 });
    assert.equal(replies.at(-1), { type: "installed", id: 3, slot: "B" }, problemOf(replies));
    const progress = replies.flatMap((reply) => (reply.type === "installProgress" ? [reply.percent] : []));
    assert.equal(progress, [0, 20, 40, 60, 90, 100]);
    const bus = "env DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/scsigate/update/bus";
    const programs = [
      "dbus-daemon --config-file=/etc/rauc/dbus.conf --nofork",
      `${bus} rauc service --override-boot-slot=A`,
    ];
    assert.equal(beside, [...programs, `${bus} rauc install /data/update/bundle.raucb`]);
    assert.equal(ended, [...programs].reverse());
    assert.not(test.tree.exists("data/update/bundle.raucb"));
    context.boot["B_OK"] = "1";
    assert.is((await imageOf(context))?.slots.B.version, "1.2.0");
  },
);

updates("a failure has RAUC's reason, and the slot has no version: nothing whole is in it", async (context) => {
  const { test, ended } = context;
  test.tree.write({ "data/update/slots.json": JSON.stringify({ A: "1.0.0", B: "0.9.0" }) });
  context.install = { text: FAILED, code: 1 };
  await take(context);
  const replies = await ask(context, { type: "installBundle", id: 3 });
  assert.match(problemOf(replies), "update-failed: the update failed: Failed mounting bundle: Failed to open");
  assert.is(ended.length, 2);
  assert.is((await imageOf(context))?.slots.B.version, null);
  context.install = {
    text: "LastError: Compatible mismatch: Expected 'one' but bundle manifest has 'other'\n",
    code: 1,
  };
  assert.match(problemOf(await ask(context, { type: "installBundle", id: 4 })), "update-not-ready");
  await take(context);
  assert.match(problemOf(await ask(context, { type: "installBundle", id: 5 })), "update-wrong-board");
});

updates("one thing at a time; the machine does not restart in the middle of writing", async (context) => {
  await take(context);
  context.install = { text: "", code: 0 };
  const { stream } = context.test.context;
  let finish: (() => void) | undefined;
  Object.assign(context.test.context, {
    stream(file: string, args: readonly string[], listener: StreamListener) {
      if (!args.includes("install")) return stream(file, args, listener);
      finish = () => listener.onEnd(0, "");
      return () => {};
    },
  });
  const first = ask(context, { type: "installBundle", id: 3 });
  assert.match(problemOf(await ask(context, { type: "installBundle", id: 4 })), "update-busy");
  assert.match(problemOf(await ask(context, { type: "dropBundle", id: 5 })), "update-busy");
  assert.match(problemOf(await ask(context, { type: "reboot", id: 6 })), "update-busy");
  await until("it is being written", () => finish !== undefined);
  finish?.();
  assert.is((await first).at(-1)?.type, "installed");
  assert.is((await ask(context, { type: "reboot", id: 7 })).at(-1)?.type, "rebooting");
});

updates("a bundle that was not taken over is not installed; a bus that does not come is said", async (context) => {
  assert.match(problemOf(await ask(context, { type: "installBundle", id: 3 })), "update-not-ready");
  await take(context);
  Object.assign(context.test.context, {
    stream(file: string, _args: readonly string[], listener: StreamListener) {
      listener.onEnd(1, `${file}: no such user`);
      return () => {};
    },
  });
  assert.match(
    problemOf(await ask(context, { type: "installBundle", id: 4 })),
    "the update service did not start: dbus-daemon: no such user",
  );
});

updates("going back: only to a slot that has run well", async (context) => {
  const { test, boot: state } = context;
  assert.match(problemOf(await ask(context, { type: "selectSlot", id: 1, slot: "B" })), "update-no-slot");
  Object.assign(state, { B_OK: "1" });
  assert.match(problemOf(await ask(context, { type: "selectSlot", id: 2, slot: "B" })), "update-no-slot");
  Object.assign(state, { B_GOOD: "1" });
  assert.is((await ask(context, { type: "selectSlot", id: 3, slot: "B" })).at(-1)?.type, "done");
  assert.ok(test.commands.includes("scsigate-boot set-primary B"));
  assert.is((await imageOf(context))?.first, "B");
});

async function startOn(context: Context, state: Record<string, string>, image: object = {}): Promise<void> {
  Object.assign(context.boot, state);
  const known = { board: "x86_64", compatible: "c", version: "1.0.0" };
  context.test.tree.write({ "image.json": JSON.stringify({ ...known, ...image }) });
  await context.executor.start();
}

const ON_TRIAL = { A_GOOD: "0", B_OK: "1", B_GOOD: "1" };
const restarts = ({ test }: Context) => test.commands.filter((line) => line === "reboot").length;

updates(
  "an image that nobody confirms is given up after five minutes, if there is one to go back to",
  async (context) => {
    await startOn(context, ON_TRIAL);
    await context.clock.pass(299_000);
    assert.is(restarts(context), 0);
    await context.clock.pass(2000);
    assert.is(restarts(context), 1);
  },
);

updates("... in another time, where the image says so", async (context) => {
  await startOn(context, ON_TRIAL, { confirmWithinSeconds: 20 });
  await context.clock.pass(21_000);
  assert.is(restarts(context), 1);
});

updates("... not once it is confirmed", async (context) => {
  await startOn(context, ON_TRIAL);
  assert.is((await ask(context, { type: "confirmSlot", id: 1 })).at(-1)?.type, "done");
  assert.ok(context.test.commands.includes("scsigate-boot set-state A good"));
  await context.clock.pass(1_000_000);
  assert.is(restarts(context), 0);
});

for (const [what, state] of [
  ["that has run well before", { A_GOOD: "1", B_OK: "1", B_GOOD: "1" }],
  ["of a new disk", { A_GOOD: "0" }],
  ["beside one that has never run well either", { A_GOOD: "0", B_OK: "1" }],
] as const) {
  updates(`an image ${what} is not given up`, async (context) => {
    await startOn(context, state);
    await context.clock.pass(1_000_000);
    assert.is(restarts(context), 0);
  });
}

updates("without scsigate-boot nothing is given up, and the rest goes on", async (context) => {
  Object.assign(context.test.context, {
    run: async () => {
      throw new ScsigateError("command-missing", "scsigate-boot is not installed", "Install it.");
    },
  });
  await context.executor.start();
  assert.match(problemOf(await ask(context, { type: "image", id: 1 })), "command-missing");
});

updates.run();
