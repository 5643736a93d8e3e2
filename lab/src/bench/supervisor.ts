// SPDX-License-Identifier: Apache-2.0
// What the supervisor takes of the gateway, in a VM, beside Node-RED at idle in the same VM: a well-known gateway between devices
// and MQTT with a page, on Node as well, that installs from npm and needs no device to run. (zigbee2mqtt ends without its radio, zwave-js-ui
// is not on npm.)
import { join } from "node:path";
import { repoDir } from "../paths.ts";
import { exec } from "../process.ts";
import { withVm } from "../scenario.ts";
import { sleep, waitFor } from "../time.ts";
import type { Topology } from "../topologies/types.ts";
import type { Vm } from "../vm/vm.ts";
import { nodeRed } from "./node-red.ts";
import type { Outcome } from "./report.ts";
import { type FigureSpec, median } from "./stats.ts";

/** Resident memory that both processes may have together, MiB (docs/architecture.md). */
const MEMORY_BUDGET = 130;
/** Time from start until the API answers, seconds. */
const READY_BUDGET = 3;
const TICKS_PER_SECOND = 100;
const SETTLE_MS = 8000;
/** For a minute after its start the gateway looks at itself as if somebody looked on (monitor.ts). */
const START_MS = 65_000;
/** Two rounds of the readings that it takes least often. */
const REST_MS = 30_000;
const REQUESTS_SECONDS = 5;
const STATIONS = [63, 2] as const;

const atMost = (limit: number) => ({ limit, better: "lower" }) as const;

export const supervisorSpecs = {
  memory: { name: "supervisor-memory", title: "supervisor's memory / its 130 MiB", unit: "MiB", target: atMost(1) },
  memoryPeer: { name: "supervisor-memory-peer", title: "supervisor's memory / Node-RED's", unit: "MiB" },
  ready: { name: "supervisor-ready", title: "start to API ready / its 3 s", unit: "s", target: atMost(1) },
  readyPeer: { name: "supervisor-ready-peer", title: "start to API ready / Node-RED's", unit: "s" },
  rest: { name: "supervisor-rest", title: "processor time at rest / Node-RED's", unit: "ms/s" },
  requests: { name: "supervisor-requests", title: "API requests on one core / bare Node HTTPS", unit: "/s" },
  telemetry: { name: "supervisor-telemetry", title: "telemetry's processor time, 63 stations / 2", unit: "ms/s" },
} as const satisfies Record<string, FigureSpec>;

const topology: Topology = {
  name: "bench-supervisor",
  ports: { https: 8443 },
  vms: [
    {
      name: "gateway",
      role: "gateway",
      memoryMiB: 2048,
      cpus: 2,
      layers: ["node-red"],
      image: { dataMiB: 64, firmware: "direct" },
      interfaces: [{ kind: "user", mac: "52:54:00:5c:53:01", address: "10.0.2.15", forwards: { https: 443 } }],
      adapters: [],
      files: { "data/scsigate/config.json": `${JSON.stringify({ version: 1, segments: [{ name: "seg0" }] })}\n` },
      after: [],
      ready: "curl -skf -m 5 -o /dev/null https://127.0.0.1/health",
      readySeconds: 120,
    },
  ],
};

interface Sample {
  readonly readySeconds: number;
  readonly residentMiB: number;
  readonly restMsPerSecond: number;
}

/** Seconds from the start of a process to the moment when `answers` succeeds. */
async function untilReady(vm: Vm, pid: string, answers: string): Promise<number> {
  const seconds = await vm.ok(
    `until ${answers}; do sleep 0.02; done; read now rest </proc/uptime
      set -- $(sed 's/.*) //' /proc/${pid}/stat); shift 19; echo $now $1`,
    { timeout: 60_000 },
  );
  const [now = 0, ticks = 0] = seconds.split(" ").map(Number);
  return now - ticks / TICKS_PER_SECOND;
}

