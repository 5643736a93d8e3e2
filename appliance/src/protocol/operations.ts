// SPDX-License-Identifier: Apache-2.0
/**
 * What the service may ask of the executor: a plan of typed operations. Each is idempotent: it looks at what is there
 * and changes only what differs, so that the same plan can be sent again at any time and a restart disturbs nothing.
 * The executor renders every configuration file and command line itself; nothing here is passed on as text to a
 * program. What each operation carries is in requestSchema.ts, of which the types are made.
 */
import type { Request } from "../../generated/request.d.ts";
import type { Problem } from "../shared/errors.ts";

export type Plan = Extract<Request, { type: "apply" }>["plan"];
export type Operation = Plan["groups"][number]["operations"][number];
type OperationOf<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

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
  "wireguard",
] as const;
export type ModuleName = (typeof MODULES)[number];

/** Global kernel settings that the executor may write. */
export const SYSCTLS = [
  "net.ipv4.ip_forward",
  "net.ipv6.conf.all.forwarding",
  "net.netfilter.nf_conntrack_max",
] as const;

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
export type ModulesOperation = OperationOf<"modules">;

/** Mounts configfs where it is not. */
export type ConfigfsOperation = OperationOf<"configfs">;

/** On a host: says which interfaces are ours, so that its own network management leaves them alone. */
export type ClaimOperation = OperationOf<"claim">;

/** Sets the host name. */
export type HostnameOperation = OperationOf<"hostname">;

/** Sets the time zone of programs that show local time. */
export type TimeZoneOperation = OperationOf<"timeZone">;

/** chrony: sets the clock by time servers, and is one (NTP, RFC 5905). */
export type TimeKeeperOperation = OperationOf<"timeKeeper">;

/** dropbear: a shell for root, by key only. Its own host keys are made when it is first wanted. */
export type SshOperation = OperationOf<"ssh">;

/** avahi-daemon: the gateway's name and page for whoever looks for them (mDNS, RFC 6762). */
export type MdnsOperation = OperationOf<"mdns">;

/** lldpd: the gateway's name and address for the switch at the other end of the cable (IEEE 802.1AB). */
export type LldpOperation = OperationOf<"lldp">;

/** snmpd: system group and counters of interfaces, by SNMPv2c (RFC 3416, 2863). */
export type SnmpOperation = OperationOf<"snmp">;

/** Brings an interface up; creates it first where a kind is given and it is not there. */
export type LinkOperation = OperationOf<"link">;

/** Gives an adapter's interface the segment's name, and the service its management port. */
export type AdapterOperation = OperationOf<"adapter">;

/** Gives an interface exactly this IPv4 address: added first, then others are removed. */
export type AddressOperation = OperationOf<"address">;

/** Gives an interface exactly this global IPv6 address; without one, takes away what we gave. */
export type Address6Operation = OperationOf<"address6">;

/** The default route. */
export type RouteOperation = OperationOf<"route">;

/** All ways to networks behind other routers that the configuration names; those of an earlier one go. */
export type StaticRoutesOperation = OperationOf<"staticRoutes">;

export type StaticRoute = StaticRoutesOperation["routes"][number];

/** Name servers of an interface with a static address. */
export type ResolverOperation = OperationOf<"resolver">;

/** Name servers that are asked in the place of all that interfaces have; none: those. */
export type NameServersOperation = OperationOf<"nameServers">;

export type SysctlOperation = OperationOf<"sysctl">;

export type InterfaceSysctlOperation = OperationOf<"interfaceSysctl">;

/** Name of the bridge that mode bridge makes. */
export const BRIDGE = "scsibr0";

/** Where a rule applies: names of interfaces, none for all. */
export type FirewallRule = FirewallOperation["rules"][number];

/** The nftables table "scsigate", replaced in one transaction. All names are those of interfaces. */
export type FirewallOperation = OperationOf<"firewall">;

export type BridgeFilter = NonNullable<FirewallOperation["bridge"]>;

/** The LAN's interface where its packets have a tag: of that VLAN, on the interface with the cable. No segment has a dot in its name. */
export function lanVlan(id: number): string {
  return `lan.${id}`;
}

/** An interface for what has a tag of IEEE 802.1Q, named by lanVlan(). */
export type VlanOperation = OperationOf<"vlan">;

/** A bridge over the LAN's interface. */
export type BridgeOperation = OperationOf<"bridge">;

