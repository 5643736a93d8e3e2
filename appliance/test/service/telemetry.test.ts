// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, fork, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Status } from "../../src/api/status.ts";
import { STATION_A, STATION_B, startGateway, until, writePeer } from "../support/gateway.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

const MOSQUITTO = "/usr/sbin/mosquitto";
const BASE = "scsigate/525400123456";

interface Context {
  tree: Tree;
  port: number;
  broker: ChildProcess;
  client: MqttClient;
  /** Last payload by topic. */
  seen: Map<string, Record<string, unknown>>;
  events: Record<string, unknown>[];
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

function startBroker(context: Context): ChildProcess {
  return spawn(MOSQUITTO, ["-c", join(context.tree.root, "mosquitto.conf")], { stdio: "ignore" });
}

const mqtt = suite<Context>("MQTT with a real broker");
mqtt.before(async (context) => {
  context.tree = temporaryTree();
  context.port = await freePort();
  context.tree.write({ "mosquitto.conf": `listener ${context.port} 127.0.0.1\nallow_anonymous true` });
  context.broker = startBroker(context);
  context.seen = new Map();
  context.events = [];
  await until("broker", async () => {
    try {
      context.client = await connectAsync(`mqtt://127.0.0.1:${context.port}`, { reconnectPeriod: 200 });
      return true;
    } catch {
      return false;
    }
  });
  context.client.on("error", () => {});
  context.client.on("message", (topic, payload) => {
    const value = JSON.parse(payload.toString()) as Record<string, unknown>;
    context.seen.set(topic, value);
    if (topic.endsWith("/event")) context.events.push(value);
  });
  await context.client.subscribeAsync("scsigate/#", { qos: 1 });
});
mqtt.after(async (context) => {
  await context.client.endAsync(true);
  context.broker.kill();
  context.tree.dispose();
});

function config(context: Context) {
  return {
    version: 1,
    hostname: "gateway",
    mqtt: { enabled: true, url: `mqtt://127.0.0.1:${context.port}`, intervalSeconds: 1 },
  };
}

mqtt("online, counters as the kernel has them, events, and good-bye", async (context) => {
  const { seen, events } = context;
  const gateway = await startGateway({ config: config(context) });
  try {
    await until("online", () => seen.get(`${BASE}/state`)?.["state"] === "online");
    await until("peer", () => seen.has(`${BASE}/segment/seg0/peer/${STATION_A}`));
    assert.is(seen.get(`${BASE}/segment/seg0`)?.["rx_bytes"], 5_000_000);
    assert.is(seen.get(`${BASE}/segment/seg0/peer/${STATION_A}`)?.["rx_packets"], 7000);
    assert.match(JSON.stringify(seen.get(`${BASE}/telemetry`)), '"tx_bytes":2000');

    gateway.tree.write({ "sys/class/net/seg0/statistics/tx_packets": 42 });
    await until("the next round", () => seen.get(`${BASE}/segment/seg0`)?.["tx_packets"] === 42);

    const happened = (type: string, address: string) =>
      events.some((event) => event["type"] === type && event["address"] === address);
    writePeer(gateway.tree, "seg0", STATION_B, { name: "b" });
    await until("peer-up", () => happened("peer-up", STATION_B));
    gateway.tree.remove(`sys/class/net/seg0/ipscsi/peers/${STATION_A}`);
    await until("peer-down", () => happened("peer-down", STATION_A));
  } finally {
    await gateway.stop();
  }
  await until("offline", () => seen.get(`${BASE}/state`)?.["state"] === "offline");
});

mqtt("the broker goes and comes back", async (context) => {
  const gateway = await startGateway({ config: config(context) });
  const status = async () => JSON.parse((await gateway.get("/api/v1/status")).body) as Status;
  try {
    await until("connected", async () => (await status()).mqtt.connected);
    context.broker.kill("SIGKILL");
    await until("disconnected", async () => !(await status()).mqtt.connected);
    assert.is((await status()).health.status, "degraded");
    context.broker = startBroker(context);
    await until("connected again", async () => (await status()).mqtt.connected, 20_000);
  } finally {
    await gateway.stop();
  }
});

mqtt("a service that is killed leaves its last will", async (context) => {
  await until("subscribed again", () => context.client.connected);
  context.seen.clear();
  const child = fork(join(import.meta.dirname, "../support/gatewayProcess.ts"), [JSON.stringify(config(context))], {
    execArgv: ["--import", "tsx"],
    env: { ...process.env, TMPDIR: context.tree.root }, // it cannot clean up after itself
  });
  try {
    await until("online", () => context.seen.get(`${BASE}/state`)?.["state"] === "online", 20_000);
  } finally {
    child.kill("SIGKILL");
  }
  await until("last will", () => context.seen.get(`${BASE}/state`)?.["state"] === "offline", 20_000);
});

mqtt.run();
