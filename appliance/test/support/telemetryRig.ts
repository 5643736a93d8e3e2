// SPDX-License-Identifier: Apache-2.0
/** Monitor and telemetry on a temporary machine, without HTTP, bring-up and the rest of the service. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { openSerialPort } from "../../src/adapter/port.ts";
import { AdapterWatch } from "../../src/adapter/watch.ts";
import type { Config } from "../../src/config/types.ts";
import { validate } from "../../src/config/validate.ts";
import type { DeviceLatency } from "../../src/protocol/messages.ts";
import type { ServiceEnvironment } from "../../src/service/environment.ts";
import { type GatewayState, initialState } from "../../src/service/gatewayState.ts";
import { Monitor } from "../../src/service/monitor.ts";
import { openLine } from "../../src/service/panel/line.ts";
import type { GatewayEvent } from "../../src/service/telemetry/events.ts";
import { Telemetry } from "../../src/service/telemetry/telemetry.ts";
import { type Clock, systemClock } from "../../src/shared/clock.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { LogBuffer } from "../../src/shared/logBuffer.ts";
import { FakeImage } from "./fakeImage.ts";
import { batched, fakeIp, STATION_A, until, writeMachine } from "./machine.ts";
import { type Tree, temporaryTree } from "./tree.ts";

export const GATEWAY_ID = "525400123456";
export const BASE = `scsigate/${GATEWAY_ID}`;

/** What is done every second is done ten times a second, so that tests need not wait for it. */
const quickClock: Clock = {
  ...systemClock,
  every: (milliseconds, callback) => systemClock.every(milliseconds / 10, callback),
};

export interface TelemetryRig {
  tree: Tree;
  state: GatewayState;
  monitor: Monitor;
  environment: ServiceEnvironment;
  /** What the driver's debugfs has. */
  latency: DeviceLatency[];
  /** How often the service asked for its restart. */
  restarts: number;
  /** How often an update was to be installed. */
  updates: number;
  tell: (event: GatewayEvent) => void;
  /** A line of the uevent program. */
  uevent: (line: string) => void;
  /** Another document, as if it had been applied. */
  configure(document: unknown): void;
  /**
   * Stops telemetry and starts it again on the same data, as a restart does.
   * @param document that holds from then on
   * @param meanwhile what happens in between
   */
  restart(document?: unknown, meanwhile?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export function configOf(document: unknown): Config {
  const result = validate(document);
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

export async function telemetryRig(document: unknown): Promise<TelemetryRig> {
  const tree = temporaryTree();
  writeMachine(tree);
  const path = (name: string) => join(tree.root, name);
  const loaded = { config: configOf(document), source: "file" as const, errors: [] };
  const state = initialState({ version: "1.2.3", commit: "abc" }, loaded);
  state.identity = { id: GATEWAY_ID, seed: "0".repeat(64) };
  state.lan = "eth0";
  state.settled = true;
  const environment: ServiceEnvironment = {
    paths: {
      sys: path("sys"),
      dev: path("dev"),
      proc: path("proc"),
      modules: path("lib/modules"),
      data: path("data"),
      leases: path("data/dhcp"),
      avahi: path("run/avahi-daemon/pid"),
      web: path("web"),
      version: path("version.json"),
      adapterImage: path("adapter.update"),
      run: path("run"),
      control: path("control"),
    },
    host: "127.0.0.1",
    clock: quickClock,
    random: randomBytes,
    run: batched(fakeIp),
    openPort: openSerialPort,
    openLine,
    lines: (_file, _args, listener) => {
      rig.uevent = (line) => listener.onLine(line);
      return () => {};
    },
    executor: {
      image: new FakeImage(() => path("data"), null),
      apply: async () => [],
      readLatency: async () => rig.latency,
      boot: async () => ({ prepared: null, problem: null, recover: false }),
      forget: async () => {},
      readMesh: async () => null,
      readWireguard: async () => ({ publicKey: null, handshakes: "" }),
      readFirewall: async () => "",
      giveLines: async () => [],
      inspect: async () => [],
      reboot: async () => {},
      ping: async () => "",
      capture: () => () => {},
      ready() {},
    },
    logs: new LogBuffer(),
    restart: () => {
      rig.restarts += 1;
    },
    log: silentLogger(),
  };
  const { paths, clock, random, openPort: open } = environment;
  const parts = { sys: paths.sys, dev: paths.dev, clock, random, open, readImage: () => undefined };
  const adapters = new AdapterWatch(
    parts,
    () => loaded.config,
    () => undefined,
  );
  const monitor = new Monitor(environment, state, adapters);
  const start = async () => {
    const telemetry = new Telemetry(environment, state, monitor, environment.log, () => {
      rig.updates += 1;
    });
    await telemetry.start();
    return telemetry;
  };
  let telemetry: Telemetry | undefined;
  const rig: TelemetryRig = {
    tree,
    state,
    monitor,
    environment,
    latency: [],
    restarts: 0,
    updates: 0,
    tell: (event) => telemetry?.tell(event),
    uevent: () => {},
    configure(next) {
      state.config = { ...loaded, config: configOf(next) };
      state.events.tell("config");
    },
    async restart(next, meanwhile) {
      await telemetry?.stop();
      await meanwhile?.();
      if (next !== undefined) rig.configure(next);
      telemetry = await start();
    },
    async stop() {
      monitor.stop();
      await telemetry?.stop();
      tree.dispose();
    },
  };
  await monitor.start();
  telemetry = await start();
  return rig;
}

/** A gateway's state with everything in it that can be told. */
export async function wholeStatus(): Promise<Pick<Monitor, "status" | "latencyClasses">> {
  const rig = await telemetryRig({ version: 1, hostname: "gateway" });
  try {
    const folder = `sys/class/net/seg0/ipscsi/peers/${STATION_A}`;
    rig.tree.write({ [`${folder}/device`]: "5:0:0:0", [`${folder}/name`]: 'odd "name" \\ here' });
    rig.latency = [{ device: "5:0:0:0", text: "1024 90 0\n8192 10 5\n" }];
    await until("slow figures", () => rig.monitor.status.segments[0]?.stations[0]?.latency != null);
    const { status, latencyClasses } = rig.monitor;
    return { status, latencyClasses };
  } finally {
    await rig.stop();
  }
}
