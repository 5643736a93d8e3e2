// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from "node:fs";
import { Agent, request } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SessionView } from "../../src/api/access.ts";
import type { CertificateInfo } from "../../src/api/certificate.ts";
import type { Backup, ConfigPlan, Transaction } from "../../src/api/config.ts";
import type { ConnectionTest, Diagnosis } from "../../src/api/diagnosis.ts";
import type { NetworkView, Suggestion } from "../../src/api/network.ts";
import type { ResetOutlook } from "../../src/api/reset.ts";
import type { Problem } from "../../src/api/status.ts";
import type { TelemetryView } from "../../src/api/telemetry.ts";
import { socketClient } from "../../src/cli/client.ts";
import { canonical } from "../../src/shared/json.ts";
import { ApiClient, type Called } from "../support/apiClient.ts";
import { freePort, get, type HttpAnswer, startGateway, type TestGateway, until } from "../support/gateway.ts";

interface Context {
  gateway: TestGateway;
  api: ApiClient;
}

/** Whether the executor was told to do its part of a reset. */
let forgotten = false;

const PASSWORD = "correct horse battery";
const CONFIG = { version: 1, hostname: "gateway", mqtt: { username: "me", password: "hush-hush" } };

function code(answer: Called): string {
  return `${answer.status} ${(answer.json as { code?: string }).code}`;
}

function cookieOf(answer: Called): string {
  return String(answer.headers["set-cookie"]).split(";")[0] ?? "";
}

/** Makes the first administrator; from then on the client is logged in. */
function setUp({ gateway, api }: Context): Promise<void> {
  return api.setUp(gateway.token, PASSWORD);
}

async function begin(context: Context): Promise<void> {
  context.gateway = await startGateway({
    config: CONFIG,
    forget: () => {
      forgotten = true;
    },
  });
  const { gateway } = context;
  await until("first plan", () => gateway.plans.length > 0);
  context.api = await ApiClient.open(() => gateway.service.ports.https);
}

const called = new Set<string>();
let operations: string[] = [];
async function end({ gateway, api }: Context): Promise<void> {
  for (const operation of api.called) called.add(operation);
  operations = api.operations;
  await gateway.stop();
}

const access = suite<Context>("access");
access.before.each(begin);
access.after.each(end);

access("before the setup: everybody may look, nobody may change anything", async ({ gateway, api }) => {
  assert.is((await api.call("GET", "/api/v1/status")).status, 200);
  assert.is(code(await api.call("PUT", "/api/v1/config", { version: 1 }, { "If-Match": "*" })), "401 setup-needed");
  assert.is(code(await api.call("GET", "/api/v1/logs")), "401 setup-needed");
  const { setupNeeded, scope } = (await api.call("GET", "/api/v1/session")).json as Record<string, unknown>;
  assert.equal([setupNeeded, scope], [true, "read"]);
  assert.match(gateway.token, /^[a-z2-9-]{24}$/);
  assert.not.match(JSON.stringify(gateway.logs.last(500)), gateway.token);
});

access("nobody but the console may ask for the token; with an administrator, there is none", async (context) => {
  const { api } = context;
  assert.is(code(await api.call("GET", "/api/v1/setup/token")), "401 setup-needed");
  await setUp(context);
  assert.equal((await api.call("GET", "/api/v1/setup/token")).json, { token: null });
});

access("the setup takes the console's token, once, however it is typed", async (context) => {
  const { gateway, api } = context;
  const wrong = { token: "aaaa-bbbb-cccc-dddd-eeee", name: "admin", password: PASSWORD };
  assert.is(code(await api.call("POST", "/api/v1/setup", wrong)), "401 login-wrong");
  const token = gateway.token;
  const typed = token.toUpperCase().replaceAll("-", " ");
  assert.is(code(await api.call("POST", "/api/v1/setup", { ...wrong, token, password: "short" })), "422 body-invalid");
  assert.is((await api.call("POST", "/api/v1/setup", { ...wrong, token: typed })).status, 200);
  assert.is(code(await api.call("POST", "/api/v1/setup", { ...wrong, token })), "409 setup-done");
  assert.is(code(await api.call("GET", "/api/v1/status")), "401 login-needed");
  assert.ok([200, 503].includes((await api.call("GET", "/health")).status)); // open, ready or not
  const file = join(gateway.tree.root, "data/access.json");
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.not.match(readFileSync(file, "utf8"), PASSWORD);
});

