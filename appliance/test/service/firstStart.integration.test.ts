// SPDX-License-Identifier: Apache-2.0
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ApiClient } from "../support/apiClient.ts";
import { startGateway, type TestGateway, type Tree, temporaryTree, until, writeMachine } from "../support/gateway.ts";

const PASSWORD = "correct horse battery";
const PREPARED = {
  version: 1,
  config: { version: 1, hostname: "gate", mqtt: { username: "me", password: "hush-hush" } },
  users: [
    { name: "owner", password: PASSWORD },
    { name: "guest", scope: "read", password: `${PASSWORD}!` },
  ],
};

interface Context {
  tree: Tree;
  start(): Promise<TestGateway>;
  gateway: TestGateway;
}

const first = suite<Context>("first start");
first.before.each((context) => {
  const tree = temporaryTree();
  writeMachine(tree);
  tree.write({ "image.json": "{}", "boot/README": "" });
  context.tree = tree;
  context.start = async () => {
    context.gateway = await startGateway({ tree });
    return context.gateway;
  };
});
first.after.each(async ({ gateway, tree }) => {
  await gateway.stop();
  tree.dispose();
});

function put(tree: Tree, value: unknown): void {
  tree.write({ "boot/scsigate.json": typeof value === "string" ? value : JSON.stringify(value) });
}

async function login(gateway: TestGateway, name: string, password: string): Promise<number> {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ name, password });
  return (await gateway.get("/api/v1/login", { method: "POST", headers, body })).status;
}

async function reasons(gateway: TestGateway): Promise<string[]> {
  const { reasons } = JSON.parse((await gateway.get("/health")).body) as { reasons: { message: string }[] };
  return reasons.map(({ message }) => message);
}

async function hostname(gateway: TestGateway): Promise<string> {
  const api = await ApiClient.open(() => gateway.service.ports.https);
  const answer = (await api.call("GET", "/api/v1/status")).json as { hostname?: string };
  return answer.hostname ?? "(login)";
}

first("a prepared image starts with its configuration and its users, and leaves no secret behind", async (context) => {
  const { tree } = context;
  put(tree, PREPARED);
  const gateway = await context.start();
  assert.is(await login(gateway, "owner", PASSWORD), 200);
  assert.is(await login(gateway, "guest", `${PASSWORD}!`), 200);
  assert.is(await login(gateway, "guest", PASSWORD), 401);
  assert.is(gateway.token, "", "it has an owner");
  assert.match(gateway.banner, "gate");
  assert.not(tree.exists("boot/scsigate.json"));
  assert.not(tree.exists("data/prepared.json"));
  assert.match(tree.read("boot/scsigate-taken.txt") ?? "", "- user guest, who may read");
  const { hostname: stored, mqtt } = JSON.parse(tree.read("data/config.json") ?? "");
  assert.equal([stored, mqtt], ["gate", { username: "me" }]);
  assert.match(tree.read("data/secrets.json") ?? "", "hush-hush");
  assert.not.match(tree.read("data/access.json") ?? "", PASSWORD);
  assert.not.match(JSON.stringify(gateway.logs.last(500)), /hush-hush|correct horse/);
});

first("with an error in it, nothing is taken over: page, console and a file say where", async (context) => {
  const { tree } = context;
  put(tree, { ...PREPARED, config: { ...PREPARED.config, mode: "rooted" } });
  const gateway = await context.start();
  await until("health", async () => (await reasons(gateway)).length > 0);
  assert.match((await reasons(gateway))[0] ?? "", 'not taken over: /config/mode: "rooted" is not allowed');
  assert.match(gateway.banner, /setup token: [a-z2-9-]{24}/);
  await until("the console", () => gateway.banner.includes("/config/mode"));
  assert.match(tree.read("boot/scsigate-errors.txt") ?? "", "/config/mode");
  assert.ok(tree.exists("boot/scsigate.json"));
  assert.not(tree.exists("data/config.json"));
  await until("the token's file", () => tree.exists("boot/setup-token.txt"));
  assert.is(tree.read("boot/setup-token.txt")?.split("\r\n")[0], gateway.token);
});

