// SPDX-License-Identifier: Apache-2.0
/** A whole service on a temporary tree: real HTTP, real TLS, real MQTT; the kernel and the executor are fixtures. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { pino, stdTimeFunctions } from "pino";
import type { DeviceLatency, InspectedFile, MeshAnswers } from "../../src/protocol/messages.ts";
import type { GroupResult, Plan } from "../../src/protocol/operations.ts";
import type { ExecutorLink } from "../../src/service/environment.ts";
import { Service } from "../../src/service/service.ts";
import { systemClock } from "../../src/shared/clock.ts";
import type { CommandRunner } from "../../src/shared/commands.ts";
import { LogBuffer } from "../../src/shared/logBuffer.ts";
import { fakeIp, writeMachine } from "./machine.ts";
import { type Tree, temporaryTree } from "./tree.ts";

export * from "./machine.ts";
export * from "./mosquitto.ts";
export * from "./tree.ts";

export interface GatewayOptions {
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
  /** What BIRD answers. */
  mesh?: () => MeshAnswers | null;
  /** What ping prints. */
  ping?: (ip: string, count: number) => string;
  capture?: ExecutorLink["capture"];
  /** What programs print; fakeIp unless told. */
  run?: CommandRunner;
  /** Gets what a line of the uevent program is given to. */
  uevents?: (say: (line: string) => void) => void;
  /** What the executor finds on the machine. */
  inspect?: () => InspectedFile[];
  /** What the executor reads in debugfs. */
  latency?: () => DeviceLatency[];
}

export interface TestGateway {
  tree: Tree;
  service: Service;
  /** Every plan that the executor got. */
  plans: Plan[];
  /** What was said on the console. */
  announced: string[];
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
  const tree = temporaryTree();
  const path = (name: string) => join(tree.root, name);
  writeMachine(tree);
  if (options.config !== undefined) writeFileSync(path("data/config.json"), JSON.stringify(options.config));

  const plans: Plan[] = [];
  const announced: string[] = [];
  const logs = new LogBuffer();
  const apply = options.apply ?? (async (plan) => plan.groups.map(({ name }) => ({ name, changed: 0 })));
  const service = new Service({
    paths: {
      sys: path("sys"),
      proc: path("proc"),
      modules: path("lib/modules"),
      data: path("data"),
      leases: path("data/dhcp"),
      web: options.web ?? path("web"),
      version: path("version.json"),
      control: path("control.sock"),
    },
    host: "127.0.0.1",
    ...(options.ports === null ? {} : { ports: options.ports ?? { http: 0, https: 0 } }),
    clock: systemClock,
    random: randomBytes,
    run: options.run ?? fakeIp,
    restart: () => options.restart?.(),
    lines: (_file, _args, listener) => {
      options.uevents?.((line) => listener.onLine(line));
      return () => {};
    },
    executor: {
      async apply(plan) {
        plans.push(plan);
        return apply(plan);
      },
      readLatency: async () => options.latency?.() ?? [],
      readMesh: async () => options.mesh?.() ?? null,
      inspect: async () => options.inspect?.() ?? [],
      reboot: async () => options.reboot?.(),
      ping: async (ip, count) => options.ping?.(ip, count) ?? "",
      capture(order, onData, onEnd) {
        return options.capture?.(order, onData, onEnd) ?? (() => {});
      },
      ready() {},
    },
    announce: (text) => announced.push(text),
    logs,
    log: pino({ timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, logs),
  });
  await service.start();
  return {
    tree,
    service,
    plans,
    announced,
    logs,
    get: (target, getOptions) => get(service.ports.https, target, getOptions),
    async stop() {
      await service.stop();
      tree.dispose();
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
