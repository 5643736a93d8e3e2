// SPDX-License-Identifier: Apache-2.0

import { statSync } from "node:fs";
import { request } from "node:http";
import { request as secureRequest } from "node:https";
import { join } from "node:path";
import { connect } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Health, Status } from "../../src/api/status.ts";
import {
  get,
  type HttpAnswer,
  STATION_A,
  STATION_B,
  startGateway,
  type TestGateway,
  until,
  writePeer,
} from "../support/gateway.ts";

const http = suite<{ gateway: TestGateway }>("HTTP");
http.before(async (context) => {
  const config = { version: 1, hostname: "gateway", http: { publicHttpsPort: 8443 } };
  context.gateway = await startGateway({ config, web: join(import.meta.dirname, "../fixtures/web") });
  await until("first plan", async () => (await context.gateway.get("/health")).status === 200);
  await context.gateway.get("/api/v1/status");
});
http.after((context) => context.gateway.stop());

async function status(gateway: TestGateway): Promise<Status> {
  return JSON.parse((await gateway.get("/api/v1/status")).body) as Status;
}

http("the state has the segment and its stations, with names and addresses", async ({ gateway }) => {
  await until("addresses", async () => (await status(gateway)).lan.addresses.length > 0);
  const now = await status(gateway);
  assert.is(now.hostname, "gateway");
  assert.is(now.id, "525400123456");
  assert.is(now.uptimeSeconds, 93784);
  assert.is(now.lan.interface, "eth0");
  assert.equal(now.lan.addresses, ["10.0.2.20/24"]);
  assert.is(now.segments[0]?.counters.rx_bytes, 5_000_000);
  const [a, b] = now.segments[0]?.stations ?? [];
  assert.is(a?.address, STATION_A);
  assert.is(a?.ip, "10.143.0.20"); // from the lease
  assert.is(b?.address, STATION_B);
  assert.is(b?.ip, "10.143.0.77"); // from the neighbour table
  assert.equal(now.config, { valid: true, source: "file", errors: [] });
});

http("rates come from two samples", async ({ gateway }) => {
  let bytes = 4_000_000;
  await until("a rate", async () => {
    bytes += 3_000_000;
    writePeer(gateway.tree, "seg0", STATION_A, { counters: { rx_bytes: bytes, rx_packets: 8000 } });
    return ((await status(gateway)).segments[0]?.stations[0]?.rates.rx_bytes ?? 0) > 1_000_000;
  });
});

http("health and version", async ({ gateway }) => {
  const health = async () => JSON.parse((await gateway.get("/health")).body) as Health;
  await until("all to be well", async () => (await health()).status === "ok");
  assert.equal(await health(), { status: "ok", reasons: [] });
  assert.equal(JSON.parse((await gateway.get("/version")).body), { version: "1.2.3", commit: "abc" });
});

http("every answer has the security headers", async ({ gateway }) => {
  for (const path of ["/", "/health", "/nothing"]) {
    const { headers } = await gateway.get(path);
    const policy = String(headers["content-security-policy"]);
    assert.match(policy, "default-src 'none'");
    assert.not.match(policy, "unsafe");
    assert.is(headers["x-content-type-options"], "nosniff");
  }
});

http("unknown paths, methods and bodies are problems that say what to do", async ({ gateway }) => {
  const cases: [HttpAnswer, number][] = [
    [await gateway.get("/api/v1/nothing"), 404],
    [await gateway.get("/..%2f..%2fetc/passwd"), 404],
    [await gateway.get("/../version.json"), 404],
    [await gateway.get("/health", { method: "DELETE" }), 405],
    [await gateway.get("/health", { method: "POST", body: "x" }), 405],
    [await gateway.get("/health", { headers: { "Content-Length": "1" }, body: "x" }), 413],
  ];
  for (const [answer, expected] of cases) {
    assert.is(answer.status, expected);
    assert.is(answer.headers["content-type"], "application/problem+json; charset=utf-8");
    assert.ok((JSON.parse(answer.body) as { nextStep: string }).nextStep.length > 3);
  }
});

http("HEAD has the headers and no body", async ({ gateway }) => {
  const answer = await gateway.get("/health", { method: "HEAD" });
  assert.is(answer.status, 200);
  assert.ok(Number(answer.headers["content-length"]) > 10);
  assert.is(answer.body, "");
});

http("files: compressed for who takes it, not again for who has it", async ({ gateway }) => {
  const plain = await gateway.get("/");
  assert.match(plain.body, "fixture page");
  const packed = await gateway.get("/", { headers: { "Accept-Encoding": "gzip" } });
  assert.is(packed.headers["content-encoding"], "gzip");
  const again = await gateway.get("/", { headers: { "If-None-Match": String(plain.headers["etag"]) } });
  assert.is(again.status, 304);
  const hashed = await gateway.get("/main-ABCDEFGH.js");
  assert.match(String(hashed.headers["cache-control"]), "immutable");
});

