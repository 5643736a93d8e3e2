// SPDX-License-Identifier: Apache-2.0
/** A whole service on a temporary tree: real HTTP, real TLS, real MQTT; the kernel and the executor are fixtures. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import type { GroupResult, Plan } from "../../src/protocol/operations.ts";
import { Service } from "../../src/service/service.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { type CommandRunner, runCommand } from "../../src/shared/commands.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { type Tree, temporaryTree, writeLink, writePeer, writeSegment } from "./tree.ts";

export * from "./tree.ts";

export const STATION_A = "02:11:22:33:44:0a";
export const STATION_B = "02:11:22:33:44:0b";

export interface GatewayOptions {
  /** The configuration document; left out: none on disk. */
  config?: unknown;
  /** Folder of the built web UI. */
  web?: string;
  ports?: { http: number; https: number };
  apply?: (plan: Plan) => Promise<GroupResult[]>;
}

export interface TestGateway {
  tree: Tree;
  service: Service;
  /** Every plan that the executor got. */
  plans: Plan[];
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
  tree.write({ "proc/uptime": "93784.12 1.0", "data/README": "" });
  writeLink(tree, "eth0", { index: 2, address: "52:54:00:12:34:56", counters: { rx_bytes: 1000, tx_bytes: 2000 } });
  writeSegment(tree, "seg0", {
    index: 3,
    address: "02:aa:bb:cc:dd:ee",
    counters: { rx_bytes: 5_000_000, rx_packets: 9000 },
  });
  writePeer(tree, "seg0", STATION_A, {
    name: "station-a",
    counters: { rx_bytes: 4_000_000, rx_packets: 7000, tx_bytes: 1234, tx_packets: 12, commands: 7012 },
  });
  writePeer(tree, "seg0", STATION_B, { state: "stalled", counters: { rx_dropped: 3 } });
  tree.write({
    "data/dhcp/seg0.leases": `1900000000 ${STATION_A} 10.143.0.20 station-a *`,
    "version.json": '{"version":"1.2.3","commit":"abc"}',
  });
  if (options.config !== undefined) writeFileSync(path("data/config.json"), JSON.stringify(options.config));

  const plans: Plan[] = [];
  const apply = options.apply ?? (async (plan) => plan.groups.map(({ name }) => ({ name, changed: 0 })));
  const service = new Service({
    paths: {
      sys: path("sys"),
      proc: path("proc"),
      data: path("data"),
      leases: path("data/dhcp"),
      web: options.web ?? path("web"),
      version: path("version.json"),
    },
    host: "127.0.0.1",
    ports: options.ports ?? { http: 0, https: 0 },
    clock: systemClock,
    random: randomBytes,
    run: fakeIp,
    executor: {
      async apply(plan) {
        plans.push(plan);
        return apply(plan);
      },
      ready() {},
    },
    log: silentLogger(),
  });
  await service.start();
  return {
    tree,
    service,
    plans,
    get: (target, getOptions) => get(service.ports.https, target, getOptions),
    async stop() {
      await service.stop();
      tree.dispose();
    },
  };
}

/** `ip` as of a machine with eth0 and seg0; all else is run for real. */
export const fakeIp: CommandRunner = async (file, args, options) => {
  if (file !== "ip") return runCommand(file, args, options);
  if (args.includes("address")) {
    const info = (local: string, prefixlen: number) => [{ family: "inet", local, prefixlen, scope: "global" }];
    return JSON.stringify([
      { ifname: "eth0", addr_info: info("10.0.2.20", 24) },
      { ifname: "seg0", addr_info: info("10.143.0.1", 24) },
    ]);
  }
  if (args.includes("route")) return JSON.stringify([{ dst: "10.0.2.0/24", dev: "eth0" }]);
  if (args.includes("neighbour")) {
    return JSON.stringify([{ dst: "10.143.0.77", dev: "seg0", lladdr: STATION_B, state: ["REACHABLE"] }]);
  }
  throw new Error(`unexpected: ip ${args.join(" ")}`);
};

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

/** Waits until a condition holds. @throws Error after the time-out, milliseconds */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`timed out: ${what}`);
}
