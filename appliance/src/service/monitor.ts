// SPDX-License-Identifier: Apache-2.0
/**
 * Samples the machine: once a second while somebody looks on, every few seconds else, and whenever the driver says so or
 * somebody asks. Tells who listens the state, and what happened.
 */
import { join } from "node:path";
import type { AdapterWatch } from "../adapter/watch.ts";
import type { Adapter, LinkStatus, Problem, SegmentStatus, StationStatus, Status, Temperature } from "../api/status.ts";
import { type Fabric, OF_ADAPTERS, readAdapters } from "../observe/adapters.ts";
import { diskProblem, runProblem } from "../observe/disk.ts";
import { readUptime, text } from "../observe/files.ts";
import type { LatencyClass } from "../observe/latency.ts";
import { type Lease, LeaseFiles } from "../observe/leases.ts";
import { adapterOf } from "../observe/sensors.ts";
import { type PeerReading, type SegmentReading, Sysfs, ZERO_COUNTERS } from "../observe/sysfs.ts";
import { listUsbAdapters } from "../observe/usbAdapters.ts";
import { mayEncrypt } from "../plan/encryption.ts";
import { isShutOut, type StationSettings, sameInitiator, settingsOf } from "../plan/initiators.ts";
import { isMeshed } from "../plan/meshed.ts";
import { extensionBridge, segmentFace } from "../protocol/operations.ts";
import type { Cancel } from "../shared/clock.ts";
import { toProblem } from "../shared/errors.ts";
import { isWithin } from "../shared/ipv4.ts";
import { poke } from "./diagnosis/probes.ts";
import { EncryptionWatch } from "./encryption.ts";
import type { Part } from "./environment.ts";
import type { GatewayState } from "./gatewayState.ts";
import { assessHealth } from "./health.ts";
import { type LinkEvent, LinkEvents } from "./linkEvents.ts";
import { MeshWatch, meshStatus } from "./mesh.ts";
import { pageUrl } from "./pageUrl.ts";
import { PeerEvents } from "./peerEvents.ts";
import { BatchMeter, RateMeter, ZERO_RATES } from "./rates.ts";
import { SlowReadings } from "./slowReadings.ts";
import { StationReach } from "./stations/reach.ts";

type Environment = Part<
  "clock" | "lines" | "log" | "run",
  "sys" | "proc" | "modules" | "leases" | "data" | "run" | "avahi",
  "readLatency" | "readMesh" | "readWireguard"
>;

const SAMPLE_INTERVAL_MS = 1000;
/** What is younger is fresh, milliseconds: less than an interval, for whoever asks once a second. */
const FRESH_MS = 900;
/** Between two samples while nobody looks on, and a bit less for timers that are early: a board is to rest. */
const REST_INTERVAL_MS = 4900;
/** After a start everything changes: somebody looks on, whoever it may be. */
const START_MS = 60_000;
/** Shortest time between two samples that events ask for: a storm of events is no storm of samples. */
const SAMPLE_PAUSE_MS = 100;
/** Above this boards slow down to save themselves, degrees Celsius. */
const HOT_CELSIUS = 85;

export class Monitor {
  readonly #environment: Environment;
  readonly #state: GatewayState;
  readonly #adapters: AdapterWatch;
  readonly #rates = new RateMeter();
  readonly #batches = new BatchMeter();
  readonly #slow: SlowReadings;
  #sysfs: Sysfs | undefined;
  #startedAt = 0;
  readonly #leases: LeaseFiles;
  readonly #links = new LinkEvents();
  readonly #reach = new StationReach(poke);
  readonly #mesh = new MeshWatch();
  #meshProblems: Problem[] = [];
  readonly #encryption = new EncryptionWatch();
  #peerEvents: PeerEvents | undefined;
  #cancel: Cancel | undefined;
  #cancelSoon: Cancel | undefined;
  #unsubscribe: (() => void) | undefined;
  #sampling: Promise<void> | undefined;
  /** Those who look on. */
  readonly #watchers = new Set<object>();
  #latest: Status | undefined;
  #sampledAt = Number.NEGATIVE_INFINITY;
  /** Whether somebody waits for the next sample. */
  #asked = false;
  /** Whether the last sample was one of a gateway at rest, whose slow readings may be older. */
  #coarse = false;

  constructor(environment: Environment, state: GatewayState, adapters: AdapterWatch) {
    this.#environment = environment;
    this.#state = state;
    this.#adapters = adapters;
    this.#slow = new SlowReadings(environment);
    this.#leases = new LeaseFiles(environment.paths.leases);
  }

