// SPDX-License-Identifier: Apache-2.0
/** Samples the machine once a second and tells everybody who listens: the state as a whole, and stations that came or went. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LinkStatus, SegmentStatus, StationStatus, Status } from "../api/status.ts";
import { type InterfaceAddress, type Neighbour, parseAddresses, parseNeighbours } from "../observe/ipJson.ts";
import { type Lease, parseLeases } from "../observe/leases.ts";
import { type PeerReading, type SegmentReading, Sysfs, ZERO_COUNTERS } from "../observe/sysfs.ts";
import type { Cancel } from "../shared/clock.ts";
import { toProblem } from "../shared/errors.ts";
import type { ServiceEnvironment } from "./environment.ts";
import type { GatewayState } from "./gatewayState.ts";
import { assessHealth } from "./health.ts";
import { RateMeter, ZERO_RATES } from "./rates.ts";
import { type StationEvent, stationEvents } from "./stationEvents.ts";

const SAMPLE_INTERVAL_MS = 1000;
/** Addresses and neighbours cost a process each: every so many samples, and whenever links or stations changed. */
const ADDRESS_EVERY = 5;

type Listener<T> = (value: T) => void;

export class Monitor {
  readonly #environment: ServiceEnvironment;
  readonly #state: GatewayState;
  readonly #rates = new RateMeter();
  readonly #statusListeners = new Set<Listener<Status>>();
  readonly #eventListeners = new Set<Listener<StationEvent>>();
  #sysfs: Sysfs | undefined;
  #startedAt = 0;
  #cancel: Cancel | undefined;
  #busy = false;
  #samples = 0;
  #shape = "";
  #addresses = new Map<string, InterfaceAddress[]>();
  #neighbours: Neighbour[] = [];
  #latest: Status | undefined;

  constructor(environment: ServiceEnvironment, state: GatewayState) {
    this.#environment = environment;
    this.#state = state;
  }

  /** Takes the first sample before it returns; addresses, which cost processes, come with the second. */
  async start(): Promise<void> {
    this.#sysfs = new Sysfs(this.#environment.paths.sys);
    this.#startedAt = this.#environment.clock.monotonic();
    await this.sample();
    this.#cancel = this.#environment.clock.every(SAMPLE_INTERVAL_MS, () => void this.sample());
  }

  stop(): void {
    this.#cancel?.();
    this.#statusListeners.clear();
    this.#eventListeners.clear();
  }