access("a session is a cookie that scripts and other sites do not get, and ends", async (context) => {
  const { api } = context;
  await setUp(context);
  const login = await api.call("POST", "/api/v1/login", { name: "admin", password: PASSWORD });
  assert.match(
    String(login.headers["set-cookie"]),
    /^__Host-scsigate=.{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
  );
  assert.is((await api.call("GET", "/api/v1/users")).status, 200);
  assert.is((await api.call("POST", "/api/v1/logout")).status, 204);
  assert.is(code(await api.call("GET", "/api/v1/users")), "401 login-needed");
});

access("a request from another site's page is refused, and one without the session's token", async (context) => {
  const { gateway, api } = context;
  await setUp(context);
  const key = { name: "robot", scope: "read" };
  const foreign = await api.call("POST", "/api/v1/keys", key, { Origin: "https://evil.example" });
  assert.is(code(foreign), "403 wrong-origin");
  assert.is(code(await api.call("POST", "/api/v1/keys", key, { "X-CSRF-Token": "guess" })), "403 csrf-token-missing");
  const own = `https://127.0.0.1:${gateway.service.ports.https}`;
  assert.is((await api.call("POST", "/api/v1/keys", key, { Origin: own })).status, 201);
  // As behind a proxy that names the port, or keeps the capital letters that somebody typed.
  const proxied = { Origin: "https://gateway.local", Host: "Gateway.local:443" };
  assert.is((await api.call("POST", "/api/v1/keys", { ...key, name: "second" }, proxied)).status, 201);
  for (const Origin of ["null", "http://gateway.local", "https://gateway.local:8443", "https://gateway.local.evil"]) {
    const wrong = await api.call("POST", "/api/v1/keys", key, { Host: "gateway.local", Origin });
    assert.is(code(wrong), "403 wrong-origin", Origin);
  }
  const form = { "Content-Type": "text/plain" };
  assert.is(code(await api.call("POST", "/api/v1/login", { name: "a", password: "b" }, form)), "415 not-json");
});

access("guessing gets slow, for the address and for the account, and says how long", async (context) => {
  const { api } = context;
  await setUp(context);
  api.headers = {};
  let slow: Called;
  let attempt = 0;
  do {
    attempt += 1;
    slow = await api.call("POST", "/api/v1/login", { name: "admin", password: `guess number ${attempt}` });
    if (attempt <= 6) assert.is(code(slow), "401 login-wrong", `attempt ${attempt}`);
  } while (slow.status === 401 && attempt < 12); // the first wait may be over by the next attempt; each is twice as long
  assert.is(code(slow), "429 login-slow");
  assert.ok(Number(slow.headers["retry-after"]) >= 1);
});

access("keys do what their scope allows, and are shown once", async (context) => {
  const { gateway, api } = context;
  await setUp(context);
  const secrets: Record<string, string> = {};
  for (const scope of ["read", "operate", "admin"]) {
    const answer = await api.call("POST", "/api/v1/keys", { name: `robot-${scope}`, scope });
    secrets[scope] = (answer.json as { secret: string }).secret;
  }
  const expected: [string, string, number[]][] = [
    ["GET", "/api/v1/status", [200, 200, 200]],
    ["GET", "/api/v1/logs", [403, 200, 200]],
    ["GET", "/api/v1/logs/file", [403, 200, 200]],
    ["GET", "/api/v1/users", [403, 403, 200]],
    ["GET", "/api/v1/backup", [403, 403, 200]],
  ];
  const admin = api.headers;
  for (const [method, path, statuses] of expected) {
    for (const [index, scope] of ["read", "operate", "admin"].entries()) {
      api.headers = { Authorization: `Bearer ${secrets[scope]}` };
      assert.is((await api.call(method, path)).status, statuses[index], `${scope} ${path}`);
    }
  }
  api.headers = { Authorization: "Bearer sg_000000000000_guess" };
  assert.is(code(await api.call("GET", "/api/v1/status")), "401 login-needed");
  api.headers = admin;
  const keys = (await api.call("GET", "/api/v1/keys")).json as { id: string; name: string }[];
  assert.equal(
    keys.map((key) => key.name),
    ["robot-read", "robot-operate", "robot-admin"],
  );
  assert.is((await api.call("DELETE", `/api/v1/keys/${keys[2]?.id}`)).status, 204);
  assert.is(code(await api.call("DELETE", `/api/v1/keys/${keys[2]?.id}`)), "404 not-found");
  api.headers = { Authorization: `Bearer ${secrets["admin"]}` };
  assert.is(code(await api.call("GET", "/api/v1/users")), "401 login-needed");
  assert.not.match(JSON.stringify(gateway.logs.last(500)), String(secrets["read"]));
});

access("an event stream ends when its right to listen does", async (context) => {
  const { gateway } = context;
  const open = () =>
    new Promise<{ ended: () => boolean }>((resolve, reject) => {
      const { https: port } = gateway.service.ports;
      const stream = request({ host: "127.0.0.1", port, path: "/api/v1/events", rejectUnauthorized: false });
      stream.on("error", reject);
      stream.on("response", (response) => {
        let over = false;
        response.on("end", () => {
          over = true;
        });
        response.resume();
        resolve({ ended: () => over });
      });
      stream.end();
    });
  const anonymous = await open();
  await setUp(context);
  await until("its end", anonymous.ended);
});

access("users: made, changed, removed; the last administrator stays", async (context) => {
  const { api } = context;
  await setUp(context);
  assert.is(code(await api.call("PUT", "/api/v1/users/viewer", { scope: "read" })), "409 access-invalid");
  const made = await api.call("PUT", "/api/v1/users/viewer", { scope: "read", password: "a viewer's password" });
  assert.is(made.status, 200);
  assert.is(code(await api.call("DELETE", "/api/v1/users/admin")), "409 access-invalid");
  assert.is(code(await api.call("PUT", "/api/v1/users/admin", { scope: "read" })), "409 access-invalid");
  assert.is(code(await api.call("PUT", "/api/v1/users/a%2Fb", { scope: "read" })), "422 body-invalid");
  const admin = api.headers;
  const login = await api.call("POST", "/api/v1/login", { name: "viewer", password: "a viewer's password" });
  const { csrfToken } = login.json as SessionView;
  api.headers = { Cookie: cookieOf(login), "X-CSRF-Token": csrfToken ?? "" };
  const own = (current: string) =>
    api.call("PUT", "/api/v1/session/password", { current, password: "the viewer's own" });
  assert.is(code(await own("a guess")), "403 password-wrong");
  const changed = await own("a viewer's password");
  assert.is(changed.status, 200);
  assert.is(code(await api.call("GET", "/api/v1/config")), "401 login-needed", "the session has another cookie");
  api.headers = { Cookie: cookieOf(changed) };
  assert.is((await api.call("GET", "/api/v1/config")).status, 200);
  assert.is(code(await api.call("GET", "/api/v1/users")), "403 not-allowed");
  const viewer = api.headers;
  api.headers = admin;
  assert.is((await api.call("DELETE", "/api/v1/users/viewer")).status, 204);
  api.headers = viewer;
  assert.is(code(await api.call("GET", "/api/v1/config")), "401 login-needed");
});

access.run();

const config = suite<Context>("configuration over the API");
config.before.each(async (context) => {
  await begin(context);
  await setUp(context);
});
config.after.each(end);

async function transaction(api: ApiClient): Promise<Transaction> {
  const { json } = await api.call("GET", "/api/v1/config/transaction");
  return (json as { transaction: Transaction }).transaction;
}

/** Whether a plan with this host name was carried out last. */
function hostname(gateway: TestGateway): string {
  const operations = gateway.plans.at(-1)?.groups.flatMap((group) => group.operations) ?? [];
  return operations.flatMap((operation) => (operation.kind === "hostname" ? [operation.name] : []))[0] ?? "";
}

config("a secret is accepted, kept apart, and never shown", async ({ gateway, api }) => {
  const read = await api.call("GET", "/api/v1/config");
  assert.equal(read.json, { version: 1, hostname: "gateway", mqtt: { username: "me" } });
  assert.equal((await api.call("GET", "/api/v1/config/secrets")).json, ["/mqtt/password"]);
  assert.not.match((await api.call("GET", "/api/v1/config/effective")).body, "hush-hush");
  assert.not.match((await api.call("GET", "/api/v1/backup")).body, "hush-hush");
  assert.match((await api.call("GET", "/api/v1/backup?secrets=true")).body, "hush-hush");
  const data = join(gateway.tree.root, "data");
  assert.not.match(readFileSync(join(data, "config.json"), "utf8"), "hush-hush");
  assert.is(statSync(join(data, "secrets.json")).mode & 0o777, 0o600);
  const plan = (await api.call("POST", "/api/v1/config/plan", { ...CONFIG, mqtt: { password: "changed" } })).body;
  assert.match(plan, "/mqtt/password");
  assert.not.match(plan, "changed");
  assert.not.match(JSON.stringify(gateway.logs.last(500)), "hush-hush");
});

config("a CHAP password reaches the executor, and shows nowhere", async ({ gateway, api }) => {
  const chap = { user: "stations", password: "correct-horse" };
  const iqn = "iqn.2026-11.org.scsigate:seg0";
  const fabric = { type: "iscsi", target: iqn, initiators: [`${iqn}-host`], authentication: "chap" };
  const change = { chap, segments: [{ name: "seg0", fabric }] };
  const document = { ...CONFIG, ...change };
  const bodies = [await api.call("POST", "/api/v1/config/plan", document)];
  assert.match(bodies[0]?.body ?? "", "iscsiTarget");
  bodies.push(await api.call("PATCH", "/api/v1/config", change, { "If-Match": "*" }));
  await until("it waits", async () => (await transaction(api)).state === "waiting");
  bodies.push(await api.call("POST", "/api/v1/config/confirm", {}));
  for (const path of ["config", "config/effective", "config/history", "config/transaction", "backup", "logs"]) {
    bodies.push(await api.call("GET", `/api/v1/${path}`));
  }
  for (const { body } of bodies) assert.not.match(body, chap.password);
  const operations = gateway.plans.at(-1)?.groups.flatMap((group) => group.operations) ?? [];
  assert.ok(operations.some((one) => one.kind === "iscsiTarget" && one.chap?.password === chap.password));
});

config("a change is planned, tried, confirmed, and then holds", async ({ gateway, api }) => {
  const { headers, json } = await api.call("GET", "/api/v1/config");
  const etag = String(headers["etag"]);
  const document = { ...(json as object), hostname: "renamed" };
  const plan = (await api.call("POST", "/api/v1/config/plan", document)).json as ConfigPlan;
  assert.equal(plan.changes, [{ path: "/hostname", before: "gateway", after: "renamed", effects: ["dhcp"] }]);
  assert.ok(plan.operations.some((operation) => operation.kind === "hostname" && operation.name === "renamed"));
  const tried = await api.call("PUT", "/api/v1/config?confirmSeconds=60", document, { "If-Match": etag });
  assert.is(tried.status, 202, tried.body);
  await until("it is tried", () => hostname(gateway) === "renamed");
  await until("it waits", async () => (await transaction(api)).state === "waiting");
  assert.equal((await api.call("GET", "/api/v1/config")).json, json, "not yet confirmed");
  assert.is(code(await api.call("PUT", "/api/v1/config", document, { "If-Match": "*" })), "409 config-busy");
  assert.is((await api.call("POST", "/api/v1/config/confirm", {})).status, 200);
  assert.equal((await api.call("GET", "/api/v1/config")).json, document);
  assert.is(code(await api.call("PUT", "/api/v1/config", document, { "If-Match": etag })), "412 config-conflict");
  assert.is(code(await api.call("PUT", "/api/v1/config", document)), "428 if-match-missing");
  assert.is(code(await api.call("PUT", "/api/v1/config", document, { "If-Match": "*" })), "409 config-unchanged");
  assert.is(code(await api.call("POST", "/api/v1/config/confirm", {})), "409 config-not-waiting");
  const history = (await api.call("GET", "/api/v1/config/history")).json as { document: { hostname: string } }[];
  assert.equal(
    history.map((version) => version.document.hostname),
    ["renamed", "gateway"],
  );
});

config("a kept version is planned and restored in one call, as a change like every other", async ({ gateway, api }) => {
  const keep = async () => assert.is((await api.call("POST", "/api/v1/config/confirm", {})).status, 200);
  const names = async () => {
    const { json } = await api.call("GET", "/api/v1/config/history");
    return (json as { revision: number; document: { hostname: string } }[]).map(
      ({ revision, document }) => `${revision} ${document.hostname}`,
    );
  };
  await api.call("PATCH", "/api/v1/config", { hostname: "renamed", mqtt: { password: "hush" } }, { "If-Match": "*" });
  await keep();
  assert.equal(await names(), ["2 renamed", "1 gateway"]);
  const plan = (await api.call("GET", "/api/v1/config/history/1/plan")).json as ConfigPlan;
  assert.equal(
    plan.changes.map(({ path, after }) => [path, after]),
    [["/hostname", "gateway"]],
  );
  const restore = (revision: string, headers = {}) =>
    api.call("POST", `/api/v1/config/history/${revision}/restore?confirmSeconds=60`, undefined, headers);
  for (const none of ["3", "0", "-1", "1e400", "x", "%2e%2e"])
    assert.is(code(await restore(none)), "404 config-gone", none);
  assert.is(code(await restore("1", { "If-Match": '"another"' })), "412 config-conflict");
  assert.is(code(await restore("2")), "409 config-unchanged");
  assert.is((await restore("1")).status, 202);
  await until("it is tried", () => hostname(gateway) === "gateway");
  assert.is((await api.call("POST", "/api/v1/config/rollback", {})).status, 200);
  await until("it is undone", () => hostname(gateway) === "renamed");
  assert.is((await restore("1")).status, 202);
  await keep();
  assert.equal(await names(), ["3 gateway", "2 renamed", "1 gateway"]);
  assert.equal((await api.call("GET", "/api/v1/config/secrets")).json, ["/mqtt/password"]);
});

config("a change that is rolled back is gone from the machine as well", async ({ gateway, api }) => {
  await api.call("PATCH", "/api/v1/config", { hostname: "tried" }, { "If-Match": "*" });
  await until("it is tried", () => hostname(gateway) === "tried");
  const rolledBack = await api.call("POST", "/api/v1/config/rollback", {});
  assert.is((rolledBack.json as Transaction).state, "rolled-back");
  await until("it is undone", () => hostname(gateway) === "gateway");
  assert.not.ok(statSync(join(gateway.tree.root, "data/pending.json"), { throwIfNoEntry: false }));
});

config(
  "an invalid document is refused with everything that is wrong, and nothing happens",
  async ({ gateway, api }) => {
    const document = { version: 1, hostname: "a b", mqtt: { intervalSeconds: 0 } };
    const answer = await api.call("PUT", "/api/v1/config", document, { "If-Match": "*" });
    assert.is(code(answer), "422 config-invalid");
    const { errors } = answer.json as { errors: { path: string }[] };
    assert.equal(errors.map((error) => error.path).sort(), ["/hostname", "/mqtt/intervalSeconds"]);
    assert.is((await api.call("PUT", "/api/v1/config", { version: 7 }, { "If-Match": "*" })).status, 422);
    assert.is(await transaction(api), null);
    assert.is(hostname(gateway), "gateway");
    const seconds = await api.call("PUT", "/api/v1/config?confirmSeconds=1", { version: 1 }, { "If-Match": "*" });
    assert.is(code(seconds), "422 body-invalid");
  },
);

config("a patch changes what it names; null at a secret removes it", async ({ api }) => {
  await api.call("PATCH", "/api/v1/config", { mqtt: { password: null, intervalSeconds: 9 } }, { "If-Match": "*" });
  await api.call("POST", "/api/v1/config/confirm", {});
  assert.equal((await api.call("GET", "/api/v1/config/secrets")).json, []);
  assert.equal((await api.call("GET", "/api/v1/config")).json, {
    version: 1,
    hostname: "gateway",
    mqtt: { username: "me", intervalSeconds: 9 },
  });
});

config("a draft is put together, looked at, and applied; or dropped", async ({ gateway, api }) => {
  const draft = { version: 1, hostname: "drafted", mqtt: { username: "me" } };
  assert.is((await api.call("PUT", "/api/v1/config/draft", draft)).status, 204);
  assert.equal((await api.call("GET", "/api/v1/config/draft")).json, draft);
  const plan = (await api.call("GET", "/api/v1/config/draft/plan")).json as ConfigPlan;
  assert.equal(
    plan.changes.map((change) => change.path),
    ["/hostname"],
  );
  assert.is((await api.call("POST", "/api/v1/config/draft/apply", { confirmSeconds: 30 })).status, 202);
  await until("it is tried", () => hostname(gateway) === "drafted");
  await api.call("POST", "/api/v1/config/confirm", {});
  assert.equal((await api.call("GET", "/api/v1/config/secrets")).json, ["/mqtt/password"]);
  await api.call("PUT", "/api/v1/config/draft", { version: 1 });
  assert.is((await api.call("DELETE", "/api/v1/config/draft")).status, 204);
  assert.equal((await api.call("GET", "/api/v1/config/draft")).json, draft);
});

config("a backup comes back, secrets included where it has them", async ({ api }) => {
  const backup = (await api.call("GET", "/api/v1/backup?secrets=true")).json as Backup;
  await api.call(
    "PUT",
    "/api/v1/config",
    { version: 1, hostname: "other", mqtt: { password: null } },
    { "If-Match": "*" },
  );
  await api.call("POST", "/api/v1/config/confirm", {});
  const plan = (await api.call("POST", "/api/v1/restore/plan", backup)).json as ConfigPlan;
  assert.equal(plan.changes.map((change) => change.path).sort(), ["/hostname", "/mqtt/password", "/mqtt/username"]);
  assert.is((await api.call("POST", "/api/v1/restore", backup)).status, 202);
  await api.call("POST", "/api/v1/config/confirm", {});
  assert.equal((await api.call("GET", "/api/v1/config")).json, backup.document);
  assert.equal((await api.call("GET", "/api/v1/config/secrets")).json, ["/mqtt/password"]);
  assert.is(code(await api.call("POST", "/api/v1/restore", { ...backup, format: "zip" })), "422 body-invalid");
});

config("a factory reset erases everything and asks for a new owner", async ({ gateway, api }) => {
  assert.is(code(await api.call("POST", "/api/v1/factory-reset", {})), "422 body-invalid");
  const outlook = (await api.call("GET", "/api/v1/factory-reset")).json as ResetOutlook;
  assert.equal([outlook.interface, outlook.stays], ["eth0", true]);
  assert.is((await api.call("POST", "/api/v1/factory-reset", { confirm: "erase everything" })).status, 204);
  assert.is(code(await api.call("GET", "/api/v1/users")), "401 setup-needed");
  assert.ok(forgotten, "the executor's part");
  await until("the console shows a new token", () => gateway.token !== "");
  await until("defaults", () => hostname(gateway) === "scsigate");
  api.headers = {};
  assert.equal((await api.call("GET", "/api/v1/config")).json, { version: 1 });
});

config("the rest of what the API offers answers as described", async ({ api }) => {
  for (const path of [
    "/version",
    "/api/v1/firewall",
    "/api/v1/peers",
    "/api/v1/config/schema",
    "/api/v1/openapi.json",
    "/api/v1/logs",
  ]) {
    assert.is((await api.call("GET", path)).status, 200, path);
  }
  const lines = (await api.call("GET", "/api/v1/logs?lines=500")).json as { cursor: string }[];
  for (const count of ["-1", "0", "10001", "ten", "", "1e2"]) {
    const { status, json } = await api.call("GET", `/api/v1/logs?lines=${count}`);
    assert.is(`${status} ${(json as { code: string }).code}`, "422 range-invalid", count);
  }
  const last = lines.at(-1)?.cursor ?? "";
  assert.equal((await api.call("GET", `/api/v1/logs?after=${last}`)).json, []);
  const file = await api.call("GET", "/api/v1/logs/file");
  assert.match(String(file.headers["content-disposition"]), /filename="[a-z0-9-]+-log\.jsonl"/);
  assert.is(file.body.trimEnd().split("\n").length, lines.length);
  const metrics = await api.call("GET", "/metrics");
  assert.match(String(metrics.headers["content-type"]), "version=0.0.4");
  assert.match(metrics.body, 'scsigate_segment_receive_bytes_total{segment="seg0"} 5000000');
  assert.is(code(await api.call("POST", "/api/v1/adapter-reset")), "409 gpio-unusable");
  const peers = (await api.call("GET", "/api/v1/peers")).json as { segment: string }[];
  assert.equal(
    peers.map((peer) => peer.segment),
    ["seg0", "seg0"],
  );
  const adapters = (await api.call("GET", "/api/v1/adapters")).json as { fabric: string; state: string }[];
  assert.ok(adapters.some(({ fabric }) => fabric === "loop"));
  assert.is((await api.call("GET", "/api/v1/config", undefined, { "If-None-Match": "x" })).status, 200);
  const etag = String((await api.call("GET", "/api/v1/config")).headers["etag"]);
  assert.is((await api.call("GET", "/api/v1/config", undefined, { "If-None-Match": etag })).status, 304);
});

config("diagnosis, network, telemetry and the support bundle say what is there, and no secret", async ({ api }) => {
  const states = async () => {
    const { checks } = (await api.call("GET", "/api/v1/diagnosis")).json as Diagnosis;
    return ["driver", "segment", "lan-link"].map((id) => checks.find((check) => check.id === id)?.state).join(" ");
  };
  await until("the LAN", async () => (await states()) === "bad unknown good");
  const offered = (await api.call("GET", "/api/v1/config/suggestions")).json as Suggestion[];
  assert.ok(offered.some(({ setting, value }) => setting === "lan/interface" && value === "eth0"));
  const network = (await api.call("GET", "/api/v1/network")).json as NetworkView;
  assert.equal(network.routes, [{ destination: "10.0.2.0/24", interface: "eth0", gateway: null }]);
  assert.is(network.leases[0]?.ip, "10.143.0.20");
  const telemetry = (await api.call("GET", "/api/v1/telemetry")).json as TelemetryView;
  assert.equal([telemetry.mqtt.enabled, telemetry.messages], [false, []]);
  const bundle = await api.call("GET", "/api/v1/system/support");
  assert.is(bundle.status, 200);
  assert.match(String(bundle.headers["content-disposition"]), /scsigate-support-[0-9-]{10}\.tar\.gz/);
});

config("a broker and a log server are tried with what is given and what is stored", async ({ api }) => {
  const nobody = { url: `mqtt://127.0.0.1:${await freePort()}` };
  const broker = await api.call("POST", "/api/v1/telemetry/test", nobody);
  const { ok, checks } = broker.json as ConnectionTest;
  assert.equal([ok, checks.at(-1)?.id], [false, "connection"]);
  assert.is(code(await api.call("POST", "/api/v1/telemetry/test", { url: "http://x" })), "422 config-invalid");
  assert.is(code(await api.call("POST", "/api/v1/telemetry/test", { surplus: 1 })), "422 config-invalid");
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const tcp = await api.call("POST", "/api/v1/syslog/test", { transport: "tcp", port });
  assert.is((tcp.json as ConnectionTest).ok, true, tcp.body);
  server.close();
  const gone = await api.call("POST", "/api/v1/syslog/test", { transport: "tcp", port: await freePort() });
  assert.is((gone.json as ConnectionTest).ok, false);
  assert.is((await api.call("POST", "/api/v1/syslog/test", {})).status, 200);
});

config("the certificate is for administrators to replace, and for all to look at", async ({ api }) => {
  const path = "/api/v1/system/certificate";
  const { fingerprint } = (await api.call("GET", path)).json as CertificateInfo;
  assert.match((await api.call("GET", `${path}/pem`)).body, /^-----BEGIN CERTIFICATE-----/);
  assert.is(code(await api.call("PUT", path, { key: "x", certificate: "y" })), "422 certificate-invalid");
  const made = (await api.call("POST", `${path}/regenerate`)).json as CertificateInfo;
  assert.is.not(made.fingerprint, fingerprint);
  const { headers } = api;
  const key = await api.call("POST", "/api/v1/keys", { name: "robot", scope: "operate" });
  api.headers = { Authorization: `Bearer ${(key.json as { secret: string }).secret}` };
  assert.is(code(await api.call("POST", `${path}/regenerate`)), "403 not-allowed");
  assert.is((await api.call("GET", path)).status, 200);
  api.headers = headers;
});

config("restart and reboot are for administrators, and are passed on", async (context) => {
  const { api } = context;
  const done: string[] = [];
  const reboot = () => done.push("reboot");
  const gateway = await startGateway({ config: CONFIG, reboot, restart: () => done.push("restart") });
  const own = await ApiClient.open(() => gateway.service.ports.https);
  assert.is(code(await own.call("POST", "/api/v1/system/reboot")), "401 setup-needed");
  await setUp({ gateway, api: own });
  assert.is((await own.call("POST", "/api/v1/system/reboot")).status, 204);
  assert.is((await own.call("POST", "/api/v1/system/restart")).status, 204);
  await until("both", () => done.length === 2);
  assert.equal(done, ["reboot", "restart"]);
  for (const operation of own.called) api.called.add(operation);
  await gateway.stop();
});

config("bodies that are no JSON, or not what the request takes, are refused", async ({ gateway, api }) => {
  const cases: [path: string, body: string, status: number][] = [
    ["/api/v1/config/plan", "", 400],
    ["/api/v1/config/plan", "{", 400],
    ["/api/v1/config/plan", "\u0000", 400],
    ["/api/v1/config/plan", "[1]", 422],
    ["/api/v1/config/plan", "null", 422],
    ["/api/v1/config/plan", '"text"', 422],
    ["/api/v1/config/confirm", '{"id":7}', 422],
    ["/api/v1/config/confirm", '{"surplus":1}', 422],
    ["/api/v1/keys", '{"name":"a b","scope":"read"}', 422],
    ["/api/v1/keys", '{"name":"a","scope":"root"}', 422],
    ["/api/v1/restore", '{"format":"scsigate-backup/1"}', 422],
    ["/api/v1/config/plan", `{"version":1,"x":"${"x".repeat(1_200_000)}"}`, 413],
  ];
  for (const [path, body, status] of cases) {
    const headers = { ...api.headers, "Content-Type": "application/json" };
    const answer = await gateway.get(path, { method: "POST", headers, body });
    assert.is(answer.status, status, `${path} ${body.slice(0, 40)}`);
    assert.ok((JSON.parse(answer.body) as { nextStep: string }).nextStep.length > 3);
  }
});

config("what anybody may send is short, and no answer is long", async ({ gateway, api }) => {
  const surplus = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [n, 0])));
  const send = (path: string, body: string, headers: Record<string, string> = {}) =>
    gateway.get(path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body });
  const errorsOf = ({ body }: HttpAnswer) => (JSON.parse(body) as { errors: unknown[] }).errors.length;
  for (const path of ["/api/v1/login", "/api/v1/setup"]) {
    assert.is((await send(path, surplus(1000))).status, 413);
    assert.is((await send(path, surplus(5000), { "Transfer-Encoding": "chunked" })).status, 413);
    const refused = await send(path, surplus(500));
    assert.is(refused.status, 422);
    assert.is(errorsOf(refused), 1);
  }
  const refused = await send("/api/v1/config/plan", surplus(1000), api.headers);
  assert.is(refused.status, 422);
  assert.is(errorsOf(refused), 20);
});