async function ticks(vm: Vm, pids: readonly string[]): Promise<number> {
  const lines = await vm.ok(`for p in ${pids.join(" ")}; do sed 's/.*) //' /proc/$p/stat; done`);
  return lines
    .split("\n")
    .map((line) => line.split(" "))
    .reduce((sum, fields) => sum + Number(fields[11]) + Number(fields[12]), 0);
}

async function atRest(
  vm: Vm,
  pids: readonly string[],
  settleMs: number,
): Promise<Pick<Sample, "residentMiB" | "restMsPerSecond">> {
  await sleep(settleMs);
  const before = await ticks(vm, pids);
  await vm.ok(`sleep ${REST_MS / 1000}`, { timeout: 2 * REST_MS });
  const used = (await ticks(vm, pids)) - before;
  const memory = await vm.ok(`for p in ${pids.join(" ")}; do grep VmRSS /proc/$p/status; done`);
  const kib = memory.split("\n").reduce((sum, line) => sum + Number(/\d+/.exec(line)?.[0]), 0);
  return { residentMiB: kib / 1024, restMsPerSecond: (used * 1000) / TICKS_PER_SECOND / (REST_MS / 1000) };
}

/** The process of Node that runs `script`. */
const find = (script: string): string =>
  `for p in $(pidof node); do grep -q ${script} /proc/$p/cmdline && echo $p && break; done; true`;
const EXECUTOR = find("scsigate/executor.js");
const SERVICE = find("scsigate/service.js");

async function ours(vm: Vm): Promise<Sample> {
  const before = await vm.ok(EXECUTOR);
  await vm.ok(`kill -9 ${before}`);
  const executor = await waitFor(
    "the executor",
    async () => {
      const pid = (await vm.run(EXECUTOR)).stdout.trim();
      return pid !== "" && pid !== before ? pid : undefined;
    },
    { timeout: 20_000 },
  );
  const readySeconds = await untilReady(vm, executor, "curl -skf -m 5 -o /dev/null https://127.0.0.1/health");
  const service = await vm.ok(SERVICE);
  return { readySeconds, ...(await atRest(vm, [executor, service.trim()], START_MS)) };
}

async function theirs(vm: Vm): Promise<Sample> {
  await vm.ok("rm -rf /tmp/node-red; mkdir -p /tmp/node-red");
  const running = vm.start(
    "exec node /usr/lib/node-red/node_modules/node-red/red.js -u /tmp/node-red -p 1880 >/tmp/node-red.log 2>&1",
  );
  const pid = await waitFor(
    "Node-RED",
    async () => (await vm.run(find("node-red/red.js"))).stdout.trim() || undefined,
    { timeout: 20_000 },
  );
  const readySeconds = await untilReady(vm, pid, "curl -sf -m 5 -o /dev/null http://127.0.0.1:1880/settings");
  const sample = { readySeconds, ...(await atRest(vm, [pid], SETTLE_MS)) };
  await vm.run(`kill ${pid}`);
  await running.done;
  return sample;
}

/** Counts answers over connections that are kept, from the other processor. */
const CLIENT = `
const https = require("node:https");
const [url, seconds] = process.argv.slice(2);
const agent = new https.Agent({ keepAlive: true, maxSockets: 8, rejectUnauthorized: false });
let count = 0, failed = 0, end = Infinity;
const one = () => https.get(url, { agent }, (answer) => {
  answer.resume().on("end", () => { if (answer.statusCode === 200) count++; else failed++; if (Date.now() < end) one(); });
}).on("error", () => failed++);
for (let i = 0; i < 8; i++) one();
setTimeout(() => {
  count = 0;
  end = Date.now() + seconds * 1000;
  setTimeout(() => { console.log(JSON.stringify({ count, failed })); process.exit(0); }, seconds * 1000);
}, 2000);
`;

/** The same answer, from memory. */
const BARE = `
const { readFileSync } = require("node:fs");
const body = readFileSync("/tmp/answer");
require("node:https")
  .createServer({ key: readFileSync("/tmp/key.pem"), cert: readFileSync("/tmp/cert.pem") }, (_, response) => {
    response.setHeader("content-type", "application/json").end(body);
  })
  .listen(1443);
`;

