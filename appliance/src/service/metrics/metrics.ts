// SPDX-License-Identifier: Apache-2.0
/** GET /metrics: the figures of the telemetry for Prometheus. */
import type {
  BusStatus,
  LinkCounters,
  LinkStatus,
  MeshStatus,
  SegmentStatus,
  StationStatus,
  Status,
} from "../../api/status.ts";
import type { LatencyClass } from "../../observe/latency.ts";
import type { Route } from "../http/router.ts";
import type { Monitor } from "../monitor.ts";
import { isUp, REASONS } from "../telemetry/payloads.ts";
import { Exposition, type Labels } from "./exposition.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function metricsRoutes(monitor: Monitor): Route[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      access: "read",
      summary: "The figures for Prometheus, text format 0.0.4",
      answers: { 200: "text" },
      handler: async () => ({
        status: 200,
        headers: { "Content-Type": CONTENT_TYPE, "Cache-Control": "no-store" },
        body: renderMetrics(await monitor.fresh(), monitor.latencyClasses, process.memoryUsage.rss()),
      }),
    },
  ];
}

/** Latency classes by device. */
type Latencies = ReadonlyMap<string, readonly LatencyClass[]>;

/** @param residentBytes memory of the service process */
export function renderMetrics(status: Status, latencies: Latencies, residentBytes: number): string {
  const out = new Exposition();
  gateway(out, status, residentBytes);
  link(out, status.lan, "lan");
  if (status.storage !== null) link(out, status.storage, "storage");
  if (status.mesh !== null) mesh(out, status.mesh);
  for (const entry of status.segments) segment(out, entry, latencies);
  return out.toString();
}

function gateway(out: Exposition, status: Status, residentBytes: number): void {
  const { id, hostname, version, mode, health, mqtt } = status;
  out.gauge("scsigate_info", "Who this gateway is; always 1.", 1, { id, hostname, version, mode });
  out.gauge("scsigate_healthy", "Whether the gateway does its job.", flag(health.status === "ok"));
  const codes = [...new Set(health.reasons.map((reason) => reason.code))];
  for (const code of codes) out.gauge("scsigate_problem", "What is wrong now; always 1.", 1, { code });
  out.gauge("scsigate_boot_time_seconds", "When the machine started, since 1970.", status.bootTime / 1000);
  out.gauge("scsigate_uptime_seconds", "Of the machine.", status.uptimeSeconds);
  if (status.readyAfterSeconds !== null)
    out.gauge("scsigate_ready_after_seconds", "From the machine's start to forwarding.", status.readyAfterSeconds);
  out.gauge("scsigate_service_uptime_seconds", "Of the service process.", status.serviceUptimeSeconds);
  out.gauge("scsigate_service_resident_memory_bytes", "Memory of the service process.", residentBytes);
  if (status.dataFreeBytes !== null) {
    out.gauge("scsigate_data_free_bytes", "Room on the data partition.", status.dataFreeBytes);
  }
  for (const { sensor, celsius } of status.temperatures) {
    out.gauge("scsigate_temperature_celsius", "By sensor.", celsius, { sensor });
  }
  out.gauge("scsigate_mqtt_connected", "Whether the broker is connected.", flag(mqtt.connected));
  out.gauge("scsigate_mqtt_events_waiting", "Events that the broker does not have yet.", mqtt.eventsWaiting);
  out.gauge("scsigate_mqtt_events_lost", "Events that did not fit while the broker was away.", mqtt.eventsLost);
}

function mesh(out: Exposition, status: MeshStatus): void {
  out.gauge("scsigate_mesh_running", "Whether BIRD answers.", flag(status.running));
  out.gauge("scsigate_mesh_neighbours", "Gateways that are heard.", status.neighbours.length);
  out.gauge("scsigate_mesh_routes", "Segments of other gateways that are reached.", status.routes.length);
  for (const { address, reached } of status.peers) {
    out.gauge("scsigate_mesh_peer_reached", "Whether a gateway elsewhere is heard.", flag(reached), { peer: address });
  }
}

function link(out: Exposition, entry: LinkStatus, side: "lan" | "storage"): void {
  if (entry.interface === null) return;
  const labels = { interface: entry.interface, side };
  out.gauge("scsigate_link_carrier", "Whether an Ethernet has a link.", flag(entry.carrier), labels);
  counters(out, "scsigate_link", "of an Ethernet", entry.counters, labels);
}