config("property: no document, patch, backup or path makes the API fail", async ({ gateway }) => {
  const command = socketClient(join(gateway.tree.root, "control.sock"));
  const keys = fc.constantFrom("version", "hostname", "lan", "segments", "firewall", "mqtt", "__proto__", "x");
  const near = fc.dictionary(keys, fc.jsonValue(), { noNullPrototype: true });
  const bodies = fc.oneof(
    fc.jsonValue(),
    near,
    fc.record({ format: fc.constant("scsigate-backup/1"), document: near }),
  );
  const paths = fc.oneof(
    fc.constantFrom("config/plan", "restore/plan", "config/draft", "config/confirm", "users/x", "keys", "login"),
    fc.webPath(),
  );
  const methods = fc.constantFrom("POST", "PUT", "GET", "DELETE", "PATCH");
  await fc.assert(
    fc.asyncProperty(methods, paths, bodies, async (method, path, body) => {
      const { status, json } = await command(method, `/api/v1/${path}`, method === "GET" ? undefined : body);
      assert.ok(status < 500, `${method} ${path} ${JSON.stringify(body)}: ${status}`);
      if (status >= 400) assert.ok(String((json as { nextStep?: string } | undefined)?.nextStep).length > 3);
    }),
    { numRuns: 400 },
  );
});

