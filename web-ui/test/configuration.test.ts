// SPDX-License-Identifier: Apache-2.0
/** The draft through what happens to it: checks that fail, a change that is tried, another session, another user. */
import type { SessionView } from "@scsigate/appliance/api/access";
import type { Transaction, TransactionState } from "@scsigate/appliance/api/config";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { call } from "../src/core/api.ts";
import {
  apply,
  checkNow,
  conflicts,
  decideConflict,
  draft,
  edit,
  forgetConfiguration,
  loadConfiguration,
  plan,
  refreshConfiguration,
  refused,
  served,
} from "../src/core/configuration.ts";
import { live } from "../src/core/live.ts";
import { logout } from "../src/core/session.ts";
import { step } from "../src/core/steps.ts";
import { connection, session } from "../src/core/store.ts";
import { acceptTransaction, decided, transaction } from "../src/core/transaction.ts";
import { FakeGateway } from "./support/fakeGateway.ts";
import { eventually } from "./support/wait.ts";

interface Context {
  gateway: FakeGateway;
}

const test = suite<Context>("draft of the page");
const PLAN = { changes: [{ path: "/hostname", effects: [] }], effects: [], operations: [] };
const EDITED = { version: 1, hostname: "new" };

test.before.each(async (context) => {
  const gateway = new FakeGateway();
  context.gateway = gateway;
  gateway.start();
  gateway.on("GET /api/v1/config/schema", { body: {} });
  gateway.on("GET /api/v1/config/secrets", { body: [] });
  gateway.on("GET /api/v1/config", { body: { version: 1, hostname: "old" }, etag: '"old"' });
  gateway.on("POST /api/v1/config/plan", { body: PLAN });
  gateway.on("PUT /api/v1/config", { status: 202, body: change("1", "applying") });
  forgetConfiguration();
  transaction.value = undefined;
  decided.value = undefined;
  session.value = user("root");
  await loadConfiguration();
});

test.after.each(({ gateway }) => {
  live.stop();
  forgetConfiguration();
  gateway.stop();
});

function user(name: string | null, csrfToken = "first"): SessionView {
  return name === null
    ? { user: null, scope: null, via: "none", csrfToken: null, setupNeeded: false }
    : { user: name, scope: "admin", via: "session", csrfToken, setupNeeded: false };
}

function change(id: string, state: TransactionState): Transaction {
  return { id, state, changes: [], secondsLeft: 0, secondsAgo: null, reason: null, problems: [] };
}

test("a change that is tried keeps what was typed; undone, it is checked again", async ({ gateway }) => {
  edit(EDITED);
  await checkNow();
  await apply(EDITED, '"old"', 60);
  assert.equal(draft.value, EDITED);
  acceptTransaction(change("1", "rolled-back"));
  await refreshConfiguration();
  assert.equal(draft.value, EDITED);
  assert.equal(plan.value, PLAN);
  assert.is(gateway.asked.filter((name) => name === "POST /api/v1/config/plan").length, 2);
});

test("kept, it is the document, and the next edit starts from that", async ({ gateway }) => {
  edit(EDITED);
  await checkNow();
  await apply(EDITED, '"old"', 60);
  gateway.on("GET /api/v1/config", { body: EDITED, etag: '"new"' });
  acceptTransaction(change("1", "confirmed"));
  acceptTransaction(change("2", "confirmed")); // another one, before anybody looks at the form
  await refreshConfiguration();
  assert.is(draft.value, undefined);
  assert.equal(served.value?.document, EDITED);
  assert.is(served.value?.etag, '"new"');
});

test("a change of somebody else goes below the draft, which is checked again", async ({ gateway }) => {
  edit(EDITED);
  await checkNow();
  gateway.on("GET /api/v1/config", { body: { version: 1, hostname: "old", mode: "nat" }, etag: '"new"' });
  acceptTransaction(change("9", "confirmed"));
  assert.is(plan.value, undefined);
  await refreshConfiguration();
  assert.equal(draft.value, { ...EDITED, mode: "nat" });
  assert.equal(conflicts.value, []);
  assert.equal(plan.value, PLAN);
  assert.is(served.value?.etag, '"new"');
});

