// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CaptureView, PingResult, Series, StationView, ThroughputResult } from "../../src/api/stations.ts";
import type { DnsmasqOperation } from "../../src/protocol/operations.ts";
import type { CaptureOrder } from "../../src/service/environment.ts";
import { rangeOf } from "../../src/service/http/stationsApi.ts";
import { parseIperf, parsePing, throughput } from "../../src/service/stations/probes.ts";
import { type CommandRunner, runCommand } from "../../src/shared/commands.ts";
import { ApiClient, type Called } from "../support/apiClient.ts";
import { fakeIp, STATION_A, STATION_B, startGateway, type TestGateway, until } from "../support/gateway.ts";
import { pcapOf } from "../support/pcap.ts";

const ABSENT = "02:11:22:33:44:0f";
const PING = `PING 10.143.0.20 (10.143.0.20) 56(84) bytes of data.

--- 10.143.0.20 ping statistics ---
4 packets transmitted, 3 received, 25% packet loss, time 603ms
rtt min/avg/max/mdev = 0.052/0.120/0.201/0.061 ms
`;

interface Context {
  gateway: TestGateway;
  api: ApiClient;
  capture: { order: CaptureOrder; data: (data: Buffer) => void; end: (reason: "time" | "size" | "asked") => void };
  pinged: string[];
}

function code(answer: Called): string {
  return `${answer.status} ${(answer.json as { code?: string }).code}`;
}

const stations = suite<Context>("stations");
const called = new Set<string>();
let operations: string[] = [];

stations.before.each(async (context) => {
  context.pinged = [];
  context.gateway = await startGateway({
    config: {
      version: 1,
      segments: [{ name: "seg0", stations: [{ address: ABSENT, name: "gone", access: "block" }] }],
    },
    ping: (ip, count) => {
      context.pinged.push(`${ip} ${count}`);
      return PING;
    },
    capture: (order, data, onEnd) => {
      context.capture = { order, data, end: (reason) => onEnd({ reason }) };
      return () => onEnd({ reason: "asked" });
    },
    run: iperf,
  });
  const { gateway } = context;
  context.api = await ApiClient.open(() => gateway.service.ports.https);
  const { api } = context;
  await api.setUp(gateway.token, "correct horse battery");
  // What a station's page does is for operators.
  const key = await api.call("POST", "/api/v1/keys", { name: "operator", scope: "operate" });
  api.headers = { Authorization: `Bearer ${(key.json as { secret: string }).secret}` };
  await until("addresses", async () => (await station(context, STATION_B)).ips.length > 0);
});
stations.after.each(async ({ api, gateway }) => {
  for (const operation of api.called) called.add(operation);
  operations = api.operations;
  await gateway.stop();
});

/** iperf3 without a server; all else as of the test machine. */
const iperf: CommandRunner = async (file, args, options) => {
  if (file !== "iperf3") return fakeIp(file, args, options);
  return JSON.stringify({ error: "unable to connect to server - server may have stopped running: Connection refused" });
};

async function station({ api }: Context, address = STATION_A): Promise<StationView> {
  return (await api.call("GET", `/api/v1/stations/${address}`)).json as StationView;
}

stations("those that are there, in order, and those that only the configuration knows", async (context) => {
  const list = (await context.api.call("GET", "/api/v1/stations")).json as StationView[];
  assert.equal(
    list.map(({ address, live, access }) => [address, live?.state, access]),
    [
      [STATION_A, "up", "allow"],
      [STATION_B, "stalled", "allow"],
      [ABSENT, undefined, "block"],
    ],
  );
  assert.equal(list[0]?.lease, { ip: "10.143.0.20", expires: 1_900_000_000_000 });
  assert.equal((await station(context, STATION_B.toUpperCase())).ips, ["10.143.0.77"]);
  assert.is((await station(context, ABSENT)).name, "gone");
  const unknown = ["02:00:00:00:00:00", "x", "%3Cscript%3E", "..%2F..%2Fetc", `${STATION_A}?segment=seg9`];
  for (const address of unknown) {
    assert.is(code(await context.api.call("GET", `/api/v1/stations/${address}`)), "404 station-unknown", address);
  }
});

