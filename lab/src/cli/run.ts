// SPDX-License-Identifier: Apache-2.0
// `make run`: the whole product in emulation, until Ctrl-C.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { build as pretty } from "pino-pretty";
import { buildAll } from "../build/all.ts";
import { LabError } from "../errors.ts";
import { logLine } from "../log-line.ts";
import { EmulatedAdapter } from "../rigs/adapter.ts";
import { api } from "../rigs/supervisor.ts";
import { sleep } from "../time.ts";
import { adapter, busTarget } from "../topologies/adapter.ts";
import { cluster, lanAddresses } from "../topologies/cluster.ts";
import type { Ports } from "../topologies/expand.ts";
import type { Topology } from "../topologies/types.ts";
import { Bench } from "../vm/bench.ts";
import { freePorts, requireFree } from "../vm/ports.ts";
import { consoleFile } from "../vm/qemu-args.ts";
import { announce, requireNotRunning } from "./state.ts";

const POLL_INTERVAL = 250;

/** Follows a file from its beginning, line by line, until stopped. */
async function follow(file: string, signal: AbortSignal, take: (line: string) => void): Promise<void> {
  let fd: number | undefined;
  let rest = "";
  const chunk = Buffer.alloc(65536);
  while (!signal.aborted) {
    if (fd === undefined && existsSync(file)) fd = openSync(file, "r");
    const size = fd === undefined ? 0 : readSync(fd, chunk, 0, chunk.length, null);
    if (size === 0) {
      await sleep(POLL_INTERVAL);
      continue;
    }
    const lines = (rest + chunk.toString("utf8", 0, size)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
  if (fd !== undefined) closeSync(fd);
}

/** Fulfilled at Ctrl-C or a request to end. */
function stopRequested(): { readonly signal: AbortSignal; readonly done: Promise<void> } {
  const controller = new AbortController();
  const done = new Promise<void>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(name, () => {
        controller.abort();
        resolve();
      });
    }
  });
  return { signal: controller.signal, done };
}

/** Tells, once each, about a VM that ended by itself and about kernels that complain. */
async function watch(bench: Bench, signal: AbortSignal): Promise<void> {
  const told = new Set<string>();
  const tell = (key: string, text: string): void => {
    if (told.has(key) || signal.aborted) return;
    told.add(key);
    console.error(text);
  };
  while (!signal.aborted) {
    for (const vm of bench.vms) {
      if (!vm.running) tell(`gone ${vm.name}`, `QEMU of ${vm.name} has ended. ${vm.qemuOutput}`);
      for (const { line, context } of vm.complaints())
        tell(`${vm.name} ${line}`, `The kernel of ${vm.name} complains:\n${context}`);
    }
    await sleep(2000);
  }
}

async function runBench(
  topology: Topology,
  create: () => Promise<Bench>,
  ready: (bench: Bench) => void | Promise<void>,
): Promise<number> {
  const stop = stopRequested();
  const bench = await create();
  const logs = new AbortController();
  try {
    announce(bench);
    const printer = pretty({
      colorize: process.stdout.isTTY,
      ignore: "pid,hostname",
      singleLine: true,
      sync: true,
      translateTime: "SYS:HH:MM:ss",
    });
    for (const vm of bench.vms.filter((each) => each.spec.image !== undefined)) {
      void follow(consoleFile(bench.dir, vm.name), logs.signal, (line) => {
        const json = logLine(line);
        if (json !== undefined) printer.write(`${json}\n`);
      });
    }
    console.log(`booting ${topology.vms.map((vm) => vm.name).join(", ")} (emulated: this takes a while)`);
    await Promise.race([bench.boot(), stop.done]);
    if (!stop.signal.aborted) {
      await ready(bench);
      void watch(bench, stop.signal);
    }
    await stop.done;
    console.log("\nstopping ...");
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    const logsDir = await bench.saveLogs("run");
    console.error(`Logs: ${logsDir}`);
    throw error;
  } finally {
    logs.abort();
    await bench.stop();
    console.log("stopped; nothing is left running.");
  }
}

/** Ports that the page and whoever tries things use, with the topology's numbers; all others are free ones. */
async function portsOf(topology: Topology, fixed: readonly string[]): Promise<Ports> {
  const own = Object.fromEntries(
    fixed.map((name) => {
      const port = topology.ports[name];
      if (port === undefined) throw new LabError("usage", `${topology.name} lacks a port.`, `It needs ${name}.`);
      return [name, port];
    }),
  );
  await requireFree(own);
  return { ...(await freePorts(Object.keys(topology.ports).filter((name) => !fixed.includes(name)))), ...own };
}

/** What the gateway of a topology can be tried with. */
async function welcome(bench: Bench, what: string, more: readonly string[], stations: string): Promise<void> {
  // To try with. It takes a while, and need not be there before all is stopped.
  bench
    .vm("lan")
    .run("/usr/lib/lab/big-file")
    .catch(() => undefined);
  const { token } = await api<{ token: string | null }>(bench.vm("gateway"), "GET", "setup/token");
  const { https, http } = bench.ports;
  console.log(`
The gateway is up. ${what}; its LAN has one host (${lanAddresses.lan}).

  page         https://127.0.0.1:${https}    (self-signed certificate; http://127.0.0.1:${http} leads there)
  setup token  ${token ?? "none: somebody owns the gateway already"}    (makes the first administrator, on that page)
${more.map((line) => `${line}\n`).join("")}  a shell      make shell VM=${stations}, gateway, lan)
  try there    ping ${lanAddresses.lan}; curl -o /dev/null http://${lanAddresses.lan}/50MB; iperf3 -c ${lanAddresses.lan}

Below are the gateway's logs. Ctrl-C stops everything.
`);
}

const say = (line: string): void => console.log(line);

export async function runCluster(): Promise<number> {
  requireNotRunning(cluster);
  const ports = await portsOf(cluster, ["https", "http", "mqtt"]);
  await buildAll();
  return runBench(
    cluster,
    () => Bench.create(cluster, { ports, say }),
    (bench) =>
      welcome(
        bench,
        "Its segment has two hosts behind emulated LSI53C895A adapters",
        [`  telemetry    mosquitto_sub -h 127.0.0.1 -p ${ports["mqtt"]} -t 'scsigate/#' -v`],
        "station-a    (or station-b",
      ),
  );
}

/** Another gateway, with an adapter on USB, whose board and bus are emulated in this process. */
export async function runAdapter(): Promise<number> {
  requireNotRunning(adapter);
  const ports = await portsOf(adapter, ["https", "http"]);
  await buildAll();
  const board = await EmulatedAdapter.withHosts(ports, busTarget);
  try {
    return await runBench(
      adapter,
      () => Bench.create(adapter, { ports, say }),
      (bench) =>
        welcome(
          bench,
          "Its segment seg0 is an adapter on USB, emulated with the bus that station-c is on (some 40 KB a second); station-a is on seg1",
          [],
          "station-c    (or station-a",
        ),
    );
  } finally {
    await board.stop();
  }
}

export async function runInteractive(topology: Topology): Promise<number> {
  requireNotRunning(topology);
  await buildAll();
  return runBench(
    topology,
    () => Bench.create(topology, { say }),
    (bench) => {
      const [first] = bench.vms;
      console.log(`
${topology.name} is up: ${bench.vms.map((vm) => vm.name).join(", ")}. Host ports: ${JSON.stringify(bench.ports)}
  lab/bin/lab shell ${first?.name}         a shell
  lab/bin/lab exec ${first?.name} dmesg    one command
Ctrl-C stops everything.
`);
    },
  );
}
