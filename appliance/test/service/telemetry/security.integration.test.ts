// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assessHealth } from "../../../src/service/health.ts";
import { until } from "../../support/machine.ts";
import { type Certificates, makeCertificates, passwordFile, TestBroker } from "../../support/mosquitto.ts";
import { BASE, type TelemetryRig, telemetryRig } from "../../support/telemetryRig.ts";

const PASSWORD = "correct horse";

interface Context {
  made: Certificates;
  other: Certificates;
  broker: TestBroker;
}

/** As mosquitto wants it: hashed. */
const security = suite<Context>("a broker with TLS, client certificates and passwords");
security.before(async (context) => {
  context.made = makeCertificates(["localhost", "gateway"]);
  context.other = makeCertificates(["gateway"]);
  const { ca, signed } = context.made;
  const [certificate = "", key = ""] = signed["gateway"] ?? [];
  const [server = "", serverKey = ""] = signed["localhost"] ?? [];
  context.broker = new TestBroker({
    scheme: "mqtts",
    files: {
      "ca.pem": ca,
      "server.pem": server,
      "server.key": serverKey,
      passwords: passwordFile(["gateway", "listener"], PASSWORD),
    },
    settings: [
      ...["cafile {dir}/ca.pem", "certfile {dir}/server.pem", "keyfile {dir}/server.key", "require_certificate true"],
      ...["allow_anonymous false", "password_file {dir}/passwords"],
    ],
    client: { ca, cert: certificate, key, username: "listener", password: PASSWORD },
  });
  await context.broker.start();
});
security.after((context) => context.broker.stop());

function tlsOf(made: Certificates, ca = made.ca) {
  const [certificate, key] = made.signed["gateway"] ?? [];
  return { ca, certificate, key };
}

async function attempt({ broker }: Context, mqtt: Record<string, unknown>): Promise<TelemetryRig> {
  const url = `mqtts://127.0.0.1:${broker.port}`;
  return telemetryRig({ version: 1, mqtt: { enabled: true, url, username: "gateway", password: PASSWORD, ...mqtt } });
}

for (const protocol of ["3.1.1", "5"]) {
  security(`MQTT ${protocol}: with our certificate, the right CA and password: connected`, async (context) => {
    const { broker } = context;
    broker.heard.length = 0;
    const rig = await attempt(context, { protocol, tls: tlsOf(context.made) });
    try {
      await until("connected", () => rig.state.mqtt.connected);
      await until("online", () => broker.last(`${BASE}/state`)?.["state"] === "online");
      await until("a round", () => broker.last(`${BASE}/segment/seg0`) !== undefined);
    } finally {
      await rig.stop();
    }
    await until("offline", () => broker.last(`${BASE}/state`)?.["state"] === "offline");
  });
}

const refusals: [string, (context: Context) => Record<string, unknown>, RegExp, string][] = [
  [
    "a broker whose certificate nobody vouches for",
    ({ made, other }) => ({ tls: tlsOf(made, other.ca) }),
    /certificate/i,
    "mqtt.tls.ca",
  ],
  [
    "a wrong password, in the words of MQTT 3.1.1",
    ({ made }) => ({ tls: tlsOf(made), password: "wrong" }),
    /not authorized/i,
    "mqtt.password",
  ],
  [
    "a wrong password, in the words of MQTT 5",
    ({ made }) => ({ tls: tlsOf(made), password: "wrong", protocol: "5" }),
    /not authorized/i,
    "mqtt.password",
  ],
  ["a certificate of somebody else", ({ made, other }) => ({ tls: tlsOf(other, made.ca) }), /./, "mqtt"],
];

for (const [what, mqtt, error, advice] of refusals) {
  security(`${what}: no connection, and it is said why`, async (context) => {
    const rig = await attempt(context, mqtt(context));
    try {
      await until("refused", () => rig.state.mqtt.error !== null);
      assert.is(rig.state.mqtt.connected, false);
      assert.match(rig.state.mqtt.error ?? "", error);
      const { lan, segments } = rig.monitor.status;
      const health = assessHealth(rig.state, lan, segments, 60);
      const reason = health.reasons.find((entry) => entry.code === "broker-unreachable");
      assert.match(reason?.nextStep ?? "", advice);
      assert.not.match(JSON.stringify(rig.monitor.status), /wrong|PRIVATE KEY|correct horse/);
    } finally {
      await rig.stop();
    }
  });
}

security("without verification any broker will do", async (context) => {
  const rig = await attempt(context, { tls: { ...tlsOf(context.made, context.other.ca), verify: false } });
  try {
    await until("connected", () => rig.state.mqtt.connected);
  } finally {
    await rig.stop();
  }
});

security.run();