config("the event stream tells how a change gets on", async ({ gateway, api }) => {
  const { port, headers } = { port: gateway.service.ports.https, headers: { Cookie: api.headers["Cookie"] ?? "" } };
  const open = async () => {
    let received = "";
    const stream = request({ host: "127.0.0.1", port, path: "/api/v1/events", headers, rejectUnauthorized: false });
    stream.on("response", (response) => response.on("data", (chunk: Buffer) => (received += chunk.toString())));
    stream.on("error", () => {});
    stream.end();
    await until("the stream", () => received.split("event: status").length > 2);
    return { received: () => received, stop: () => stream.destroy() };
  };
  const early = await open();
  await api.call("PATCH", "/api/v1/config", { hostname: "tried" }, { "If-Match": "*" });
  await api.call("POST", "/api/v1/config/rollback", {});
  await until("the transaction", () => early.received().includes('"state":"rolled-back"'));
  // Who comes later is told how the last change ended.
  const late = await open();
  assert.match(late.received(), /event: transaction\ndata: \{[^\n]*"state":"rolled-back"/);
  early.stop();
  late.stop();
});

config("every operation that is described was tried here", async () => {
  const elsewhere = /^GET \/api\/v1\/events$|\/(stations|capture|segments|update)/; // tests of their own
  const untried = operations.filter((operation) => !called.has(operation) && !elsewhere.test(operation));
  assert.equal(untried, []);
});

config.run();

const cutOff = suite<Context & { agent: Agent }>("a change of the firewall");
cutOff.before.each(async (context) => {
  let loaded: unknown;
  context.agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  context.gateway = await startGateway({
    config: CONFIG,
    apply: async (plan) =>
      plan.groups.map(({ name, operations }) => {
        const rules = canonical(operations);
        if (name !== "firewall" || rules === loaded) return { name, changed: 0 };
        loaded = rules;
        return { name, changed: 1 };
      }),
  });
  const { gateway } = context;
  await until("first plan", () => gateway.plans.length > 0);
  context.api = await ApiClient.open(() => gateway.service.ports.https);
  await setUp(context);
});
cutOff.after.each(async (context) => {
  context.agent.destroy();
  await end(context);
});

/** Over the one connection that is kept. @returns the status, or the name of the error */
function kept({ agent, api, gateway }: Context & { agent: Agent }, method: string, path: string, body?: object) {
  return new Promise<number | string | undefined>((resolve) => {
    const { https: port } = gateway.service.ports;
    const headers = { ...api.headers, "Content-Type": "application/json", "If-Match": "*" };
    const outgoing = request({ host: "127.0.0.1", port, path, method, headers, agent }, (response) => {
      response.on("end", () => resolve(response.statusCode));
      response.resume();
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

cutOff("is not confirmed over a connection from before it", async (context) => {
  const { api } = context;
  const firewall = { managementSources: ["192.0.2.0/24"] };
  assert.is(await kept(context, "PATCH", "/api/v1/config", { firewall }), 202, "the answer gets out");
  assert.is(await kept(context, "POST", "/api/v1/config/confirm", {}), "ECONNRESET");
  await until("it waits", async () => (await transaction(api)).state === "waiting");
  assert.is((await api.call("POST", "/api/v1/config/confirm", {})).status, 200, "by who can still connect");
});

cutOff("is told from one of something else, which breaks no connection", async (context) => {
  assert.is(await kept(context, "PATCH", "/api/v1/config", { mqtt: { intervalSeconds: 9 } }), 202);
  assert.is(await kept(context, "POST", "/api/v1/config/confirm", {}), 200);
});

cutOff.run();

const moves = suite("ports");

moves(
  "the page moves to another port at run time; to one that is taken, it stays where it was, and says so",
  async () => {
    const [http, https] = [await freePort(), await freePort()];
    const config = { version: 1, http: { port: http, httpsPort: https } };
    const gateway = await startGateway({ config, ports: null });
    const command = socketClient(join(gateway.tree.root, "control.sock"));
    const other = await freePort();
    const change = { http: { httpsPort: other } };
    assert.is((await command("PATCH", "/api/v1/config", change, { "If-Match": "*" })).status, 202);
    await until("the new port", async () => (await get(other, "/version").catch(() => undefined))?.status === 200);
    assert.is(await get(https, "/version").catch(() => "closed"), "closed");
    await command("POST", "/api/v1/config/rollback", {});
    await until("the old port", async () => (await get(https, "/version").catch(() => undefined))?.status === 200);

    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(other, "127.0.0.1", resolve));
    // Neither planned nor tried: confirmed, it would leave no page after the next start.
    for (const [method, path] of [
      ["PATCH", "/api/v1/config"],
      ["POST", "/api/v1/config/plan"],
    ] as const) {
      const body = method === "PATCH" ? change : { ...config, http: { port: http, httpsPort: other } };
      const refused = await command(method, path, body, { "If-Match": "*" });
      assert.is(refused.status, 422);
      const { errors } = refused.json as { errors: { path: string; message: string }[] };
      assert.equal(
        errors.map((error) => error.path),
        ["/http/httpsPort"],
      );
      assert.match(errors[0]?.message ?? "", `another program on this machine has port ${other}`);
    }
    assert.is((await get(https, "/version")).status, 200);
    await new Promise((resolve) => taken.close(resolve));
    await gateway.stop();
  },
);

moves("who has the page's port at the start keeps it, and the page comes when it is free", async () => {
  const [http, https] = [await freePort(), await freePort()];
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(https, "127.0.0.1", resolve));
  const gateway = await startGateway({ config: { version: 1, http: { port: http, httpsPort: https } }, ports: null });
  const command = socketClient(join(gateway.tree.root, "control.sock"));
  const health = async () => (await command("GET", "/api/v1/status")).json as { health: { reasons: Problem[] } };
  const codes = async () => (await health()).health.reasons.map(({ code }) => code);
  await until("it is told", async () => (await codes()).includes("port-taken"));
  await new Promise((resolve) => other.close(resolve));
  await until("the page", async () => (await get(https, "/version").catch(() => undefined))?.status === 200, 60_000);
  await until("it is over", async () => !(await codes()).includes("port-taken"));
  await gateway.stop();
});

moves("a port for the redirect that cannot be had takes no page away", async () => {
  const [http, https] = [await freePort(), await freePort()];
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(http, "127.0.0.1", resolve));
  const gateway = await startGateway({ config: { version: 1, http: { port: http, httpsPort: https } }, ports: null });
  assert.is((await get(https, "/version")).status, 200);
  await gateway.stop();
  await new Promise((resolve) => other.close(resolve));
});

moves.run();
