// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ConnectionTest } from "../../../src/api/diagnosis.ts";
import { socketClient } from "../../../src/cli/client.ts";
import { testBroker } from "../../../src/service/telemetry/brokerTest.ts";
import { systemClock } from "../../../src/shared/clock.ts";
import { startGateway } from "../../support/gateway.ts";
import { freePort, makeCertificates, passwordFile, TestBroker } from "../../support/mosquitto.ts";
import { configOf } from "../../support/telemetryRig.ts";

const PASSWORD = "secret-word";

function attempt(mqtt: object): Promise<ConnectionTest> {
  return testBroker(configOf({ version: 1, mqtt: { enabled: true, ...mqtt } }).mqtt, "scsigate-test", systemClock);
}

function summary({ ok, checks }: ConnectionTest): string {
  return `${ok} ${checks.map(({ id, state }) => `${id}:${state}`).join(" ")}`;
}

function lastStep({ checks }: ConnectionTest): string {
  return String(checks.at(-1)?.nextStep);
}

const plain = suite<{ broker: TestBroker }>("trying a broker");
plain.before(async (context) => {
  context.broker = new TestBroker({
    settings: ["allow_anonymous false", "password_file {dir}/passwords"],
    files: { passwords: passwordFile(["gateway"], PASSWORD) },
    client: { username: "gateway", password: PASSWORD },
  });
  await context.broker.start();
});
plain.after((context) => context.broker.stop());

plain("a broker that lets us in: every step is green, and the address needs no name", async ({ broker }) => {
  const url = `mqtt://127.0.0.1:${broker.port}`;
  for (const protocol of ["3.1.1", "5"]) {
    const result = await attempt({ url, protocol, username: "gateway", password: PASSWORD });
    assert.is(summary(result), "true name:off connection:good tls:off login:good");
  }
  const named = await attempt({ url: `mqtt://localhost:${broker.port}`, username: "gateway", password: PASSWORD });
  assert.is(summary(named), "true name:good connection:good tls:off login:good");
});

plain("a wrong password, and none: the login is red, and says what to check", async ({ broker }) => {
  const url = `mqtt://127.0.0.1:${broker.port}`;
  for (const protocol of ["3.1.1", "5"]) {
    const result = await attempt({ url, protocol, username: "gateway", password: "wrong" });
    assert.is(summary(result), "false name:off connection:good tls:off login:bad");
    assert.match(lastStep(result), "mqtt.username and mqtt.password");
    assert.not.match(JSON.stringify(result), "wrong");
  }
});

plain("over the API: what is not given is what is stored, the password too; null takes it away", async ({ broker }) => {
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const config = { version: 1, mqtt: { url, username: "gateway", password: PASSWORD } };
  const gateway = await startGateway({ config });
  const call = socketClient(join(gateway.tree.root, "control.sock"));
  const said = async (body: object) => {
    const { json } = await call("POST", "/api/v1/telemetry/test", body);
    assert.not.match(JSON.stringify(json), PASSWORD);
    return (json as ConnectionTest).ok;
  };
  assert.is(await said({}), true);
  assert.is(await said({ password: "wrong" }), false);
  assert.is(await said({ password: null }), false);
  assert.is(await said({ username: "nobody" }), false);
  await gateway.stop();
});

plain("a name that nobody knows", async () => {
  const result = await attempt({ url: "mqtt://broker.invalid:1883" });
  assert.is(summary(result), "false name:bad");
  assert.match(lastStep(result), "name server");
});

plain("a port that nobody listens on", async () => {
  const result = await attempt({ url: `mqtt://127.0.0.1:${await freePort()}` });
  assert.is(summary(result), "false name:off connection:bad");
  assert.match(lastStep(result), "listens on this port");
});

plain("something that is no broker: it has an end, and says so", async () => {
  const server: Server = createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const login = await attempt({ url: `mqtt://127.0.0.1:${port}` });
  assert.is(summary(login), "false name:off connection:good tls:off login:bad");
  assert.match(lastStep(login), "Something else listens");
  const tls = await attempt({ url: `mqtts://127.0.0.1:${port}` });
  assert.is(summary(tls), "false name:off connection:good tls:bad");
  assert.match(lastStep(tls), "speaks TLS");
  server.close();
});

plain("TLS to a port that speaks none", async ({ broker }) => {
  const result = await attempt({ url: `mqtts://127.0.0.1:${broker.port}` });
  assert.is(summary(result), "false name:off connection:good tls:bad");
  assert.match(lastStep(result), "speaks TLS");
});

const secure = suite("trying a broker over TLS");

secure("its own authority: red without it, green with it", async () => {
  const { ca, signed } = makeCertificates(["localhost"]);
  const [certificate = "", key = ""] = signed["localhost"] ?? [];
  const broker = new TestBroker({
    settings: ["allow_anonymous true", "cafile {dir}/ca", "certfile {dir}/crt", "keyfile {dir}/key"],
    files: { ca, crt: certificate, key },
    scheme: "mqtts",
    client: { ca },
  });
  await broker.start();
  const url = `mqtts://127.0.0.1:${broker.port}`;
  const stranger = await attempt({ url });
  assert.is(summary(stranger), "false name:off connection:good tls:bad");
  assert.match(lastStep(stranger), "mqtt.tls.ca");
  const known = await attempt({ url, tls: { ca } });
  assert.is(summary(known), "true name:off connection:good tls:good login:good");
  assert.match(String(known.checks[2]?.measured), "certificate of localhost");
  await broker.stop();
});

plain.run();
secure.run();