  /** Takes the first sample before it returns; addresses, which cost processes, come with the second. */
  async start(): Promise<void> {
    this.#sysfs = new Sysfs(this.#environment.paths.sys);
    this.#startedAt = this.#environment.clock.monotonic();
    await this.sample();
    const { clock, lines, log } = this.#environment;
    this.#cancel = clock.every(SAMPLE_INTERVAL_MS, () => {
      if (!this.#atRest || clock.monotonic() - this.#sampledAt >= REST_INTERVAL_MS) void this.sample();
    });
    this.#peerEvents = new PeerEvents(lines, clock, log, {
      onPeer: (event) => this.#tell(this.#links.peer(event, clock.monotonic())),
      onChange: () => {
        this.#cancelSoon ??= clock.after(SAMPLE_PAUSE_MS, () => {
          this.#cancelSoon = undefined;
          void this.sample();
        });
      },
    });
    this.#peerEvents.start();
    this.#unsubscribe = this.#state.events.on("config", () => void this.changed());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancelSoon?.();
    this.#peerEvents?.stop();
    this.#unsubscribe?.();
  }

  /** The last sample. Only after start(). */
  get status(): Status {
    if (this.#latest === undefined) throw new Error("monitor was not started");
    return this.#latest;
  }

  /** The state as it is now, for who asks once. Only after start(). */
  async fresh(): Promise<Status> {
    this.#asked = true;
    const age = this.#environment.clock.monotonic() - this.#sampledAt;
    if (this.#coarse || age >= FRESH_MS) await this.sample();
    if (this.#coarse) await this.sample(); // that one was under way before
    return this.status;
  }

  /** Something was changed on the machine: addresses, too, are looked at anew. */
  changed(): Promise<void> {
    this.#slow.outdate();
    return this.sample();
  }

  /** As long as somebody looks on, there is a sample every second. @returns a function that ends it */
  watch(): () => void {
    const watcher = {};
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  get #atRest(): boolean {
    return this.#watchers.size === 0 && this.#environment.clock.monotonic() - this.#startedAt > START_MS;
  }

  /** What could export a segment, as it is now; of all fabrics, unless some are named. */
  adapters(fabrics?: readonly Fabric[]): Adapter[] {
    const { sys, proc, modules } = this.#environment.paths;
    const { segments } = this.#state.config.config;
    const owners = new Map(
      segments.flatMap(({ name, fabric }) => (fabric.type === "adapter" ? [[fabric.serial, name]] : [])),
    );
    return [
      ...readAdapters({ sys, proc, modules }, this.#slow.addresses, this.#sysfs?.segments() ?? [], fabrics),
      ...listUsbAdapters(sys, owners),
    ];
  }

  /** Ports of host adapters that could be targets. */
  targetPorts(): Adapter[] {
    return this.adapters(OF_ADAPTERS);
  }

  /** How long commands took since their devices attached, by device. */
  get latencyClasses(): ReadonlyMap<string, readonly LatencyClass[]> {
    return this.#slow.latencyClasses;
  }

  /** All addresses that a station was seen with on its segment, link-local ones left out; IPv4 first. */
  addressesOfStation(segment: string, address: string): string[] {
    const faces = [segment, extensionBridge(segment)];
    const known = this.#slow.neighbours.filter((entry) => faces.includes(entry.interface) && entry.address === address);
    const ips = known.map(({ ip }) => ip).filter((ip) => !ip.startsWith("fe80:"));
    return [...ips.filter((ip) => !ip.includes(":")), ...ips.filter((ip) => ip.includes(":"))];
  }

  /** One sample; the one that is under way, where there is one. */
  sample(): Promise<void> {
    this.#sampling ??= this.#sample().finally(() => {
      this.#sampling = undefined;
    });
    return this.#sampling;
  }

  async #sample(): Promise<void> {
    const at = this.#environment.clock.monotonic();
    const coarse = this.#atRest && !this.#asked;
    this.#asked = false;
    try {
      const status = await this.#read(at, coarse);
      this.#latest = status;
      this.#state.events.tell("status", status);
      this.#tell(this.#links.sample(status, at));
    } catch (error) {
      this.#environment.log.error({ problem: toProblem(error) }, "sample failed");
    } finally {
      this.#sampledAt = at;
      this.#coarse = coarse;
    }
  }

  #tell(events: readonly LinkEvent[]): void {
    const { temperatures, dataFreeBytes, dataWritable, runFreeBytes } = this.#slow;
    const room = [diskProblem(dataFreeBytes, dataWritable), runProblem(runFreeBytes)];
    const checks = this.#state.checks.flatMap((check) => check() ?? []);
    this.#state.monitorProblems = [
      ...this.#links.problems(),
      ...heat(temperatures),
      ...room.filter((problem) => problem !== undefined),
      ...checks,
      ...this.#meshProblems,
      ...this.#encryption.problems,
      ...this.#busProblems(),
      ...this.#twins(),
    ];
    for (const event of events) {
      this.#environment.log.info(event, "link");
      this.#state.events.tell("link", event);
    }
  }

  /** Those that keep the plan from being carried out are told there already. */
  #busProblems(): Problem[] {
    const told = this.#state.problems.map(({ message }) => message);
    const problems = this.#latest?.segments.flatMap(({ bus }) => bus?.problem ?? []) ?? [];
    return problems.filter(({ message }) => !told.includes(message));
  }

  /** Several hosts that say one name: its settings are for one of them. */
  #twins(): Problem[] {
    return this.#state.config.config.segments.flatMap(({ name, stations }) => {
      const there = this.#latest?.segments.find((segment) => segment.name === name)?.stations ?? [];
      return stations.flatMap(({ initiator }): Problem[] => {
        const same = initiator === undefined ? [] : sameInitiator(there, initiator);
        if (initiator === undefined || same.length < 2) return [];
        const bound = this.#state.bindings[name]?.[initiator];
        return [
          {
            code: "initiator-twice",
            message: `${same.length} stations on ${name} are the initiator ${initiator}; its settings are for ${bound ?? "one of them"} alone`,
            nextStep: "Give each host an initiator name of its own, and add it to fabric.initiators.",
          },
        ];
      });
    });
  }

  async #read(at: number, coarse: boolean): Promise<Status> {
    const { clock, paths } = this.#environment;
    const { config, source, errors } = this.#state.config;
    const readings = new Map<string, SegmentReading | undefined>();
    for (const { name, fabric } of config.segments) {
      const own = fabric.type === "adapter";
      readings.set(name, own ? this.#adapters.reading(name, this.#sysfs?.link(name)) : this.#sysfs?.segment(name));
    }
    for (const name of this.#sysfs?.segments() ?? []) {
      if (!readings.has(name)) readings.set(name, this.#sysfs?.segment(name));
    }
    // What ethtool tells of an adapter's interface is not the driver's, and the adapter itself tells more.
    const driven = this.#sysfs?.segments() ?? [];
    const existing = [...readings].filter(([name, reading]) => reading !== undefined && driven.includes(name));
    await this.#slow.refresh(
      this.#shape(readings),
      existing.map(([name]) => name),
      { meshed: isMeshed(config), tunnels: mayEncrypt(config) },
      coarse,
      at,
    );
    const segments: SegmentStatus[] = [];
    for (const [name, reading] of readings) {
      segments.push(this.#segment(name, reading, this.#leases.of(name), at));
    }
    const lan = this.#link(this.#state.lan, at);
    const storage = config.storage ? this.#link(config.storage.interface, at) : null;
    this.#rates.forgetOlderThan(at);
    const stations = segments.flatMap((segment) =>
      segment.stations.map((station) => `${segment.name} ${station.address}`),
    );
    this.#batches.keepOnly(new Set(stations));
    const asked = segments.flatMap(({ name, stations: all }) =>
      all.flatMap(({ address, state, blocked }) => (state === "down" || blocked ? [] : [`${name} ${address}`])),
    );
    this.#reach.probe(new Set(asked), at);
    const mesh = meshStatus(config, this.#slow.mesh, segments);
    this.#meshProblems = this.#mesh.update(this.#slow.mesh === undefined ? null : mesh, at);
    const encryption = this.#encryption.update(config, this.#slow.wireguard, clock.now(), at);
    const { localName } = this.#slow;
    const uptime = readUptime(paths.proc);
    const serviceUptimeSeconds = Math.floor((at - this.#startedAt) / 1000);
    return {
      id: this.#state.identity?.id ?? "",
      hostname: config.hostname,
      localUrl: config.mdns.enabled && localName !== undefined ? pageUrl(localName, config.http.httpsPort) : null,
      version: this.#state.version.version,
      time: clock.now(),
      timeZone: config.time.zone,
      uptimeSeconds: Math.floor(uptime),
      readyAfterSeconds: this.#state.readyAfterSeconds ?? null,
      bootTime: readBootTime(paths.proc, clock.now(), uptime),
      temperatures: this.#slow.temperatures,
      dataFreeBytes: this.#slow.dataFreeBytes,
      serviceUptimeSeconds,
      mode: config.mode,
      pressed: clock.now() < this.#state.pressedUntil,
      health: assessHealth(this.#state, lan, segments, serviceUptimeSeconds),
      lan,
      storage,
      segments,
      mesh,
      encryption,
      mqtt: { ...this.#state.mqtt },
      update: { ...this.#state.update },
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
    const bus = this.#adapters.status(name);
    if (reading === undefined) {
      const absent = { name, present: false, address: null, ips: [], mtu: 0, mode: "unknown", carrier: false, fabric };
      const none = { counters: ZERO_COUNTERS, rates: ZERO_RATES, driver: null, packetsPerCommand: null };
      return { ...absent, ...none, bus, stations: [] };
    }
    const { address, mtu, mode, carrier, counters } = reading;
    const rates = this.#rates.update(`segment ${name}`, counters, at);
    const ips = this.#addressesOf(configured === undefined ? name : segmentFace(configured));
    const settings = settingsOf(configured, this.#state.bindings);
    const stations = reading.peers.map((peer) => this.#station(name, fabric, peer, leases, settings, ips, at));
    const slow = this.#slow.drivers.get(name);
    const driver = slow?.counters ?? null;
    const packetsPerCommand = slow?.packetsPerCommand ?? null;
    const link = { name, present: true, address, ips, mtu, mode, carrier, fabric, counters, rates };
    return { ...link, driver, packetsPerCommand, bus, stations };
  }

  #station(
    segment: string,
    fabric: string,
    peer: PeerReading,
    leases: readonly Lease[],
    all: readonly StationSettings[],
    own: readonly string[],
    at: number,
  ): StationStatus {
    const rates = this.#rates.update(`station ${segment} ${peer.address}`, peer.counters, at);
    const { rx_packets, tx_packets, commands } = peer.counters;
    const packetsPerCommand = this.#batches.update(`${segment} ${peer.address}`, rx_packets + tx_packets, commands);
    const adapter = peer.device === "" ? fabric : adapterOf(this.#environment.paths.sys, peer.device);
    const latency = this.#slow.latencies.get(peer.device) ?? null;
    const driver = this.#slow.stationCounters.get(`${segment} ${peer.address}`) ?? null;
    const lease = leases.find((entry) => entry.address === peer.address);
    const faces = [segment, extensionBridge(segment)];
    const known = this.#slow.neighbours.filter(
      (entry) => faces.includes(entry.interface) && entry.address === peer.address,
    );
    const ips = known.map((entry) => entry.ip).filter((ip) => !ip.startsWith("fe80:"));
    const { config } = this.#state.config;
    const configured = config.segments.find((entry) => entry.name === segment);
    const isHere = (ip: string) => own.some((subnet) => isWithin(ip, subnet));
    // Of a server that is off, leases tell nothing of a network that has another subnet since.
    const served = configured?.dhcp.enabled === true && config.mode !== "bridge";
    const leased = lease !== undefined && (served || isHere(lease.ip)) ? lease.ip : undefined;
    const ip4 = leased ?? ips.find((entry) => !entry.includes(":"));
    const place = { key: `${segment} ${peer.address}`, faces, address: peer.address, ip: ip4, isHere };
    const reach = this.#reach.update(place, this.#slow.neighbours, this.#slow.unanswered);
    const ip = reach?.ip ?? ips[0] ?? null;
    const settings = all.find((entry) => entry.address === peer.address);
    const name = settings?.name ?? (peer.name || lease?.name || "");
    const blocked = settings?.access === "block" || (configured !== undefined && isShutOut(configured, peer.nexus));
    const answers = reach?.answers ?? null;
    return { ...peer, name, blocked, ip, answers, adapter, driver, packetsPerCommand, latency, rates };
  }

  #addressesOf(name: string): string[] {
    return (this.#slow.addresses.get(name) ?? []).filter((entry) => entry.scope !== "link").map((entry) => entry.cidr);
  }

  /** Changes when links or stations do. */
  #shape(readings: ReadonlyMap<string, SegmentReading | undefined>): string {
    const parts = [...readings].map(([name, reading]) => {
      const peers = (reading?.peers ?? []).map((peer) => `${peer.address} ${peer.state}`);
      return `${name} ${reading?.carrier} ${peers.join(" ")}`;
    });
    return `${this.#state.lan} ${parts.join(" ")}`;
  }
}

function heat(temperatures: readonly Temperature[]): Problem[] {
  const hot = temperatures.filter((entry) => entry.celsius >= HOT_CELSIUS);
  return hot.map(({ sensor, celsius }) => ({
    code: "board-hot",
    message: `${sensor} has ${celsius} degrees Celsius`,
    nextStep: "Give the board air or a heat sink: it slows down to save itself.",
  }));
}

/** The kernel's own figure: one from now and uptime would waver by a second. */
function readBootTime(proc: string, now: number, uptime: number): number {
  const seconds = /^btime ([0-9]+)$/m.exec(text(join(proc, "stat")))?.[1];
  return seconds === undefined ? Math.round(now / 1000 - uptime) * 1000 : Number(seconds) * 1000;
}
