// SPDX-License-Identifier: Apache-2.0
/**
 * The state of the gateway as GET /api/v1/status and /api/v1/events give it. The web UI imports these types.
 * Counters carry the kernel's own names, so that they can be compared with `ip -s link` and sysfs.
 */
import type { Problem } from "../shared/errors.ts";
import type { UpdateState } from "./update.ts";

export type { Problem } from "../shared/errors.ts";

/** Counters of an interface since it was created. */
export interface LinkCounters {
  rx_packets: number;
  rx_bytes: number;
  rx_errors: number;
  rx_dropped: number;
  tx_packets: number;
  tx_bytes: number;
  tx_errors: number;
  tx_dropped: number;
}

/** Counters of one station since it attached. */
export interface StationCounters extends LinkCounters {
  /** SCSI commands, SEND and GET together. */
  commands: number;
}

/** Per second, over the last sampling interval of about one second. */
export interface Rates {
  rx_packets: number;
  rx_bytes: number;
  tx_packets: number;
  tx_bytes: number;
}

/** The driver's own counters of a segment or a station, by their names in `ethtool -S`; docs/driver.md says what each counts. */
export type DriverCounters = Record<string, number>;

/** How long commands took in the last few seconds, milliseconds. Upper bounds: the driver counts in powers of two. */
export interface Percentiles {
  /** Commands that ended. */
  count: number;
  p50: number;
  p90: number;
  p99: number;
}

export interface StationLatency {
  /** Null while none ended. */
  send: Percentiles | null;
  /** A GET that waits for a packet takes up to the hold time: no fault. Null while none ended. */
  get: Percentiles | null;
}

export interface Temperature {
  /** The kernel's name of the sensor. */
  sensor: string;
  celsius: number;
}

export interface LinkStatus {
  /** Name of the network interface; null while none was found. */
  interface: string | null;
  /** Link-layer address. */
  mac: string | null;
  /** Bytes; 0 while the interface is absent. */
  mtu: number;
  carrier: boolean;
  /** "address/prefix", IPv4 and IPv6, link-local ones left out. */
  addresses: string[];
  counters: LinkCounters;
  rates: Rates;
}

export interface StationStatus {
  /** Station address, six bytes written like a MAC address. */
  address: string;
  /** The configured name, else the one that it told, or that it asked for an address with; empty when unknown. */
  name: string;
  /** Whether the configuration cuts it off. */
  blocked: boolean;
  /** IPv4 address where known, else an IPv6 one, else null. */
  ip: string | null;
  /** Whether it answers at its IPv4 address (ARP); null while that is not known. */
  answers: boolean | null;
  /** up, stalled or down. */
  state: string;
  /** target: we send it commands. initiator: it sends us commands. */
  role: string;
  /** get, symmetric or base: how packets for it get there. */
  mode: string;
  features: string[];
  /** SCSI device h:c:t:l (role target), else empty. */
  device: string;
  /** Initiator port name (role initiator), else empty. */
  nexus: string;
  /** Commands under way to it. */
  inFlight: number;
  /** GET MESSAGE commands of it that we hold. */
  heldGets: number;
  /** Packets that wait for it. */
  queued: number;
  /** Driver of the host adapter that leads to it (role target), or the fabric it comes by (role initiator). */
  adapter: string;
  /** Packets for each SEND and GET over the last interval: what containers gain. Null while no command ended. */
  packetsPerCommand: number | null;
  /** Null where the driver measures none: it does for stations that we send commands to. */
  latency: StationLatency | null;
  counters: StationCounters;
  /** Those that are not zero, as they were a few seconds ago. Null until they were read, and where they cannot be. */
  driver: DriverCounters | null;
  rates: Rates;
}

/** An adapter of ours that a segment's bus hangs on, as it says on its management port. */
export interface BusStatus {
  /** By which the configuration names it. */
  serial: string;
  /** starting: nothing is known of it yet. */
  state: "starting" | "working" | "absent" | "boot-loader" | "wrong" | "old" | "silent" | "unreachable";
  /** Why it does not work, and what to do; null when it does. */
  problem: Problem | null;
  /** The kernel's name of its network interface; null while there is none. */
  interface: string | null;
  /** Of its software. This and what follows: null while it does not answer. */
  firmware: string | null;
  scsiId: number | null;
  uptimeSeconds: number | null;
  /** Of the bus, as far as it takes part: by their names in firmware/messages.json. */
  counters: Record<string, number> | null;
  /** What went wrong between the adapter and us, by kind, since the service started. */
  line: Record<string, number>;
  /** Firmware that came with this gateway, where it is another one than the adapter's. */
  offered: string | null;
  /** The last update since the service started. */
  update: AdapterUpdate | null;
}

/** Of an adapter's firmware. */
export interface AdapterUpdate {
  /** restarting: into the new one, which is confirmed once it answers. failed: the one before goes on. */
  state: "writing" | "restarting" | "done" | "failed";
  /** Of the writing. */
  percent: number;
  problem: Problem | null;
}

