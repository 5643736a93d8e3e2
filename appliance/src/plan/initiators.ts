// SPDX-License-Identifier: Apache-2.0
/**
 * Settings that go by an initiator's name: whose they are. A fabric with an access list lets nobody in under another name than those on it,
 * and the driver says by which one a station came; so these settings stay with a host that has another station address from now on.
 */
import type { SegmentConfig, StationConfig } from "../config/types.ts";

/** The station address that an initiator's settings are for, by segment and initiator. */
export type Bindings = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Of a station, what is needed here. */
export interface SeenStation {
  address: string;
  /** Name of the initiator that it came by, or empty. */
  nexus: string;
  state: string;
}

/** Settings of one station; without an address, it was never seen. */
export type StationSettings = Pick<StationConfig, "address" | "initiator" | "name" | "ipv4" | "access">;

/**
 * An initiator's settings are for one station. While that is up, no other one that says the same name gets them; nor do they become
 * nobody's when it leaves.
 * @param seen the stations of each segment
 * @param before what this said the last time
 */
export function bindInitiators(
  segments: readonly Pick<SegmentConfig, "name" | "stations">[],
  seen: (segment: string) => readonly SeenStation[],
  before: Bindings,
): Bindings {
  const bound = segments.flatMap(({ name, stations }): [string, Record<string, string>][] => {
    const there = stations.some(({ initiator }) => initiator !== undefined) ? seen(name) : [];
    const entries = stations.flatMap(({ initiator }): [string, string][] => {
      if (initiator === undefined) return [];
      const up = sameInitiator(there, initiator);
      const last = before[name]?.[initiator];
      const address = up.some((station) => station.address === last) ? last : (up[0]?.address ?? last);
      return address === undefined ? [] : [[initiator, address]];
    });
    return entries.length === 0 ? [] : [[name, Object.fromEntries(entries)]];
  });
  return Object.fromEntries(bound);
}

/** Stations that are there by this initiator, by address: one, unless several hosts have one name. */
export function sameInitiator<T extends SeenStation>(stations: readonly T[], initiator: string): T[] {
  return stations
    .filter(({ nexus, state }) => nexus === initiator && state !== "down")
    .sort((one, other) => (one.address < other.address ? -1 : 1));
}

/** What is said of a station by its address and by its initiator in one; the initiator counts more, and each may block it. */
export function settingsOf(
  segment: Pick<SegmentConfig, "name" | "stations"> | undefined,
  bindings: Bindings,
): StationSettings[] {
  const all: StationSettings[] = [];
  for (const entry of segment?.stations ?? []) {
    const { initiator } = entry;
    const address = entry.address ?? bindings[segment?.name ?? ""]?.[initiator ?? ""];
    const at = all.findIndex((one) => address !== undefined && one.address === address);
    const other = all[at];
    const settings: StationSettings = { ...entry, ...(address === undefined ? {} : { address }) };
    if (other === undefined) all.push(settings);
    else all[at] = initiator === undefined ? inOne(settings, other) : inOne(other, settings);
  }
  return all;
}

function inOne(weaker: StationSettings, stronger: StationSettings): StationSettings {
  const blocked = weaker.access === "block" || stronger.access === "block";
  return { ...weaker, ...stronger, access: blocked ? "block" : "allow" };
}

/** Whether the fabric lets nobody in by this name: whatever station address the host has next, it stays out. */
export function isShutOut({ stations }: Pick<SegmentConfig, "stations">, initiator: string): boolean {
  return stations.some((entry) => entry.initiator === initiator && entry.access === "block");
}
