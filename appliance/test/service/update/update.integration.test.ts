// SPDX-License-Identifier: Apache-2.0
// Updates over the real API: HTTPS as the page uses it, and the socket of the command line.
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { UpdateView } from "../../../src/api/update.ts";
import { runCli } from "../../../src/cli/cli.ts";
import { socketClient, socketUpload } from "../../../src/cli/client.ts";
import { ScsigateError } from "../../../src/shared/errors.ts";
import { ApiClient } from "../../support/apiClient.ts";
import { COMPATIBLE, FakeImage, freshImage, startGateway, type TestGateway, until } from "../../support/gateway.ts";

const PASSWORD = "correct horse battery";

interface Context {
  gateway: TestGateway;
  image: FakeImage;
  api: ApiClient;
  reboots: number;
}

const called = new Set<string>();
const update = suite<Context>("updates over the API");
update.before.each(async (context) => {
  context.reboots = 0;
  context.gateway = await startGateway({
    config: { version: 1, hostname: "gateway", mqtt: { username: "me", password: "hush-hush" } },
    image: (data) => {
      context.image = new FakeImage(() => data);
      return context.image;
    },
    reboot: () => {
      context.reboots += 1;
    },
  });
  const { gateway } = context;
  context.api = await ApiClient.open(() => gateway.service.ports.https);
  const token = gateway.token;
  const answer = await context.api.call("POST", "/api/v1/setup", { token, name: "admin", password: PASSWORD });
  const { csrfToken } = answer.json as { csrfToken: string };
  const cookie = String(answer.headers["set-cookie"]).split(";")[0] ?? "";
  context.api.headers = { Cookie: cookie, "X-CSRF-Token": csrfToken };
});
update.after.each(async ({ gateway, api }) => {
  for (const operation of api.called) called.add(operation);
  await gateway.stop();
});

/** Sends a file of so many bytes over HTTPS. @returns status and answer */
function send(
  { gateway, api }: Context,
  bytes: number,
  headers: Record<string, string | number> = {},
): Promise<{ status: number; json: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const { https: port } = gateway.service.ports;
    const type = { "Content-Type": "application/octet-stream", "Content-Length": bytes, ...headers };
    api.called.add("POST /api/v1/update/bundle"); // no JSON, so it does not go through the client
    const path = "/api/v1/update/bundle?name=scsigate-1.1.0.raucb";
    const options = { host: "127.0.0.1", port, path, method: "POST", rejectUnauthorized: false };
    const outgoing = request({ ...options, headers: { ...api.headers, ...type } }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, json: JSON.parse(text) as Record<string, unknown> }),
      );
    });
    outgoing.on("error", reject);
    const piece = Buffer.alloc(64 * 1024, "hsqs");
    let left = bytes;
    const more = () => {
      while (left > 0) {
        const part = piece.subarray(0, Math.min(left, piece.length));
        left -= part.length;
        if (!outgoing.write(part)) return void outgoing.once("drain", more);
      }
      outgoing.end();
    };
    more();
  });
}

async function view({ api }: Context): Promise<UpdateView> {
  return (await api.call("GET", "/api/v1/update")).json as UpdateView;
}

async function becomes(context: Context, state: UpdateView["state"]): Promise<void> {
  await until(state, async () => (await view(context)).state === state);
}

update("a file is sent, installed, and the machine restarts into it", async (context) => {
  const { api, gateway } = context;
  const before = process.memoryUsage().arrayBuffers;
  const { status, json } = await send(context, 256 * 1024 * 1024);
  assert.is(status, 200, JSON.stringify(json));
  // What was read and written may lie around until the collector comes: V8 begins to look at 64 MiB, and is late on a busy machine.
  assert.ok(process.memoryUsage().arrayBuffers - before < 160 * 1024 * 1024, "it does not go through memory");
  assert.equal((json["bundle"] as UpdateView["bundle"])?.source, "scsigate-1.1.0.raucb");
  assert.is((await api.call("POST", "/api/v1/update/install", { restart: true })).status, 202);
  await until("restart", () => context.reboots === 1);
  await becomes(context, "ready-to-restart");
  const kept = JSON.parse(gateway.tree.read("data/before-update.json") ?? "") as Record<string, unknown>;
  assert.equal(kept["secrets"], { "/mqtt/password": "hush-hush" });
  assert.is((await api.call("POST", "/api/v1/update/restart")).status, 204);
  await until("restart", () => context.reboots === 2);
  assert.is(((await api.call("DELETE", "/api/v1/update")).json as UpdateView).state, "idle");
});

