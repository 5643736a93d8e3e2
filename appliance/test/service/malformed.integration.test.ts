// SPDX-License-Identifier: Apache-2.0
// What comes from outside and is wrong: requests, documents, backups, MQTT messages. Each is refused in words, by rule
// and not by luck, and none stops the gateway.
import { join } from "node:path";
import { connect } from "node:tls";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Call, socketClient } from "../../src/cli/client.ts";
import { defaultConfig } from "../../src/config/validate.ts";
import { Commands } from "../../src/service/telemetry/commands.ts";
import { asObject, getAt, isObject } from "../../src/shared/json.ts";
import { startGateway, type TestGateway, until } from "../support/gateway.ts";

const malformed = suite<{ gateway: TestGateway; call: Call }>("malformed input");
malformed.before(async (context) => {
  context.gateway = await startGateway({ config: { version: 1, hostname: "before" } });
  context.call = socketClient(join(context.gateway.tree.root, "control.sock"));
  await until("first plan", () => context.gateway.plans.length > 0);
});
malformed.after(({ gateway }) => gateway.stop());

/** Sends bytes as they are; what came back until the connection ended, or nothing more came for a while, milliseconds. */
function raw(port: number, bytes: string, patienceMs = 500): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => socket.write(bytes, "latin1"));
    const done = () => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(patienceMs, done);
    socket.on("data", (data: Buffer) => {
      text = (text + data.toString("latin1")).replace("HTTP/1.1 100 Continue\r\n\r\n", "");
      if (text.includes("\r\n\r\n")) done();
    });
    socket.on("close", done);
    socket.on("error", done);
  });
}

const HOST = "Host: x\r\n";
const LINES = [
  "",
  "GET",
  "GET /",
  "GET / HTTP/0.9",
  "GET / HTTP/9.9",
  "GET / HTTP/1.1 extra",
  "GET  / HTTP/1.1",
  "get / HTTP/1.1",
  "BREW /coffee HTTP/1.1",
  "TRACE / HTTP/1.1",
  "CONNECT x:1 HTTP/1.1",
  "PROPFIND / HTTP/1.1",
  "\u0000GET / HTTP/1.1",
  "GET \u0000 HTTP/1.1",
  "GET /\u00ff\u00fe HTTP/1.1",
  "GET /%zz HTTP/1.1",
  "GET /%00 HTTP/1.1",
  "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1",
  "GET /../../etc/passwd HTTP/1.1",
  "GET //etc/passwd HTTP/1.1",
  "GET /api/v1/users/%ff HTTP/1.1",
  "GET /api/v1/users/.. HTTP/1.1",
  "GET /api/v1/nothing HTTP/1.1",
  "GET /api/v1/config?confirmSeconds=%zz&&&=== HTTP/1.1",
  "GET http://other.example/ HTTP/1.1",
  "GET * HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  `GET /${"a".repeat(9000)} HTTP/1.1`,
  `GET /${"../".repeat(500)} HTTP/1.1`,
  "DELETE /api/v1/config HTTP/1.1",
  "PATCH /health HTTP/1.1",
  "POST /api/v1/login HTTP/1.1",
  "PUT /api/v1/system/certificate HTTP/1.1",
  "POST /api/v1/system/reboot HTTP/1.1",
];
const HEADERS = [
  "",
  HOST,
  `${HOST}Host: y\r\n`,
  "Host: \r\n",
  `${HOST}Content-Length: -1\r\n`,
  `${HOST}Content-Length: 1e9\r\n`,
  `${HOST}Content-Length: 5\r\nContent-Length: 6\r\n`,
  `${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`,
  `${HOST}Transfer-Encoding: gzip\r\n`,
  `${HOST}Expect: 100-continue\r\nContent-Length: 99999999999\r\n`,
  `${HOST}no colon\r\n`,
  `${HOST}: no name\r\n`,
  `${HOST}X: \u0000\r\n`,
  `${HOST} folded\r\n`,
  `${HOST}X: ${"y".repeat(10_000)}\r\n`,
  `${HOST}${"X: y\r\n".repeat(2500)}`,
  `${HOST}Cookie: ${"a=b; ".repeat(500)}\r\n`,
  `${HOST}Cookie: __Host-scsigate=\u00ff; __Host-scsigate=x\r\n`,
  `${HOST}Authorization: Bearer\r\n`,
  `${HOST}Authorization: Bearer ${"k".repeat(2000)}\r\n`,
  `${HOST}Authorization: Basic YTpi\r\n`,
  `${HOST}If-None-Match: *\r\nIf-Match: \u0001\r\n`,
  `${HOST}Content-Type: application/json\r\nContent-Length: 2\r\n`,
  `${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n`,
  `${HOST}Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA\r\n`,
];
/** What the first word of a status line may be: nothing succeeds that changes something, and nothing fails inside. */
const PERMITTED = /^HTTP\/1\.[01] (200|204|304|308|4\d\d|505) /;