stations("name, address and access change at once, hold, and reach DHCP and the filter", async (context) => {
  const { api, gateway } = context;
  const path = `/api/v1/stations/${STATION_A}`;
  const answer = await api.call("PATCH", path, { name: "node-1", reservedIp: "10.143.0.40", access: "block" });
  assert.is(answer.status, 200, answer.body);
  const { configuredName, reservedIp, access } = answer.json as StationView;
  assert.equal([configuredName, reservedIp, access], ["node-1", "10.143.0.40", "block"]);
  const saved = JSON.parse(readFileSync(join(gateway.tree.root, "data/config.json"), "utf8")) as {
    segments: { stations: unknown[] }[];
  };
  assert.equal(saved.segments[0]?.stations, [
    { address: ABSENT, name: "gone", access: "block" },
    { address: STATION_A, name: "node-1", ipv4: "10.143.0.40", access: "block" },
  ]);
  const operation = (kind: string) =>
    gateway.plans
      .at(-1)
      ?.groups.flatMap((group) => group.operations)
      .find((one) => one.kind === kind);
  await until("the plan", () => JSON.stringify(operation("stationFilter")).includes(STATION_A));
  assert.equal(operation("stationFilter"), { kind: "stationFilter", segment: "seg0", blocked: [ABSENT, STATION_A] });
  assert.equal((operation("dnsmasq") as DnsmasqOperation).hosts, [
    { address: ABSENT, name: "gone" },
    { address: STATION_A, ipv4: "10.143.0.40", name: "node-1" },
  ]);
  await until("the live state", async () => (await station(context)).live?.blocked === true);
  assert.is((await station(context)).live?.name, "node-1");
  await api.call("PATCH", path, { name: null, reservedIp: null, access: "allow" });
  const after = readFileSync(join(gateway.tree.root, "data/config.json"), "utf8");
  assert.not.match(after, STATION_A);
  await until("the old name", async () => (await station(context)).name === "station-a");
});

stations("the same again is no change, and only one setting may be named", async (context) => {
  const { api } = context;
  const path = `/api/v1/stations/${STATION_B}`;
  for (const body of [{ access: "allow" }, { name: "b" }, { name: "b" }, { reservedIp: null }]) {
    assert.is((await api.call("PATCH", path, body)).status, 200);
  }
  const { configuredName, reservedIp } = await station(context, STATION_B);
  assert.equal([configuredName, reservedIp], ["b", null]);
});

stations("what a station has that is there, another one does not get", async (context) => {
  const { api } = context;
  await until("leases", async () => (await station(context, STATION_A)).ips.includes("10.143.0.20"));
  await until("neighbours", async () => (await station(context, STATION_B)).ips.includes("10.143.0.77"));
  const change = (address: string, body: object) => api.call("PATCH", `/api/v1/stations/${address}`, body);
  const title = async (address: string, body: object) =>
    ((await change(address, body)).json as { title: string }).title;
  assert.is(await title(STATION_B, { name: "Station-A" }), `Station-A is the name of station ${STATION_A}`);
  assert.is(
    await title(STATION_B, { reservedIp: "10.143.0.20" }),
    `station station-a (${STATION_A}) has 10.143.0.20 now`,
  );
  assert.is(await title(STATION_A, { reservedIp: "10.143.0.77" }), `station ${STATION_B} has 10.143.0.77 now`);
  // Its own is no contradiction.
  assert.is((await change(STATION_A, { name: "station-a", reservedIp: "10.143.0.20" })).status, 200);
  assert.is((await change(STATION_A, { name: null, reservedIp: null })).status, 200);
});