update("refusals come as problems with a next step, also before all of the file was sent", async (context) => {
  const { api, image } = context;
  const code = ({ status, json }: { status: number; json: unknown }) => `${status} ${(json as { code: string }).code}`;
  assert.is(code(await send(context, 1000, { "Content-Type": "application/json" })), "415 not-a-file");
  image.bundle = new ScsigateError("update-not-trusted", "not ours", "Get ours.");
  assert.is(code(await send(context, 3_000_000)), "422 update-not-trusted");
  assert.is((await view(context)).problem?.code, "update-not-trusted");
  image.bundle = { compatible: COMPATIBLE, version: "1.0.0", description: "", build: "" };
  assert.is((await send(context, 1000)).status, 200);
  assert.is(code(await api.call("POST", "/api/v1/update/install", {})), "409 update-not-newer");
  assert.is(code(await api.call("POST", "/api/v1/update/restart")), "409 update-not-ready");
  assert.is(code(await api.call("POST", "/api/v1/update/back", {})), "409 update-no-slot");
  assert.is(code(await api.call("POST", "/api/v1/update/download", { url: "file:///etc/passwd" })), "422 body-invalid");
  image.state = { ...freshImage(), slot: "B" };
  const { headers } = api;
  const key = await api.call("POST", "/api/v1/keys", { name: "robot", scope: "operate" });
  api.headers = { Authorization: `Bearer ${(key.json as { secret: string }).secret}` };
  assert.is(code(await send(context, 1000)), "403 not-allowed");
  assert.is(code(await api.call("POST", "/api/v1/update/install", {})), "403 not-allowed");
  assert.is((await api.call("GET", "/api/v1/update")).status, 200);
  api.headers = headers;
});