async function requests(vm: Vm, url: string): Promise<number> {
  const { count, failed } = await vm.json<{ count: number; failed: number }>(
    `taskset 2 node /tmp/client.js ${url} ${REQUESTS_SECONDS}`,
    { timeout: 30_000 },
  );
  if (failed > 0) throw new Error(`${failed} of the requests to ${url} failed`);
  return count / REQUESTS_SECONDS;
}

async function measureRequests(vm: Vm, rounds: number): Promise<{ ours: number[]; baseline: number[] }> {
  const status = "https://127.0.0.1/api/v1/status";
  await vm.ok("cat >/tmp/client.js", { input: CLIENT });
  await vm.ok("cat >/tmp/bare.js", { input: BARE });
  await vm.ok(`curl -skf ${status} >/tmp/answer
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /tmp/key.pem -out /tmp/cert.pem -subj /CN=bare 2>/dev/null
    taskset -p 1 $(${SERVICE})`);
  vm.start("exec taskset 1 node /tmp/bare.js");
  await waitFor("the bare server", async () => (await vm.run("curl -skf https://127.0.0.1:1443/")).code === 0, {
    timeout: 20_000,
  });
  const result = { ours: [] as number[], baseline: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    result.ours.push(await requests(vm, status));
    result.baseline.push(await requests(vm, "https://127.0.0.1:1443/"));
  }
  return result;
}

async function telemetryLoad(stations: number): Promise<number> {
  const { stdout } = await exec("node", [
    "--import",
    "tsx",
    join(repoDir, "appliance/test/support/telemetryLoad.ts"),
    `${stations}`,
  ]);
  return (JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { cpuMilliseconds: number }).cpuMilliseconds;
}

/** All figures about the supervisor; minutes. @throws LabError when the VM does not come up, or the appliance is not built */
export async function measureSupervisor(rounds: number, say: (line: string) => void): Promise<Outcome[]> {
  await nodeRed();
  const mine: Sample[] = [];
  const peer: Sample[] = [];
  let rates = { ours: [] as number[], baseline: [] as number[] };
  await withVm({ topology, say, parallel: true }, async (vm) => {
    for (let round = 0; round < rounds; round++) {
      mine.push(await ours(vm));
      peer.push(await theirs(vm));
    }
    rates = await measureRequests(vm, rounds);
  });
  const load: Record<number, number[]> = { [STATIONS[0]]: [], [STATIONS[1]]: [] };
  for (let round = 0; round < rounds; round++) {
    for (const stations of STATIONS) load[stations]?.push(await telemetryLoad(stations));
  }
  const of = (samples: readonly Sample[], key: keyof Sample): number[] => samples.map((sample) => sample[key]);
  const against = (ours: number[], baseline: number[]) => ({ comparisons: [{ label: "", ours, baseline }] });
  const budget = (limit: number): number[] => mine.map(() => limit);
  say(`supervisor: ${median(of(mine, "residentMiB")).toFixed(0)} MiB`);
  return [
    { ...supervisorSpecs.memory, ...against(of(mine, "residentMiB"), budget(MEMORY_BUDGET)) },
    { ...supervisorSpecs.memoryPeer, ...against(of(mine, "residentMiB"), of(peer, "residentMiB")) },
    { ...supervisorSpecs.ready, ...against(of(mine, "readySeconds"), budget(READY_BUDGET)) },
    { ...supervisorSpecs.readyPeer, ...against(of(mine, "readySeconds"), of(peer, "readySeconds")) },
    { ...supervisorSpecs.rest, ...against(of(mine, "restMsPerSecond"), of(peer, "restMsPerSecond")) },
    { ...supervisorSpecs.requests, ...against(rates.ours, rates.baseline) },
    { ...supervisorSpecs.telemetry, ...against(load[STATIONS[0]] ?? [], load[STATIONS[1]] ?? []) },
  ];
}
