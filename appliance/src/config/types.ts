// SPDX-License-Identifier: Apache-2.0
/** The configuration document after defaults were filled in. Its form is schema/config.schema.json; a test compares. */

export type Ipv4Method =
  | { method: "dhcp" }
  | { method: "static"; address: string; gateway?: string; dns: string[] }
  | { method: "none" };

export interface LanConfig {
  /** A name, or "auto". */
  interface: string;
  /** 1 to 4094; undefined: no tag. */
  vlan?: number;
  ipv4: Ipv4Method;
}

export interface StorageConfig {
  interface: string;
  ipv4: Ipv4Method;
}

export interface IscsiFabric {
  type: "iscsi";
  target: string;
  portals: string[];
  initiators: string[];
  authentication: "none" | "chap" | "mutual";
  open: boolean;
}

/** A port of a host adapter in target mode. */
export type PortFabric =
  | { type: "qla2xxx"; port: string; initiators: string[]; open: boolean }
  | { type: "srpt"; port: string; initiators: string[]; open: boolean }
  | { type: "sbp"; port: string; open: boolean };

/** An adapter of ours, on USB. */
export interface AdapterFabric {
  type: "adapter";
  serial: string;
  /** This and what follows: absent, it stays as the adapter has it. */
  scsiId?: number;
  board?: "probe" | "db25" | "desktop50";
  heldGets?: boolean;
  daynaport?: { enabled: boolean; scsiId: number; longRecords: boolean };
}

export type FabricConfig = IscsiFabric | PortFabric | AdapterFabric | { type: "loop" } | { type: "none" };

/** What is special about a station. */
export interface StationConfig {
  address: string;
  name?: string;
  ipv4?: string;
  access: "allow" | "block";
}

export interface SegmentConfig {
  name: string;
  /** "address/prefix", or "auto". */
  ipv4: { address: string };
  /** "address/64", or "auto". */
  ipv6: { enabled: boolean; address: string };
  dhcp: { enabled: boolean; leaseSeconds: number; boot?: BootConfig; options: DhcpOptionConfig[] };
  stations: StationConfig[];
  extend?: ExtendConfig;
  fabric: FabricConfig;
  driverDisk: boolean;
}

export interface BootConfig {
  /** IPv4 address. */
  server: string;
  file: string;
  uefiFile?: string;
}

export interface DhcpOptionConfig {
  number: number;
  type: "text" | "addresses" | "number8" | "number16" | "number32" | "bytes";
  value: string;
}

export interface ChapConfig {
  user?: string;
  /** Secret. */
  password?: string;
  gatewayUser?: string;
  /** Secret. */
  gatewayPassword?: string;
}

export interface ExtendConfig {
  vni: number;
  /** IPv4 addresses. */
  peers: string[];
  /** Bytes. */
  mtu: number;
}

export type Mode = "routed" | "nat" | "proxy" | "bridge" | "mesh";

export interface MeshConfig {
  /** Secret. */
  key?: string;
  /** IPv4 addresses. */
  peers: string[];
  /** Networks with prefix length, IPv4 and IPv6. */
  accept: string[];
}

/** A side of the gateway; segments: all of them. */
export type Side = "lan" | "storage" | "segments";

export interface PortForward {
  protocol: "tcp" | "udp";
  port: number;
  to: string;
  toPort?: number;
}

export interface FirewallRuleConfig {
  name: string;
  action: "accept" | "drop" | "reject";
  /** any, a side, or a segment's name. */
  from: string;
  /** gateway, any, a side, or a segment's name. */
  to: string;
  protocol: "any" | "tcp" | "udp" | "icmp";
  ports: string[];
  sources: string[];
  destinations: string[];
}

export interface FirewallConfig {
  management: Side[];
  managementSources: string[];
  antiSpoofing: boolean;
  newConnectionsPerSecond: number;
  connectionsPerAddress: number;
  betweenSegments: "allow" | "isolate";
  portForwards: PortForward[];
  rules: FirewallRuleConfig[];
}

export interface NamesConfig {
  /** Addresses. */
  nameServers: string[];
  records: { name: string; address: string }[];
}

export interface RouteConfig {
  /** "network/prefix", IPv4 or IPv6. */
  destination: string;
  /** Address of the next router. */
  via: string;
  metric: number;
}

export interface HttpConfig {
  port: number;
  httpsPort: number;
  publicHttpsPort: number;
}

export interface MqttConfig {
  enabled: boolean;
  url: string;
  intervalSeconds: number;
  protocol: "3.1.1" | "5";
  username?: string;
  /** Secret. */
  password?: string;
  tls: {
    /** PEM. */
    ca?: string;
    certificate?: string;
    /** Secret. */
    key?: string;
    verify: boolean;
  };
  homeAssistant: { enabled: boolean; prefix: string };
  commands: { enabled: boolean; allow: MqttCommand[] };
}

export type MqttCommand = "refresh" | "restart" | "update";

export interface SyslogConfig {
  enabled: boolean;
  host: string;
  port: number;
  transport: "udp" | "tcp";
  level: "error" | "warn" | "info" | "debug";
}

/** hawkBit */
export interface FleetConfig {
  enabled: boolean;
  /** https://host:port; there when enabled. */
  server?: string;
  tenant: string;
  /** The gateway's id unless set. */
  controllerId?: string;
  /** Secret. */
  targetToken?: string;
  /** Secret. */
  gatewayToken?: string;
  verify: boolean;
  allowDowngrade: boolean;
  restart: boolean;
}

export interface Config {
  version: 1;
  hostname: string;
  mode: Mode;
  lan: LanConfig;
  storage?: StorageConfig;
  segments: SegmentConfig[];
  chap: ChapConfig;
  mesh: MeshConfig;
  /** IANA name of a time zone. */
  time: { zone: string; servers: string[]; serve: boolean };
  routes: RouteConfig[];
  names: NamesConfig;
  ssh: { enabled: boolean; port: number; keys: string[] };
  mdns: { enabled: boolean };
  firewall: FirewallConfig;
  http: HttpConfig;
  mqtt: MqttConfig;
  syslog: SyslogConfig;
  update: { fleet: FleetConfig };
}