function redirect(
  port: number,
  host: string,
  path: string,
): Promise<{ status: number | undefined; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, headers: { Host: host } }, (response) => {
      response.resume();
      resolve({ status: response.statusCode, location: response.headers.location });
    })
      .on("error", reject)
      .end();
  });
}

http("plain HTTP leads to HTTPS on the same host, at the public port", async ({ gateway }) => {
  const port = gateway.service.ports.http;
  assert.equal(await redirect(port, "127.0.0.1:8080", "/x?y=1"), {
    status: 308,
    location: "https://127.0.0.1:8443/x?y=1",
  });
  assert.equal(await redirect(port, "[fd00::1]", "/"), { status: 308, location: "https://[fd00::1]:8443/" });
  assert.is((await redirect(port, "a b", "/")).status, 400);
  // A proxy writes the whole address (RFC 9112, section 3.2.2).
  assert.equal(await redirect(port, "127.0.0.1", "http://127.0.0.1/x?y=1"), {
    status: 308,
    location: "https://127.0.0.1:8443/x?y=1",
  });
  for (const path of ["https://gw.local/version", "HTTPS://GW.local:443/version"]) {
    assert.is((await get(gateway.service.ports.https, path)).status, 200, path);
  }
});

http("old TLS is refused", async ({ gateway }) => {
  const code = await new Promise<string>((resolve) => {
    const socket = connect({
      port: gateway.service.ports.https,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    socket.once("secureConnect", () => resolve("connected"));
    socket.once("error", (error) => resolve(error.message));
  });
  assert.not.match(code, "connected");
});

http("the key is private, and stays the same", async ({ gateway }) => {
  assert.is(statSync(join(gateway.tree.root, "data/tls/server.pem")).mode & 0o777, 0o600);
  assert.is(statSync(join(gateway.tree.root, "data/tls")).mode & 0o777, 0o700);
});

http("events bring the state at once and every second", async ({ gateway }) => {
  const text = await new Promise<string>((resolve, reject) => {
    let received = "";
    const outgoing = secureRequest(
      { host: "127.0.0.1", port: gateway.service.ports.https, path: "/api/v1/events", rejectUnauthorized: false },
      (response) => {
        assert.is(response.headers["content-type"], "text/event-stream; charset=utf-8");
        response.on("data", (chunk: Buffer) => {
          received += chunk.toString();
          if (received.split("event: status").length > 3) {
            outgoing.destroy();
            resolve(received);
          }
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end();
  });
  const frames = text.split("\n").filter((line) => line.startsWith("data: "));
  const first = JSON.parse(frames[0]?.slice(6) ?? "") as Status;
  assert.is(first.hostname, "gateway");
});

http.run();

const troubles = suite("what is wrong is shown");

troubles("an invalid document: the page and the LAN are there, and the state says what to do", async () => {
  const gateway = await startGateway({
    config: { version: 1, hostname: "gateway", segments: [{ name: "SEG" }], mqttt: {} },
  });
  try {
    await until("plan", () => gateway.plans.length > 0);
    await until("degraded", async () => (await status(gateway)).health.status === "degraded");
    const now = await status(gateway);
    assert.is(now.hostname, "gateway");
    assert.is(now.config.valid, false);
    assert.is(now.config.errors.length, 2);
    assert.is(now.health.reasons[0]?.code, "config-invalid");
    assert.ok(gateway.plans[0]?.groups.some((group) => group.name === "lan"));
    assert.not(gateway.plans[0]?.groups.some((group) => group.name.startsWith("SEG")));
  } finally {
    await gateway.stop();
  }
});

troubles("no document: defaults", async () => {
  const gateway = await startGateway();
  try {
    const now = await status(gateway);
    assert.is(now.config.source, "defaults");
    assert.is(now.config.valid, true);
  } finally {
    await gateway.stop();
  }
});

troubles("a failed operation: degraded with its reason, tried again, and well when it works", async () => {
  let broken = true;
  const failure = {
    kind: "dnsmasq",
    problem: { code: "command-failed", message: "dnsmasq: port in use", nextStep: "Look." },
  } as const;
  const gateway = await startGateway({
    config: { version: 1 },
    apply: async (plan) =>
      plan.groups.map(({ name }) =>
        broken && name === "seg0-dhcp" ? { name, changed: 0, failure } : { name, changed: 0 },
      ),
  });
  try {
    await until("degraded", async () => (await status(gateway)).health.status === "degraded");
    assert.is((await get(gateway.service.ports.https, "/health")).status, 200);
    assert.is((await status(gateway)).health.reasons[0]?.message, "dnsmasq: port in use");
    broken = false;
    await until("ok", async () => (await status(gateway)).health.status === "ok", 20_000);
    assert.ok(gateway.plans.length >= 2);
  } finally {
    await gateway.stop();
  }
});

troubles.run();
