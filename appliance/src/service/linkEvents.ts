// SPDX-License-Identifier: Apache-2.0
/**
 * What happens on the segments: stations that come and go, that cannot make up their mind, and buses that are reset again
 * and again. Two sources tell of a station, uevents at once and samples now and then; whichever is newer counts.
 */
import type { Problem, Status } from "../api/status.ts";
import type { PeerEvent } from "./peerEvents.ts";

/** Three times down and up within a minute is no station that somebody restarts. */
const FLAP_CHANGES = 6;
/** A segment's resets within a minute: this many, or two for each station, which all see one reset of the bus. */
const STORM_RESETS = 10;
const STORM_PER_STATION = 2;
const WINDOW_MS = 60_000;
/** What a station's changes are kept for: flapping is over after a minute without. */
const MAX_CHANGES = 1000;

export interface StationChange {
  type: "peer-up" | "peer-down";
  segment: string;
  /** Station address. */
  address: string;
  /** Host name, or empty. */
  name: string;
}

/** While a station flaps, its ups and downs are counted, not told. */
export interface StationFlap {
  type: "peer-flapping" | "peer-steady";
  segment: string;
  address: string;
  name: string;
  state: "up" | "down";
  /** Ups and downs: until now within the last minute; with peer-steady, of the whole time. */
  changes: number;
}

/** Unit attentions and timeouts of a segment. */
export interface ResetStorm {
  type: "reset-storm" | "reset-storm-over";
  segment: string;
  /** Within the last minute; with reset-storm-over, since it began. */
  resets: number;
}

export type LinkEvent = StationChange | StationFlap | ResetStorm;

interface Station {
  segment: string;
  address: string;
  name: string;
  up: boolean;
  /** When the last change was told of, monotonic milliseconds. */
  changedAt: number;
  /** Times of the last changes. */
  changes: number[];
  flapping: boolean;
  flaps: number;
}

interface Segment {
  /** [monotonic milliseconds, sum of the counters] */
  readings: [number, number][];
  /** The sum at which the storm began. */
  storm: number | undefined;
}

export class LinkEvents {
  readonly #stations = new Map<string, Station>();
  readonly #segments = new Map<string, Segment>();
  #started = false;

  /** @param at when the state was read, monotonic milliseconds. The first sample is no change. */
  sample(status: Status, at: number): LinkEvent[] {
    const events: LinkEvent[] = [];
    const seen = new Set<string>();
    for (const segment of status.segments) {
      for (const { address, name, state } of segment.stations) {
        seen.add(key(segment.name, address));
        const station = this.#station(segment.name, address);
        if (name !== "") station.name = name;
        events.push(...this.#change(station, state !== "down", at));
      }
    }
    for (const [id, station] of this.#stations) {
      if (seen.has(id)) continue;
      events.push(...this.#change(station, false, at));
      // One that leaves each time that it goes down is known for as long as it may turn out to flap.
      const calm = at - station.changedAt >= WINDOW_MS;
      if (!station.up && !station.flapping && calm) this.#stations.delete(id);
    }
    this.#started = true;
    for (const station of this.#stations.values()) events.push(...steady(station, at));
    return [...events, ...this.#storms(status, at)];
  }

  /** @param at now, monotonic milliseconds */
  peer(event: PeerEvent, at: number): LinkEvent[] {
    if (!this.#started) return [];
    return this.#change(this.#station(event.segment, event.address), event.up, at);
  }

  /** What is wrong at the moment. */
  problems(): Problem[] {
    const problems: Problem[] = [];
    for (const station of this.#stations.values()) {
      if (!station.flapping) continue;
      problems.push({
        code: "station-flapping",
        message: `station ${station.name || station.address} on ${station.segment} comes and goes`,
        nextStep: "Check the station, its adapter and its cable; `ethtool -S` of the segment shows what fails.",
      });
    }
    for (const [name, segment] of this.#segments) {
      if (segment.storm === undefined) continue;
      problems.push({
        code: "reset-storm",
        message: `segment ${name} is reset again and again`,
        nextStep: "Check termination and cables of the bus, and the network under iSCSI; dmesg names the adapter.",
      });
    }
    return problems;
  }

  #station(segment: string, address: string): Station {
    const known = this.#stations.get(key(segment, address));
    if (known !== undefined) return known;
    const none = { name: "", up: false, changedAt: Number.NEGATIVE_INFINITY, changes: [], flapping: false, flaps: 0 };
    const station: Station = { segment, address, ...none };
    this.#stations.set(key(segment, address), station);
    return station;
  }

  #change(station: Station, up: boolean, at: number): LinkEvent[] {
    if (station.up === up || at < station.changedAt) return [];
    station.up = up;
    station.changedAt = at;
    if (!this.#started) return [];
    station.changes = [...station.changes.filter((time) => time > at - WINDOW_MS), at].slice(-MAX_CHANGES);
    const { segment, address, name } = station;
    if (station.flapping) {
      station.flaps += 1;
      return [];
    }
    if (station.changes.length >= FLAP_CHANGES) {
      station.flapping = true;
      station.flaps = station.changes.length;
      return [{ type: "peer-flapping", segment, address, name, state: word(up), changes: station.flaps }];
    }
    return [{ type: up ? "peer-up" : "peer-down", segment, address, name }];
  }

  #storms(status: Status, at: number): LinkEvent[] {
    const events: LinkEvent[] = [];
    for (const { name, driver, stations } of status.segments) {
      if (driver === null) continue;
      const sum = (driver["unit_attention"] ?? 0) + (driver["timeout"] ?? 0);
      const segment = this.#segments.get(name) ?? { readings: [], storm: undefined };
      this.#segments.set(name, segment);
      // A segment that was made anew counts from zero.
      if (sum < (segment.readings.at(-1)?.[1] ?? 0)) Object.assign(segment, { readings: [], storm: undefined });
      segment.readings.push([at, sum]);
      // The last one from before the minute stays: it is what the minute began with.
      while ((segment.readings[1]?.[0] ?? at) <= at - WINDOW_MS) segment.readings.shift();
      const first = segment.readings[0]?.[1] ?? sum;
      const resets = sum - first;
      if (segment.storm === undefined && resets >= Math.max(STORM_RESETS, STORM_PER_STATION * stations.length)) {
        segment.storm = first;
        events.push({ type: "reset-storm", segment: name, resets });
      } else if (segment.storm !== undefined && resets === 0) {
        events.push({ type: "reset-storm-over", segment: name, resets: sum - segment.storm });
        segment.storm = undefined;
      }
    }
    const present = new Set(status.segments.map((segment) => segment.name));
    for (const name of this.#segments.keys()) if (!present.has(name)) this.#segments.delete(name);
    return events;
  }
}

/** Flapping is over after a minute without a change. */
function steady(station: Station, at: number): LinkEvent[] {
  if (!station.flapping || at - station.changedAt < WINDOW_MS) return [];
  const { segment, address, name, flaps: changes } = station;
  Object.assign(station, { flapping: false, flaps: 0, changes: [] });
  return [{ type: "peer-steady", segment, address, name, state: word(station.up), changes }];
}

function word(up: boolean): "up" | "down" {
  return up ? "up" : "down";
}

function key(segment: string, address: string): string {
  return `${segment} ${address}`;
}
