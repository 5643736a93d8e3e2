// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigStore } from "../../src/config/store.ts";
import type { Config } from "../../src/config/types.ts";
import { Configuration } from "../../src/service/configuration.ts";
import { type GatewayState, initialState } from "../../src/service/gatewayState.ts";
import type { Problem } from "../../src/shared/errors.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { ManualClock } from "../support/manualClock.ts";
import { PowerCutFs } from "../support/powerCutFs.ts";

interface Rig {
  fs: PowerCutFs;
  clock: ManualClock;
  state: GatewayState;
  configuration: Configuration;
  /** Host names that were made to hold, in order. */
  activated: string[];
  /** What the next activation complains about. */
  problems: Problem[];
}

const OLD = { version: 1, hostname: "old" };
const NEW = { version: 1, hostname: "new" };

/** The service's start, on whatever is on the disk. */
async function start(fs: PowerCutFs): Promise<Rig> {
  const clock = new ManualClock();
  const store = new ConfigStore("/data", fs);
  const opened = await store.open();
  const state = initialState({ version: "1", commit: "" }, opened.loaded);
  const random = (bytes: number) => Buffer.alloc(bytes, 7);
  const configuration = new Configuration(store, opened, state, { clock, random, log: silentLogger() });
  const rig: Rig = { fs, clock, state, configuration, activated: [], problems: [] };
  configuration.start({
    async activate(config: Config) {
      rig.activated.push(config.hostname);
      return rig.problems;
    },
    check: async () => [],
    preview: async () => [],
  });
  return rig;
}

