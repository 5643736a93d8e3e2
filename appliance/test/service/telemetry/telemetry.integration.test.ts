// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATION_A, STATION_B, until } from "../../support/machine.ts";
import { freePort, TestBroker } from "../../support/mosquitto.ts";
import { checkSchemas } from "../../support/mqttSchemas.ts";
import { BASE, GATEWAY_ID, type TelemetryRig, telemetryRig } from "../../support/telemetryRig.ts";
import { writePeer } from "../../support/tree.ts";

const DISCOVERY = `homeassistant/device/${GATEWAY_ID}/config`;

function document(broker: TestBroker, more: Record<string, unknown> = {}) {
  const url = `mqtt://127.0.0.1:${broker.port}`;
  return { version: 1, hostname: "gateway", mqtt: { enabled: true, url, intervalSeconds: 1, ...more } };
}

interface Context {
  broker: TestBroker;
  rig: TelemetryRig | undefined;
}

const mqtt = suite<Context>("telemetry with a real broker");
mqtt.before.each(async (context) => {
  context.broker = new TestBroker();
  await context.broker.start();
});
mqtt.after.each(async (context) => {
  await context.rig?.stop();
  const { wrong } = checkSchemas(context.broker.heard);
  await context.broker.stop();
  assert.equal(wrong, []); // whatever a test publishes has the form that the schemas promise
});

/** Home Assistant knows everything, also what takes longer to find out. */
async function announced({ broker }: Context): Promise<void> {
  await until("announced", () => "temperature_cpu_thermal" in Object(broker.last(DISCOVERY)?.["components"]));
}

async function connected(context: Context, more: Record<string, unknown> = {}): Promise<TelemetryRig> {
  const rig = await telemetryRig(document(context.broker, more));
  context.rig = rig;
  await until("connected", () => rig.state.mqtt.connected);
  return rig;
}

mqtt("every topic, with the kernel's figures, in the form that the schemas promise", async (context) => {
  const { broker } = context;
  const rig = await connected(context);
  const reasonsOf = (peer: string) => broker.last(`${BASE}/segment/seg0/peer/${peer}`)?.["by_reason"];
  await until("figures that take longer", () => reasonsOf(STATION_A) != null && reasonsOf(STATION_B) === null);
  const segment = broker.last(`${BASE}/segment/seg0`);
  assert.is(segment?.["rx_bytes"], 5_000_000);
  assert.is(segment?.["in_flight"], 2);
  assert.is(segment?.["held_gets"], 8);
  assert.match(JSON.stringify(segment?.["by_reason"]), '"unit_attention":1');
  const station = broker.last(`${BASE}/segment/seg0/peer/${STATION_A}`);
  assert.is(station?.["rx_packets"], 7000);
  assert.match(JSON.stringify(station?.["by_reason"]), '"timeout":2,"retries":0');
  assert.is(broker.last(`${BASE}/segment/seg0/peer/${STATION_B}`)?.["by_reason"], null);
  const gateway = broker.last(`${BASE}/telemetry`);
  assert.equal(gateway?.["temperatures"], { cpu_thermal: 48.3 });
  assert.is(gateway?.["boot_time"], "2026-09-21T14:13:20.000Z");
  assert.is(gateway?.["stations_up"], 2);

  rig.tree.write({ "sys/class/net/seg0/statistics/tx_packets": 42 });
  await until("the next round", () => broker.last(`${BASE}/segment/seg0`)?.["tx_packets"] === 42);
  await until("an event", () => broker.events().some((event) => event["type"] === "started"));
  await announced(context);
  const { seen } = checkSchemas(broker.heard);
  assert.equal([...seen].sort(), ["discovery", "event", "peer", "segment", "state", "telemetry"]);
  await until("what was announced is remembered", () => existsSync(join(rig.tree.root, "data/discovery.json")));
});

