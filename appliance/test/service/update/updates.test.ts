// SPDX-License-Identifier: Apache-2.0
// What the service makes of updates, start by start: the boot loader and RAUC are behind a fake of the executor.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Health, Problem, Status } from "../../../src/api/status.ts";
import { type GatewayState, initialState } from "../../../src/service/gatewayState.ts";
import type { Monitor } from "../../../src/service/monitor.ts";
import type { UpdateEvent } from "../../../src/service/telemetry/events.ts";
import { Updates } from "../../../src/service/update/updates.ts";
import { ScsigateError } from "../../../src/shared/errors.ts";
import { silentLogger } from "../../../src/shared/log.ts";
import { COMPATIBLE, FakeImage } from "../../support/fakeImage.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { configOf } from "../../support/telemetryRig.ts";
import { type Tree, temporaryTree } from "../../support/tree.ts";

interface Context {
  tree: Tree;
  image: FakeImage;
  events: UpdateEvent[];
  restarts: number;
  kept: number;
  /** Counts the machine's starts. */
  boots: number;
}

/** The service between two of its starts. */
interface Running {
  updates: Updates;
  state: GatewayState;
  clock: ManualClock;
  /** What the monitor says from now on, for so many seconds. */
  lives(health: Health, seconds: number): Promise<void>;
}

const OK: Health = { status: "ok", reasons: [] };
const STARTING: Health = { status: "starting", reasons: [] };
const suiteOf = suite<Context>("updates");
suiteOf.before.each((context) => {
  const tree = temporaryTree();
  mkdirSync(join(tree.root, "data"));
  Object.assign(context, { tree, events: [], restarts: 0, kept: 0, boots: 0 });
  context.image = new FakeImage(() => join(tree.root, "data"));
});
suiteOf.after.each(({ tree }) => tree.dispose());

function bad(...codes: Problem["code"][]): Health {
  return { status: "degraded", reasons: codes.map((code) => ({ code, message: "it is wrong", nextStep: "Do." })) };
}

/** @param boot whether the machine starts, not only the service */
async function start(context: Context, boot = true): Promise<Running> {
  const { tree, image } = context;
  if (boot) context.boots += 1;
  tree.write({ "proc/sys/kernel/random/boot_id": `boot-${context.boots}` });
  const clock = new ManualClock();
  let health = OK;
  const monitor = {
    get status() {
      return { health } as Status;
    },
  } as unknown as Monitor;
  const environment = {
    paths: { data: join(tree.root, "data"), proc: join(tree.root, "proc") },
    clock,
    executor: {
      image,
      reboot: async () => {
        context.restarts += 1;
      },
    },
  };
  const loaded = { config: configOf({ version: 1 }), source: "file" as const, errors: [] };
  const state = initialState({ version: "1.0.0", commit: "a" }, loaded);
  const updates = new Updates({
    ...{ environment, state, monitor, log: silentLogger() },
    keepConfiguration: async () => {
      context.kept += 1;
    },
    tell: (event) => context.events.push(event),
  });
  await updates.start();
  return {
    updates,
    state,
    clock,
    async lives(next, seconds) {
      health = next;
      for (let second = 0; second < seconds; second++) {
        await clock.pass(1000);
        state.events.tell("status", { health } as Status);
      }
      await clock.pass(1);
    },
  };
}

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

function send({ updates }: Running, text = "a bundle") {
  return updates.receive({
    name: "u.raucb",
    size: text.length,
    data: pieces(text.slice(0, 3), text.slice(3)),
    stop() {},
  });
}

async function install(running: Running, options: { allowDowngrade?: boolean; restart?: boolean } = {}): Promise<void> {
  await running.updates.install({ allowDowngrade: false, restart: false, ...options });
  await until(() => running.updates.view.state !== "installing");
}

