// SPDX-License-Identifier: Apache-2.0
/**
 * What the service may ask of the executor: a plan of typed operations. Each is idempotent: it looks at what is there and
 * changes only what differs, so that the same plan can be sent again at any time and a restart disturbs nothing.
 * The executor renders every configuration file and command line itself; nothing here is passed on as text to a program.
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
export const SYSCTLS = ["net.ipv4.ip_forward"] as const;
export type SysctlName = (typeof SYSCTLS)[number];

/** Per-interface kernel settings (net.ipv4.conf.<interface>.<name>) that the executor may write. */
export const INTERFACE_SYSCTLS = ["proxy_arp", "proxy_arp_pvlan", "rp_filter", "send_redirects"] as const;
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

/** The nftables table "scsigate". In this form it accepts everything and counts what is forwarded. */
export interface FirewallOperation {
  kind: "firewall";
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
  | RouteOperation
  | ResolverOperation
  | SysctlOperation
  | InterfaceSysctlOperation
  | FirewallOperation
  | DhcpClientOperation
  | DnsmasqOperation
  | BackstoreOperation
  | IscsiTargetOperation
  | LoopTargetOperation;

export type OperationKind = Operation["kind"];

/** Operations that build on each other: after the first failure, the rest of the group is skipped. Groups are independent. */
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