first("mended, it is taken over at the next start", async (context) => {
  const { tree } = context;
  put(tree, '{ "version": 1, ');
  const gateway = await context.start();
  await until("the token's file", () => tree.exists("boot/setup-token.txt"));
  await gateway.stop();
  put(tree, `\ufeff${JSON.stringify(PREPARED, null, 2).replaceAll("\n", "\r\n")}`);
  const next = await context.start();
  assert.is(await login(next, "owner", PASSWORD), 200);
  assert.not(tree.exists("boot/scsigate-errors.txt"));
  await until("the token's file is gone", () => !tree.exists("boot/setup-token.txt"));
});

first("once somebody owns the gateway, errors are history, and the token is gone everywhere", async (context) => {
  const { tree } = context;
  put(tree, { version: 1, users: [{}] });
  const gateway = await context.start();
  await until("the token's file", () => tree.exists("boot/setup-token.txt"));
  const body = JSON.stringify({ token: gateway.token, name: "owner", password: PASSWORD });
  const headers = { "Content-Type": "application/json" };
  assert.is((await gateway.get("/api/v1/setup", { method: "POST", headers, body })).status, 200);
  await until("no token", () => gateway.token === "" && !tree.exists("boot/setup-token.txt"));
  await until("no errors", async () => (await reasons(gateway)).length === 0);
});

first("a gateway that was set up takes nothing over, and says so beside the file", async (context) => {
  const { tree } = context;
  put(tree, PREPARED);
  const gateway = await context.start();
  await gateway.stop();
  put(tree, { version: 1, users: [{ name: "intruder", password: PASSWORD }] });
  const next = await context.start();
  assert.is(await login(next, "intruder", PASSWORD), 401);
  assert.is(await login(next, "owner", PASSWORD), 200);
  assert.match(tree.read("boot/scsigate-errors.txt") ?? "", "has been set up already");
});

first("a power cut at any step of it ends in the same gateway", async (context) => {
  const { tree } = context;
  put(tree, PREPARED);
  const text = readFileSync(join(tree.root, "boot/scsigate.json"));
  const gateway = await context.start();
  await gateway.stop();
  const files = ["config.json", "secrets.json", "history/000001.json", "access.json"];
  const done = new Map(files.map((name) => [name, readFileSync(join(tree.root, "data", name))]));
  const { createHash } = await import("node:crypto");
  const digest = createHash("sha256").update(text).digest("base64url");
  // What is on disk after so many of the files were written, with the note that it has begun.
  for (let written = 0; written <= files.length; written++) {
    for (const name of files) rmSync(join(tree.root, "data", name), { force: true });
    for (const name of files.slice(0, written)) {
      writeFileSync(join(tree.root, "data", name), done.get(name) ?? Buffer.alloc(0));
    }
    tree.write({ "data/prepared.json": JSON.stringify({ state: "taking", digest, what: [] }) });
    writeFileSync(join(tree.root, "boot/scsigate.json"), text);
    const again = await context.start();
    assert.is(await login(again, "owner", PASSWORD), 200, `${written}`);
    assert.is(JSON.parse(tree.read("data/config.json") ?? "").hostname, "gate");
    assert.not(tree.exists("boot/scsigate.json"));
    assert.not(tree.exists("data/prepared.json"));
    await again.stop();
  }
  // All was written but the removal: what the owner has changed since then stays.
  const { users } = JSON.parse(tree.read("data/access.json") ?? "");
  tree.write({ "data/access.json": JSON.stringify({ users: users.slice(0, 1), keys: [] }) });
  tree.write({ "data/prepared.json": JSON.stringify({ state: "taken", digest, what: ["user owner"] }) });
  writeFileSync(join(tree.root, "boot/scsigate.json"), text);
  const last = await context.start();
  assert.is(await login(last, "guest", `${PASSWORD}!`), 401);
  assert.not(tree.exists("boot/scsigate.json"));
  assert.match(tree.read("boot/scsigate-taken.txt") ?? "", "- user owner");
});

first("recovery forgets users and keys, keeps the configuration, and shows a new token", async (context) => {
  const { tree } = context;
  put(tree, PREPARED);
  const gateway = await context.start();
  await gateway.stop();
  tree.write({ "run/image/request": "recover" });
  const next = await context.start();
  assert.match(next.token, /^[a-z2-9-]{24}$/);
  assert.is(await login(next, "owner", PASSWORD), 401);
  assert.is(await hostname(next), "gate");
  await until("the token's file", () => tree.read("boot/setup-token.txt")?.startsWith(next.token) === true);
  const { token } = next;
  await next.stop();
  const third = await context.start();
  assert.is(third.token, token, "once");
});

first.run();