malformed("several hundred requests are answered with a refusal, or the connection ends", async ({ gateway }) => {
  const { https } = gateway.service.ports;
  const requests = LINES.flatMap((line) => HEADERS.map((headers) => `${line}\r\n${headers}Connection: close\r\n\r\n`));
  assert.ok(requests.length > 500);
  for (let start = 0; start < requests.length; start += 32) {
    const some = requests.slice(start, start + 32);
    const answers = await Promise.all(some.map((text) => raw(https, text)));
    answers.forEach((answer, index) => {
      const what = `${JSON.stringify(some[index]?.slice(0, 120))}: ${answer.slice(0, 60)}`;
      assert.ok(answer === "" || PERMITTED.test(answer), what);
    });
  }
  assert.is((await gateway.get("/version")).status, 200);
});

malformed("what is no HTTP, and no TLS, ends without harm", async ({ gateway }) => {
  const { https } = gateway.service.ports;
  for (const bytes of [
    "\u0016\u0003\u0001\u0002\u0000",
    "\u0000".repeat(5000),
    "SSH-2.0-x\r\n",
    "EHLO x\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ]) {
    assert.not.match(await raw(https, bytes), / [25]00 /);
  }
  assert.is((await gateway.get("/version")).status, 200);
});

const VALUES: unknown[] = [
  ...[null, true, false, -1, 0.5, 1e308, 99_999_999, "", " ", "\u0000", "../../etc/passwd", "$(reboot)"],
  ...['"; reboot; "', "a\nb", "é", "x".repeat(5000), [], [[]], [null], {}, { surplus: 1 }, { type: "none", x: 1 }],
];

/** Everything that a document can have, with a value for what has no default. */
function wholeDocument(): Record<string, unknown> {
  const iqn = "iqn.2026-11.org.scsigate:seg0";
  const fabric = {
    type: "iscsi",
    target: iqn,
    portals: ["0.0.0.0:3260"],
    initiators: [`${iqn}-a`],
    authentication: "none",
  };
  return {
    ...(structuredClone(defaultConfig()) as unknown as Record<string, unknown>),
    storage: {
      interface: "eth1",
      ipv4: { method: "static", address: "10.9.0.1/24", gateway: "10.9.0.2", dns: ["10.9.0.2"] },
    },
    segments: [{ name: "seg0", ipv4: { address: "10.143.0.1/24" }, fabric }],
    chap: { user: "stations", password: "correct-horse" },
    time: { zone: "Europe/Berlin" },
  };
}

function pathsOf(value: unknown, path: string[] = []): string[][] {
  const inside = Array.isArray(value) ? Object.entries(value) : isObject(value) ? Object.entries(value) : [];
  return [...(path.length === 0 ? [] : [path]), ...inside.flatMap(([key, item]) => pathsOf(item, [...path, key]))];
}

function withValue(document: Record<string, unknown>, path: readonly string[], value: unknown): unknown {
  const copy = structuredClone(document);
  const parent = getAt(copy, path.slice(0, -1)) as Record<string, unknown>;
  parent[path.at(-1) ?? ""] = value;
  return copy;
}

malformed("a document with one wrong value is refused, with the place, and what to do", async ({ gateway, call }) => {
  const whole = wholeDocument();
  assert.is((await call("POST", "/api/v1/config/plan", whole)).status, 200);
  let refused = 0;
  for (const path of pathsOf(whole)) {
    for (const value of VALUES) {
      const { status, json } = await call("POST", "/api/v1/config/plan", withValue(whole, path, value));
      const what = `/${path.join("/")} = ${JSON.stringify(value)?.slice(0, 40)}`;
      assert.ok(status === 200 || status === 422, `${what}: ${status} ${JSON.stringify(json)}`);
      if (status === 200) continue;
      refused += 1;
      const { errors, nextStep } = asObject(json);
      assert.ok(String(nextStep).length > 5, what);
      if (path[0] === "version") continue; // of a newer form, nothing can be said but that
      assert.ok(Array.isArray(errors) && errors.length > 0, what);
      for (const error of (errors as unknown[]).map(asObject)) {
        assert.ok(
          String(error["message"]).length > 5 && String(error["nextStep"]).length > 5,
          `${what}: ${JSON.stringify(error)}`,
        );
        assert.ok(/^(\/[^/]+)*$/.test(String(error["path"])), what);
      }
    }
  }
  assert.ok(refused > 1000, `${refused} were refused`);
  const { json } = await call("GET", "/api/v1/config");
  assert.equal(json, { version: 1, hostname: "before" });
  assert.is((await gateway.get("/version")).status, 200);
});

malformed("property: a backup that was damaged on the way changes nothing", async ({ gateway, call }) => {
  const { json: backup } = await call("GET", "/api/v1/backup?secrets=true");
  const text = JSON.stringify({ ...asObject(backup), document: wholeDocument() });
  const { https } = gateway.service.ports;
  const damage = fc.tuple(fc.nat(text.length - 1), fc.string({ maxLength: 4 }), fc.nat(40));
  await fc.assert(
    fc.asyncProperty(damage, async ([at, insert, cut]) => {
      const body = text.slice(0, at) + insert + text.slice(at + cut);
      let parsed: unknown;
      try {
        parsed = JSON.parse(body);
      } catch {
        return; // the next test but one sends what is no JSON
      }
      const { status } = await call("POST", "/api/v1/restore/plan", parsed);
      assert.ok(status === 200 || status === 422, `${status}: ${body.slice(Math.max(0, at - 40), at + 40)}`);
    }),
    { numRuns: 500 },
  );
  assert.equal((await call("GET", "/api/v1/config")).json, { version: 1, hostname: "before" });
  for (const length of [0, 1, 10, 100, text.length - 1]) {
    const head = `POST /api/v1/login HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    assert.match(await raw(https, head + text.slice(0, length), 10_000), /^HTTP\/1\.1 4\d\d /);
  }
});

malformed("several hundred MQTT messages do nothing but what is listed", async () => {
  const names = [
    "refresh",
    "restart",
    "reboot",
    "Refresh",
    "refresh ",
    "refresh/x",
    "",
    "#",
    "+",
    "__proto__",
    "constructor",
    "\u0000",
  ];
  const payloads = [
    ...["", "PRESS", "press", "PRESS ", "1", "true", "null", "{}", "[]", '{"command":"restart"}', "\u0000", "\ufffd"],
    ...["x".repeat(100_000), "; reboot", "$(reboot)", "PRESS\n", "ON"],
  ];
  let tried = 0;
  for (const name of names) {
    for (const payload of payloads) {
      for (const retained of [false, true]) {
        const done: string[] = [];
        const actions = {
          refresh: () => done.push("refresh"),
          restart: () => done.push("restart"),
          update: () => done.push("update"),
        };
        const commands = new Commands({ enabled: true, allow: ["refresh"] }, { note: () => true }, actions);
        const answer = commands.handle(name, payload, retained);
        const good = name === "refresh" && !retained && (payload === "" || payload === "PRESS");
        assert.equal(done, good ? ["refresh"] : [], `${name} ${payload.slice(0, 20)} ${retained}`);
        assert.is(answer?.accepted, good);
        if (!good) assert.ok((answer?.message ?? "").length > 10);
        tried += 1;
      }
    }
  }
  assert.ok(tried > 300);
});

malformed.run();