mqtt("latency and batching of a station that we send commands to", async (context) => {
  const { broker } = context;
  const rig = await telemetryRig(document(broker));
  context.rig = rig;
  const folder = `sys/class/net/seg0/ipscsi/peers/${STATION_A}`;
  rig.tree.write({ [`${folder}/device`]: "5:0:0:0", [`${folder}/role`]: "target" });
  rig.tree.write({ "sys/class/scsi_host/host5/proc_name": "sym53c8xx" });
  rig.latency = [{ device: "5:0:0:0", text: "# up to usecs, SENDs, GETs\n1024 90 0\n8192 10 5\n" }];
  const topic = `${BASE}/segment/seg0/peer/${STATION_A}`;
  await until("latency", () => broker.last(topic)?.["send"] != null);
  assert.equal(broker.last(topic)?.["send"], { count: 100, p50_ms: 1.024, p90_ms: 1.024, p99_ms: 8.192 });
  assert.equal(broker.last(topic)?.["get"], { count: 5, p50_ms: 8.192, p90_ms: 8.192, p99_ms: 8.192 });
  assert.is(broker.last(topic)?.["adapter"], "sym53c8xx");
  assert.is(broker.last(`${BASE}/segment/seg0`)?.["send_p99_ms"], 8.192);
  rig.tree.write({ [`${folder}/rx_packets`]: 7300, [`${folder}/commands`]: 7112 });
  await until("batching", () => broker.last(topic)?.["packets_per_command"] === 3);
});

mqtt("the state is retained: online, offline after a stop that was meant", async (context) => {
  const { broker } = context;
  const rig = await connected(context);
  await until("online", () => broker.last(`${BASE}/state`)?.["state"] === "online");
  await rig.stop();
  context.rig = undefined;
  await until("offline", () => broker.last(`${BASE}/state`)?.["state"] === "offline");
  broker.heard.length = 0;
  await broker.client?.unsubscribeAsync("scsigate/#");
  await broker.client?.subscribeAsync("scsigate/#");
  await until("retained", () => broker.heard.some((message) => message.retained && message.topic === `${BASE}/state`));
});

mqtt("a uevent is told of at once, and no second time by the sample", async (context) => {
  const { broker } = context;
  const rig = await connected(context);
  const event = (state: string) => {
    writePeer(rig.tree, "seg0", STATION_A, { name: "station-a", state });
    rig.uevent(`peers seg0 ${STATION_A} ${state}`);
  };
  event("down");
  event("up"); // faster than any sampling
  const about = () => broker.events().filter((entry) => entry["address"] === STATION_A);
  await until("both", () => about().length >= 2);
  // Of another one, the next sample tells alone.
  writePeer(rig.tree, "seg0", STATION_B, { state: "down" });
  await until("a sample", () => broker.events().some((entry) => entry["address"] === STATION_B));
  assert.equal(
    about().map((entry) => [entry["type"], entry["name"], entry["delayed"]]),
    [
      ["peer-down", "station-a", false],
      ["peer-up", "station-a", false],
    ],
  );
});

mqtt("events wait on disk while the broker is away, over a restart, and come with their times", async (context) => {
  const { broker } = context;
  const rig = await connected(context);
  await until("nothing waits", () => broker.events().length > 0 && rig.state.mqtt.eventsWaiting === 0);
  await broker.kill();
  await until("disconnected", () => !rig.state.mqtt.connected);
  assert.ok(rig.state.mqtt.error);
  const before = Date.now();
  writePeer(rig.tree, "seg0", STATION_B, { state: "down" });
  await until("kept", () => (rig.tree.read("data/events.jsonl") ?? "").includes('"peer-down"'));
  const after = Date.now();
  broker.heard.length = 0;
  await rig.restart(undefined, () => broker.start()); // who listens must be there first
  await until("delivered", () => broker.events().some((event) => event["type"] === "peer-down"));
  const event = broker.events().find((entry) => entry["type"] === "peer-down");
  assert.is(event?.["address"], STATION_B);
  assert.is(event?.["delayed"], true);
  const time = Date.parse(String(event?.["time"]));
  assert.ok(time >= before - 2000 && time <= after);
  const file = join(rig.tree.root, "data/events.jsonl");
  await until("nothing is left", () => rig.state.mqtt.eventsWaiting === 0 && !existsSync(file));
});

