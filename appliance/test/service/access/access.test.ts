// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Access, type LoginResult } from "../../../src/service/access/access.ts";
import { AccessStore } from "../../../src/service/access/accessStore.ts";
import { silentLogger } from "../../../src/shared/log.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { PowerCutFs } from "../../support/powerCutFs.ts";

const PASSWORD = "correct horse battery";
const OWNER = "192.0.2.1";

interface Rig {
  fs: PowerCutFs;
  store: AccessStore;
  access: Access;
}

const access = suite<Rig>("access");
access.before.each(async (context) => {
  context.fs = new PowerCutFs();
  context.store = new AccessStore("/data", context.fs, randomBytes);
  await context.store.open();
  context.access = new Access(context.store, new ManualClock(), randomBytes, silentLogger());
  assert.is((await context.access.setup(context.store.setupToken ?? "", "admin", PASSWORD, OWNER)).type, "in");
});

/** What another start would find. */
async function onDisk(fs: PowerCutFs): Promise<AccessStore> {
  const store = new AccessStore("/data", fs, randomBytes);
  await store.open();
  return store;
}

/** Who a request with these headers comes from. */
function via({ access }: Rig, headers: Record<string, string>): string {
  return access.identify({ headers } as unknown as IncomingMessage).via;
}

access("a user's own new password takes the present one, ends the other sessions, and leaves this one", async (rig) => {
  await rig.store.setUser("viewer", "read", PASSWORD);
  const [here, elsewhere] = [
    await rig.access.login("viewer", PASSWORD, OWNER),
    await rig.access.login("viewer", PASSWORD, OWNER),
  ];
  assert.is((await rig.access.changePassword("viewer", "a guess", "another good one", OWNER)).type, "wrong");
  assert.is((await rig.access.login("viewer", PASSWORD, OWNER)).type, "in", "nothing has changed");
  const changed = await rig.access.changePassword("viewer", PASSWORD, "another good one", OWNER);
  const cookie = (result: LoginResult) => (result.type === "in" ? result.cookie : "");
  assert.is(via(rig, { cookie: cookie(changed) }), "session");
  assert.is(changed.type === "in" && changed.session.scope, "read");
  for (const old of [here, elsewhere]) assert.is(via(rig, { cookie: cookie(old) }), "none");
  assert.is((await rig.access.login("viewer", PASSWORD, OWNER)).type, "wrong");
  assert.is((await rig.access.login("viewer", "another good one", OWNER)).type, "in");
});

access("guesses of the present password are counted as those of a login are", async (rig) => {
  let waits = 0;
  for (let count = 0; count < 50; count++) {
    const { type } = await rig.access.changePassword("admin", `guess ${count}`, "another good one", OWNER);
    if (type === "wait") waits += 1;
  }
  assert.ok(waits > 30, String(waits));
});

access(
  "a key counts whatever the letters of its scheme; what a proxy takes beside a session does not matter",
  async (rig) => {
    const { secret } = await rig.store.addKey("robot", "read", new Date(0));
    for (const scheme of ["Bearer", "bearer", "BEARER", "Bearer "]) {
      assert.is(via(rig, { authorization: `${scheme} ${secret}` }), "key", scheme);
    }
    const login = await rig.access.login("admin", PASSWORD, OWNER);
    assert.is(login.type, "in");
    const cookie = login.type === "in" ? login.cookie : "";
    assert.is(via(rig, { cookie }), "session");
    assert.is(via(rig, { cookie, authorization: "Basic YTpi" }), "session");
    // Whoever sends a key means it.
    assert.is(via(rig, { cookie, authorization: "bearer guess" }), "none");
    assert.is(via(rig, { cookie, authorization: "Bearer" }), "none");
  },
);

