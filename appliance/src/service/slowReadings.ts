// SPDX-License-Identifier: Apache-2.0
/**
 * What costs a process or a question to the executor to find out: addresses, neighbours, the driver's counters, latencies.
 * Read every few seconds; addresses also when links or stations changed. What cannot be read any more is not shown any more.
 */
import type { DriverCounters, Percentiles, StationLatency, Temperature } from "../api/status.ts";
import { isWritable, readFreeBytes } from "../observe/disk.ts";
import { parseDriverCounters } from "../observe/driverCounters.ts";
import {
  askIp,
  type InterfaceAddress,
  type Neighbour,
  parseAddresses,
  parseNeighbours,
  parseUnanswered,
} from "../observe/ipJson.ts";
import { type LatencyClass, parseLatency, percentiles } from "../observe/latency.ts";
import { readLocalName } from "../observe/mdns.ts";
import { readTemperatures } from "../observe/sensors.ts";
import { Sysfs } from "../observe/sysfs.ts";
import type { DeviceLatency, MeshAnswers, WireguardAnswers } from "../protocol/messages.ts";
import { toProblem } from "../shared/errors.ts";
import type { Part } from "./environment.ts";
import { BatchMeter } from "./rates.ts";

type Environment = Part<
  "run" | "log",
  "sys" | "proc" | "data" | "run" | "avahi",
  "readLatency" | "readMesh" | "readWireguard"
>;

/** Between two rounds, milliseconds: five samples, and a bit for timers that are early. */
const INTERVAL_MS = 4900;
/** The same while nobody looks on: three samples of then. */
const REST_INTERVAL_MS = 14_800;

export interface SegmentDriver {
  counters: DriverCounters;
  packetsPerCommand: number | null;
}

interface Gateways {
  meshed: boolean;
  tunnels: boolean;
}