test("what both have changed is asked about, and decided either way", async ({ gateway }) => {
  const meanwhile = async (hostname: string) => {
    gateway.on("GET /api/v1/config", { body: { version: 1, hostname }, etag: `"${hostname}"` });
    await refreshConfiguration();
  };
  edit(EDITED);
  await meanwhile("theirs");
  assert.equal(conflicts.value, [{ path: ["hostname"], theirs: "theirs" }]);
  assert.equal(draft.value, EDITED);
  await meanwhile("later");
  assert.equal(conflicts.value, [{ path: ["hostname"], theirs: "later" }]);
  const [first] = conflicts.value;
  if (first) decideConflict(first, false);
  assert.equal(draft.value, EDITED);
  assert.equal(conflicts.value, []);
  await meanwhile("again");
  const [second] = conflicts.value;
  if (second) decideConflict(second, true);
  assert.is(draft.value, undefined, "nothing is left of the edits");
});

test("a check that failed is made again when the form comes back", async ({ gateway }) => {
  gateway.on("POST /api/v1/config/plan", { status: 401, body: { code: "login-needed", title: "a login is needed" } });
  edit(EDITED);
  assert.is(await checkNow(), false);
  assert.is(refused.value?.code, "login-needed");
  gateway.on("POST /api/v1/config/plan", { body: PLAN });
  await refreshConfiguration();
  assert.equal(plan.value, PLAN);
  assert.is(refused.value, undefined);
});

test("a check that failed is made again when the connection is back", async ({ gateway }) => {
  const listeners = new Map<string, (event: { data: string }) => void>();
  const before = globalThis.EventSource;
  globalThis.EventSource = class {
    addEventListener(name: string, listener: (event: { data: string }) => void): void {
      listeners.set(name, listener);
    }
    close(): void {}
  } as unknown as typeof EventSource;
  try {
    gateway.replies.delete("POST /api/v1/config/plan");
    edit(EDITED);
    assert.is(await checkNow(), false);
    connection.value = "lost";
    gateway.on("POST /api/v1/config/plan", { body: PLAN });
    gateway.on("GET /api/v1/session", { body: user("root") });
    gateway.on("GET /api/v1/config/transaction", { body: { transaction: null } });
    live.restart();
    await eventually("listening", () => listeners.has("status"));
    listeners.get("status")?.({ data: JSON.stringify({ lan: { rates: {} }, storage: null, segments: [] }) });
    await eventually("checked", () => plan.value !== undefined);
    assert.is(refused.value, undefined);
  } finally {
    globalThis.EventSource = before;
  }
});

test("a session that ends by itself leaves the draft to its owner, and to nobody else", () => {
  edit(EDITED);
  step.value = "network";
  session.value = user(null);
  session.value = user("root", "second");
  assert.equal(draft.value, EDITED);
  assert.is(step.value, "network");
  session.value = user(null);
  session.value = user("viewer");
  assert.is(draft.value, undefined);
  assert.is(served.value, undefined);
  assert.is(step.value, "basics");
});

test("a logout leaves nothing of the draft", async ({ gateway }) => {
  gateway.on("POST /api/v1/logout", {});
  edit(EDITED);
  transaction.value = change("1", "waiting");
  await logout();
  assert.is(draft.value, undefined);
  assert.is(served.value, undefined);
  assert.is(transaction.value, undefined);
});

test("a token that another page's login made old is read again, once, for the same user", async ({ gateway }) => {
  const refusal = { status: 403, body: { code: "csrf-token-missing", title: "the request lacks its session's token" } };
  const tokenOf = ({ headers }: RequestInit) => new Headers(headers).get("X-CSRF-Token");
  gateway.on("POST /api/v1/config/confirm", (init) => (tokenOf(init) === "second" ? { body: "kept" } : refusal));
  gateway.on("GET /api/v1/session", { body: user("root", "second") });
  assert.is((await call("POST", "/api/v1/config/confirm", {})).value, "kept");
  assert.is(session.value?.csrfToken, "second");
  gateway.on("POST /api/v1/config/confirm", refusal);
  gateway.asked.length = 0;
  for (const name of ["root", "viewer"]) {
    gateway.on("GET /api/v1/session", { body: user(name, "third") });
    await call("POST", "/api/v1/config/confirm", {}).then(
      () => assert.unreachable("refused"),
      () => {},
    );
  }
  assert.is(gateway.asked.filter((name) => name === "POST /api/v1/config/confirm").length, 3);
});

test.run();