/** A segment as a port of the bridge. */
export type BridgePortOperation = OperationOf<"bridgePort">;

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
export type ExtensionOperation = OperationOf<"extension">;

/** The tunnel's interface to a gateway elsewhere: its IPv4 address in hexadecimal digits. */
export function tunnelName(remote: string): string {
  const digits = remote.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return `mesh${digits.join("")}`;
}

/** The interface that encrypts what tunnels carry. No segment has a hyphen in its name. */
export const WIREGUARD = "mesh-wg";

/**
 * WireGuard: what GRE and VXLAN have for these gateways goes through it, at the addresses that it has anyway: routing sends it there, so
 * that tunnels are the same with it and without. Without gateways there is a key, and nothing else.
 */
export type WireguardOperation = OperationOf<"wireguard">;

/** A tunnel (GRE) to a gateway that is not on this LAN. */
export type TunnelOperation = OperationOf<"tunnel">;

/** BIRD: tells other gateways our segments, and learns theirs (Babel, RFC 8966, authenticated as in RFC 8967). */
export type MeshOperation = OperationOf<"mesh">;

/** Has an interface answer neighbour discovery for hosts behind another one; for nobody without addresses. */
export type ProxyNeighboursOperation = OperationOf<"proxyNeighbours">;

/** Takes all IPv4 addresses of an interface away. */
export type NoAddressOperation = OperationOf<"noAddress">;

/** Removes what an earlier configuration made and this one does not name. What others made stays. */
export type PruneOperation = OperationOf<"prune">;

/** busybox udhcpc on an interface, running or not. */
export type DhcpClientOperation = OperationOf<"dhcpClient">;

/** dnsmasq for one segment: addresses and names for its hosts. */
export type DnsmasqOperation = OperationOf<"dnsmasq">;
export type DhcpOption = NonNullable<DnsmasqOperation["options"]>[number];

/**
 * Stations of a segment that nothing is taken from and nothing is sent to. While there is one, the driver relays nothing
 * between the segment's stations.
 */
export type StationFilterOperation = OperationOf<"stationFilter">;

/** The segment's hosts ask for their addresses anew where those come from somewhere else than before. */
export type RenewalOperation = OperationOf<"renewal">;

/** LIO storage object of backend ipscsi, enabled. */
export type BackstoreOperation = OperationOf<"backstore">;

/** LIO storage object with the driver disk: what a host needs to join a segment. */
export type DriverDiskOperation = OperationOf<"driverDisk">;

/** iSCSI target with one access list entry for each initiator, and nobody else. LUN 0 is the segment. */
export type IscsiTargetOperation = OperationOf<"iscsiTarget">;

/** Names and passwords of CHAP (RFC 1994). */
export type Chap = NonNullable<IscsiTargetOperation["chap"]>;

/** Fabrics whose target is a port of a host adapter; they are named as in configfs. */
export const PORT_FABRICS = ["qla2xxx", "sbp", "srpt"] as const;

/** A port of a host adapter in target mode. LUN 0 is the segment. */
export type PortTargetOperation = OperationOf<"portTarget">;

/** tcm_loop: this machine's own SCSI host with the segment's LUN. */
export type LoopTargetOperation = OperationOf<"loopTarget">;

export type OperationKind = Operation["kind"];

/** An operation as it may be shown and logged: without passwords. */
export function withoutPasswords(operation: Operation): Operation {
  const hidden = "(secret)";
  if (operation.kind === "mesh") return { ...operation, key: hidden };
  if (operation.kind === "snmp" && operation.community !== undefined) return { ...operation, community: hidden };
  if (operation.kind !== "iscsiTarget" || operation.chap === undefined) return operation;
  const { chap } = operation;
  const gateway = chap.gateway === undefined ? {} : { gateway: { ...chap.gateway, password: hidden } };
  return { ...operation, chap: { ...chap, password: hidden, ...gateway } };
}

/**
 * Operations that build on each other: after the first failure, the rest of the group is skipped. Groups are
 * independent.
 */
export type PlanGroup = Plan["groups"][number];

export interface GroupResult {
  name: string;
  /** How many operations found something to change. */
  changed: number;
  /** Not tried, because the group that it needs failed. */
  skipped?: true;
  /** The operation that failed, and why. */
  failure?: { kind: OperationKind; problem: Problem };
}
