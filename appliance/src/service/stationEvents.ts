// SPDX-License-Identifier: Apache-2.0
/** What changed among the stations between two samples. */
import type { Status } from "../api/status.ts";

export interface StationEvent {
  type: "peer-up" | "peer-down";
  segment: string;
  /** Station address. */
  address: string;
  /** Host name, or empty. */
  name: string;
}

/** A station that attached or left, or whose state went to or from "up". Nothing for the first sample: that is no change. */
export function stationEvents(before: Status | undefined, now: Status): StationEvent[] {
  if (before === undefined) return [];
  const was = upStations(before);
  const is = upStations(now);
  const events: StationEvent[] = [];
  for (const [key, station] of was) if (!is.has(key)) events.push({ type: "peer-down", ...station });
  for (const [key, station] of is) if (!was.has(key)) events.push({ type: "peer-up", ...station });
  return events;
}

function upStations(status: Status): Map<string, Omit<StationEvent, "type">> {
  const up = new Map<string, Omit<StationEvent, "type">>();
  for (const segment of status.segments) {
    for (const { address, name, state } of segment.stations) {
      if (state === "up") up.set(`${segment.name} ${address}`, { segment: segment.name, address, name });
    }
  }
  return up;
}