export interface SegmentStatus {
  name: string;
  /** Whether the segment's interface exists. */
  present: boolean;
  /** Our station address; null while the interface is absent. */
  address: string | null;
  ips: string[];
  /** Bytes. */
  mtu: number;
  /** idle, hub, station, mixed, or unknown while the interface is absent. */
  mode: string;
  carrier: boolean;
  /** What exports it: iscsi, qla2xxx, srpt, sbp, adapter, loop or none. */
  fabric: string;
  counters: LinkCounters;
  rates: Rates;
  /** Null until it was read, and where it cannot be. */
  driver: DriverCounters | null;
  /** Packets for each message over the last few seconds. Null while there was none. */
  packetsPerCommand: number | null;
  /** Null but with the fabric adapter. */
  bus: BusStatus | null;
  stations: StationStatus[];
}

export type HealthState = "starting" | "ok" | "degraded";

export interface Health {
  status: HealthState;
  /** Why it is not ok; empty when it is. */
  reasons: Problem[];
}

/** One thing wrong in the configuration. */
export interface ConfigError {
  /** Where, as a JSON Pointer: /segments/0/name. Empty for the document itself. */
  path: string;
  message: string;
  nextStep: string;
}

export interface MqttStatus {
  enabled: boolean;
  connected: boolean;
  /** Broker without credentials, or null when disabled. */
  url: string | null;
  /** Why the last attempt failed, or null. */
  error: string | null;
  /** Events that are kept until the broker has them. */
  eventsWaiting: number;
  /** Events that did not fit since the broker was last there, and were dropped. */
  eventsLost: number;
}

export interface UpdateStatus {
  /** Of the image that runs; null on a machine without, where updates are not possible. */
  version: string | null;
  state: UpdateState;
  /** While it is installed. */
  percent: number | null;
  /** Of a bundle that could be installed, or is and waits for the restart; null: what runs is the latest that is known. */
  latestVersion: string | null;
}

/** Another gateway that we exchange routes with. */
export interface MeshNeighbour {
  /** Link-local IPv6 address. */
  address: string;
  interface: string;
  /** Address in mesh.peers; null for one on this LAN. */
  peer: string | null;
  /** Cost of the way to it. */
  metric: number;
  /** How many routes it told. */
  routes: number;
}

/** A segment of another gateway. */
export interface MeshRoute {
  /** "address/prefix", IPv4 or IPv6. */
  destination: string;
  via: string;
  interface: string;
  metric: number;
}

export interface MeshStatus {
  /** Whether BIRD answers. */
  running: boolean;
  neighbours: MeshNeighbour[];
  routes: MeshRoute[];
  /** Those of mesh.peers. */
  peers: { address: string; reached: boolean }[];
  /** Subnets of ours that another gateway announces as its own. */
  clashes: { segment: string; destination: string; via: string }[];
}

export interface Status {
  /** Twelve hexadecimal digits; names this gateway in MQTT topics. Empty until it is known, shortly after start. */
  id: string;
  hostname: string;
  /** The page by the name that the LAN finds (mDNS), "https://gateway.local/"; null: by none, or not yet. */
  localUrl: string | null;
  version: string;
  /** Milliseconds since 1970 by the gateway's clock. */
  time: number;
  /** IANA name of the zone that people want times in. */
  timeZone: string;
  /** Of the machine. */
  uptimeSeconds: number;
  /** How long after its start the machine forwarded for the first time; null while it does not. */
  readyAfterSeconds: number | null;
  /** When the machine started, milliseconds since 1970 by the gateway's clock; moves when the clock is set. */
  bootTime: number;
  temperatures: Temperature[];
  /** Room on the data partition; null while unknown. */
  dataFreeBytes: number | null;
  /** Of the service process. */
  serviceUptimeSeconds: number;
  mode: string;
  health: Health;
  lan: LinkStatus;
  /** The second Ethernet that carries iSCSI, or null when there is none. */
  storage: LinkStatus | null;
  segments: SegmentStatus[];
  /** Null but in mode mesh with a key. */
  mesh: MeshStatus | null;
  mqtt: MqttStatus;
  update: UpdateStatus;
  config: {
    valid: boolean;
    /** history: the document is lost or damaged, and the last good version is used. */
    source: "file" | "history" | "defaults";
    errors: ConfigError[];
  };
}

/** A target that leads to a segment. */
export interface AdapterExport {
  segment: string;
  /** The target's name in configfs. */
  target: string;
  enabled: boolean;
}

/** GET /api/v1/adapters: something that can export a segment, or could if its problem were solved. */
export interface Adapter {
  /** As in segments.N.fabric.type. */
  fabric: "iscsi" | "loop" | "qla2xxx" | "sbp" | "srpt" | "adapter";
  /** As in segments.N.fabric.port; of iSCSI a portal, of an adapter its serial number. Null where there is none, or it cannot be read. */
  port: string | null;
  /** Kernel's name of the device; null where there is none. */
  device: string | null;
  link: "up" | "down" | "unknown";
  state: "exported" | "usable" | "unusable";
  exports: AdapterExport[];
  /** What keeps it from being used, or null. */
  problem: Problem | null;
}

/** GET /version */
export interface Version {
  version: string;
  commit: string;
}