stations("what cannot be is refused, with what to do", async ({ api, gateway }) => {
  const path = `/api/v1/stations/${STATION_A}`;
  const cases: [body: unknown, expected: string][] = [
    [{}, "422 body-invalid"],
    [{ name: "" }, "422 body-invalid"],
    [{ name: "<img src=x onerror=alert(1)>" }, "422 body-invalid"],
    [{ name: "a,b\ndhcp-script=/bin/sh" }, "422 body-invalid"],
    [{ name: "x".repeat(64) }, "422 body-invalid"],
    [{ access: "maybe" }, "422 body-invalid"],
    [{ surplus: 1 }, "422 body-invalid"],
    [{ reservedIp: "10.143.0" }, "422 body-invalid"],
    [{ reservedIp: "10.143.0.999" }, "422 station-change-invalid"],
    [{ reservedIp: "192.168.1.5" }, "422 station-change-invalid"],
    [{ reservedIp: "10.143.0.1" }, "422 station-change-invalid"],
    [{ reservedIp: "10.143.0.255" }, "422 station-change-invalid"],
    [{ name: "Gone" }, "422 config-invalid"],
  ];
  for (const [body, expected] of cases) {
    const answer = await api.call("PATCH", path, body);
    assert.is(code(answer), expected, JSON.stringify(body));
    assert.ok(String((answer.json as { nextStep: string }).nextStep).length > 3);
  }
  gateway.tree.write({ "data/dhcp/seg0.leases": `1900000000 ${STATION_A} 127.0.0.1 me *` });
  assert.is(code(await api.call("PATCH", path, { access: "block" })), "409 station-is-yours");
});

stations("ping tells loss and times; without an address it says so", async ({ api, pinged, gateway }) => {
  const { json } = await api.call("POST", `/api/v1/stations/${STATION_A}/ping`, { count: 4 });
  const expected: PingResult = { ip: "10.143.0.20", sent: 4, received: 3, loss: 25, min: 0.052, avg: 0.12, max: 0.201 };
  assert.equal(json, expected);
  assert.equal(pinged, ["10.143.0.20 4"]);
  assert.is(code(await api.call("POST", `/api/v1/stations/${ABSENT}/ping`, {})), "409 station-no-address");
  assert.is(code(await api.call("POST", `/api/v1/stations/${STATION_A}/ping`, { count: 1000 })), "422 body-invalid");
  assert.equal(
    gateway.plans.flatMap(({ groups }) => groups).filter(({ name }) => name === "ping"),
    [],
  );
});

stations("without an iperf3 server on the station, it says what to start there", async ({ api }) => {
  const answer = await api.call("POST", `/api/v1/stations/${STATION_A}/throughput`, { seconds: 1 });
  assert.is(code(answer), "409 station-no-server");
  assert.match((answer.json as { nextStep: string }).nextStep, /iperf3 -s/);
});

stations("changes of several stations at the same time all hold", async (context) => {
  const change = (address: string, name: string) =>
    context.api.call("PATCH", `/api/v1/stations/${address}`, { name, access: "block" });
  const answers = await Promise.all([change(STATION_A, "one"), change(STATION_B, "two"), change(ABSENT, "three")]);
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  for (const address of [STATION_A, STATION_B, ABSENT]) assert.is((await station(context, address)).access, "block");
});

stations("a capture runs, is bounded, and is fetched as whole packets", async (context) => {
  const { api } = context;
  const start = () => api.call("POST", `/api/v1/stations/${STATION_A}/capture`, { seconds: 5, maxBytes: 4096 });
  assert.is(code(await api.call("GET", "/api/v1/capture/file")), "404 capture-missing");
  assert.is((await start()).status, 202);
  assert.equal(context.capture.order, { segment: "seg0", address: STATION_A, seconds: 5, maxBytes: 4096 });
  assert.is(code(await start()), "409 capture-busy");
  const recording = pcapOf(3, 100);
  context.capture.data(recording.subarray(0, 50));
  context.capture.data(recording.subarray(50, recording.length - 10)); // the limit tore the third packet
  const running = (await api.call("GET", "/api/v1/capture")).json as { capture: CaptureView };
  assert.equal([running.capture.state, running.capture.packets], ["running", 2]);
  assert.is(code(await api.call("GET", "/api/v1/capture/file")), "404 capture-missing");
  context.capture.end("size");
  await until("the end", async () => (await current(context))?.state === "done");
  const { headers, body } = await api.call("GET", "/api/v1/capture/file");
  assert.is(headers["content-length"], String(24 + 2 * 116));
  assert.match(String(headers["content-disposition"]), /scsigate-seg0-02112233440a\.pcap/);
  assert.ok(body.length > 0);
  assert.is((await api.call("DELETE", "/api/v1/capture")).status, 204);
  assert.is(await current(context), null);
  await start();
  await api.call("DELETE", "/api/v1/capture");
  assert.equal([(await current(context))?.state, (await current(context))?.reason], ["done", "asked"]);
});

