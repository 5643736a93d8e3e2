// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigStore, type Opened } from "../../src/config/store.ts";
import { OUTCOMES, PowerCut, PowerCutFs } from "../support/powerCutFs.ts";

const A = { version: 1, hostname: "alpha" };
const B = { version: 1, hostname: "beta" };
const SECRETS_A = { "/a": "secret of alpha" };
const SECRETS_B = { "/a": "secret of beta" };
const DEADLINE = new Date(0);

function open(fs: PowerCutFs): Promise<Opened> {
  return new ConfigStore("/data", fs, ["users.json"]).open();
}

async function change(fs: PowerCutFs, document: unknown, secrets: Record<string, string>): Promise<void> {
  const store = new ConfigStore("/data", fs, ["users.json"]);
  await store.open();
  await store.stage("change", document, secrets, DEADLINE);
  await store.commit();
}

/** A disk with alpha confirmed on it. */
async function withAlpha(): Promise<PowerCutFs> {
  const fs = new PowerCutFs();
  await change(fs, A, SECRETS_A);
  fs.corrupt("/data/users.json", "[]");
  fs.restart("kept");
  return fs;
}

/** Runs an action until the power goes. True: it got to its end. */
async function untilCut(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (error instanceof PowerCut || (error instanceof Error && error.cause instanceof PowerCut)) return false;
    throw error;
  }
}

/** The document and its secrets belong together; says which they are. */
function which(opened: Opened): string {
  const { hostname } = opened.document as { hostname?: string };
  const expected = hostname === "alpha" ? SECRETS_A : hostname === "beta" ? SECRETS_B : {};
  assert.equal(opened.secrets, expected, `secrets of ${hostname}`);
  assert.equal(opened.loaded.errors, []);
  assert.is(opened.loaded.config.hostname, hostname ?? "scsigate");
  return hostname ?? "defaults";
}

/** Calls back for every step of an action, and every way in which a disk may come back after a power cut there. */
async function atEveryStep(
  prepare: () => Promise<PowerCutFs>,
  action: (fs: PowerCutFs) => Promise<unknown>,
  check: (fs: PowerCutFs, completed: boolean, where: string) => Promise<void>,
): Promise<number> {
  const whole = await prepare();
  whole.cutAfter(Number.POSITIVE_INFINITY);
  await action(whole);
  const total = whole.steps;
  for (let steps = 0; steps <= total; steps++) {
    for (const outcome of OUTCOMES) {
      const fs = await prepare();
      fs.cutAfter(steps);
      const completed = await untilCut(() => action(fs));
      fs.restart(outcome);
      await check(fs, completed, `cut after step ${steps} of ${total}, unsynced ${outcome}`);
    }
  }
  return total;
}

test("a power cut at any step of a confirmation leaves the old or the new configuration, whole", async () => {
  const seen = new Set<string>();
  const steps = await atEveryStep(
    withAlpha,
    (fs) => change(fs, B, SECRETS_B),
    async (fs, completed, where) => {
      const found = which(await open(fs));
      seen.add(found);
      assert.ok(found === "beta" || (!completed && found === "alpha"), `${where}: ${found}`);
      fs.restart("lost");
      assert.is(which(await open(fs)), found, `${where}: the same at the start after`);
      await change(fs, A, SECRETS_A);
      fs.restart("lost");
      assert.is(which(await open(fs)), "alpha", `${where}: the next change works`);
    },
  );
  assert.ok(steps > 15, `${steps} steps`);
  assert.equal([...seen].sort(), ["alpha", "beta"]);
});

test("a second power cut, while the start recovers from the first, changes nothing", async () => {
  const total = 22;
  for (let first = 0; first <= total; first++) {
    const cutOnce = async () => {
      const fs = await withAlpha();
      fs.cutAfter(first);
      await untilCut(() => change(fs, B, SECRETS_B));
      fs.restart("lost");
      return fs;
    };
    const expected = which(await open(await cutOnce()));
    await atEveryStep(cutOnce, open, async (fs, _completed, where) => {
      assert.is(which(await open(fs)), expected, `first cut after step ${first}, then ${where}`);
    });
  }
});

test("a change that was not confirmed is gone after a power cut, and that is said", async () => {
  const stage = async (fs: PowerCutFs) => {
    const store = new ConfigStore("/data", fs);
    await store.open();
    await store.stage("unconfirmed", B, SECRETS_B, DEADLINE);
  };
  await atEveryStep(withAlpha, stage, async (fs, completed, where) => {
    const opened = await open(fs);
    assert.is(which(opened), "alpha", where);
    if (completed) assert.is(opened.rolledBack, "unconfirmed", where);
    assert.is((await open(fs)).rolledBack, undefined, `${where}: said once`);
  });
});

