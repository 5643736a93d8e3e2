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
  "cdc_acm",
  "cdc_ncm",
  "configfs",
  "ib_srpt",
  "ip_gre",
  "ipscsi",
  "ipscsi_target",
  "iscsi_target_mod",
  "nf_tables",
  "sbp_target",
  "target_core_file",
  "target_core_mod",
  "tcm_loop",
  "tcm_qla2xxx",
  "vxlan",
] as const;
export type ModuleName = (typeof MODULES)[number];

/** Global kernel settings that the executor may write. */
export const SYSCTLS = [
  "net.ipv4.ip_forward",
  "net.ipv6.conf.all.forwarding",
  "net.netfilter.nf_conntrack_max",
] as const;
export type SysctlName = (typeof SYSCTLS)[number];

/** Per-interface kernel settings (net.ipv4.conf.<interface>.<name>, of IPv6 accept_ra and proxy_ndp) that the executor may write. */
export const INTERFACE_SYSCTLS = [
  "accept_ra",
  "proxy_arp",
  "proxy_arp_pvlan",
  "proxy_ndp",
  "rp_filter",
  "send_redirects",
] as const;
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

/** On a host: says which interfaces are ours, so that its own network management leaves them alone. */
export interface ClaimOperation {
  kind: "claim";
  interfaces: string[];
}

/** Sets the host name. */
export interface HostnameOperation {
  kind: "hostname";
  name: string;
}

/** Sets the time zone of programs that show local time. */
export interface TimeZoneOperation {
  kind: "timeZone";
  /** Name of a file below /usr/share/zoneinfo. */
  zone: string;
}

/** chrony: sets the clock by time servers, and is one (NTP, RFC 5905). */
export interface TimeKeeperOperation {
  kind: "timeKeeper";
  /** Names or addresses; none: those of the LAN's DHCP server, and a public pool. */
  servers: string[];
  /** Subnets whose hosts are served. */
  clients: string[];
}

/** dropbear: a shell for root, by key only. Its own host keys are made when it is first wanted. */
export interface SshOperation {
  kind: "ssh";
  enabled: boolean;
  port: number;
  /** Public keys, each a line as ssh-keygen writes it. */
  keys: string[];
}

/** avahi-daemon: the gateway's name and page for whoever looks for them (mDNS, RFC 6762). */
export interface MdnsOperation {
  kind: "mdns";
  hostname: string;
  /** Where it answers; none: it does not run. */
  interfaces: string[];
  /** The page's. */
  ports: { http: number; https: number };
  /** What tells this gateway from others: twelve hexadecimal digits. */
  id: string;
  /** Of the software. */
  version: string;
}

/** Brings an interface up; creates it first where a kind is given and it is not there. */
export interface LinkOperation {
  kind: "link";
  name: string;
  create?: { kind: "ipscsi"; address: string };
}

/** Gives an adapter's interface the segment's name, and the service its management port. */
export interface AdapterOperation {
  kind: "adapter";
  segment: string;
  /** Its USB serial number. */
  serial: string;
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
  /** "address/64" or "address/122" */
  address?: string;
}

/** The default route. */
export interface RouteOperation {
  kind: "route";
  interface: string;
  /** Next router, IPv4; absent: the one that an earlier configuration had goes. */
  gateway?: string;
}

/** All ways to networks behind other routers that the configuration names; those of an earlier one go. */
export interface StaticRoutesOperation {
  kind: "staticRoutes";
  routes: StaticRoute[];
}

export interface StaticRoute {
  /** "network/prefix" */
  destination: string;
  via: string;
  interface: string;
  metric: number;
}

/** Name servers of an interface with a static address. */
export interface ResolverOperation {
  kind: "resolver";
  interface: string;
  servers: string[];
}

/** Name servers that are asked in the place of all that interfaces have; none: those. */
export interface NameServersOperation {
  kind: "nameServers";
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
  /** Interfaces that have the segments' addresses, with their subnets, as far as they have one. */
  segments: FirewallSegment[];
  management: { interfaces: string[]; sources: string[]; ports: number[] };
  /** Interfaces on which the gateway's name is asked for (mDNS). */
  mdns: string[];
  /** Ports of iSCSI targets, and where hosts reach them. */
  fabric: { interfaces: string[]; ports: number[] };
  antiSpoofing: boolean;
  newConnectionsPerSecond: number;
  /** TCP, to the gateway itself, at a time. */
  connectionsPerAddress: number;
  isolateSegments: boolean;
  /** Segments go out under the gateway's address, and nobody on the LAN opens a connection to them. */
  nat: boolean;
  /** Segments' hosts may ask for the time. */
  timeServer: boolean;
  /** On a host: what is filtered; its other interfaces are let alone. Absent: all of them. */
  only?: string[];
  mesh: {
    /** Where gateways find each other: the LAN, and tunnels to those elsewhere. */
    lan: string[];
    tunnels: string[];
    /** Other ends of the tunnels. */
    peers: string[];
  };
  /** Gateways that segments are shared with, by VXLAN. */
  vxlanPeers: string[];
  portForwards: { protocol: "tcp" | "udp"; port: number; to: string; toPort: number }[];
  rules: FirewallRule[];
  /** Mode bridge: what passes between ports of the bridge, and from them to the gateway itself, is filtered there. */
  bridge?: BridgeFilter;
}

