// SPDX-License-Identifier: Apache-2.0
// Arrangements of SCSI buses and hosts, as data: who is on which bus, and what follows from that. RFC 2143, section 5, and the author's
// article have them: small buses, joined by hosts that are on several.
import { LabError } from "../errors.ts";

/** A SCSI bus: an IP subnet of its own. */
export interface Bus {
  /** Of its segment, on every host: a name of a network interface. */
  readonly name: string;
  /** The first three numbers of its addresses. */
  readonly subnet: string;
  /** In the order of their SCSI IDs. The first one has the segment that the others log in to: it is the target. */
  readonly hosts: readonly string[];
}

/** A host that ends in the middle of it all, as by a power cut. */
export interface Loss {
  readonly host: string;
  /** Two that have another way to each other without that host, and a worse one. */
  readonly between: readonly [string, string];
  /** Buses that a packet between them crosses before and after. */
  readonly hops: readonly [number, number];
}

/** Buses, and the hosts on them. */
export interface Network {
  readonly name: string;
  /** One line, for lists. */
  readonly title: string;
  readonly buses: readonly Bus[];
  /** Of the drawing: column and row of each host. */
  readonly at: (host: string) => readonly [number, number];
}

export interface Arrangement extends Network {
  readonly loss: Loss;
}

/** IDs on a wide bus. */
const MOST_HOSTS = 16;

export function hostsOf({ buses }: Pick<Network, "buses">): string[] {
  return [...new Set(buses.flatMap(({ hosts }) => hosts))];
}

/** The buses that a host is on. */
export function busesOf({ buses }: Pick<Network, "buses">, host: string): Bus[] {
  return buses.filter(({ hosts }) => hosts.includes(host));
}

/** Hosts on several buses: they route. */
export function routersOf(arrangement: Pick<Network, "buses">): string[] {
  return hostsOf(arrangement).filter((host) => busesOf(arrangement, host).length > 1);
}

export function addressOn(bus: Bus, host: string): string {
  return `${bus.subnet}.${bus.hosts.indexOf(host) + 1}`;
}

/** The address by which others know a host: on the last of its buses, which is the one that it heads. */
export function addressOf(arrangement: Pick<Network, "buses">, host: string): string {
  const bus = busesOf(arrangement, host).at(-1);
  if (bus === undefined) throw new LabError("usage", `No bus has a host ${host}.`, "Correct the arrangement.");
  return addressOn(bus, host);
}

/** Buses that a packet crosses on the shortest way, from each host to `from`; who is not in it has no way. */
export function hopsFrom(arrangement: Pick<Network, "buses">, from: string, lost?: string): Map<string, number> {
  const hops = new Map([[from, 0]]);
  for (const host of hops.keys()) {
    for (const { hosts } of busesOf(arrangement, host)) {
      // A bus is gone with the host that is its target.
      if (lost !== undefined && hosts[0] === lost) continue;
      for (const next of hosts) if (next !== lost && !hops.has(next)) hops.set(next, (hops.get(host) ?? 0) + 1);
    }
  }
  return hops;
}

/** @throws LabError usage when it is not one that could be built */
export function checkArrangement(arrangement: Network): void {
  const fail = (what: string): never => {
    throw new LabError("usage", `${arrangement.name}: ${what}.`, "Correct lab/src/arrangements/.");
  };
  const hosts = hostsOf(arrangement);
  for (const { name, hosts: own } of arrangement.buses) {
    if (own.length > MOST_HOSTS) fail(`bus ${name} has ${own.length} hosts, and ${MOST_HOSTS} IDs`);
    if (new Set(own).size < own.length) fail(`a host is twice on bus ${name}`);
    if (!/^[a-z][a-z0-9-]{0,14}$/.test(name)) fail(`"${name}" is no name of an interface`);
  }
  for (const key of ["name", "subnet"] as const) {
    const values = arrangement.buses.map((bus) => bus[key]);
    if (new Set(values).size < values.length) fail(`two buses have one ${key}`);
  }
  if (hopsFrom(arrangement, hosts[0] ?? "").size < hosts.length) fail("some hosts have no way to the others");
}