export class SlowReadings {
  readonly #environment: Environment;
  readonly #sysfs: Sysfs;
  readonly #batches = new BatchMeter();
  readonly #complaints = new Map<string, string>();
  #readAt: number | undefined;
  #shape = "";
  /** What the executor is being asked for. */
  readonly #asking = new Set<string>();
  addresses = new Map<string, InterfaceAddress[]>();
  neighbours: Neighbour[] = [];
  /** "interface address", of those that did not answer. */
  unanswered: ReadonlySet<string> = new Set();
  /** By segment. */
  drivers = new Map<string, SegmentDriver>();
  /** By "segment address", without those that are zero. */
  stationCounters = new Map<string, DriverCounters>();
  /** By device h:c:t:l. */
  latencies = new Map<string, StationLatency>();
  /** What they come from, since the devices attached; too long for the state that goes out every second. */
  latencyClasses = new Map<string, LatencyClass[]>();
  /** What BIRD answered; null when it did not, undefined before it was asked. */
  mesh: MeshAnswers | null | undefined;
  /** What WireGuard knows; undefined before it was asked, or while it does not answer. */
  wireguard: WireguardAnswers | undefined;
  /** Under which name the LAN finds us. */
  localName: string | undefined;
  temperatures: Temperature[] = [];
  dataFreeBytes: number | null = null;
  runFreeBytes: number | null = null;
  dataWritable = true;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#sysfs = new Sysfs(environment.paths.sys);
  }

  /**
   * @param shape changes when links or stations do
   * @param segments those that exist
   * @param gateways whether there is a BIRD to ask, and a key for tunnels
   * @param coarse whether nobody looks on, and nobody asks
   * @param at now, monotonic milliseconds
   */
  async refresh(
    shape: string,
    segments: readonly string[],
    gateways: Gateways,
    coarse: boolean,
    at: number,
  ): Promise<void> {
    const first = this.#readAt === undefined;
    const due = at - (this.#readAt ?? at) >= (coarse ? REST_INTERVAL_MS : INTERVAL_MS);
    if (first) this.#readAt = Number.NEGATIVE_INFINITY; // the API is not to wait for this
    if (first || (!due && shape === this.#shape)) return;
    this.#shape = shape;
    if (due) this.#readAt = at;
    await Promise.all([this.#readAddresses(), due ? this.#readFigures(segments, gateways) : undefined]);
  }

  /** Addresses are read again at the next time, whatever there is. */
  outdate(): void {
    this.#shape = "";
  }

  async #readAddresses(): Promise<void> {
    const { run } = this.#environment;
    const answers = await askIp(run, "address show", "neighbour show");
    this.addresses = parseAddresses(answers);
    this.neighbours = parseNeighbours(answers);
    this.unanswered = parseUnanswered(answers);
  }

  async #readFigures(segments: readonly string[], { meshed, tunnels }: Gateways): Promise<void> {
    const { sys, proc, data, run, avahi } = this.#environment.paths;
    this.localName = await readLocalName(proc, avahi);
    this.temperatures = readTemperatures(sys);
    this.dataFreeBytes = await readFreeBytes(data);
    this.dataWritable = await isWritable(data);
    this.runFreeBytes = await readFreeBytes(run);
    // Not waited for: an executor that is busy must not stop the sampling.
    const { executor } = this.#environment;
    void this.#ask(
      "latency",
      () => executor.readLatency(),
      (devices) => this.#takeLatencies(devices ?? []),
    );
    if (!meshed) this.mesh = undefined;
    else
      void this.#ask(
        "mesh",
        () => executor.readMesh(),
        (answers) => (this.mesh = answers ?? null),
      );
    if (!tunnels) this.wireguard = undefined;
    else
      void this.#ask(
        "wireguard",
        () => executor.readWireguard(),
        (answers) => (this.wireguard = answers),
      );
    await this.#readDrivers(segments);
  }

  /** Not again while it is being asked for. @param take gets undefined where there was no answer */
  async #ask<T>(what: string, question: () => Promise<T>, take: (answer: T | undefined) => void): Promise<void> {
    if (this.#asking.has(what)) return;
    this.#asking.add(what);
    const answer = await question().catch((error: unknown) => this.#complain(what, error));
    this.#asking.delete(what);
    take(answer);
  }

  async #readDrivers(segments: readonly string[]): Promise<void> {
    const { run } = this.#environment;
    const drivers = new Map<string, SegmentDriver>();
    const ofStations = new Map<string, DriverCounters>();
    for (const name of segments) {
      const output = await run("ethtool", ["-S", name]).catch((error: unknown) => this.#complain("ethtool", error));
      if (output === undefined) continue;
      const counters = parseDriverCounters(output);
      const sum = (...keys: string[]) => keys.reduce((total, key) => total + (counters[key] ?? 0), 0);
      const packets = sum("rx_packets", "tx_packets");
      const packetsPerCommand = this.#batches.update(name, packets, sum("rx_messages", "tx_messages"));
      drivers.set(name, { counters, packetsPerCommand });
      for (const [address, own] of this.#sysfs.stationCounters(name)) ofStations.set(`${name} ${address}`, own);
      this.#complaints.delete("ethtool");
    }
    this.#batches.keepOnly(drivers);
    this.drivers = drivers;
    this.stationCounters = ofStations;
  }

  #takeLatencies(devices: readonly DeviceLatency[]): void {
    const latencies = new Map<string, StationLatency>();
    const all = new Map<string, LatencyClass[]>();
    for (const { device, text } of devices) {
      const classes = parseLatency(text);
      const before = this.latencies.get(device);
      const recent = (kind: "sends" | "gets", last: Percentiles | null | undefined) =>
        percentiles(kind, classes, this.latencyClasses.get(device)) ?? last ?? null;
      latencies.set(device, { send: recent("sends", before?.send), get: recent("gets", before?.get) });
      all.set(device, classes);
    }
    this.latencies = latencies;
    this.latencyClasses = all;
  }

  /** Once for each reason, not every few seconds. */
  #complain(what: string, error: unknown): undefined {
    const problem = toProblem(error);
    if (this.#complaints.get(what) === problem.message) return;
    this.#complaints.set(what, problem.message);
    this.#environment.log.warn({ problem }, `${what} cannot be read`);
  }
}