export interface FirewallSegment {
  name: string;
  subnet?: string;
  prefix6?: string;
  /** Networks behind routers that are stations. */
  routed: string[];
}

export interface BridgeFilter {
  /** The LAN's port. */
  lan: string[];
  /** The segments' ports. */
  segments: string[];
  /** Sides from which the page can be reached. */
  management: { lan: boolean; segments: boolean };
  /** Of the document's rules those that concern ports; from and to are ports. A rejection is silent here. */
  rules: FirewallRule[];
}

/** Removes our table. */
export interface NoFirewallOperation {
  kind: "noFirewall";
}

/** The LAN's interface where its packets have a tag: of that VLAN, on the interface with the cable. No segment has a dot in its name. */
export function lanVlan(id: number): string {
  return `lan.${id}`;
}

/** An interface for what has a tag of IEEE 802.1Q, named by lanVlan(). */
export interface VlanOperation {
  kind: "vlan";
  /** 1 to 4094. */
  id: number;
  /** With the cable. */
  port: string;
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

/** Interfaces of a segment that spans gateways: the segment and a VXLAN are ports of a bridge, which has the address. */
export function extensionBridge(segment: string): string {
  return `${segment}-br`;
}
/** The interface that has a segment's address. */
export function segmentFace({ name, extend }: { name: string; extend?: object }): string {
  return extend === undefined ? name : extensionBridge(name);
}
export function extensionTunnel(segment: string): string {
  return `${segment}-vx`;
}

/** Joins a segment with those of other gateways. */
export interface ExtensionOperation {
  kind: "extension";
  segment: string;
  /** Link-layer address of the bridge: the segment's. */
  address: string;
  vni: number;
  /** IPv4 addresses of all the other gateways. */
  peers: string[];
}

/** The tunnel's interface to a gateway elsewhere: its IPv4 address in hexadecimal digits. */
export function tunnelName(remote: string): string {
  const digits = remote.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return `mesh${digits.join("")}`;
}

/** A tunnel (GRE) to a gateway that is not on this LAN. */
export interface TunnelOperation {
  kind: "tunnel";
  /** See tunnelName(). */
  name: string;
  /** IPv4. */
  remote: string;
  /** Our link-local "address/64" in it. */
  address: string;
}

/** BIRD: tells other gateways our segments, and learns theirs (Babel, RFC 8966, authenticated as in RFC 8967). */
export interface MeshOperation {
  kind: "mesh";
  /** Four bytes, other than those of all other gateways, written like an IPv4 address. */
  routerId: string;
  key: string;
  /** Interfaces to speak on. */
  lan: string[];
  tunnels: string[];
  /** What is announced. */
  segments: { interface: string; subnet: string; prefix6?: string }[];
  /** Subnets, of IPv6 /64, of which nobody else may announce a part. */
  reserved: string[];
  /** Addresses of gateways behind tunnels: nobody may announce a way to them. */
  peers: string[];
  /** Networks that may be announced to us beside private ones. */
  accept: string[];
}

/** Has an interface answer neighbour discovery for hosts behind another one; for nobody without addresses. */
export interface ProxyNeighboursOperation {
  kind: "proxyNeighbours";
  interface: string;
  /** "address/122" of the gateway in each part of the LAN's prefix. */
  parts: string[];
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
  /** Targets, by their names in configfs. */
  targets: string[];
  bridge: boolean;
  /** Segments that span gateways. */
  extended: string[];
  tunnels: string[];
  mesh: boolean;
  /** Interfaces that answer neighbour discovery for hosts behind others. */
  proxied: string[];
  /** Names by lanVlan(). */
  vlans: string[];
  /** Whether a target has the driver disk. */
  driverDisk: boolean;
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

/** Address lists are told apart: for some options, dnsmasq takes nothing else. */
export type DhcpOption = { number: number; addresses: string[] } | { number: number; bytes: number[] };

/** dnsmasq for one segment: addresses and names for its hosts. */
export interface DnsmasqOperation {
  kind: "dnsmasq";
  segment: string;
  /** What has the segment's address, where that is another one. */
  interface?: string;
  /** Largest packet that hosts are told to send, bytes. */
  mtu?: number;
  running: boolean;
  /** The gateway's "address/prefix" on the segment. */
  address: string;
  /** "prefix::/64" to advertise, or "prefix/122" to give addresses of, where there is IPv6. */
  prefix6?: string;
  /** First and last address to give out. */
  range: [string, string];
  leaseSeconds: number;
  /** The gateway's own name. */
  hostname: string;
  /** Whether the gateway is their time server. */
  timeServer: boolean;
  /** Stations with an address or a name of their own. */
  hosts?: { address: string; ipv4?: string; name?: string }[];
  /** For hosts that boot from the net; of those that say they boot by UEFI, another file perhaps. */
  boot?: { server: string; file: string; uefiFile?: string };
  /** Further DHCP options. */
  options?: DhcpOption[];
  /** Servers to ask in the place of the LAN's, and names to answer to. */
  dns?: { servers: string[]; records: { name: string; address: string }[] };
}

/**
 * Stations of a segment that nothing is taken from and nothing is sent to. While there is one, the driver relays nothing
 * between the segment's stations.
 */
export interface StationFilterOperation {
  kind: "stationFilter";
  segment: string;
  /** Station addresses. */
  blocked: string[];
}

/** LIO storage object of backend ipscsi, enabled. */
export interface BackstoreOperation {
  kind: "backstore";
  segment: string;
}

/** LIO storage object with the driver disk: what a host needs to join a segment. */
export interface DriverDiskOperation {
  kind: "driverDisk";
  /** What tells this gateway's disk from that of another one. */
  serial: string;
}

/** iSCSI target with one access list entry for each initiator, and nobody else. LUN 0 is the segment. */
export interface IscsiTargetOperation {
  kind: "iscsiTarget";
  segment: string;
  target: string;
  portals: string[];
  initiators: string[];
  /** What hosts must prove at login; absent: nothing. */
  chap?: Chap;
  /** Whether LUN 1 is the driver disk, where there is one. */
  driverDisk: boolean;
}

/** Names and passwords of CHAP (RFC 1994). */
export interface Chap {
  user: string;
  password: string;
  /** What the gateway proves to hosts. */
  gateway?: { user: string; password: string };
}

/** Fabrics whose target is a port of a host adapter; they are named as in configfs. */
export const PORT_FABRICS = ["qla2xxx", "sbp", "srpt"] as const;
export type PortFabricName = (typeof PORT_FABRICS)[number];

/** A port of a host adapter in target mode. LUN 0 is the segment. */
export interface PortTargetOperation {
  kind: "portTarget";
  fabric: PortFabricName;
  segment: string;
  /** The port's name as configfs has it. */
  port: string;
  /** Who is admitted; of no effect when it is open. */
  initiators: string[];
  /** Every initiator is admitted. */
  open: boolean;
  /** Whether LUN 1 is the driver disk, where there is one. */
  driverDisk: boolean;
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
  | ClaimOperation
  | NoFirewallOperation
  | HostnameOperation
  | TimeZoneOperation
  | TimeKeeperOperation
  | SshOperation
  | MdnsOperation
  | LinkOperation
  | AdapterOperation
  | AddressOperation
  | Address6Operation
  | RouteOperation
  | StaticRoutesOperation
  | NameServersOperation
  | ResolverOperation
  | SysctlOperation
  | InterfaceSysctlOperation
  | FirewallOperation
  | VlanOperation
  | BridgeOperation
  | BridgePortOperation
  | ExtensionOperation
  | TunnelOperation
  | MeshOperation
  | ProxyNeighboursOperation
  | NoAddressOperation
  | PruneOperation
  | DhcpClientOperation
  | DnsmasqOperation
  | StationFilterOperation
  | BackstoreOperation
  | DriverDiskOperation
  | IscsiTargetOperation
  | PortTargetOperation
  | LoopTargetOperation;

export type OperationKind = Operation["kind"];

/** An operation as it may be shown and logged: without passwords. */
export function withoutPasswords(operation: Operation): Operation {
  const hidden = "(secret)";
  if (operation.kind === "mesh") return { ...operation, key: hidden };
  if (operation.kind !== "iscsiTarget" || operation.chap === undefined) return operation;
  const { chap } = operation;
  const gateway = chap.gateway === undefined ? {} : { gateway: { ...chap.gateway, password: hidden } };
  return { ...operation, chap: { ...chap, password: hidden, ...gateway } };
}

/**
 * Operations that build on each other: after the first failure, the rest of the group is skipped. Groups are
 * independent.
 */
export interface PlanGroup {
  /** For people: lan, seg0, ... */
  name: string;
  /** Earlier groups; when one of them failed, this one is skipped. */
  needs?: string[];
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