mqtt("what did not fit is told of first; then all that was kept, in order, each once", async (context) => {
  const { broker } = context;
  const rig = await telemetryRig(document(broker, { enabled: false }));
  context.rig = rig;
  const kept = keptEvents(1005);
  rig.tree.write({ "data/events.jsonl": kept.map((event) => JSON.stringify(event)).join("\n") });
  await rig.restart(document(broker));
  await until("all", () => broker.events().filter((event) => event["delayed"]).length >= 1000);
  const events = broker.events();
  assert.is(events[0]?.["type"], "events-lost");
  assert.is(events[0]?.["count"], 6); // "started" takes a place as well
  assert.equal(
    events.filter((event) => event["type"] === "peer-up").map((event) => event["id"]),
    kept.slice(6).map((event) => event.id),
  );
  await until("nothing is left", () => rig.state.mqtt.eventsLost === 0 && rig.state.mqtt.eventsWaiting === 0);
});

function keptEvents(count: number): { id: string }[] {
  return Array.from({ length: count }, (_, number) => ({
    ...{ id: `0123abcd-${number}`, time: "2026-01-02T03:04:05.678Z", uptime_seconds: number, delayed: true },
    ...{ type: "peer-up", segment: "seg0", address: STATION_A, name: "" },
  }));
}

/** In front of the broker: what it answers comes later, milliseconds. */
async function slowed(broker: TestBroker, delay: number): Promise<{ port: number; close: () => void }> {
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = connect(broker.port, "127.0.0.1");
    sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.pipe(upstream);
    upstream.on("data", (data: Buffer) => setTimeout(() => client.writable && client.write(data), delay));
    upstream.on("close", () => client.destroy());
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port, close };
}

mqtt("a stop while events go out ends, and what was not acknowledged is kept", async (context) => {
  const { broker } = context;
  const { port, close } = await slowed(broker, 20);
  try {
    const rig = await telemetryRig(document(broker, { enabled: false }));
    context.rig = rig;
    const kept = keptEvents(400);
    const file = "data/events.jsonl";
    rig.tree.write({ [file]: kept.map((event) => JSON.stringify(event)).join("\n") });
    await rig.restart(document(broker, { url: `mqtt://127.0.0.1:${port}` }));
    await until("some", () => broker.events().length >= 40);
    let left = "";
    await rig.restart(undefined, async () => {
      left = rig.tree.read(file) ?? "";
    });
    const delivered = new Set(broker.events().map((event) => event["id"]));
    assert.ok(left.includes(kept.at(-1)?.id ?? ""), "stopped in the midst of it");
    assert.ok(kept.every(({ id }) => delivered.has(id) || left.includes(`"${id}"`)));
    await until("all", () => rig.state.mqtt.connected && rig.state.mqtt.eventsWaiting === 0);
  } finally {
    close();
  }
});

/** What somebody else on the broker may send to topics that we listen to. */
const ODD_PAYLOADS: (string | Buffer)[] = [
  ...["", "{}", "null", "ONLINE", "on\u0000line", "PRESS\n", "../../restart", "[".repeat(500)],
  ...[Buffer.from([0xff, 0xfe, 0x00]), Buffer.alloc(100_000, "x")],
];

mqtt("odd messages on our topics do nothing, and no harm", async (context) => {
  const { broker } = context;
  const rig = await connected(context, { commands: { enabled: true, allow: ["restart"] } });
  await announced(context);
  const count = broker.heard.filter((message) => message.topic === DISCOVERY).length;
  const topics = ["homeassistant/status", `${BASE}/command/x`, `${BASE}/command/`, `${BASE}/command/toString`];
  for (const topic of topics) {
    for (const payload of ODD_PAYLOADS) await broker.client?.publishAsync(topic, payload, { qos: 1 });
  }
  await until(
    "ten answers, no more",
    () => broker.events().filter((event) => event["type"] === "command").length === 10,
  );
  const rounds = () => broker.heard.filter((message) => message.topic === `${BASE}/telemetry`).length;
  const before = rounds();
  await until("life goes on", () => rounds() > before + 1);
  assert.is(rig.restarts, 0);
  assert.is(broker.heard.filter((message) => message.topic === DISCOVERY).length, count);
});