const suiteOf = suite<Rig>("transaction");
suiteOf.before.each(async (context) => {
  const fs = new PowerCutFs();
  fs.corrupt("/data/config.json", JSON.stringify(OLD));
  Object.assign(context, await start(fs));
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

suiteOf("a change that nobody confirms is undone when its time is over, and not before", async (rig) => {
  const tried = await rig.configuration.apply(NEW, 30);
  assert.is(tried.secondsLeft, 30);
  assert.is(tried.state, "applying");
  await rig.clock.pass(1000);
  assert.is(rig.configuration.transaction?.state, "waiting");
  assert.equal(rig.activated, ["new"]);
  await rig.clock.pass(28_900);
  assert.is(rig.configuration.transaction?.secondsLeft, 1);
  assert.is(rig.state.config.config.hostname, "new");
  await rig.clock.pass(500);
  assert.equal(rig.activated, ["new", "old"]);
  assert.is(rig.configuration.transaction?.state, "rolled-back");
  assert.match(rig.configuration.transaction?.reason ?? "", "not confirmed in time");
  assert.is(await codeOf(rig.configuration.confirm()), "config-not-waiting");
  assert.is((await start(rig.fs)).state.config.config.hostname, "old");
});

/** Lengths of the leases of both segments, as they are used now. */
function leases({ state }: Rig): number[] {
  return state.config.config.segments.map(({ dhcp }) => dhcp.leaseSeconds);
}

suiteOf(
  "leases are short while a segment's subnet is tried, and have their length when it is kept or undone",
  async (rig) => {
    const seg1 = { name: "seg1", ipv4: { address: "10.2.0.1/24" } };
    const document = (address: string) => ({ ...OLD, segments: [{ name: "seg0", ipv4: { address } }, seg1] });
    await rig.configuration.apply(document("10.1.0.1/24"), 30);
    await rig.clock.pass(1000);
    assert.equal(leases(rig), [120, 120], "both are new");
    await rig.configuration.confirm();
    assert.equal(leases(rig), [3600, 3600]);
    await rig.clock.pass(1000);
    assert.is(rig.activated.length, 2, "the machine follows");
    await rig.configuration.apply(document("10.3.0.1/24"), 30);
    assert.equal(leases(rig), [120, 3600]);
    await rig.clock.pass(31_000);
    assert.equal(leases(rig), [3600, 3600], "undone");
    await rig.configuration.apply({ ...document("10.1.0.1/24"), hostname: "new" }, 30);
    await rig.clock.pass(1000);
    assert.equal(leases(rig), [3600, 3600], "the name has nothing to do with it");
    await rig.configuration.confirm();
    await rig.configuration.apply({ ...document("10.1.0.1/24"), mode: "nat" }, 30);
    assert.equal(leases(rig), [120, 120]);
    await rig.configuration.confirm();
    rig.fs.restart("lost");
    assert.equal(leases(await start(rig.fs)), [3600, 3600]);
  },
);

suiteOf("how long ago a change ended is told, however it ended", async (rig) => {
  await rig.configuration.apply(NEW, 30);
  await rig.clock.pass(1000);
  assert.is(rig.configuration.transaction?.secondsAgo, null);
  assert.is((await rig.configuration.rollback()).secondsAgo, 0);
  await rig.clock.pass(90_500);
  assert.is(rig.configuration.transaction?.secondsAgo, 90);
  await rig.configuration.apply(NEW, 30);
  await rig.clock.pass(1000);
  await rig.configuration.confirm();
  await rig.clock.pass(7000);
  assert.is(rig.configuration.transaction?.secondsAgo, 7);
});

suiteOf("a confirmed change outlives its time and a restart", async (rig) => {
  await rig.configuration.apply(NEW, 30);
  await rig.clock.pass(1000);
  await rig.configuration.confirm();
  await rig.clock.pass(60_000);
  assert.equal(rig.activated, ["new"]);
  rig.fs.restart("lost");
  assert.is((await start(rig.fs)).state.config.config.hostname, "new");
});

suiteOf("a restart in the time between undoes the change, and says so", async (rig) => {
  const { id } = await rig.configuration.apply(NEW, 3600);
  await rig.clock.pass(1000);
  rig.fs.restart("lost");
  const again = await start(rig.fs);
  assert.is(again.state.config.config.hostname, "old");
  assert.is(again.configuration.transaction?.id, id);
  assert.is(again.configuration.transaction?.state, "rolled-back");
  assert.match(again.configuration.transaction?.reason ?? "", "restarted");
  assert.is(await codeOf(again.configuration.confirm(id)), "config-not-waiting");
  await again.configuration.apply(NEW, 30); // and the next one is possible
});

suiteOf("only one change at a time, whoever makes it", async (rig) => {
  const both = await Promise.all([
    codeOf(rig.configuration.apply(NEW, 30)),
    codeOf(rig.configuration.apply({ version: 1, hostname: "third" }, 30)),
  ]);
  assert.equal(both, ["none", "config-busy"]);
});

suiteOf("a change that was rolled back before it was made to hold does not come back", async (rig) => {
  await rig.configuration.apply(NEW, 30);
  await rig.configuration.rollback();
  await rig.clock.pass(10_000);
  assert.equal(rig.activated, ["old"]);
  assert.is(rig.configuration.transaction?.state, "rolled-back");
});

suiteOf("what a change could not bring about is told with it", async (rig) => {
  rig.problems.push({ code: "interface-missing", message: "there is no interface eth9", nextStep: "Look." });
  await rig.configuration.apply({ version: 1, lan: { interface: "eth9" } }, 30);
  await rig.clock.pass(1000);
  assert.equal(rig.configuration.transaction?.problems, rig.problems);
  assert.is(rig.configuration.transaction?.state, "waiting");
});

suiteOf("a confirmation names the change that is meant", async (rig) => {
  const { id } = await rig.configuration.apply(NEW, 30);
  assert.is(await codeOf(rig.configuration.confirm("another")), "config-not-waiting");
  await rig.configuration.confirm(id);
});

suiteOf("a disk that takes nothing refuses the change before anything happens", async (rig) => {
  rig.fs.failure = new Error("ENOSPC: no space left on device");
  assert.is(await codeOf(rig.configuration.apply(NEW, 30)), "data-unwritable");
  await rig.clock.pass(60_000);
  assert.equal(rig.activated, []);
  assert.is(rig.state.config.config.hostname, "old");
});

suiteOf("a disk that fills up before the confirmation: it still waits, and is undone in time", async (rig) => {
  await rig.configuration.apply(NEW, 30);
  await rig.clock.pass(1000);
  rig.fs.failure = new Error("ENOSPC: no space left on device");
  assert.is(await codeOf(rig.configuration.confirm()), "data-unwritable");
  assert.is(rig.configuration.transaction?.state, "waiting");
  await rig.clock.pass(30_000);
  assert.equal(rig.activated, ["new", "old"]);
});

suiteOf("the ETag changes with the document and with its secrets, and tells nothing of them", async (rig) => {
  const tags = [rig.configuration.etag];
  const change = async (document: object) => {
    await rig.configuration.apply(document, 30);
    await rig.configuration.confirm();
    tags.push(rig.configuration.etag);
  };
  await change(NEW);
  await change({ ...NEW, mqtt: { password: "one" } });
  await change({ ...NEW, mqtt: { password: "two" } });
  assert.is(new Set(tags).size, 4);
  assert.is(await codeOf(rig.configuration.apply(OLD, 30, tags[0])), "config-conflict");
});

suiteOf("changes that hold at once all hold, even when they come at the same time", async (rig) => {
  const add = (name: string) => (document: unknown) => {
    const { segments = [] } = document as { segments?: object[] };
    return { ...(document as object), segments: [...segments, { name }] };
  };
  const names = ["one", "two", "three"];
  assert.equal(await Promise.all(names.map((name) => rig.configuration.applyAtOnce(add(name)))), [true, true, true]);
  const { segments } = (await start(rig.fs)).configuration.document as { segments: { name: string }[] };
  assert.equal(
    segments.map(({ name }) => name),
    names,
  );
});

suiteOf("a patch of whatever is there keeps what a change before it has left", async (rig) => {
  const add = (more: object) => (document: unknown) => ({ ...(document as object), ...more });
  const first = rig.configuration.applyAtOnce(add({ mqtt: { username: "me" } }));
  const second = rig.configuration.change(add({ mode: "nat" }), 30, "*");
  await Promise.all([first, second]);
  await rig.configuration.confirm();
  assert.equal(rig.configuration.document, { ...OLD, mqtt: { username: "me" }, mode: "nat" });
});

suiteOf("a draft is of the document that it was begun from, and undoes nothing that came later", async (rig) => {
  rig.configuration.setDraft({ version: 1, hostname: "drafted" });
  await rig.configuration.applyAtOnce((document) => ({ ...(document as object), mode: "nat" }));
  rig.configuration.setDraft({ version: 1, hostname: "drafted twice" });
  assert.is(await codeOf(rig.configuration.applyDraft(30)), "config-conflict");
  assert.equal(rig.configuration.draft, { version: 1, hostname: "drafted twice" }, "it is not lost");
  rig.configuration.setDraft(undefined);
  rig.configuration.setDraft({ ...(rig.configuration.document as object), hostname: "drafted" });
  await rig.configuration.applyDraft(30);
  await rig.configuration.confirm();
  assert.equal(rig.configuration.document, { version: 1, hostname: "drafted", mode: "nat" });
});

suiteOf("a draft that was begun while a change waits does not undo it either", async (rig) => {
  await rig.configuration.apply({ ...OLD, mode: "nat" }, 30);
  rig.configuration.setDraft({ version: 1, hostname: "drafted" });
  await rig.configuration.confirm();
  assert.is(await codeOf(rig.configuration.applyDraft(30)), "config-conflict");
});

suiteOf("a draft sets and removes secrets, says so, and leaves the others alone", async (rig) => {
  const { configuration } = rig;
  const tryDraft = async (mqtt: object) => {
    configuration.setDraft({ ...OLD, mqtt });
    const { changes } = await configuration.planDraft();
    await configuration.applyDraft(30);
    await configuration.confirm();
    return changes;
  };
  const change = { path: "/mqtt/password", effects: ["telemetry"] };
  assert.equal(await tryDraft({ password: "hush" }), [{ ...change, after: "(secret)" }]);
  configuration.setDraft({ ...OLD, mqtt: { password: "never applied" } });
  configuration.setDraft(undefined);
  assert.equal(await tryDraft({ username: "me" }), [{ path: "/mqtt/username", after: "me", effects: ["telemetry"] }]);
  assert.equal(configuration.exportSecrets(), { "/mqtt/password": "hush" });
  // What a draft said of a secret holds for the drafts that are made of it: they do not show it.
  configuration.setDraft({ ...OLD, mqtt: { username: "me", password: null } });
  assert.equal(configuration.draft, { ...OLD, mqtt: { username: "me" } });
  assert.equal(await tryDraft({ username: "me" }), [{ ...change, before: "(secret)" }]);
  assert.equal(configuration.exportSecrets(), {});
  assert.equal((await start(rig.fs)).configuration.secretNames, []);
});

suiteOf("listeners hear how a change gets on", async (rig) => {
  const heard: string[] = [];
  rig.state.events.on("transaction", (transaction) => heard.push(transaction.state));
  rig.state.events.on("config", () => heard.push(`the machine follows: ${rig.activated.at(-1)}`));
  await rig.configuration.apply(NEW, 30);
  await rig.clock.pass(1000);
  await rig.configuration.confirm();
  assert.equal(heard, ["applying", "waiting", "the machine follows: new", "confirmed"]);
});

suiteOf("whatever is done in whatever order: what holds at the end is what is on the disk", async (rig) => {
  const random = mulberry(4711);
  for (let step = 0; step < 200; step++) {
    const choice = Math.floor(random() * 5);
    if (choice === 0) await codeOf(rig.configuration.apply({ version: 1, hostname: `h${step}` }, 10));
    else if (choice === 1) await codeOf(rig.configuration.confirm());
    else if (choice === 2) await codeOf(rig.configuration.rollback());
    else await rig.clock.pass(random() * 6000);
  }
  await rig.clock.pass(60_000);
  const holds = rig.state.config.config.hostname;
  assert.is(rig.activated.at(-1), holds);
  assert.is((rig.configuration.document as { hostname: string }).hostname, holds);
  assert.is((await start(rig.fs)).state.config.config.hostname, holds);
});

/** Small repeatable random numbers. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

suiteOf.run();
