// SPDX-License-Identifier: Apache-2.0
/** Stations as their owner sees them: what is there, and what the configuration says of it. */
import type { StationChange, StationView } from "../../api/stations.ts";
import type { SegmentStatus, StationStatus } from "../../api/status.ts";
import { whyNotBy, whyNotIn } from "../../config/stationMeaning.ts";
import type { SegmentConfig } from "../../config/types.ts";
import { type Lease, LeaseFiles } from "../../observe/leases.ts";
import { settingsOf } from "../../plan/initiators.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { parseInterface } from "../../shared/ipv4.ts";
import { asObject, isObject, type JsonObject } from "../../shared/json.ts";
import type { Configuration } from "../configuration.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";

export class Stations {
  readonly #state: GatewayState;
  readonly #monitor: Monitor;
  readonly #configuration: Configuration;
  readonly #leases: LeaseFiles;
  readonly #bind: () => Promise<void>;

  /**
   * @param leases folder of dnsmasq's leases
   * @param bind finds out which stations settings by an initiator's name are for
   */
  constructor(
    state: GatewayState,
    monitor: Monitor,
    configuration: Configuration,
    leases: string,
    bind: () => Promise<void>,
  ) {
    this.#state = state;
    this.#monitor = monitor;
    this.#configuration = configuration;
    this.#leases = new LeaseFiles(leases);
    this.#bind = bind;
  }

  /** Those that are there, in the order of the bus, then those that only the configuration knows. */
  async list(): Promise<StationView[]> {
    const views: StationView[] = [];
    for (const segment of this.#segments()) {
      const leases = this.#leases.of(segment.name);
      const there = this.#live(segment.name)?.stations ?? [];
      for (const station of there) views.push(this.#view(segment.name, station.address, station, leases));
      for (const { address, initiator } of settingsOf(segment, this.#state.bindings)) {
        if (there.some((station) => station.address === address)) continue;
        views.push(this.#view(segment.name, address ?? initiator ?? "", null, leases));
      }
    }
    return views;
  }

  /**
   * @param address as it was asked for, in any case; or the name of the initiator that its settings go by
   * @param segment where it is on several; undefined: the first
   * @throws ScsigateError station-unknown
   */
  async find(address: string, segment?: string): Promise<StationView> {
    const wanted = address.toLowerCase();
    const found = (await this.list()).find(
      (station) =>
        [station.address, station.initiator].includes(wanted) && (segment === undefined || station.segment === segment),
    );
    if (found !== undefined) return found;
    const where = segment === undefined ? "" : ` on ${segment}`;
    const nextStep = "GET /api/v1/stations lists the stations; one that left long ago is known by its settings only.";
    throw new ScsigateError("station-unknown", `there is no station ${address}${where}`, nextStep);
  }

  /**
   * Changes a station's settings, at once: none of them can cut off who does it, since that is refused.
   * @param from address of who asks
   * @throws ScsigateError station-unknown, station-is-yours, station-change-invalid, segment-not-configured; ConfigRefused
   */
  async change(view: StationView, change: StationChange, from: string): Promise<StationView> {
    const { segment, address } = view;
    const caller = from.replace(/^::ffff:/, "");
    if (change.access === "block" && [view.live?.ip, view.lease?.ip, ...view.ips].includes(caller)) {
      const nextStep = "Block it from another machine.";
      throw new ScsigateError("station-is-yours", "you would cut off the machine that you work on", nextStep);
    }
    checkInitiator(view, change.initiator);
    this.#checkAddress(segment, change.reservedIp);
    await this.#checkOthers(view, change);
    await this.#configuration.applyAtOnce((document) => this.#changed(document, segment, address, change));
    // Before the machine follows: the answer is to tell what was changed. What keeps it from the disk, the next round tells.
    await this.#bind().catch(() => undefined);
    return this.find(address, segment);
  }

  /** The document with a station's settings changed. @throws ScsigateError segment-not-configured */
  #changed(before: unknown, segment: string, address: string, change: StationChange): JsonObject {
    const document = structuredClone(asObject(before));
    const entry = segmentEntry(document, segment, this.#state);
    const stations = Array.isArray(entry["stations"]) ? (entry["stations"] as unknown[]) : [];
    const initiators = this.#initiatorsOf(segment, address);
    const isIts = (one: unknown) => {
      const { address: at, initiator } = asObject(one);
      return at === address || (typeof initiator === "string" && initiators.includes(initiator));
    };
    const others = stations.filter((one) => !isIts(one));
    // Should there be two entries, they become one, by the stronger key.
    const entries = stations.filter(isIts).map(asObject);
    const [key] = initiators;
    const settings = changed(merged(entries), change);
    const initiator = change.initiator === undefined ? key : (change.initiator ?? undefined);
    const keyed = initiator === undefined ? { address, ...settings } : { initiator, ...settings };
    const idle = Object.keys(settings).length === 0 && initiator === undefined;
    const kept = idle ? others : [...others, keyed];
    if (kept.length === 0) delete entry["stations"];
    else entry["stations"] = kept;
    return document;
  }

  /** Initiators whose settings are this station's. */
  #initiatorsOf(segment: string, address: string): string[] {
    const bound = this.#state.bindings[segment] ?? {};
    const configured = this.#segments().find(({ name }) => name === segment)?.stations ?? [];
    return configured.flatMap(({ initiator }) =>
      initiator !== undefined && (bound[initiator] === address || initiator === address) ? [initiator] : [],
    );
  }

  /** The configuration knows more of the segment's subnet than its document says when the address is chosen. */
  #checkAddress(segment: string, ip: string | null | undefined): void {
    if (ip === null || ip === undefined) return;
    const own = this.#live(segment)?.ips.find((entry) => !entry.includes(":"));
    const wrong = whyNotIn(ip, own === undefined ? undefined : parseInterface(own));
    if (wrong !== undefined) throw new ScsigateError("station-change-invalid", wrong.message, wrong.nextStep);
  }

  /** What a station that is there has is not given to another one. @throws ScsigateError station-change-invalid */
  async #checkOthers({ segment, address }: StationView, { name, reservedIp }: StationChange): Promise<void> {
    const others = (await this.list()).filter(
      (other) =>
        other.segment === segment && other.address !== address && (other.live !== null || other.lease !== null),
    );
    const called = (other: StationView) => (other.name === "" ? other.address : `${other.name} (${other.address})`);
    const named = others.find((other) => typeof name === "string" && other.name.toLowerCase() === name.toLowerCase());
    if (named !== undefined) {
      const nextStep = "Give that station another name first, or choose another one here.";
      throw new ScsigateError("station-change-invalid", `${name} is the name of station ${named.address}`, nextStep);
    }
    const there = others.find(({ ips }) => typeof reservedIp === "string" && ips.includes(reservedIp));
    if (there !== undefined) {
      const nextStep = "Use a free address, or reserve another one for that station and wait until it has it.";
      throw new ScsigateError("station-change-invalid", `station ${called(there)} has ${reservedIp} now`, nextStep);
    }
  }

