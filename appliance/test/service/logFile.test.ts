// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LogFile } from "../../src/service/logFile.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { LogBuffer } from "../../src/shared/logBuffer.ts";
import { ManualClock } from "../support/manualClock.ts";
import { PowerCutFs } from "../support/powerCutFs.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

const PATH = "/data/log.json";
const MINUTE = 60_000;

interface Rig {
  tree: Tree;
  fs: PowerCutFs;
  clock: ManualClock;
}

interface Started {
  logs: LogBuffer;
  file: LogFile;
  say: (msg: string, level?: string, process?: string) => void;
}

const log = suite<Rig>("the log's file");
log.before.each((context) => {
  context.tree = temporaryTree();
  context.tree.write({ "proc/sys/kernel/random/boot_id": "one" });
  context.fs = new PowerCutFs();
  context.clock = new ManualClock();
});
log.after.each(({ tree }) => tree.dispose());

async function start({ tree, fs, clock }: Rig, first: readonly string[] = []): Promise<Started> {
  const logs = new LogBuffer();
  const say = (msg: string, level = "info", process = "service") =>
    logs.write(JSON.stringify({ level, time: "", process, msg }));
  for (const msg of first) say(msg);
  const file = new LogFile({ data: "/data", proc: `${tree.root}/proc`, fs, clock, logs, log: silentLogger() });
  await file.start();
  return { logs, file, say };
}

const said = ({ logs }: Started) => logs.last(500).map(({ msg }) => msg);
const kept = async ({ fs }: Rig) => JSON.parse((await fs.read(PATH)) ?? '{"lines":[]}') as { lines: unknown[] };

log("what was said outlives a restart of the machine, in order, before what is said since", async (rig) => {
  const before = await start(rig);
  before.say("service");
  before.say("kernel", "warn", "kernel");
  await before.file.stop();
  rig.tree.write({ "proc/sys/kernel/random/boot_id": "two" });
  const after = await start(rig, ["started"]);
  after.say("later");
  assert.equal(said(after), ["service", "kernel", "started", "later"]);
  const [first, second] = after.logs.last(500);
  assert.equal(after.logs.last(1, second?.cursor).length, 1);
  assert.is.not(first?.cursor, second?.cursor);
});

log("of a machine that goes on, only the service's lines: the executor tells its own again", async (rig) => {
  const before = await start(rig);
  before.say("service");
  before.say("kernel", "warn", "kernel");
  await before.file.stop();
  assert.equal(said(await start(rig)), ["service"]);
});

log(
  "it is written ten minutes after trouble at the most often, else once an hour, and not without news",
  async (rig) => {
    const one = await start(rig);
    one.say("calm");
    await rig.clock.pass(59 * MINUTE);
    assert.is((await kept(rig)).lines.length, 0);
    await rig.clock.pass(2 * MINUTE);
    assert.is((await kept(rig)).lines.length, 1);
    const writes = rig.fs.steps;
    await rig.clock.pass(180 * MINUTE);
    assert.is(rig.fs.steps, writes, "nothing new");
    one.say("wrong", "error");
    await rig.clock.pass(1 * MINUTE);
    assert.is((await kept(rig)).lines.length, 2, "soon, as the last time was long ago");
    one.say("wrong again", "error");
    await rig.clock.pass(8 * MINUTE);
    assert.is((await kept(rig)).lines.length, 2);
    await rig.clock.pass(3 * MINUTE);
    assert.is((await kept(rig)).lines.length, 3);
  },
);

log("it is bounded, a damaged one is none, and a reset's past is not kept", async (rig) => {
  const one = await start(rig);
  for (let at = 0; at < 600; at++) one.say(`${at} ${"x".repeat(1000)}`);
  await one.file.stop();
  assert.ok(((await rig.fs.read(PATH)) ?? "").length < 140 * 1024);
  assert.match(JSON.stringify((await kept(rig)).lines.at(-1)), "599");
  rig.fs.corrupt(PATH, '{"lines":7');
  const two = await start(rig);
  assert.equal(said(two), []);
  two.say("the last owner's");
  two.file.forget();
  two.say("the next one's");
  await two.file.stop();
  assert.equal(said(await start(rig)), ["the next one's"]);
});

log.run();
