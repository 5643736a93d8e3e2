// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what kernel and driver show in sysfs. Names are those of docs/architecture.md. Nothing here needs root.
 * Synchronous by intent: these reads never wait for a device, a full segment has 1,500 of them a second, and a trip through
 * the thread pool costs ten times what the read does.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DriverCounters, LinkCounters, StationCounters } from "../api/status.ts";
import { names, text } from "./files.ts";
import { isAdapterInterface } from "./usbAdapters.ts";

/** ARPHRD_ETHER of linux/if_arp.h */
const ARPHRD_ETHER = 1;

export interface EthernetInterface {
  name: string;
  /** Kernel's interface index; grows in the order of discovery. */
  index: number;
  /** Link-layer address, small letters. */
  address: string;
}

export interface LinkReading {
  address: string;
  /** Bytes. */
  mtu: number;
  carrier: boolean;
  counters: LinkCounters;
}

/** A station as the driver shows it. */
export interface PeerReading {
  address: string;
  name: string;
  state: string;
  role: string;
  mode: string;
  features: string[];
  device: string;
  nexus: string;
  inFlight: number;
  heldGets: number;
  queued: number;
  counters: StationCounters;
}

export interface SegmentReading extends LinkReading {
  mode: string;
  peers: PeerReading[];
}

export const ZERO_COUNTERS: LinkCounters = {
  rx_packets: 0,
  rx_bytes: 0,
  rx_errors: 0,
  rx_dropped: 0,
  tx_packets: 0,
  tx_bytes: 0,
  tx_errors: 0,
  tx_dropped: 0,
};

const LINK_COUNTERS = Object.keys(ZERO_COUNTERS) as (keyof LinkCounters)[];
const STATION_COUNTERS: (keyof StationCounters)[] = [...LINK_COUNTERS, "commands"];

export class Sysfs {
  readonly #net: string;

  /** @param root /sys */
  constructor(root: string) {
    this.#net = join(root, "class/net");
  }

  /** Physical Ethernet interfaces, oldest first. Segments, adapters of ours, bridges, VLANs and loopback are none. */
  ethernets(): EthernetInterface[] {
    const found: EthernetInterface[] = [];
    for (const name of names(this.#net)) {
      const folder = join(this.#net, name);
      const index = number(join(folder, "ifindex"));
      if (number(join(folder, "type")) !== ARPHRD_ETHER || index === 0) continue;
      if (!existsSync(join(folder, "device")) || existsSync(join(folder, "ipscsi"))) continue;
      if (isAdapterInterface(folder)) continue;
      found.push({ name, index, address: text(join(folder, "address")).toLowerCase() });
    }
    return found.sort((one, other) => one.index - other.index);
  }

  /** Names of the segment interfaces that exist, sorted. */
  segments(): string[] {
    return names(this.#net)
      .filter((name) => existsSync(join(this.#net, name, "ipscsi")))
      .sort();
  }

  /** An interface's state and counters; undefined when it does not exist. */
  link(name: string): LinkReading | undefined {
    const folder = join(this.#net, name);
    if (!existsSync(folder)) return undefined;
    return {
      address: text(join(folder, "address")).toLowerCase(),
      mtu: number(join(folder, "mtu")),
      carrier: text(join(folder, "carrier")) === "1", // reading it fails while the interface is down
      counters: readCounters(join(folder, "statistics"), LINK_COUNTERS),
    };
  }

  /**
   * What the driver counted of each station of a segment, by its address and under the names of `ethtool -S`; without what
   * it has not counted yet. A driver that counts for whole segments alone has none.
   */
  stationCounters(name: string): Map<string, DriverCounters> {
    const folder = join(this.#net, name, "ipscsi/peers");
    const found = new Map<string, DriverCounters>();
    for (const address of names(folder)) {
      const files = names(join(folder, address, "counters"));
      if (files.length === 0) continue;
      const entries = files.sort().map((file) => [file, number(join(folder, address, "counters", file))] as const);
      found.set(address.toLowerCase(), Object.fromEntries(entries.filter(([, value]) => value !== 0)));
    }
    return found;
  }

  /** A segment with its stations, by address; undefined when the interface does not exist or is no segment. */
  segment(name: string): SegmentReading | undefined {
    const folder = join(this.#net, name, "ipscsi");
    const link = this.link(name);
    const mode = text(join(folder, "mode"));
    if (link === undefined || mode === "") return undefined;
    const addresses = names(join(folder, "peers")).sort();
    const peers = addresses.map((address) => readPeer(join(folder, "peers", address), address));
    return { ...link, mode, peers: peers.filter((peer) => peer !== undefined) };
  }
}

/** Undefined when the station left while it was read. */
function readPeer(folder: string, address: string): PeerReading | undefined {
  const value = (name: string) => text(join(folder, name));
  const state = value("state");
  if (state === "") return undefined;
  return {
    address: address.toLowerCase(),
    name: value("name"),
    state,
    role: value("role"),
    mode: value("mode"),
    features: value("features")
      .split(" ")
      .filter((word) => word !== "" && word !== "none"),
    device: value("device"),
    nexus: value("nexus"),
    inFlight: number(join(folder, "in_flight")),
    heldGets: number(join(folder, "held_gets")),
    queued: number(join(folder, "queued")),
    counters: readCounters(folder, STATION_COUNTERS),
  };
}

function readCounters<K extends string>(folder: string, keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, number(join(folder, key))])) as Record<K, number>;
}

function number(path: string): number {
  const value = Number(text(path));
  return Number.isFinite(value) ? value : 0;
}