stations("who names a capture neither gets nor ends somebody else's in its place", async (context) => {
  const { api } = context;
  const start = async () => {
    const { json } = await api.call("POST", `/api/v1/stations/${STATION_A}/capture`, {});
    return (json as CaptureView).id;
  };
  const first = await start();
  context.capture.end("size");
  const second = await start();
  assert.is(code(await api.call("DELETE", `/api/v1/capture?id=${first}`)), "404 capture-missing");
  assert.is((await current(context))?.state, "running");
  context.capture.data(pcapOf(1, 100));
  assert.is((await api.call("DELETE", `/api/v1/capture?id=${second}`)).status, 204);
  assert.equal([(await current(context))?.id, (await current(context))?.reason], [second, "asked"]);
  assert.is(code(await api.call("GET", `/api/v1/capture/file?id=${first}`)), "404 capture-missing");
  assert.is((await api.call("GET", `/api/v1/capture/file?id=${second}`)).status, 200);
  assert.is((await api.call("DELETE", `/api/v1/capture?id=${second}`)).status, 204);
  assert.is(code(await api.call("DELETE", `/api/v1/capture?id=${second}`)), "404 capture-missing");
});

async function current({ api }: Context): Promise<CaptureView | null> {
  return ((await api.call("GET", "/api/v1/capture")).json as { capture: CaptureView | null }).capture;
}

stations("history of a station and of a segment", async (context) => {
  const { api, gateway } = context;
  for (let round = 1; round <= 4; round++) {
    const bytes = 4_000_000 + round * 1_000_000; // samples of a busy machine are seconds apart
    gateway.tree.write({ [`sys/class/net/seg0/ipscsi/peers/${STATION_A}/rx_bytes`]: bytes });
    await until("a sample", async () => (await station(context)).live?.counters.rx_bytes === bytes);
  }
  for (const path of [`stations/${STATION_A}`, "segments/seg0"]) {
    const { step, times, series } = (await api.call("GET", `/api/v1/${path}/history`)).json as Series;
    assert.is(step, 1);
    assert.ok(times.length >= 900 && times.length <= 901);
    assert.is(series["rx_bytes"]?.length, times.length);
    if (path === "segments/seg0") continue;
    assert.ok(Math.max(...(series["rx_bytes"] ?? []).map((value) => value ?? 0)) > 50_000);
  }
  assert.is(code(await api.call("GET", "/api/v1/segments/seg9/history")), "404 segment-missing");
  for (const query of [
    "from=x",
    "from=-1",
    "from=5&to=5",
    "from=1&to=9000000&step=1",
    "step=0",
    "to=1e99",
    "step=1.5",
  ]) {
    const answer = await api.call("GET", `/api/v1/stations/${STATION_A}/history?${query}`);
    assert.is(code(answer), "422 range-invalid", query);
  }
});

stations("who may only look may not touch, and sees no packets", async ({ api, gateway }) => {
  const read = await ApiClient.open(() => gateway.service.ports.https);
  const cases: [string, string, unknown?][] = [
    ["PATCH", `stations/${STATION_A}`, { access: "block" }],
    ["POST", `stations/${STATION_A}/ping`, {}],
    ["POST", `stations/${STATION_A}/throughput`, {}],
    ["POST", `stations/${STATION_A}/capture`, {}],
    ["GET", "capture"],
    ["GET", "capture/file"],
    ["DELETE", "capture"],
    ["POST", "segments/seg0/adapter/update"],
  ];
  for (const [method, path, body] of cases) {
    assert.is(code(await read.call(method, `/api/v1/${path}`, body)), "401 login-needed", `${method} ${path}`);
  }
  assert.is((await api.call("GET", "/api/v1/stations")).status, 200);
  // What it does for an administrator is tried in test/adapter.
  assert.is(code(await api.call("POST", "/api/v1/segments/seg0/adapter/update")), "403 not-allowed");
});