/** What is under way needs the disk, which a busy machine may wait for. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end && !condition(); ) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(condition());
}

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "done",
    (error: unknown) => (error instanceof ScsigateError ? error.code : String(error)),
  );
}

const types = ({ events }: Context) => events.map(({ type }) => type);

suiteOf("from receiving to the first good start of the new image", async (context) => {
  const { image } = context;
  const before = await start(context);
  const received = await send(before);
  assert.is(received.state, "ready");
  assert.is(received.bundle?.version, "1.1.0");
  assert.is(before.state.update.latestVersion, "1.1.0");
  await install(before, { restart: true });
  assert.is(before.updates.view.state, "ready-to-restart");
  assert.is(context.kept, 1, "the configuration was kept");
  assert.equal(types(context), ["update-installed"]);
  await before.clock.pass(1000);
  assert.is(context.restarts, 1);

  image.boot();
  const after = await start(context);
  assert.is(after.updates.view.image?.running.name, "B");
  await after.lives(OK, 29);
  assert.not(image.asked.includes("confirm"));
  await after.lives(OK, 3);
  assert.ok(image.asked.includes("confirm"));
  await until(() => context.events.length === 2);
  assert.is(after.updates.view.last?.result, "confirmed");
  assert.equal(context.events.at(-1), { type: "update-confirmed", version: "1.1.0" });
  assert.is(after.updates.view.image?.running.confirmed, true);
});

suiteOf("an image on trial is not confirmed while something is wrong that it may be the cause of", async (context) => {
  const { image } = context;
  const before = await start(context);
  await before.lives(bad("adapter-missing"), 1); // as before the update
  await send(before);
  await install(before);
  image.boot();
  const after = await start(context);
  await after.lives(STARTING, 60);
  await after.lives(bad("segment-missing", "broker-unreachable"), 60);
  assert.not(image.asked.includes("confirm"));
  assert.equal(
    after.updates.view.image?.waitingFor.map(({ code }) => code),
    ["segment-missing"],
  );
  await after.lives(bad("lan-no-carrier", "broker-unreachable", "adapter-missing"), 32);
  assert.ok(image.asked.includes("confirm"), "a cable, a broker, and what was wrong before do not count");
  await until(() => context.events.length === 2);
});

suiteOf("an image that has run well before is confirmed as soon as it is up, whatever is wrong", async (context) => {
  const running = await start(context);
  await running.lives(bad("lan-no-address", "segment-missing"), 32);
  assert.ok(context.image.asked.includes("confirm"));
  assert.equal(context.events, []);
});

suiteOf(
  "an update that does not start: told once, in state, event and health, until somebody has seen it",
  async (context) => {
    const { image } = context;
    const before = await start(context);
    await send(before);
    await install(before);
    image.boot(false);
    const after = await start(context);
    const { view } = after.updates;
    assert.is(view.last?.result, "fell-back");
    assert.match(
      view.last?.problem?.message ?? "",
      "the update to 1.1.0 did not start, or did not run well; 1.0.0 runs again",
    );
    assert.equal(types(context), ["update-installed", "update-fell-back"]);
    const check = () => after.state.checks.flatMap((one) => one()).map((problem) => problem?.code);
    assert.equal(check(), ["update-fell-back"]);
    await start(context, false);
    await start(context);
    assert.is(context.events.length, 2, "not again with each start");
    await after.updates.cancel();
    assert.equal(check(), [undefined]);
    assert.is((await start(context)).updates.view.last?.result, "fell-back", "it is still shown");
  },
);

suiteOf("the first choice that does not start is told, without any update as well", async (context) => {
  const { image } = context;
  assert.ok(image.state);
  image.state.slots.B = { version: "0.9.0", mayStart: true, confirmed: true, tries: 0 };
  image.boot(false);
  const { updates } = await start(context);
  assert.match(
    updates.view.last?.problem?.message ?? "",
    "1.0.0, in slot A, did not start, or did not run well; 0.9.0 runs",
  );
  assert.equal(types(context), ["update-fell-back"]);
});

suiteOf("a start of the service alone changes nothing of what waits", async (context) => {
  const before = await start(context);
  await send(before);
  await install(before);
  const again = await start(context, false);
  assert.is(again.updates.view.state, "ready-to-restart");
  await again.updates.restart();
  await again.clock.pass(1000);
  assert.is(context.restarts, 1);
});

suiteOf("power that goes while an image is written: the one that ran runs, and says so", async (context) => {
  const { image } = context;
  const before = await start(context);
  await send(before);
  image.proceed = new Promise(() => {}); // for ever
  await before.updates.install({ allowDowngrade: false, restart: false });
  await until(() => before.updates.view.last?.result === "installing" && before.updates.view.progress?.percent === 60);
  const after = await start(context);
  assert.is(after.updates.view.state, "failed");
  assert.match(after.updates.view.problem?.message ?? "", "restarted while the update was written");
  assert.equal(types(context), ["update-failed"]);
  image.proceed = Promise.resolve();
  await send(after);
  await install(after);
  assert.is(after.updates.view.state, "ready-to-restart");
});

suiteOf(
  "power that goes between the last byte and our note of it: the new image is not taken for a stranger",
  async (context) => {
    const { image } = context;
    const before = await start(context);
    await send(before);
    await install(before);
    const record = JSON.parse(context.tree.read("data/update/last.json") ?? "") as object;
    context.tree.write({ "data/update/last.json": JSON.stringify({ ...record, result: "installing" }) });
    image.boot();
    const after = await start(context);
    await after.lives(OK, 32);
    await until(() => after.updates.view.last?.result === "confirmed");
  },
);

suiteOf(
  "the same, where the slot was the first choice already since the update before did not start",
  async (context) => {
    const { image } = context;
    assert.ok(image.state);
    image.state.first = "B";
    image.state.slots.B = { version: "1.0.1", mayStart: true, confirmed: false, tries: 3 };
    const before = await start(context);
    await before.updates.cancel();
    await send(before);
    image.proceed = new Promise(() => {}); // for ever
    await before.updates.install({ allowDowngrade: false, restart: false });
    await until(
      () => before.updates.view.last?.result === "installing" && before.updates.view.progress?.percent === 60,
    );
    image.state.slots.B = { version: null, mayStart: false, confirmed: false, tries: 0 };
    const after = await start(context);
    assert.match(after.updates.view.problem?.message ?? "", "restarted while the update was written");
  },
);

suiteOf(
  "a service that ends while the executor installs: what was installed waits for its restart",
  async (context) => {
    const { image } = context;
    const before = await start(context);
    await send(before);
    let finish = () => {};
    image.proceed = new Promise((resolve) => {
      finish = resolve;
    });
    await before.updates.install({ allowDowngrade: false, restart: false });
    await until(
      () => before.updates.view.last?.result === "installing" && before.updates.view.progress?.percent === 60,
    );
    const record = context.tree.read("data/update/last.json") ?? "";
    finish();
    await until(() => before.updates.view.state === "ready-to-restart");
    context.tree.write({ "data/update/last.json": record });
    const { view } = (await start(context, false)).updates;
    assert.equal([view.state, view.last?.result], ["ready-to-restart", "installed"]);
  },
);

suiteOf("an image that waits for its restart still waits when another bundle is refused", async (context) => {
  const { image } = context;
  const running = await start(context);
  const { updates } = running;
  await send(running);
  await install(running);
  image.bundle = new ScsigateError("update-not-trusted", "not ours", "Get ours.");
  assert.is(await codeOf(send(running)), "update-not-trusted");
  assert.is((await updates.cancel()).state, "ready-to-restart");
  assert.is((await updates.cancel()).state, "idle");
  assert.is(image.state?.first, "A");
});

suiteOf("the same or an older version is refused, unless that is allowed knowingly", async (context) => {
  const { image } = context;
  for (const [version, words] of [
    ["1.0.0", "runs already"],
    ["0.9.0", "is older"],
    ["nightly", "nobody can tell"],
  ] as const) {
    image.bundle = { compatible: COMPATIBLE, version, description: "", build: "" };
    const running = await start(context);
    const { bundle } = await send(running);
    assert.match(bundle?.downgrade?.message ?? "", words);
    assert.is(running.state.update.latestVersion, null, "nobody is told of an update");
    assert.is(await codeOf(running.updates.install({ allowDowngrade: false, restart: false })), "update-not-newer");
    assert.is(await codeOf(running.updates.installAndRestart()), "update-not-newer");
    assert.match(JSON.stringify(context.events.at(-1)), words);
    await install(running, { allowDowngrade: true });
    assert.is(running.updates.view.state, "ready-to-restart", version);
  }
});

suiteOf("a bundle that is refused leaves nothing behind, and the next one is taken", async (context) => {
  const { image } = context;
  const running = await start(context);
  image.bundle = new ScsigateError("update-not-trusted", "the bundle is not signed by us", "Get ours.");
  assert.is(await codeOf(send(running)), "update-not-trusted");
  assert.is(running.updates.view.state, "failed");
  image.bundle = { compatible: "scsigate-rpi5-buildroot", version: "2.0.0", description: "", build: "" };
  assert.is(await codeOf(send(running)), "update-wrong-board");
  assert.is(image.asked.at(-1), "drop");
  assert.is(await codeOf(running.updates.install({ allowDowngrade: true, restart: false })), "update-not-ready");
  image.bundle = { compatible: COMPATIBLE, version: "2.0.0", description: "", build: "" };
  assert.is((await send(running)).state, "ready");
  assert.is(running.updates.view.problem, null);
});

suiteOf("an installation that fails says why, tells it, and can be tried again", async (context) => {
  const { image } = context;
  const running = await start(context);
  await send(running);
  image.failure = new ScsigateError("update-failed", "the disk is broken", "Use another one.");
  await install(running);
  const { state, problem, last } = running.updates.view;
  assert.equal([state, problem?.message, last?.result], ["failed", "the disk is broken", "failed"]);
  assert.equal(types(context), ["update-failed"]);
  image.failure = undefined;
  await send(running);
  await install(running);
  assert.is(running.updates.view.state, "ready-to-restart");
});

suiteOf("a bundle that is cut off, too long for the disk, or comes while another one does", async (context) => {
  const running = await start(context);
  const { updates } = running;
  const cut = updates.receive({ name: "u", size: 100, data: pieces("only this"), stop() {} });
  assert.is(await codeOf(send(running)), "update-busy");
  assert.is(await codeOf(cut), "update-damaged");
  assert.is(await codeOf(updates.receive({ name: "u", size: 2 ** 31, data: pieces(), stop() {} })), "update-too-long");
  assert.not(context.tree.exists("data/update/bundle.raucb"));
  rmSync(join(context.tree.root, "data/update"), { recursive: true });
  context.tree.write({ "data/update": "no folder" });
  assert.is(await codeOf(send(running)), "data-unwritable");
});

suiteOf("going back, and giving it up", async (context) => {
  const { image } = context;
  const first = await start(context);
  assert.is(await codeOf(first.updates.back(false)), "update-no-slot");
  await send(first);
  await install(first);
  image.boot();
  const second = await start(context);
  await second.lives(OK, 32);
  await until(() => second.updates.view.last?.result === "confirmed");
  assert.is((await second.updates.back(false)).state, "ready-to-restart");
  assert.is(image.state?.first, "A");
  assert.is((await second.updates.cancel()).state, "idle");
  assert.is(image.state?.first, "B");
  assert.is((await start(context)).updates.view.last?.result, "failed", "given up, and no fall-back");
  await second.updates.back(true);
  await second.clock.pass(1000);
  assert.is(context.restarts, 1);
  image.boot();
  const third = await start(context);
  await third.lives(OK, 32);
  await until(() => third.updates.view.last?.result === "confirmed");
  assert.equal([third.updates.view.last?.kind, third.updates.view.image?.running.version], ["back", "1.0.0"]);
});

suiteOf("a machine without the image says so, and does nothing", async (context) => {
  context.image.state = null;
  const running = await start(context);
  const { view } = running.updates;
  assert.equal([view.image, view.problem?.code, view.state], [null, "update-no-image", "idle"]);
  assert.match(view.problem?.nextStep ?? "", "package manager");
  for (const attempt of [
    () => send(running),
    () => running.updates.back(false),
    async () => running.updates.fetch("http://127.0.0.1/x"),
  ]) {
    assert.is(await codeOf(attempt()), "update-no-image");
  }
  await running.lives(OK, 60);
  assert.equal(context.image.asked, []);
  assert.is(running.state.update.version, null);
});

suiteOf("an image whose state cannot be read is told as that", async (context) => {
  context.image.read = async () => {
    throw new ScsigateError("command-failed", "the boot partition cannot be read", "Look at the disk.");
  };
  const { updates } = await start(context);
  assert.match(updates.view.problem?.message ?? "", "the state of the image cannot be read: the boot partition");
});

suiteOf.run();
