// SPDX-License-Identifier: Apache-2.0
/** Topics and payloads of the telemetry: schema/mqtt/ has their form. Counters keep the kernel's names and values. */
import type {
  BusStatus,
  DriverCounters,
  Percentiles,
  Rates,
  SegmentStatus,
  StationStatus,
  Status,
} from "../../api/status.ts";

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

export function eventTopic(id: string): string {
  return `${baseTopic(id)}/event`;
}

/** Commands come at <this>/<command>. */
export function commandTopic(id: string): string {
  return `${baseTopic(id)}/command`;
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

/** Of a stalled station the queue is full: it is there, and slow. */
export function isUp(station: StationStatus): boolean {
  return station.state !== "down";
}

function gatewayPayload(status: Status): Record<string, unknown> {
  const { lan } = status;
  const stations = status.segments.flatMap((segment) => segment.stations);
  return {
    time: isoTime(status.time),
    uptime_seconds: status.uptimeSeconds,
    ready_after_seconds: status.readyAfterSeconds,
    boot_time: isoTime(status.bootTime),
    hostname: status.hostname,
    version: status.version,
    installed_version: status.update.version ?? status.version,
    latest_version: status.update.latestVersion ?? status.update.version ?? status.version,
    update_in_progress: ["receiving", "checking", "installing"].includes(status.update.state),
    update_percentage: status.update.percent,
    health: status.health.status,
    reasons: status.health.reasons.map((reason) => reason.code),
    segments: status.segments.length,
    stations_up: stations.filter(isUp).length,
    temperatures: Object.fromEntries(status.temperatures.map(({ sensor, celsius }) => [slug(sensor), celsius])),
    data_free_bytes: status.dataFreeBytes,
    events_lost: status.mqtt.eventsLost,
    lan: {
      interface: lan.interface,
      carrier: lan.carrier,
      addresses: lan.addresses,
      ...lan.counters,
      ...rates(lan.rates),
    },
  };
}

/** Counters of the driver that say why something was lost or late. */
export const REASONS = [
  ...(["rx_malformed", "rx_forged", "rx_nomem", "rx_down"] as const),
  ...(["tx_no_peer", "tx_peer_down", "tx_queue_full", "tx_no_ext", "tx_too_big", "tx_nomem", "tx_failed"] as const),
  ...(["get_failed", "unit_attention", "timeout", "retries"] as const),
] as const;

function segmentPayload(segment: SegmentStatus): Record<string, unknown> {
  const { stations, driver, bus } = segment;
  const sum = (key: "inFlight" | "heldGets" | "queued") => stations.reduce((total, one) => total + one[key], 0);
  return {
    address: segment.address,
    ips: segment.ips,
    mode: segment.mode,
    carrier: segment.carrier,
    fabric: segment.fabric,
    adapters: [...new Set(stations.map((station) => station.adapter).filter((adapter) => adapter !== ""))].sort(),
    stations: stations.length,
    stations_up: stations.filter(isUp).length,
    ...segment.counters,
    ...rates(segment.rates),
    in_flight: sum("inFlight"),
    held_gets: sum("heldGets"),
    queued: sum("queued"),
    packets_per_command: segment.packetsPerCommand,
    send_p99_ms: worst(stations.map((station) => station.latency?.send?.p99)),
    get_p99_ms: worst(stations.map((station) => station.latency?.get?.p99)),
    by_reason: byReason(driver),
    bus: bus === null ? null : busPayload(bus),
  };
}

/** Counters: null while the adapter does not answer. */
function busPayload({ serial, state, scsiId, firmware, counters }: BusStatus): Record<string, unknown> {
  const count = (name: string) => counters?.[name] ?? null;
  const ids = [...[0, 1, 2, 3, 4, 5, 6, 7].map((id) => `selections${id}`), "selectionsNoId"];
  return {
    ...{ serial, state, scsi_id: scsiId, firmware },
    selections: counters === null ? null : ids.reduce((sum, name) => sum + (counters[name] ?? 0), 0),
    parity_errors: count("parityErrors"),
    resets: count("resets"),
    timeouts: count("timeouts"),
  };
}

function byReason(driver: DriverCounters | null): Record<string, number> | null {
  return driver === null ? null : Object.fromEntries(REASONS.map((name) => [name, driver[name] ?? 0]));
}

function stationPayload(station: StationStatus): Record<string, unknown> {
  return {
    name: station.name,
    ip: station.ip,
    state: station.state,
    role: station.role,
    mode: station.mode,
    features: station.features,
    adapter: station.adapter,
    in_flight: station.inFlight,
    held_gets: station.heldGets,
    queued: station.queued,
    ...station.counters,
    ...rates(station.rates),
    packets_per_command: station.packetsPerCommand,
    send: percentiles(station.latency?.send),
    get: percentiles(station.latency?.get),
    by_reason: byReason(station.driver),
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

function percentiles(value: Percentiles | null | undefined): Record<string, number> | null {
  if (!value) return null;
  return { count: value.count, p50_ms: value.p50, p90_ms: value.p90, p99_ms: value.p99 };
}

function worst(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? null : Math.max(...known);
}

export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** A sensor's name as a key: small letters, digits and underlines. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_|_$/g, "");
}
