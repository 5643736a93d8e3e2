// SPDX-License-Identifier: Apache-2.0
/** A whole service on a temporary tree: real HTTP, real TLS, real MQTT; the kernel and the executor are fixtures. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { pino, stdTimeFunctions } from "pino";
import { openSerialPort } from "../../src/adapter/port.ts";
import { BootPartition } from "../../src/executor/bootPartition.ts";
import type { DeviceLatency, InspectedFile, MeshAnswers, WireguardAnswers } from "../../src/protocol/messages.ts";
import type { GroupResult, Plan } from "../../src/protocol/operations.ts";
import type { ExecutorLink, ImageLink, ServiceEnvironment } from "../../src/service/environment.ts";
import { openLine } from "../../src/service/panel/line.ts";
import { Service } from "../../src/service/service.ts";
import { systemClock } from "../../src/shared/clock.ts";
import type { CommandRunner } from "../../src/shared/commands.ts";
import type { LineProgram } from "../../src/shared/lines.ts";
import { LogBuffer } from "../../src/shared/logBuffer.ts";
import { PATHS } from "./executor.ts";
import { FakeImage } from "./fakeImage.ts";
import { batched, fakeIp, writeMachine } from "./machine.ts";
import { type Tree, temporaryTree } from "./tree.ts";

export * from "./fakeAdapter.ts";
export * from "./fakeImage.ts";
export * from "./machine.ts";
export * from "./mosquitto.ts";
export * from "./pty.ts";
export * from "./tree.ts";

export interface GatewayOptions {
  /** Of a gateway before this one; it stays when this one stops. */
  tree?: Tree;
  /** Writes what is on the machine before the start, on the boot partition for one. */
  before?: (tree: Tree) => void;
  /** The configuration document; left out: none on disk. */
  config?: unknown;
  /** Folder of the built web UI. */
  web?: string;
  /** Instead of the configuration's; null: the configuration's. */
  ports?: { http: number; https: number } | null;
  apply?: (plan: Plan) => Promise<GroupResult[]>;
  /** The service asks to be started anew. */
  restart?: () => void;
  /** The machine is to be restarted. */
  reboot?: () => void;
  /** What the owner has left outside of the service's folder is to go. */
  forget?: () => void;
  /** What BIRD answers. */
  mesh?: () => MeshAnswers | null;
  /** What WireGuard knows. */
  wireguard?: () => WireguardAnswers;
  /** What nft lists. */
  firewall?: () => string;
  /** What ping prints. */
  ping?: (ip: string, count: number) => string;
  capture?: ExecutorLink["capture"];
  /** What programs print; fakeIp unless told. */
  run?: CommandRunner;
  /** Gets what a line of the uevent program is given to. */
  uevents?: (say: (line: string) => void) => void;
  /** Starts programs that run on, in the place of the line before. */
  lines?: LineProgram;
  /** What the executor finds on the machine. */
  inspect?: () => InspectedFile[];
  /** The image that runs; none unless told. */
  image?: (data: string) => ImageLink;
  /** Lines of GPIO chips. */
  panel?: Pick<ServiceEnvironment, "openLine"> & Pick<ExecutorLink, "giveLines">;
  /** What the executor reads in debugfs. */
  latency?: () => DeviceLatency[];
}

export interface TestGateway {
  tree: Tree;
  service: Service;
  /** Every plan that the executor got. */
  plans: Plan[];
  /** What the console shows. */
  readonly banner: string;
  /** The setup token that it shows; empty: none. */
  readonly token: string;
  logs: LogBuffer;
  get(path: string, options?: GetOptions): Promise<HttpAnswer>;
  stop(): Promise<void>;
}

export interface GetOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A gateway with a LAN, one segment, and two stations. */
export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const tree = options.tree ?? temporaryTree();
  const path = (name: string) => join(tree.root, name);
  if (options.tree === undefined) writeMachine(tree);
  mkdirSync(path("run"), { recursive: true });
  options.before?.(tree);
  if (options.config !== undefined) writeFileSync(path("data/config.json"), JSON.stringify(options.config));

  const plans: Plan[] = [];
  const logs = new LogBuffer();
  const log = pino({ timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, logs);
  const paths = { ...PATHS, proc: path("proc"), run: path("run"), boot: path("boot"), image: path("image.json") };
  const boot = new BootPartition({ paths, run: async () => "", clock: systemClock, log });
  const apply = options.apply ?? (async (plan) => plan.groups.map(({ name }) => ({ name, changed: 0 })));
  const service = new Service({
    paths: {
      sys: path("sys"),
      dev: path("dev"),
      proc: path("proc"),
      modules: path("lib/modules"),
      data: path("data"),
      leases: path("data/dhcp"),
      avahi: path("run/avahi-daemon/pid"),
      web: options.web ?? path("web"),
      version: path("version.json"),
      adapterImage: path("adapter.update"),
      run: path("run"),
      control: path("control.sock"),
    },
    host: "127.0.0.1",
    ...(options.ports === null ? {} : { ports: options.ports ?? { http: 0, https: 0 } }),
    clock: systemClock,
    random: randomBytes,
    run: batched(options.run ?? fakeIp),
    restart: () => options.restart?.(),
    openPort: openSerialPort,
    openLine: options.panel?.openLine ?? openLine,
    lines: (file, args, listener, how) => {
      if (options.lines !== undefined) return options.lines(file, args, listener, how);
      options.uevents?.((line) => listener.onLine(line));
      return () => {};
    },
    executor: {
      image: options.image?.(path("data")) ?? new FakeImage(() => path("data"), null),
      async apply(plan) {
        plans.push(plan);
        return apply(plan);
      },
      readLatency: async () => options.latency?.() ?? [],
      boot: (change) => boot.handle(change),
      forget: async () => options.forget?.(),
      readMesh: async () => options.mesh?.() ?? null,
      readWireguard: async () => options.wireguard?.() ?? { publicKey: null, handshakes: "" },
      inspect: async () => options.inspect?.() ?? [],
      reboot: async () => options.reboot?.(),
      readFirewall: async () => options.firewall?.() ?? "",
      giveLines: options.panel?.giveLines ?? (async () => []),
      ping: async (ip, count) => options.ping?.(ip, count) ?? "",
      capture(order, onData, onEnd) {
        return options.capture?.(order, onData, onEnd) ?? (() => {});
      },
      ready() {},
    },
    logs,
    log,
  });
  await service.start();
  const banner = () => tree.read("run/console") ?? "";
  return {
    tree,
    service,
    plans,
    get banner() {
      return banner();
    },
    get token() {
      return /token: (\S+)/.exec(banner())?.[1] ?? "";
    },
    logs,
    get: (target, getOptions) => get(service.ports.https, target, getOptions),
    async stop() {
      await service.stop();
      if (options.tree === undefined) tree.dispose();
    },
  };
}

/** An HTTPS request that takes the self-signed certificate. */
export function get(port: number, path: string, options: GetOptions = {}): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ rejectUnauthorized: false });
    const { method = "GET", headers = {}, body } = options;
    const outgoing = request({ host: "127.0.0.1", port, path, method, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const { statusCode: status = 0 } = response;
        resolve({ status, headers: response.headers, body: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