mqtt("Home Assistant: announced, again on its birth message, removed when it is switched off", async (context) => {
  const { broker } = context;
  const rig = await connected(context);
  const said = () => broker.heard.filter((message) => message.topic === DISCOVERY);
  await announced(context);
  const components = broker.last(DISCOVERY)?.["components"] as Record<string, Record<string, unknown>>;
  for (const key of ["lan_rx_rate", "boot_time", "problem", "update", "seg0_rx_bytes", "seg0_link", "stations_up"]) {
    assert.ok(components[key], key);
  }
  assert.is(components["temperature_cpu_thermal"]?.["device_class"], "temperature");
  assert.not.ok(components["restart"]); // commands are off
  assert.is(components["seg0_rx_bytes"]?.["state_topic"], `${BASE}/segment/seg0`);

  const count = said().length;
  await broker.client?.publishAsync("homeassistant/status", "online");
  await until("again", () => said().length > count);

  rig.configure(document(broker, { homeAssistant: { prefix: "other" } }));
  await until("at the other prefix", () => broker.last(`other/device/${GATEWAY_ID}/config`) !== undefined);
  await until("not at the old one", () => said().at(-1)?.payload === "");

  rig.configure(document(broker, { homeAssistant: { enabled: false, prefix: "other" } }));
  const other = () => broker.heard.filter((message) => message.topic === `other/device/${GATEWAY_ID}/config`);
  await until("removed", () => other().at(-1)?.payload === "");
  await until("nothing is remembered", () => !existsSync(join(rig.tree.root, "data/discovery.json")));
});

mqtt("an update: its figures, its events, and the command to install it, where that is taken", async (context) => {
  const { broker } = context;
  const commands = { enabled: true, allow: ["update"] };
  const rig = await connected(context, { commands });
  await announced(context);
  const component = () => Object(broker.last(DISCOVERY)?.["components"])["update"] as Record<string, unknown>;
  assert.is(component()["command_topic"], undefined, "nothing can be installed without an image");
  const figures = () => {
    const last = broker.last(`${BASE}/telemetry`) ?? {};
    return ["installed_version", "latest_version", "update_in_progress", "update_percentage"].map((key) => last[key]);
  };
  await until("no update", () => figures().join() === "1.2.3,1.2.3,false,");
  rig.state.update = { version: "2.0.0", state: "installing", percent: 60, latestVersion: "2.1.0" };
  await until("its progress", () => figures().join() === "2.0.0,2.1.0,true,60");
  await until("the command", () => component()["command_topic"] === `${BASE}/command/update`);
  assert.is(component()["payload_install"], "PRESS");
  await broker.client?.publishAsync(`${BASE}/command/update`, "PRESS");
  await until("asked for", () => rig.updates === 1);
  const about = { version: "2.1.0", running: "2.0.0" };
  rig.tell({ type: "update-installed", ...about });
  rig.tell({ type: "update-confirmed", version: "2.1.0" });
  rig.tell({ type: "update-failed", ...about, message: "the disk is broken" });
  rig.tell({ type: "update-fell-back", ...about, message: "it did not start" });
  const told = () => broker.events().filter((event) => String(event["type"]).startsWith("update-"));
  await until("events", () => told().length === 4);
  assert.is(told()[3]?.["running"], "2.0.0");
});

mqtt(
  "Home Assistant's device goes when telemetry as a whole is switched off, at the latest after a restart",
  async (context) => {
    const { broker } = context;
    const rig = await connected(context);
    await until("announced", () => broker.last(DISCOVERY) !== undefined);
    await rig.restart(document(broker, { enabled: false }));
    await until("removed", () => broker.heard.findLast((message) => message.topic === DISCOVERY)?.payload === "");
    assert.is(rig.state.mqtt.enabled, false);
    await until("offline", () => broker.last(`${BASE}/state`)?.["state"] === "offline");
  },
);