update("a bundle is fetched from a web server; its password is not shown; it can be cancelled", async (context) => {
  const { api } = context;
  let hold = false;
  const server = createServer((_request, response) => {
    response.writeHead(200, { "Content-Length": 5 });
    if (!hold) response.end("hsqs!");
    else response.write("hs");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://me:hush@127.0.0.1:${(server.address() as AddressInfo).port}/u.raucb?key=hush`;
  assert.is((await api.call("POST", "/api/v1/update/download", { url })).status, 202);
  await becomes(context, "ready");
  assert.not.match(JSON.stringify(await view(context)), "hush");
  hold = true;
  await api.call("POST", "/api/v1/update/download", { url });
  await until("a beginning", async () => (await view(context)).progress?.bytes === 2);
  assert.is(((await api.call("DELETE", "/api/v1/update")).json as UpdateView).state, "idle");
  server.closeAllConnections();
  server.close();
});

update("a sender that goes away in the middle leaves nothing, and the next one is taken", async (context) => {
  const { gateway, api } = context;
  const { https: port } = gateway.service.ports;
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  const headers = Object.entries({ ...api.headers, Host: "x", "Content-Type": "application/octet-stream" });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(`POST /api/v1/update/bundle HTTP/1.1\r\n${lines}Content-Length: 1000000\r\n\r\nhsqs`);
  await becomes(context, "receiving");
  assert.is((await send(context, 10)).json["code"], "update-busy");
  socket.destroy();
  await becomes(context, "failed");
  assert.is((await view(context)).problem?.code, "update-damaged");
  assert.not(gateway.tree.exists("data/update/bundle.raucb"));
  assert.is((await send(context, 10)).status, 200);
});

update("what is sent can be cancelled by somebody else", async (context) => {
  const { gateway, api } = context;
  const { https: port } = gateway.service.ports;
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  let ended = false;
  socket.on("close", () => {
    ended = true;
  });
  socket.on("error", () => {});
  const headers = Object.entries({ ...api.headers, Host: "x", "Content-Type": "application/octet-stream" });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(`POST /api/v1/update/bundle HTTP/1.1\r\n${lines}Content-Length: 1000000\r\n\r\nhsqs`);
  await becomes(context, "receiving");
  assert.is(((await api.call("DELETE", "/api/v1/update")).json as UpdateView).state, "idle");
  await until("its end", () => ended);
  assert.is((await view(context)).state, "idle");
  assert.is((await send(context, 10)).status, 200);
});

update("the command line: install, its refusals, going back", async (context) => {
  const { gateway, image } = context;
  const socket = join(gateway.tree.root, "control.sock");
  const said = { out: "", err: "" };
  const run = (...args: string[]) => {
    said.out = "";
    said.err = "";
    return runCli(args, {
      call: socketClient(socket),
      upload: socketUpload(socket),
      version: () => "1.2.3",
      pause: () => new Promise((resolve) => setTimeout(resolve, 10)),
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
      read: () => "",
      write: () => {},
      login: async () => {},
    });
  };
  const file = join(gateway.tree.root, "scsigate.raucb");
  writeFileSync(file, Buffer.alloc(2_000_000, "hsqs"));
  assert.is(await run("update", "install", "/nowhere.raucb"), 1);
  assert.match(said.err, "ENOENT");
  image.bundle = { compatible: COMPATIBLE, version: "0.9.0", description: "", build: "" };
  assert.is(await run("update", "install", file), 1);
  assert.match(said.err, "0.9.0 is older than 1.0.0, which runs\nChoose a newer one, or allow it knowingly");
  assert.is(await run("update", "install", file, "--allow-downgrade"), 0, said.err);
  assert.match(said.out, "Other    B: 0.9.0, not confirmed yet");
  assert.match(said.out, "State    ready-to-restart\n         scsigate update restart starts it");
  assert.is(await run("update", "cancel"), 0);
  image.failure = new ScsigateError("update-failed", "the disk is broken", "Use another one.");
  assert.is(await run("update", "install", file, "--allow-downgrade"), 1);
  assert.match(said.err, "scsigate: the disk is broken\nUse another one.");
  image.failure = undefined;
  const server = createServer((_request, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/u.raucb`;
  assert.is(await run("update", "install", url, "--json"), 1);
  assert.match(said.err, '"code":"update-download-failed"');
  server.close();
  assert.is(await run("update", "back"), 1);
  assert.match(said.err, "slot B has never run well");
  assert.is(await run("update", "install", file, "--allow-downgrade", "--reboot"), 0, said.err);
  await until("restart", () => context.reboots === 1);
  assert.is(await run("update", "status", "--json"), 0);
  assert.is((JSON.parse(said.out) as UpdateView).state, "ready-to-restart");
  assert.is(await run("update"), 0);
  assert.match(said.out, "Running  A: 1.0.0, runs well");
});

update("every operation that is described was tried here", ({ api }) => {
  const untried = api.operations.filter((one) => /v1\/update/.test(one) && !called.has(one));
  assert.equal(untried, []);
});

update.run();

const without = suite("without the image");

without("everything says how else to update, and nothing breaks", async () => {
  const gateway = await startGateway();
  const socket = join(gateway.tree.root, "control.sock");
  const said: string[] = [];
  const world = {
    ...{ call: socketClient(socket), upload: socketUpload(socket), version: () => "1.2.3", pause: async () => {} },
    ...{ out: (text: string) => said.push(text), err: (text: string) => said.push(text) },
    ...{ read: () => "", write: () => {}, login: async () => {} },
  };
  assert.is(await runCli(["update"], world), 0);
  assert.match(said.join("\n"), "this machine does not run the image. Update it with its package manager.");
  assert.is(await runCli(["update", "install", "/etc/hostname"], world), 1);
  assert.match(said.join("\n"), "scsigate: this machine does not run the image");
  const health = JSON.parse((await gateway.get("/health")).body) as { reasons: unknown[] };
  assert.equal(health.reasons, []);
  await gateway.stop();
});

without.run();
