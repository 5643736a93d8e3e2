// SPDX-License-Identifier: Apache-2.0
/**
 * What the service may ask of the executor: a plan of typed operations. Each is idempotent: it looks at what is there
 * and changes only what differs, so that the same plan can be sent again at any time and a restart disturbs nothing.
 * The executor renders every configuration file and command line itself; nothing here is passed on as text to a
 * program.
 */
import type { Problem } from "../shared/errors.ts";

/** Kernel modules that the executor may load. */
export const MODULES = [
  "configfs",
  "ipscsi",
  "ipscsi_target",
  "iscsi_target_mod",
  "nf_tables",
  "target_core_mod",
  "tcm_loop",
] as const;
export type ModuleName = (typeof MODULES)[number];

/** Global kernel settings that the executor may write. */
export const SYSCTLS = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"] as const;
export type SysctlName = (typeof SYSCTLS)[number];

/** Per-interface kernel settings (net.ipv4.conf.<interface>.<name>, of IPv6 accept_ra) that the executor may write. */
export const INTERFACE_SYSCTLS = ["accept_ra", "proxy_arp", "proxy_arp_pvlan", "rp_filter", "send_redirects"] as const;
export type InterfaceSysctlName = (typeof INTERFACE_SYSCTLS)[number];

/** Loads modules in this order; what is loaded or built in stays. */
export interface ModulesOperation {
  kind: "modules";
  names: ModuleName[];
}

/** Mounts configfs where it is not. */
export interface ConfigfsOperation {
  kind: "configfs";
}

/** Sets the host name. */
export interface HostnameOperation {
  kind: "hostname";
  name: string;
}

/** Brings an interface up; creates it first where a kind is given and it is not there. */
export interface LinkOperation {
  kind: "link";
  name: string;
  create?: { kind: "ipscsi"; address: string };
}

/** Gives an interface exactly this IPv4 address: added first, then others are removed. */
export interface AddressOperation {
  kind: "address";
  interface: string;
  /** "address/prefix" */
  address: string;
}

/** Gives an interface exactly this global IPv6 address; without one, takes away what we gave. */
export interface Address6Operation {
  kind: "address6";
  interface: string;
  /** "address/64" */
  address?: string;
}

/** The default route. */
export interface RouteOperation {
  kind: "route";
  interface: string;
  /** Next router, IPv4. */
  gateway: string;
}

/** Name servers of an interface with a static address. */
export interface ResolverOperation {
  kind: "resolver";
  interface: string;
  servers: string[];
}

export interface SysctlOperation {
  kind: "sysctl";
  name: SysctlName;
  value: number;
}

export interface InterfaceSysctlOperation {
  kind: "interfaceSysctl";
  interface: string;
  name: InterfaceSysctlName;
  value: number;
}

/** Name of the bridge that mode bridge makes. */
export const BRIDGE = "scsibr0";

/** Where a rule applies: names of interfaces, none for all. */
export interface FirewallRule {
  name: string;
  action: "accept" | "drop" | "reject";
  from: string[];
  /** Undefined: for what goes to the gateway itself; else for what is forwarded to these interfaces. */
  to?: string[];
  protocol: "any" | "tcp" | "udp" | "icmp";
  /** "80" or "8000-8010" */
  ports: string[];
  sources: string[];
  destinations: string[];
}

/** The nftables table "scsigate", replaced in one transaction. All names are those of interfaces. */
export interface FirewallOperation {
  kind: "firewall";
  lan: string[];
  storage: string[];
  /** Segments with their subnets, as far as they have one. */
  segments: { name: string; subnet?: string; prefix6?: string }[];
  management: { interfaces: string[]; sources: string[]; ports: number[] };
  /** Ports of iSCSI targets, and where hosts reach them. */
  fabric: { interfaces: string[]; ports: number[] };
  antiSpoofing: boolean;
  newConnectionsPerSecond: number;
  isolateSegments: boolean;
  /** Segments go out under the gateway's address, and nobody on the LAN opens a connection to them. */
  nat: boolean;
  portForwards: { protocol: "tcp" | "udp"; port: number; to: string; toPort: number }[];
  rules: FirewallRule[];
}

/** A bridge over the LAN's interface. */
export interface BridgeOperation {
  kind: "bridge";
  /** Link-layer address: the port's, so that the LAN's DHCP server knows it again. */
  address: string;
  port: string;
}

/** A segment as a port of the bridge. */
export interface BridgePortOperation {
  kind: "bridgePort";
  port: string;
}

/** Takes all IPv4 addresses of an interface away. */
export interface NoAddressOperation {
  kind: "noAddress";
  interface: string;
}

/** Removes what an earlier configuration made and this one does not name. What others made stays. */
export interface PruneOperation {
  kind: "prune";
  segments: string[];
  /** Interfaces with an address that is ours to give. */
  addressed: string[];
  /** Segments with a DHCP and DNS server. */
  served: string[];
  /** Targets, by iSCSI name or NAA. */
  targets: string[];
  bridge: boolean;
}

/** busybox udhcpc on an interface, running or not. */
export interface DhcpClientOperation {
  kind: "dhcpClient";
  interface: string;
  running: boolean;
  hostname: string;
  /** Whether the lease's router and name servers are used. */
  defaultRoute: boolean;
}

/** dnsmasq for one segment: addresses and names for its hosts. */
export interface DnsmasqOperation {
  kind: "dnsmasq";
  segment: string;
  running: boolean;
  /** The gateway's "address/prefix" on the segment. */
  address: string;
  /** "prefix::/64" to advertise, where there is IPv6. */
  prefix6?: string;
  /** First and last address to give out. */
  range: [string, string];
  leaseSeconds: number;
  /** The gateway's own name. */
  hostname: string;
}

/** LIO storage object of backend ipscsi, enabled. */
export interface BackstoreOperation {
  kind: "backstore";
  segment: string;
}

/** iSCSI target with one LUN, one access list entry for each initiator, and nobody else. */
export interface IscsiTargetOperation {
  kind: "iscsiTarget";
  segment: string;
  target: string;
  portals: string[];
  initiators: string[];
}

/** tcm_loop: this machine's own SCSI host with the segment's LUN. */
export interface LoopTargetOperation {
  kind: "loopTarget";
  segment: string;
  /** naa.<16 digits> of the target and of the initiator. */
  target: string;
  initiator: string;
}

export type Operation =
  | ModulesOperation
  | ConfigfsOperation
  | HostnameOperation
  | LinkOperation
  | AddressOperation
  | Address6Operation
  | RouteOperation
  | ResolverOperation
  | SysctlOperation
  | InterfaceSysctlOperation
  | FirewallOperation
  | BridgeOperation
  | BridgePortOperation
  | NoAddressOperation
  | PruneOperation
  | DhcpClientOperation
  | DnsmasqOperation
  | BackstoreOperation
  | IscsiTargetOperation
  | LoopTargetOperation;

export type OperationKind = Operation["kind"];

/**
 * Operations that build on each other: after the first failure, the rest of the group is skipped. Groups are
 * independent.
 */
export interface PlanGroup {
  /** For people: lan, seg0, ... */
  name: string;
  /** An earlier group; when that one failed, this one is skipped. */
  needs?: string;
  operations: Operation[];
}

export interface Plan {
  groups: PlanGroup[];
}

export interface GroupResult {
  name: string;
  /** How many operations found something to change. */
  changed: number;
  /** Not tried, because the group that it needs failed. */
  skipped?: true;
  /** The operation that failed, and why. */
  failure?: { kind: OperationKind; problem: Problem };
}