test("a factory reset is all or nothing, at any power cut", async () => {
  const reset = async (fs: PowerCutFs) => {
    const store = new ConfigStore("/data", fs, ["users.json"]);
    await store.open();
    await store.reset();
  };
  await atEveryStep(withAlpha, reset, async (fs, completed, where) => {
    const found = which(await open(fs));
    const users = await fs.read("/data/users.json");
    assert.ok(found === "defaults" || (!completed && found === "alpha"), `${where}: ${found}`);
    assert.is(users, found === "alpha" ? "[]" : undefined, `${where}: users`);
  });
});

test("a discarded change leaves nothing behind", async () => {
  const fs = await withAlpha();
  const store = new ConfigStore("/data", fs);
  await store.open();
  await store.stage("x", B, SECRETS_B, DEADLINE);
  await store.discard();
  fs.restart("lost");
  const opened = await open(fs);
  assert.is(which(opened), "alpha");
  assert.is(opened.rolledBack, undefined);
});

const DAMAGED: [string, string][] = [
  ["nothing in it", ""],
  ["half a document", '{"version": 1, "hostname": "al'],
  ["zeros", "\0".repeat(64)],
  ["a list", "[1]"],
  ["a document of a newer program", '{"version": 99, "hostname": "future"}'],
];
for (const [what, content] of DAMAGED) {
  test(`config.json with ${what}: the last good version, and the state says so`, async () => {
    const fs = await withAlpha();
    fs.corrupt("/data/config.json", content);
    const { loaded, revision } = await open(fs);
    assert.is(loaded.config.hostname, "alpha");
    assert.is(loaded.source, "history");
    assert.match(loaded.errors[0]?.message ?? "", /version 1, the last good one, is used/);
    assert.is(revision, 1);
    await change(fs, B, SECRETS_B);
    assert.is(which(await open(fs)), "beta");
  });
}

test("a damaged document whose newest version is damaged too: the one before", async () => {
  const fs = await withAlpha();
  await change(fs, B, SECRETS_B);
  fs.corrupt("/data/config.json", "{");
  fs.corrupt("/data/history/000002.json", "{");
  assert.is((await open(fs)).loaded.config.hostname, "alpha");
});

test("a damaged document without any history: defaults, and why", async () => {
  const fs = new PowerCutFs();
  fs.corrupt("/data/config.json", "{");
  const { loaded } = await open(fs);
  assert.is(loaded.source, "defaults");
  assert.match(loaded.errors[0]?.message ?? "", "not JSON");
});

test("a document that was put there by hand becomes a version", async () => {
  const fs = new PowerCutFs();
  fs.corrupt("/data/config.json", JSON.stringify(A));
  assert.is((await open(fs)).revision, 1);
  fs.restart("lost");
  fs.corrupt("/data/config.json", "garbage");
  assert.is((await open(fs)).loaded.config.hostname, "alpha");
});

test("five versions are kept", async () => {
  const fs = new PowerCutFs();
  for (let number = 1; number <= 9; number++) await change(fs, { version: 1, hostname: `h${number}` }, {});
  const store = new ConfigStore("/data", fs);
  assert.equal(
    (await store.history()).map(({ revision, document }) => [revision, (document as { hostname: string }).hostname]),
    [
      [9, "h9"],
      [8, "h8"],
      [7, "h7"],
      [6, "h6"],
      [5, "h5"],
    ],
  );
});

test("a disk that takes no writes: the configuration is read, and a change is refused with a next step", async () => {
  const fs = await withAlpha();
  fs.failure = new Error("EROFS: read-only file system");
  assert.is(which(await open(fs)), "alpha");
  const store = new ConfigStore("/data", fs);
  await store.open();
  try {
    await store.stage("x", B, SECRETS_B, DEADLINE);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, "data-unwritable");
    assert.match((error as { nextStep: string }).nextStep, "df /data");
  }
});

test("a disk that fills up while a confirmed change is written: the change holds, and is finished later", async () => {
  const whole = await withAlpha();
  whole.cutAfter(Number.POSITIVE_INFINITY);
  await change(whole, B, SECRETS_B);
  const fs = await withAlpha();
  const store = new ConfigStore("/data", fs);
  await store.open();
  await store.stage("x", B, SECRETS_B, DEADLINE);
  const write = fs.write.bind(fs);
  fs.write = async (path, content, mode) => {
    if (!path.includes("pending")) throw new Error("ENOSPC: no space left on device");
    await write(path, content, mode);
  };
  assert.equal((await store.commit()).document, B);
  assert.is(which(await open(fs)), "beta"); // still full
  fs.write = write;
  fs.restart("lost");
  assert.is(which(await open(fs)), "beta");
  assert.is(await fs.read("/data/pending.json"), undefined);
});