function segment(out: Exposition, entry: SegmentStatus, latencies: Latencies): void {
  const labels = { segment: entry.name };
  const { mode, fabric, address } = entry;
  const info = { ...labels, mode, fabric, address: address ?? "" };
  out.gauge("scsigate_segment_info", "A segment; 1 while its interface exists.", flag(entry.present), info);
  out.gauge("scsigate_segment_carrier", "Whether a station is up.", flag(entry.carrier), labels);
  const stations = "Stations of a segment that are up or stalled.";
  out.gauge("scsigate_segment_stations", stations, entry.stations.filter(isUp).length, labels);
  counters(out, "scsigate_segment", "of a segment", entry.counters, labels);
  if (entry.packetsPerCommand !== null) {
    const help = "Batching factor: packets for each message over the last seconds.";
    out.gauge("scsigate_segment_packets_per_command", help, entry.packetsPerCommand, labels);
  }
  if (entry.driver !== null) {
    const help = "What was lost, late or done again, by the driver's counters.";
    for (const reason of REASONS) {
      out.counter("scsigate_segment_reasons_total", help, entry.driver[reason] ?? 0, { ...labels, reason });
    }
    for (const kind of ["rx_messages", "tx_messages", "rx_null", "tx_null"]) {
      const commands = "SENDs and GETs that ended well, by the driver's counters.";
      out.counter("scsigate_segment_commands_total", commands, entry.driver[kind] ?? 0, { ...labels, kind });
    }
    out.counter("scsigate_segment_relayed_total", "Packets between stations.", entry.driver["relayed"] ?? 0, labels);
  }
  if (entry.bus !== null) bus(out, entry.bus, labels);
  for (const one of entry.stations) station(out, entry.name, one, latencies.get(one.device));
}

/** Counters by their names in firmware/messages.json; none while the adapter does not answer. */
function bus(out: Exposition, { serial, state, firmware, counters }: BusStatus, labels: Labels): void {
  const info = { ...labels, serial, firmware: firmware ?? "" };
  out.gauge("scsigate_bus_adapter_working", "Whether a bus's adapter answers.", flag(state === "working"), info);
  for (const [name, value] of Object.entries(counters ?? {})) {
    out.counter("scsigate_bus_total", "What an adapter counted on its bus, by kind.", value, { ...labels, kind: name });
  }
}

function station(
  out: Exposition,
  segmentName: string,
  entry: StationStatus,
  classes: readonly LatencyClass[] | undefined,
): void {
  const labels = { segment: segmentName, peer: entry.address };
  const { name, ip, role, mode, adapter } = entry;
  const info = { ...labels, name, ip: ip ?? "", role, mode, adapter };
  out.gauge("scsigate_peer_info", "A station; always 1.", 1, info);
  out.gauge("scsigate_peer_up", "Whether the station is up or stalled.", flag(isUp(entry)), labels);
  out.gauge("scsigate_peer_stalled", "Whether its queue is over the limit.", flag(entry.state === "stalled"), labels);
  counters(out, "scsigate_peer", "of a station", entry.counters, labels);
  out.counter("scsigate_peer_commands_total", "SENDs and GETs that ended well.", entry.counters.commands, labels);
  out.gauge("scsigate_peer_in_flight", "Commands under way to a station.", entry.inFlight, labels);
  out.gauge("scsigate_peer_held_gets", "GETs that are held.", entry.heldGets, labels);
  out.gauge("scsigate_peer_queued", "Packets that wait for a station.", entry.queued, labels);
  if (entry.packetsPerCommand !== null) {
    const help = "Batching factor: packets for each command over the last second.";
    out.gauge("scsigate_peer_packets_per_command", help, entry.packetsPerCommand, labels);
  }
  if (entry.driver !== null) {
    const help = "What was lost, late or done again for a station, by the driver's counters.";
    for (const reason of REASONS) {
      out.counter("scsigate_peer_reasons_total", help, entry.driver[reason] ?? 0, { ...labels, reason });
    }
  }
  if (classes === undefined) return;
  for (const [kind, help] of [
    ["sends", "How long SENDs took."],
    ["gets", "How long GETs took; one that waits for a packet takes up to the hold time."],
  ] as const) {
    const buckets = classes.map((one) => [one.below / 1e6, one[kind]] as const);
    out.histogram(`scsigate_peer_${kind === "sends" ? "send" : "get"}_duration_seconds`, help, buckets, labels);
  }
}

function counters(out: Exposition, prefix: string, what: string, values: LinkCounters, labels: Labels): void {
  const add = (name: string, help: string, value: number) =>
    out.counter(`${prefix}_${name}_total`, `${help} ${what}.`, value, labels);
  add("receive_bytes", "Bytes received", values.rx_bytes);
  add("receive_packets", "Packets received", values.rx_packets);
  add("receive_errors", "Receive errors", values.rx_errors);
  add("receive_dropped", "Received packets that were dropped", values.rx_dropped);
  add("transmit_bytes", "Bytes sent", values.tx_bytes);
  add("transmit_packets", "Packets sent", values.tx_packets);
  add("transmit_errors", "Transmit errors", values.tx_errors);
  add("transmit_dropped", "Packets to be sent that were dropped", values.tx_dropped);
}

function flag(value: boolean): number {
  return value ? 1 : 0;
}