access(
  "a file that cannot be read is no absent one: nobody gets in, nothing is opened or lost, and it is tried again",
  async ({ fs }) => {
    fs.broken.add("/data/access.json");
    const store = new AccessStore("/data", fs, randomBytes);
    const failed = await store.open().catch((error: Error) => error.message);
    assert.match(String(failed), "users and keys cannot be read, so nobody can log in: EIO");
    const again = new Access(store, new ManualClock(), randomBytes, silentLogger());
    assert.is(again.setupNeeded, false);
    assert.is(again.identify({ headers: {} } as unknown as IncomingMessage).scope, null);
    for (const attempt of [
      () => store.login("admin", PASSWORD, () => true),
      () => store.setUser("other", "admin", PASSWORD),
      () => store.addKey("robot", "admin", new Date(0)),
    ]) {
      assert.match(String(await attempt().catch((error: Error) => error.message)), "cannot be read");
    }
    fs.broken.clear();
    assert.is(await store.login("admin", PASSWORD, () => true), true);
    assert.equal(
      (await onDisk(fs)).users.map(({ name }) => name),
      ["admin"],
    );
  },
);

access("changes at the same time all hold, in memory and on disk", async ({ fs, store }) => {
  const now = new Date(0);
  const made = await Promise.all(["one", "two", "three"].map((name) => store.addKey(name, "admin", now)));
  assert.is(store.keys.length, 3);
  const gone = made.slice(0, 2);
  assert.equal(await Promise.all(gone.map(({ key }) => store.removeKey(key.id))), [true, true]);
  for (const held of [store, await onDisk(fs)]) {
    assert.equal(
      held.keys.map(({ name }) => name),
      ["three"],
    );
    for (const { secret } of gone) assert.is(held.findKey(secret), undefined);
  }
});

access("of two administrators that remove each other at the same time, one stays", async ({ store }) => {
  await store.setUser("second", "admin", PASSWORD);
  const both = await Promise.allSettled([store.removeUser("admin"), store.removeUser("second")]);
  assert.equal(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.is(store.users.length, 1);
});

access("a setup token makes one administrator, however many use it at once", async (rig) => {
  await rig.store.forget();
  const token = rig.store.setupToken ?? "";
  const names = ["one", "two"];
  const results = await Promise.all(names.map((name) => rig.access.setup(token, name, PASSWORD, OWNER)));
  assert.equal(results.map(({ type }) => type).sort(), ["in", "wrong"]);
  assert.is(rig.store.users.length, 1);
});

access("who is removed while their password is looked at is not let in", async ({ store, access: gate }) => {
  await store.setUser("second", "admin", PASSWORD);
  const login = gate.login("second", PASSWORD, OWNER);
  await store.removeUser("second");
  gate.sessions.closeAll("second");
  assert.is((await login).type, "wrong");
});

access("so is who gets another password; another scope holds at once", async ({ store, access: gate }) => {
  await store.setUser("second", "admin", PASSWORD);
  const logins = [gate.login("second", PASSWORD, OWNER), gate.login("second", PASSWORD, OWNER)];
  await store.setUser("second", "read", undefined);
  gate.sessions.closeAll("second");
  for (const login of logins) {
    const result = await login;
    assert.is(result.type === "in" && result.session.scope, "read");
  }
  const change = store.setUser("second", "read", "another password");
  await new Promise(setImmediate); // its hash is made first
  const late = gate.login("second", PASSWORD, OWNER);
  await change;
  assert.is((await late).type, "wrong");
});

access("a factory reset forgets users while a login is under way", async ({ store, access: gate }) => {
  const login = gate.login("admin", PASSWORD, OWNER);
  await store.forget();
  gate.sessions.closeAll();
  assert.is((await login).type, "wrong");
  assert.ok(gate.setupNeeded);
});

access("others who fail keep nobody from the setup", async ({ store, access: gate }) => {
  await store.forget();
  for (let number = 0; number < 40; number++) {
    assert.is((await gate.setup("wrong", "admin", PASSWORD, `198.51.100.${number}`)).type, "wrong");
  }
  assert.is((await gate.setup(store.setupToken ?? "", "admin", PASSWORD, "192.0.2.9")).type, "in");
});

access("only so many passwords wait to be looked at", async ({ access: gate }) => {
  const attempts = Array.from({ length: 12 }, (_, number) =>
    gate.login(`user${number}`, "guess", `198.51.100.${number}`),
  );
  const types = (await Promise.all(attempts)).map(({ type }) => type);
  assert.is(types.filter((type) => type === "busy").length, 4);
  assert.is((await gate.login("admin", PASSWORD, OWNER)).type, "in");
});

access.run();