  #segments(): Pick<SegmentConfig, "name" | "stations" | "fabric">[] {
    const configured = this.#state.config.config.segments;
    const more = this.#monitor.status.segments.filter(({ name }) => !configured.some((entry) => entry.name === name));
    return [...configured, ...more.map(({ name }) => ({ name, stations: [], fabric: { type: "none" } as const }))];
  }

  #live(segment: string): SegmentStatus | undefined {
    return this.#monitor.status.segments.find(({ name }) => name === segment);
  }

  #view(segment: string, address: string, live: StationStatus | null, leases: readonly Lease[]): StationView {
    const configured = this.#segments().find(({ name }) => name === segment);
    const settings = settingsOf(configured, this.#state.bindings).find(
      (entry) => entry.address === address || (entry.address === undefined && entry.initiator === address),
    );
    const nexus = live?.nexus ?? "";
    const proven = configured !== undefined && whyNotBy(nexus, configured) === undefined ? nexus : null;
    const lease = leases.find((entry) => entry.address === address);
    const seen = this.#monitor.addressesOfStation(segment, address);
    return {
      segment,
      address,
      name: settings?.name ?? (live?.name || lease?.name || ""),
      configuredName: settings?.name ?? null,
      initiator: settings?.initiator ?? null,
      provenInitiator: settings?.initiator ?? proven,
      access: settings?.access ?? "allow",
      reservedIp: settings?.ipv4 ?? null,
      lease: lease === undefined ? null : { ip: lease.ip, expires: lease.expires === 0 ? null : lease.expires * 1000 },
      ips: [...new Set([...(lease === undefined ? [] : [lease.ip]), ...seen])],
      live,
    };
  }
}

/** @throws ScsigateError station-change-invalid */
function checkInitiator(
  { address, initiator: present, provenInitiator }: StationView,
  wanted: StationChange["initiator"],
) {
  if (wanted === undefined || wanted === present) return;
  if (wanted === null && present === address) {
    const nextStep = "Wait until it was here, or remove the entry from the configuration.";
    throw new ScsigateError("station-change-invalid", `${present} was never here: its address is not known`, nextStep);
  }
  if (wanted === null || wanted === provenInitiator) return;
  const why =
    provenInitiator === null ? "nothing proves its initiator's name" : `it is the initiator ${provenInitiator}`;
  const nextStep = "Settings go by an initiator's name where fabric.initiators has it and the station came by it.";
  throw new ScsigateError("station-change-invalid", `station ${address}: ${why}`, nextStep);
}

/** The settings of several entries, of which the one by the initiator counts most; each may block. */
function merged(entries: readonly JsonObject[]): JsonObject {
  const blocks = entries.some(({ access }) => access === "block");
  const ordered = [...entries].sort((one) => (one["initiator"] === undefined ? -1 : 1));
  return { ...Object.assign({}, ...ordered), ...(blocks ? { access: "block" } : {}) };
}

/** Settings after a change; without those that are as usual. */
function changed(settings: JsonObject, change: StationChange): JsonObject {
  const { address: _address, initiator: _initiator, ...rest } = settings;
  const next: JsonObject = { ...rest };
  const set = (key: string, value: unknown) => {
    if (value === undefined) return;
    if (value === null || value === "allow") delete next[key];
    else next[key] = value;
  };
  set("name", change.name);
  set("ipv4", change.reservedIp);
  set("access", change.access);
  return next;
}

/**
 * The segment's entry in a document, which may have none of its own for the segments that are there without.
 * @throws ScsigateError segment-not-configured
 */
function segmentEntry(document: JsonObject, segment: string, { config }: GatewayState): JsonObject {
  const list = Array.isArray(document["segments"])
    ? (document["segments"] as unknown[])
    : config.config.segments.map(({ name }) => ({ name }));
  document["segments"] = list;
  const entry = list.find((one) => asObject(one)["name"] === segment);
  if (isObject(entry)) return entry;
  const nextStep = `Add ${segment} to the segments of the configuration first.`;
  throw new ScsigateError("segment-not-configured", `the configuration does not have the segment ${segment}`, nextStep);
}