mqtt("another broker: the old one hears that we are off, and Home Assistant's device goes there", async (context) => {
  const { broker } = context;
  const other = new TestBroker();
  await other.start();
  try {
    const rig = await connected(context);
    await announced(context);
    rig.configure(document(other));
    await until(
      "there",
      () => other.last(`${BASE}/state`)?.["state"] === "online" && other.last(DISCOVERY) !== undefined,
    );
    await until("offline at the old one", () => broker.last(`${BASE}/state`)?.["state"] === "offline");
    await until("removed there", () => broker.heard.findLast(({ topic }) => topic === DISCOVERY)?.payload === "");
  } finally {
    await other.stop();
  }
});

mqtt("a component that is no longer there is dismissed by name", async (context) => {
  const { broker } = context;
  const commands = { enabled: true };
  const rig = await connected(context, { commands });
  const restart = () => (broker.last(DISCOVERY)?.["components"] as Record<string, unknown> | undefined)?.["restart"];
  await until("a button", () => restart() !== undefined);
  rig.configure(document(broker));
  await until("no button", () => broker.last(DISCOVERY) !== undefined && restart() === undefined);
  const dismissed = broker.heard.filter((message) => message.payload.includes('"restart":{"platform":"button"}'));
  assert.is(dismissed.length, 1);
});

const COMMAND = `${BASE}/command/restart`;

mqtt("commands: only when switched on, only those listed, not retained, with an empty payload", async (context) => {
  const { broker } = context;
  const rig = await connected(context, { commands: { enabled: true, allow: ["restart"] } });
  const answers = () => broker.events().filter((event) => event["type"] === "command");
  const ask = async (topic: string, payload: string, retain = false) => {
    const count = answers().length;
    await broker.client?.publishAsync(topic, payload, { qos: 1, retain });
    await until("an answer", () => answers().length > count);
    return answers().at(-1)?.["accepted"];
  };
  await until("online", () => broker.last(`${BASE}/state`) !== undefined);
  assert.is(await ask(`${BASE}/command/refresh`, ""), false);
  assert.is(await ask(`${BASE}/command/reboot`, ""), false);
  assert.is(await ask(COMMAND, "now"), false);
  assert.is(rig.restarts, 0);
  assert.is(await ask(COMMAND, "PRESS"), true);
  await until("restart", () => rig.restarts === 1);
});

mqtt("a retained command is an old one, and is refused", async (context) => {
  const { broker } = context;
  await broker.client?.publishAsync(COMMAND, "PRESS", { qos: 1, retain: true });
  const rig = await connected(context, { commands: { enabled: true } });
  await until("refused", () => broker.events().some((event) => event["type"] === "command" && !event["accepted"]));
  assert.is(rig.restarts, 0);
});

mqtt("without being switched on, commands are not even listened to", async (context) => {
  const { broker } = context;
  const rig = await connected(context);
  await until("online", () => broker.last(`${BASE}/state`) !== undefined);
  await broker.client?.publishAsync(COMMAND, "PRESS", { qos: 1 });
  await until("the broker to pass it on", () => broker.heard.some(({ topic }) => topic === COMMAND));
  const count = broker.heard.length;
  await until("what the gateway says after it", () => broker.heard.length > count + 1);
  assert.is(rig.restarts, 0);
  assert.not.ok(broker.events().some((event) => event["type"] === "command"));
});

mqtt.run();

const refusing = suite("telemetry with a broker that refuses events");

refusing("MQTT 5: they are dropped and counted, not sent for ever", async () => {
  const topics = ["topic readwrite #", `topic deny ${BASE}/event`];
  const broker = new TestBroker({
    settings: ["allow_anonymous true", "acl_file {dir}/acl"],
    files: { acl: `${topics.join("\n")}\n` },
  });
  await broker.start();
  let rig: TelemetryRig | undefined;
  try {
    rig = await telemetryRig(document(broker, { enabled: false }));
    const { state, tree } = rig;
    tree.write({ "data/events.jsonl": JSON.stringify(keptEvents(1)[0]) });
    await rig.restart(document(broker, { protocol: "5" }));
    await until("given up", () => state.mqtt.connected && state.mqtt.eventsLost > 0);
    const rounds = () => broker.heard.filter((message) => message.topic === `${BASE}/telemetry`).length;
    const before = rounds();
    await until("life goes on", () => rounds() > before + 1);
  } finally {
    await rig?.stop();
    await broker.stop();
  }
});

refusing.run();