stations("every operation of stations that is described was tried here", () => {
  const ours = operations.filter((operation) => /\/(stations|capture|segments)/.test(operation));
  assert.ok(ours.length >= 11);
  assert.equal(
    ours.filter((operation) => !called.has(operation)),
    [],
  );
});

stations.run();

const probes = suite("checks of the way to a station");

probes("the range decides how fine the answer is", () => {
  const now = 1_800_000_000_000;
  const step = (minutes: number) => rangeOf(new URLSearchParams({ from: String(now - minutes * 60_000) }), now).step;
  assert.equal([step(1), step(15), step(16), step(1440), step(1442), step(10_080)], [1, 1, 1, 60, 600, 600]);
  const old = { from: String(now - 3_600_000), to: String(now - 3_000_000) };
  assert.is(rangeOf(new URLSearchParams(old), now).step, 60); // seconds are not kept for so long
});

probes("ping of iputils and of busybox, with and without an answer", () => {
  assert.equal(parsePing(PING), { sent: 4, received: 3, loss: 25, min: 0.052, avg: 0.12, max: 0.201 });
  const busybox =
    "3 packets transmitted, 3 packets received, 0% packet loss\nround-trip min/avg/max = 0.070/0.086/0.101 ms\n";
  assert.equal(parsePing(busybox), { sent: 3, received: 3, loss: 0, min: 0.07, avg: 0.086, max: 0.101 });
  const silence = "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1001ms\n";
  assert.equal(parsePing(silence), { sent: 2, received: 0, loss: 100, min: null, avg: null, max: null });
  assert.throws(() => parsePing("usage: ping"), /nothing that is known/);
});

probes("iperf3: a report, an error, nonsense", () => {
  const report = { end: { sum_received: { bits_per_second: 1.5e9 }, sum_sent: { retransmits: 3 } } };
  assert.equal(parseIperf(JSON.stringify(report), "10.0.0.1"), { rate: 1_500_000_000, retransmits: 3 });
  const busy = JSON.stringify({ error: "error - the server is busy running a test. try again later" });
  assert.throws(() => parseIperf(busy, "10.0.0.1"), /busy/);
  assert.throws(() => parseIperf("", "10.0.0.1"), /nothing that is known/);
});

probes("throughput: the server may not be back at once for the second direction, but it must come", async () => {
  const there = { live: null, lease: null, ips: ["10.0.0.1"], name: "", address: STATION_A } as unknown as StationView;
  const report = JSON.stringify({ end: { sum_received: { bits_per_second: 2e9 } } });
  const refused = JSON.stringify({ error: "unable to connect to server: Connection refused" });
  const server = (refusals: number): CommandRunner => {
    let left = refusals;
    return async (_file, args) => (args.includes("-R") && left-- > 0 ? refused : report);
  };
  assert.is((await throughput(there, 1, server(2))).fromStation, 2_000_000_000);
  const gone = throughput(there, 1, server(99)).catch((error: { code: string }) => error.code);
  assert.is(await gone, "station-no-server");
});

const installed = await runCommand("iperf3", ["--version"]).then(
  () => true,
  () => false,
);
(installed ? probes : probes.skip)("throughput against a real iperf3 server, in both directions", async () => {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const port = String((free.address() as AddressInfo).port);
  free.close();
  const server = spawn("iperf3", ["-s", "-p", port, "--forceflush"], { stdio: ["ignore", "pipe", "ignore"] });
  await once(server.stdout, "data");
  const there = { live: null, lease: null, ips: ["127.0.0.1"], name: "", address: STATION_A } as unknown as StationView;
  const run: CommandRunner = (file, args, options) => runCommand(file, [...args, "-p", port], options);
  const result: ThroughputResult = await throughput(there, 1, run);
  server.kill();
  assert.ok(result.toStation > 1e6 && result.fromStation > 1e6, JSON.stringify(result));
  assert.is(result.ip, "127.0.0.1");
  await once(server, "close");
  assert.is(await throughput(there, 1, run).catch((error: { code: string }) => error.code), "station-no-server");
});

probes.run();