test("secrets are in a file that only the service reads", async () => {
  const fs = await withAlpha();
  assert.is(fs.modes.get("/data/secrets.json"), 0o600);
  assert.is(fs.modes.get("/data/pending.json"), 0o600);
  for (const name of ["config.json", "history/000001.json"]) {
    assert.not.match((await fs.read(`/data/${name}`)) ?? "", "secret of");
  }
});

test("property: whatever stands in the files, opening gives a configuration and does not throw", async () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constant('{"version":1,"state":"committing","id":"x","document":{}}'),
  );
  await fc.assert(
    fc.asyncProperty(text, text, text, text, async (config, pending, secrets, history) => {
      const fs = new PowerCutFs();
      fs.corrupt("/data/config.json", config);
      fs.corrupt("/data/pending.json", pending);
      fs.corrupt("/data/secrets.json", secrets);
      fs.corrupt("/data/history/000001.json", history);
      const { loaded } = await open(fs);
      assert.is(loaded.config.version, 1);
    }),
  );
});

test("after a fall-back, what was confirmed before the update holds, with its secrets; a change of it is kept", async () => {
  const fs = await withAlpha();
  const before = new ConfigStore("/data", fs, []);
  await before.keepBeforeUpdate(await before.open());
  // What the new version leaves: a form that we do not know, other names of secrets, and a history of its own.
  const newer = { version: 99, network: { name: "alpha" } };
  fs.corrupt("/data/config.json", JSON.stringify(newer));
  fs.corrupt("/data/secrets.json", JSON.stringify({ "/network/key": "renamed" }));
  for (const number of [1, 2, 3, 4, 5]) fs.corrupt(`/data/history/00000${number}.json`, JSON.stringify(newer));
  const fallen = await open(fs);
  assert.is(which(fallen), "alpha");
  assert.is(fallen.loaded.source, "history");
  assert.equal(await fs.read("/data/config.json"), JSON.stringify(newer), "the way forward again is open");
  await change(fs, B, SECRETS_B);
  assert.is(which(await open(fs)), "beta");
});

test("what was kept before an update is of no use for another fault, and goes with a factory reset", async () => {
  const fs = await withAlpha();
  const store = new ConfigStore("/data", fs, []);
  await store.keepBeforeUpdate(await store.open());
  await change(fs, B, SECRETS_B);
  assert.is(which(await open(fs)), "beta");
  fs.corrupt("/data/config.json", "{ damaged");
  assert.is((await open(fs)).loaded.config.hostname, "beta", "the history is newer");
  await (await openStore(fs)).reset();
  assert.is(await fs.read("/data/before-update.json"), undefined);
});

async function openStore(fs: PowerCutFs): Promise<ConfigStore> {
  const store = new ConfigStore("/data", fs, []);
  await store.open();
  return store;
}

test("secrets that cannot be read are no absent ones: no change is taken that would lose them", async () => {
  const fs = await withAlpha();
  fs.broken.add("/data/secrets.json");
  const store = new ConfigStore("/data", fs, ["users.json"]);
  await store.open();
  assert.match(store.problem?.message ?? "", "the secrets could not be read");
  fs.broken.clear(); // what was not read then is not known now either
  const refused = await store.stage("change", B, {}, DEADLINE).catch((error: Error) => error.message);
  assert.match(String(refused), "a change would lose them");
  assert.is(which(await open(fs)), "alpha");
});

test("a confirmation that fails half-way waits again: what is then rolled back does not come back", async () => {
  const fs = await withAlpha();
  const store = new ConfigStore("/data", fs, ["users.json"]);
  await store.open();
  await store.stage("change", B, SECRETS_B, DEADLINE);
  // The name of the new file is there; that it stays is not sure.
  const sync = fs.sync.bind(fs);
  let failures = 1;
  fs.sync = async (path) => {
    if (path === "/data" && failures-- > 0) throw new Error("EIO: /data");
    return sync(path);
  };
  assert.match(String(await store.commit().catch((error: Error) => error.message)), "EIO");
  fs.failure = new Error("EROFS");
  await store.discard().catch(() => {});
  fs.failure = undefined;
  fs.restart("kept");
  assert.is(which(await open(fs)), "alpha");
});

test("a confirmation that the next start would find, and that cannot be taken back, holds", async () => {
  const fs = await withAlpha();
  const store = new ConfigStore("/data", fs, ["users.json"]);
  await store.open();
  await store.stage("change", B, SECRETS_B, DEADLINE);
  const sync = fs.sync.bind(fs);
  fs.sync = async (path) => {
    if (path === "/data") {
      fs.failure = new Error("EROFS"); // the disk is read-only from here on
      throw new Error("EIO: /data");
    }
    return sync(path);
  };
  assert.equal((await store.commit()).document, B);
  fs.sync = sync;
  fs.failure = undefined;
  fs.restart("kept");
  assert.is(which(await open(fs)), "beta");
});

test.run();