  /** The last sample. Only after start(). */
  get status(): Status {
    if (this.#latest === undefined) throw new Error("monitor was not started");
    return this.#latest;
  }

  /** @returns a function that ends it */
  onStatus(listener: Listener<Status>): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  onStationEvent(listener: Listener<StationEvent>): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** One sample; skipped while the one before is not finished. */
  async sample(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const before = this.#latest;
      const status = await this.#read();
      this.#latest = status;
      for (const listener of this.#statusListeners) listener(status);
      for (const event of stationEvents(before, status)) {
        this.#environment.log.info(event, "station");
        for (const listener of this.#eventListeners) listener(event);
      }
    } catch (error) {
      this.#environment.log.error({ problem: toProblem(error) }, "sample failed");
    } finally {
      this.#busy = false;
    }
  }

  async #read(): Promise<Status> {
    const { clock, paths } = this.#environment;
    const { config, source, errors } = this.#state.config;
    const at = clock.monotonic();
    const readings = new Map<string, SegmentReading | undefined>();
    for (const { name } of config.segments) readings.set(name, this.#sysfs?.segment(name));
    for (const name of this.#sysfs?.segments() ?? []) {
      if (!readings.has(name)) readings.set(name, this.#sysfs?.segment(name));
    }
    await this.#refreshAddresses(readings);
    const segments: SegmentStatus[] = [];
    for (const [name, reading] of readings) {
      const leases = parseLeases(await readFile(join(paths.leases, `${name}.leases`), "utf8").catch(() => ""));
      segments.push(this.#segment(name, reading, leases, at));
    }
    const lan = this.#link(this.#state.lan, at);
    const storage = config.storage ? this.#link(config.storage.interface, at) : null;
    this.#rates.forgetOlderThan(at);
    const serviceUptimeSeconds = Math.floor((at - this.#startedAt) / 1000);
    return {
      id: this.#state.identity?.id ?? "",
      hostname: config.hostname,
      version: this.#state.version.version,
      time: clock.now(),
      uptimeSeconds: await readUptime(paths.proc),
      serviceUptimeSeconds,
      mode: config.mode,
      health: assessHealth(this.#state, lan, segments, serviceUptimeSeconds),
      lan,
      storage,
      segments,
      mqtt: { ...this.#state.mqtt },
      config: { valid: errors.length === 0, source, errors },
    };
  }

  #link(name: string | undefined, at: number): LinkStatus {
    const reading = name === undefined ? undefined : this.#sysfs?.link(name);
    if (name === undefined || reading === undefined) {
      const absent = { interface: null, mac: null, mtu: 0, carrier: false, addresses: [] };
      return { ...absent, counters: ZERO_COUNTERS, rates: ZERO_RATES };
    }
    const { address: mac, mtu, carrier, counters } = reading;
    const rates = this.#rates.update(`link ${name}`, counters, at);
    return { interface: name, mac, mtu, carrier, addresses: this.#addressesOf(name), counters, rates };
  }

  #segment(name: string, reading: SegmentReading | undefined, leases: readonly Lease[], at: number): SegmentStatus {
    const configured = this.#state.config.config.segments.find((segment) => segment.name === name);
    const fabric = configured?.fabric.type ?? "none";
    if (reading === undefined) {
      const absent = { name, present: false, address: null, ips: [], mtu: 0, mode: "unknown", carrier: false, fabric };
      return { ...absent, counters: ZERO_COUNTERS, rates: ZERO_RATES, stations: [] };
    }
    const { address, mtu, mode, carrier, counters } = reading;
    const rates = this.#rates.update(`segment ${name}`, counters, at);
    const stations = reading.peers.map((peer) => this.#station(name, peer, leases, at));
    const ips = this.#addressesOf(name);
    return { name, present: true, address, ips, mtu, mode, carrier, fabric, counters, rates, stations };
  }

  #station(segment: string, peer: PeerReading, leases: readonly Lease[], at: number): StationStatus {
    const rates = this.#rates.update(`station ${segment} ${peer.address}`, peer.counters, at);
    const lease = leases.find((entry) => entry.address === peer.address);
    const known = this.#neighbours.filter((entry) => entry.interface === segment && entry.address === peer.address);
    const ips = known.map((entry) => entry.ip).filter((ip) => !ip.startsWith("fe80:"));
    const ip = lease?.ip ?? ips.find((entry) => !entry.includes(":")) ?? ips[0] ?? null;
    return { ...peer, name: peer.name || lease?.name || "", ip, rates };
  }

  #addressesOf(name: string): string[] {
    return (this.#addresses.get(name) ?? []).filter((entry) => entry.scope !== "link").map((entry) => entry.cidr);
  }

  async #refreshAddresses(readings: ReadonlyMap<string, SegmentReading | undefined>): Promise<void> {
    const parts = [...readings].map(([name, reading]) => {
      const peers = (reading?.peers ?? []).map((peer) => `${peer.address} ${peer.state}`);
      return `${name} ${reading?.carrier} ${peers.join(" ")}`;
    });
    const shape = `${this.#state.lan} ${parts.join(" ")}`;
    const sample = this.#samples++;
    if (sample === 0 || (sample % ADDRESS_EVERY !== 1 && shape === this.#shape)) return;
    this.#shape = shape;
    const { run } = this.#environment;
    const [addresses, neighbours] = await Promise.all([
      run("ip", ["-j", "address", "show"]),
      run("ip", ["-j", "neighbour", "show"]),
    ]);
    this.#addresses = parseAddresses(addresses);
    this.#neighbours = parseNeighbours(neighbours);
  }
}

async function readUptime(proc: string): Promise<number> {
  const text = await readFile(join(proc, "uptime"), "utf8").catch(() => "0");
  return Math.floor(Number(text.split(" ")[0]) || 0);
}
