// SPDX-License-Identifier: Apache-2.0
/** Topics and payloads of the telemetry; docs/telemetry.md describes them. Counters keep the kernel's names and values. */
import type { Rates, SegmentStatus, StationStatus, Status } from "../../api/status.ts";
import type { StationEvent } from "../stationEvents.ts";

export interface Message {
  topic: string;
  payload: Record<string, unknown>;
}

export function baseTopic(id: string): string {
  return `scsigate/${id}`;
}

export function stateTopic(id: string): string {
  return `${baseTopic(id)}/state`;
}

export function onlinePayload(status: Status): Record<string, unknown> {
  return { state: "online", hostname: status.hostname, version: status.version };
}

export const OFFLINE_PAYLOAD: Record<string, unknown> = { state: "offline" };

/** One round: the gateway, each segment, each station. */
export function telemetryMessages(status: Status): Message[] {
  const base = baseTopic(status.id);
  const messages: Message[] = [{ topic: `${base}/telemetry`, payload: gatewayPayload(status) }];
  for (const segment of status.segments) {
    const topic = `${base}/segment/${segment.name}`;
    messages.push({ topic, payload: segmentPayload(segment) });
    for (const station of segment.stations) {
      messages.push({ topic: `${topic}/peer/${station.address}`, payload: stationPayload(station) });
    }
  }
  return messages;
}

function gatewayPayload(status: Status): Record<string, unknown> {
  const { lan } = status;
  return {
    time: new Date(status.time).toISOString(),
    uptime_seconds: status.uptimeSeconds,
    hostname: status.hostname,
    version: status.version,
    health: status.health.status,
    reasons: status.health.reasons.map((reason) => reason.code),
    segments: status.segments.length,
    stations_up: status.segments.flatMap((segment) => segment.stations).filter((station) => station.state === "up")
      .length,
    lan: {
      interface: lan.interface,
      carrier: lan.carrier,
      addresses: lan.addresses,
      ...lan.counters,
      ...rates(lan.rates),
    },
  };
}

function segmentPayload(segment: SegmentStatus): Record<string, unknown> {
  return {
    address: segment.address,
    ips: segment.ips,
    mode: segment.mode,
    carrier: segment.carrier,
    stations: segment.stations.length,
    ...segment.counters,
    ...rates(segment.rates),
  };
}

function stationPayload(station: StationStatus): Record<string, unknown> {
  return {
    name: station.name,
    ip: station.ip,
    state: station.state,
    role: station.role,
    mode: station.mode,
    features: station.features,
    in_flight: station.inFlight,
    held_gets: station.heldGets,
    queued: station.queued,
    ...station.counters,
    ...rates(station.rates),
  };
}

/** Bytes and packets a second. */
function rates(value: Rates): Record<string, number> {
  return {
    rx_bytes_per_second: value.rx_bytes,
    tx_bytes_per_second: value.tx_bytes,
    rx_packets_per_second: value.rx_packets,
    tx_packets_per_second: value.tx_packets,
  };
}

export function eventMessage(status: Status, event: StationEvent): Message {
  const payload = { time: new Date(status.time).toISOString(), uptime_seconds: status.uptimeSeconds, ...event };
  return { topic: `${baseTopic(status.id)}/event`, payload };
}
