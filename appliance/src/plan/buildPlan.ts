// SPDX-License-Identifier: Apache-2.0
/** From the configuration and what is there to the executor's plan. A pure function: the same input, the same plan. */
import type { ConfigError } from "../api/status.ts";
import { optionBytes } from "../config/dhcpMeaning.ts";
import type {
  ChapConfig,
  Config,
  FabricConfig,
  Ipv4Method,
  IscsiFabric,
  Mode,
  SegmentConfig,
} from "../config/types.ts";
import type { InterfaceAddress, Route } from "../observe/ipJson.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import {
  BRIDGE,
  type Chap,
  type DhcpOption,
  type DnsmasqOperation,
  extensionBridge,
  extensionTunnel,
  type FirewallOperation,
  lanVlan,
  type ModuleName,
  type Operation,
  type Plan,
  type PlanGroup,
  segmentFace,
  WIREGUARD,
} from "../protocol/operations.ts";
import { type Problem, type ScsigateError, toProblem } from "../shared/errors.ts";
import {
  chosenBits,
  chosenNumber,
  type Identity,
  loopName,
  stationAddress,
  uniqueLocalAddress,
} from "../shared/identity.ts";
import { formatInterface, formatIpv4, type Ipv4Interface, overlaps, parseInterface } from "../shared/ipv4.ts";
import { partOf, prefixOf } from "../shared/ipv6.ts";
import { canonical } from "../shared/json.ts";
import { encryptedPeers, encryptionGroup, hostsMtu, speaksOnLan } from "./encryption.ts";
import { firewallOperation } from "./firewall.ts";
import { type Bindings, isShutOut, settingsOf } from "./initiators.ts";
import { isMeshed, meshGroup, meshTunnels } from "./mesh.ts";
import { lanMissing, meshKeyMissing, nameTaken, noPrefix, noSubnet, overlapProblem, proxyProblem } from "./problems.ts";
import { networksOf, planRoutes } from "./routes.ts";
import { chooseSubnet, connectedSubnets, dhcpRange, FIRST_RANGE, routedSubnets } from "./subnets.ts";

/** More addresses than an Ethernet has; the rest is left out. */
const MAX_RESERVED = 32;

export interface Observed {
  /** Physical Ethernet interfaces, oldest first. */
  ethernets: EthernetInterface[];
  addresses: Map<string, InterfaceAddress[]>;
  routes: Route[];
  /** The machine is somebody's, who has us as a package: see shared/machine.ts. */
  guest?: boolean;
  /** Whether the LAN's addresses can be relied on: it has one, or had time enough to get one. */
  lanSettled: boolean;
  /** Stations that initiators' settings are for; absent: none is known. */
  bindings?: Bindings;
  /** Of the software; told to whoever looks for gateways on the LAN. */
  version?: string;
}

export interface Planned {
  plan: Plan;
  /** What stands in the way of a complete plan. */
  problems: Problem[];
  /** Name of the interface that has the LAN's address: the LAN interface, or the bridge over it. */
  lan: string | undefined;
  /** The "address/prefix" that was chosen for each segment that leaves it to us, by name: to be remembered for the next time. */
  chosenAddresses: Record<string, string>;
  /** Segments that wait for the LAN to settle. */
  waiting: string[];
}

/**
 * The Ethernet with the LAN's cable: the named one, or the first physical one that is not the storage one; with a VLAN it may be that
 * one, too. A guest takes none that it was not given.
 */
export function findLanPort(
  config: Config,
  ethernets: readonly EthernetInterface[],
  guest = false,
): EthernetInterface | undefined {
  if (guest && config.lan.interface === "auto") return undefined;
  const others = ethernets.filter((ethernet) => ethernet.name !== config.storage?.interface);
  const candidates = config.lan.vlan === undefined ? others : [...others, ...ethernets];
  if (config.lan.interface === "auto") return candidates[0];
  return candidates.find((ethernet) => ethernet.name === config.lan.interface);
}

/** The LAN interface: that Ethernet, or the VLAN on it. */
export function findLan(
  config: Config,
  ethernets: readonly EthernetInterface[],
  guest = false,
): EthernetInterface | undefined {
  const port = findLanPort(config, ethernets, guest);
  const { vlan } = config.lan;
  return port === undefined || vlan === undefined ? port : { ...port, name: lanVlan(vlan) };
}

/** The interface that has the LAN's address. */
export function lanFace(config: Config, ethernets: readonly EthernetInterface[], guest = false): string | undefined {
  const lan = findLan(config, ethernets, guest);
  return lan !== undefined && config.mode === "bridge" ? BRIDGE : lan?.name;
}

/**
 * @param identity undefined until it is known; segments wait for it.
 * @param remembered the addresses that segments had the last time, by name.
 * @param tidy whether what the configuration does not name is removed; not when the configuration itself is lost.
 */
export function buildPlan(
  config: Config,
  observed: Observed,
  identity: Identity | undefined,
  remembered: Record<string, string>,
  tidy = true,
): Planned {
  const problems: Problem[] = [];
  const { guest = false, bindings = {} } = observed;
  const lan = findLan(config, observed.ethernets, guest);
  const face = lanFace(config, observed.ethernets, guest);
  const tidying = tidy && identity !== undefined; // it says which loop targets are ours
  const groups: PlanGroup[] = [
    ...(tidying ? [{ name: "tidy", operations: [pruneOperation(config, face, identity)] }] : []),
    ...(guest ? [{ name: "claim", operations: [claimOperation(config, lan)] }] : []),
    {
      name: "system",
      operations: [
        ...vlanOperations(config, observed),
        ...(guest ? guestSettings(config, lan) : systemSettings(config, observed, lan)),
      ],
    },
  ];
  if (lan) groups.push({ name: "lan", operations: lanOperations(config, lan) });
  else if (!guest || config.lan.interface !== "auto") problems.push(toProblem(lanMissing(config.lan.interface)));
  if (config.storage) {
    const { interface: name, ipv4 } = config.storage;
    groups.push({ name: "storage", operations: ethernetOperations(name, ipv4, config.hostname, false) });
  }

  const lanIps = ipv4Of(observed, face);
  // Before the tunnels, which find their way through it.
  const encryption = encryptionGroup(config, lanIps);
  if (encryption !== undefined) groups.push(encryption);

  const taken = fixedSubnets(
    config,
    observed.routes.filter((route) => route.learned !== true),
  );
  // What other gateways have is not chosen; what they say does not take a subnet away that a segment has.
  const learned = [
    ...routedSubnets(
      observed.routes.filter((route) => route.learned === true),
      [],
    ),
    ...config.routes.map(({ destination }) => parseInterface(destination)).filter((value) => value !== undefined),
  ];
  const segmentAddresses: Record<string, string> = {};
  const prefixes6: Record<string, string> = {};
  const waiting: string[] = [];
  const segmentParts: SegmentGroups[] = [];
  const parts6: string[] = [];
  const lanPrefix = lanPrefix6(observed, face);
  const routed = config.mode !== "bridge";
  for (const segment of config.segments) {
    if (isEthernet(segment.name, observed)) {
      problems.push(toProblem(nameTaken(segment.name)));
      continue;
    }
    const choosing = routed && segment.ipv4.address === "auto" && !remembered[segment.name];
    if (identity === undefined || (choosing && !observed.lanSettled)) {
      waiting.push(segment.name);
      continue;
    }
    if (!routed) {
      segmentParts.push(bridgedSegment(segment, identity, config.chap));
      continue;
    }
    const address = segmentAddress(segment, taken, learned, remembered, identity);
    if (address === undefined) {
      problems.push(toProblem(noSubnet(segment.name)));
      continue;
    }
    const misfit = segmentMisfit(config, segment, address, observed);
    if (misfit !== undefined) problems.push(toProblem(misfit));
    const down = misfit?.code === "segment-overlaps-lan";
    taken.push(address);
    if (!down) segmentAddresses[segment.name] = formatInterface(address);
    const address6 = segmentAddress6(segment, config.mode, identity, lanPrefix);
    if (hasIpv6(segment, config.mode) && address6 === undefined) problems.push(toProblem(noPrefix(segment.name, face)));
    if (config.mode === "proxy" && address6 !== undefined) parts6.push(address6);
    const prefix6 = address6 === undefined ? undefined : prefixOf(address6);
    if (prefix6 !== undefined) prefixes6[segment.name] = prefix6;
    const time = { ...config.time, serve: servesTime(config, guest) };
    const parts = segmentGroups(segment, address, address6, identity, { ...config, time }, bindings);
    segmentParts.push(down ? withoutAddress(parts, segment) : parts);
  }
  // All interfaces before any fabric: a host adapter of our own that finds a station makes a segment itself, and must
  // not take a name that the configuration wants.
  for (const part of ["link", "dhcp", "fabric"] as const) {
    if (part === "fabric" && identity !== undefined && offersDriverDisk(config)) groups.push(driverDiskGroup(identity));
    groups.push(...segmentParts.map((parts) => parts[part]).filter((group) => group.operations.length > 0));
    if (part === "link")
      groups.push(...segmentParts.map(({ link: { name } }) => stationFilter(config, name, bindings)));
  }
  const served = servesTime(config, guest) ? [...Object.values(segmentAddresses), ...Object.values(prefixes6)] : [];
  const timeKeeper: Operation = { kind: "timeKeeper", servers: config.time.servers, clients: served };
  const networks = networksOf(config, face, observed.addresses, segmentAddresses, prefixes6);
  const { routes, behind, refused } = planRoutes(config.routes, networks);
  problems.push(...refused.map(({ why }) => toProblem(why)));
  if (tidying || routes.length > 0) groups.push({ name: "routes", operations: [{ kind: "staticRoutes", routes }] });
  const speaking = speaksOnLan(config, lanIps);
  const rules = firewallOperation(config, face, lan?.name, segmentAddresses, prefixes6, behind, speaking);
  if (!guest) {
    groups.push({ name: "clock", operations: [timeKeeper] });
    groups.push({ name: "ssh", operations: [{ kind: "ssh", ...config.ssh }] });
    groups.push(...monitoringGroups(config, observed, face));
    if (identity !== undefined) groups.push(mdnsGroup(config, rules.mdns, identity, observed.version));
  }
  if (identity !== undefined) {
    const announced = config.segments.flatMap((segment) => {
      const subnet = segmentAddresses[segment.name];
      const prefix6 = prefixes6[segment.name];
      if (subnet === undefined) return [];
      return [{ interface: segmentFace(segment), subnet, ...(prefix6 === undefined ? {} : { prefix6 }) }];
    });
    const spoken = speaking ? face : undefined;
    const mesh = meshGroup(config, spoken, announced, ethernetSubnets(observed, face, config), identity);
    if (mesh !== undefined) groups.push(mesh);
  }
  if (config.mode === "mesh" && !isMeshed(config)) problems.push(toProblem(meshKeyMissing()));
  if (face !== undefined && proxying6(config)) {
    groups.push({ name: "neighbours", operations: [{ kind: "proxyNeighbours", interface: face, parts: parts6 }] });
  }
  // Before anything can be reached: after tidying up and the system's own settings.
  const firewall = guest ? guestFirewall(rules, config, lan) : rules;
  const system = groups.findIndex(({ name }) => name === "system");
  // Nothing passes that nothing filters: without its rules, the gateway forwards nothing, and has no segments.
  groups.splice(
    system + 1,
    0,
    { name: "firewall", operations: [firewall] },
    { name: "forwarding", needs: ["firewall"], operations: forwardingSettings(config, guest, face) },
  );
  // What was written fits one mode, or one time: a part of the LAN's subnet, the same subnet on two gateways.
  const left = config.segments.filter(({ ipv4 }) => ipv4.address === "auto").map(({ name }) => name);
  const chosen = Object.entries(segmentAddresses).filter(([name]) => left.includes(name));
  return { plan: { groups }, problems, lan: face, chosenAddresses: Object.fromEntries(chosen), waiting };
}

/** First of all, for settings of the LAN's interface are made before it gets its address. */
function vlanOperations(config: Config, { ethernets, guest = false }: Observed): Operation[] {
  const { vlan } = config.lan;
  const port = findLanPort(config, ethernets, guest);
  if (vlan === undefined || port === undefined) return [];
  // A host's cable is the host's.
  const up: Operation[] = guest ? [] : [{ kind: "link", name: port.name }];
  return [...up, { kind: "vlan", id: vlan, port: port.name }];
}

function systemSettings(config: Config, { ethernets }: Observed, lan: EthernetInterface | undefined): Operation[] {
  return [
    { kind: "hostname", name: config.hostname },
    { kind: "timeZone", zone: config.time.zone },
    { kind: "nameServers", servers: config.names.nameServers },
    ...[...ethernets, ...(lan === undefined || config.lan.vlan === undefined ? [] : [lan])].flatMap((ethernet) =>
      proxying(config, ethernet, lan),
    ),
  ];
}

/** On a host: nothing that is not needed for what was configured, and nothing is switched off that is the host's. */
function guestSettings(config: Config, lan: EthernetInterface | undefined): Operation[] {
  return lan === undefined || config.segments.length === 0 ? [] : proxying(config, lan, lan);
}

/**
 * So many connections are remembered, of 320 bytes each, whatever the kernel makes of the machine's memory; eight stations with all that
 * one may have (operations/firewall.ts) fill it.
 */
const CONNECTIONS: Operation = { kind: "sysctl", name: "net.netfilter.nf_conntrack_max", value: 65_536 };

function forwardingSettings(config: Config, guest: boolean, face: string | undefined): Operation[] {
  const ipv4: Operation = { kind: "sysctl", name: "net.ipv4.ip_forward", value: 1 };
  if (!guest) return [ipv4, ...ipv6Settings(config, face), CONNECTIONS];
  const forwards = config.segments.length > 0 && config.mode !== "bridge";
  const ipv6 = config.segments.some((segment) => hasIpv6(segment, config.mode));
  return [...(forwards ? [ipv4] : []), ...(ipv6 ? ipv6Settings(config, face) : [])];
}

/** Interfaces whose addresses are ours to give; those of the host stay, where the method is none. */
function takenEthernets(config: Config, lan: EthernetInterface | undefined): string[] {
  const { storage, mode } = config;
  return [
    ...(lan === undefined || (config.lan.ipv4.method === "none" && mode !== "bridge") ? [] : [lan.name]),
    ...(storage === undefined || storage.ipv4.method === "none" ? [] : [storage.interface]),
  ];
}

/** All that the host's own network management is to leave alone. */
function claimOperation(config: Config, lan: EthernetInterface | undefined): Operation {
  const made = config.segments.flatMap(({ name, extend }) =>
    extend === undefined ? [name] : [name, extensionBridge(name), extensionTunnel(name)],
  );
  const bridge = config.mode === "bridge" ? [BRIDGE] : [];
  const tunnels = [...meshTunnels(config), ...(encryptedPeers(config).length === 0 ? [] : [WIREGUARD])];
  return { kind: "claim", interfaces: [...takenEthernets(config, lan), ...made, ...bridge, ...tunnels] };
}

/** Filters what is ours, and leaves the host's other interfaces to the host. */
function guestFirewall(rules: FirewallOperation, config: Config, lan: EthernetInterface | undefined): Operation {
  const taken = takenEthernets(config, lan);
  const faces = taken.map((name) => (name === lan?.name && config.mode === "bridge" ? BRIDGE : name));
  const only = [...faces, ...rules.segments.map(({ name }) => name), ...rules.mesh.tunnels];
  if (rules.encrypted !== undefined) only.push(WIREGUARD);
  return only.length === 0 ? { kind: "noFirewall" } : { ...rules, timeServer: false, only };
}

function mdnsGroup({ hostname, http }: Config, interfaces: string[], { id }: Identity, version = "unknown"): PlanGroup {
  const ports = { http: http.port, https: http.httpsPort };
  return { name: "mdns", operations: [{ kind: "mdns", hostname, interfaces, ports, id, version }] };
}

/** What others see the gateway by. In groups of their own: one that fails takes nothing away from the other. */
function monitoringGroups(
  config: Config,
  { ethernets, version = "unknown" }: Observed,
  face: string | undefined,
): PlanGroup[] {
  const { hostname, lldp, snmp } = config;
  const { enabled, community, location, contact } = snmp;
  const port = lldp.enabled ? findLanPort(config, ethernets)?.name : undefined;
  const said = { hostname, version };
  const seen = { face: face ?? "none", ...(port === undefined ? {} : { port }) };
  const told = { location, contact, ...(enabled && community !== undefined ? { community } : {}) };
  return [
    { name: "lldp", operations: [{ kind: "lldp", ...said, ...seen }] },
    { name: "snmp", operations: [{ kind: "snmp", ...said, ...told }] },
  ];
}

/** A host's clock is the host's, and so is what it serves. */
function servesTime({ time }: Config, guest: boolean): boolean {
  return time.serve && !guest;
}

/** "address/prefix" of the LAN's and the storage's interface, as they are now, of IPv6 the prefix. */
function ethernetSubnets({ addresses }: Observed, face: string | undefined, config: Config): string[] {
  const names = [face, config.storage?.interface].filter((name) => name !== undefined);
  return names
    .flatMap((name) => addresses.get(name) ?? [])
    .filter(({ scope }) => scope === "global")
    .map(({ cidr }) => ((parseInterface(cidr)?.prefix ?? 0) >= 8 ? cidr : prefixOf(cidr)))
    .filter((cidr) => cidr !== undefined)
    .filter((cidr) => !cidr.endsWith("/122"))
    .sort()
    .slice(0, MAX_RESERVED);
}

/** Our own "address/prefix" on the LAN, of IPv4. */
function ipv4Of({ addresses }: Observed, face: string | undefined): string[] {
  return (addresses.get(face ?? "") ?? [])
    .filter(({ family, scope }) => family === "inet" && scope === "global")
    .map(({ cidr }) => cidr);
}

/** Our own IPv6 address on the LAN, "address/64": the first by which the LAN's routers can be reached from outside. */
function lanPrefix6({ addresses }: Observed, face: string | undefined): string | undefined {
  const found = (addresses.get(face ?? "") ?? [])
    .filter(({ family, scope, cidr }) => family === "inet6" && scope === "global" && cidr.endsWith("/64"))
    .map(({ cidr }) => cidr)
    .sort();
  return found.find((cidr) => !/^f[cd]/.test(cidr)) ?? found[0];
}

/** A router ignores advertisements unless it is told not to (2): the LAN's router is still ours. */
function ipv6Settings(config: Config, face: string | undefined): Operation[] {
  const on = config.segments.some((segment) => hasIpv6(segment, config.mode));
  const forwarding: Operation = { kind: "sysctl", name: "net.ipv6.conf.all.forwarding", value: on ? 1 : 0 };
  if (!on || face === undefined) return [forwarding];
  return [{ kind: "interfaceSysctl", interface: face, name: "accept_ra", value: 2 }, forwarding];
}

function hasIpv6(segment: SegmentConfig, mode: Mode): boolean {
  return segment.ipv6.enabled && mode !== "bridge";
}

/** @param lanPrefix the LAN's "address/64", of which mode proxy takes a part */
function segmentAddress6(
  segment: SegmentConfig,
  mode: Mode,
  identity: Identity,
  lanPrefix: string | undefined,
): string | undefined {
  if (!hasIpv6(segment, mode)) return undefined;
  if (mode === "proxy") {
    return lanPrefix === undefined ? undefined : partOf(lanPrefix, chosenBits(identity, `${segment.name}:part`));
  }
  return segment.ipv6.address === "auto" ? uniqueLocalAddress(identity, segment.name) : segment.ipv6.address;
}

/** Whether an interface answers for addresses that are reached through another one. */
function proxyArp(name: string, on: boolean): Operation {
  return { kind: "interfaceSysctl", interface: name, name: "proxy_arp", value: on ? 1 : 0 };
}

function proxyNdp(name: string, on: boolean): Operation {
  return { kind: "interfaceSysctl", interface: name, name: "proxy_ndp", value: on ? 1 : 0 };
}

function proxying(config: Config, { name }: EthernetInterface, lan: EthernetInterface | undefined): Operation[] {
  return [
    proxyArp(name, config.mode === "proxy" && name === lan?.name),
    proxyNdp(name, proxying6(config) && name === lan?.name),
  ];
}

function proxying6({ mode, segments }: Config): boolean {
  return mode === "proxy" && segments.some((segment) => hasIpv6(segment, mode));
}

/** What this configuration does not name goes, if an earlier one made it. */
function pruneOperation(config: Config, face: string | undefined, identity: Identity): Operation {
  const segments = config.segments.map((segment) => segment.name);
  const targets = config.segments.flatMap(({ name, fabric }) => targetName(name, fabric, identity));
  const bridge = config.mode === "bridge";
  const { lan, storage } = config;
  const addressed = [
    ...(face === undefined || lan.ipv4.method === "none" ? [] : [face]),
    ...(storage === undefined || storage.ipv4.method === "none" ? [] : [storage.interface]),
    ...(bridge ? [] : config.segments.map(segmentFace)),
  ];
  const extended = config.segments.filter(({ extend }) => extend !== undefined).map(({ name }) => name);
  const served = bridge ? [] : segments;
  const [tunnels, mesh] = [meshTunnels(config), isMeshed(config)];
  const proxied = face !== undefined && proxying6(config) ? [face] : [];
  const vlans = lan.vlan === undefined ? [] : [lanVlan(lan.vlan)];
  const driverDisk = offersDriverDisk(config);
  const encrypted = encryptedPeers(config).length > 0;
  return {
    kind: "prune",
    ...{ segments, addressed, served, targets, extended, tunnels, proxied, vlans },
    ...{ bridge, mesh, encrypted, driverDisk },
  };
}

/** The LAN interface; in mode bridge it gives its address to the bridge over it. */
function lanOperations(config: Config, lan: EthernetInterface): Operation[] {
  const { hostname, mode } = config;
  const { ipv4 } = config.lan;
  if (mode !== "bridge") {
    return ethernetOperations(lan.name, ipv4, hostname, true);
  }
  return [
    { kind: "link", name: lan.name },
    { kind: "dhcpClient", interface: lan.name, running: false, hostname, defaultRoute: true },
    { kind: "noAddress", interface: lan.name },
    { kind: "bridge", address: lan.address, port: lan.name },
    ...ethernetOperations(BRIDGE, ipv4, hostname, true),
  ];
}

function ethernetOperations(name: string, ipv4: Ipv4Method, hostname: string, defaultRoute: boolean): Operation[] {
  const operations: Operation[] = [{ kind: "link", name }];
  const running = ipv4.method === "dhcp";
  operations.push({ kind: "dhcpClient", interface: name, running, hostname, defaultRoute });
  if (ipv4.method === "static") {
    operations.push({ kind: "address", interface: name, address: ipv4.address });
    if (defaultRoute) {
      const { gateway } = ipv4;
      operations.push({ kind: "route", interface: name, ...(gateway === undefined ? {} : { gateway }) });
      operations.push({ kind: "resolver", interface: name, servers: ipv4.dns });
    }
  }
  return operations;
}

/**
 * Subnets that are taken before any segment chooses: the live ones of all Ethernets, and those that the document fixes.
 */
function fixedSubnets(config: Config, routes: readonly Route[]): Ipv4Interface[] {
  const ours = config.segments.flatMap((segment) => [segment.name, extensionBridge(segment.name)]);
  const methods = [config.lan.ipv4, ...(config.storage ? [config.storage.ipv4] : [])];
  const written = [
    ...methods.flatMap((method) => (method.method === "static" ? [method.address] : [])),
    ...config.segments.map((segment) => segment.ipv4.address),
  ];
  return [...routedSubnets(routes, ours), ...written.map(parseInterface).filter((value) => value !== undefined)];
}

/** The written address, else the remembered one as long as it fits, else a new one. */
function segmentAddress(
  segment: SegmentConfig,
  taken: readonly Ipv4Interface[],
  learned: readonly Ipv4Interface[],
  remembered: Record<string, string>,
  identity: Identity,
): Ipv4Interface | undefined {
  if (segment.ipv4.address !== "auto") return parseInterface(segment.ipv4.address);
  const before = parseInterface(remembered[segment.name] ?? "");
  if (before !== undefined && !taken.some((other) => overlaps(before, other))) return before;
  return chooseSubnet([...taken, ...learned], chosenNumber(identity, `${segment.name}:subnet4`, FIRST_RANGE));
}

/** Why a segment cannot have an address on this LAN. */
function segmentMisfit(
  config: Config,
  segment: SegmentConfig,
  address: Ipv4Interface,
  observed: Observed,
): ScsigateError | undefined {
  const face = lanFace(config, observed.ethernets, observed.guest);
  if (config.mode === "proxy") return proxyProblem(segment.name, address, face, observed);
  if (segment.ipv4.address === "auto") return undefined; // it was chosen to fit
  const names = [face, config.storage?.interface].filter((name) => name !== undefined);
  const clash = connectedSubnets(observed.routes, names).find((subnet) => overlaps(subnet, address));
  return clash === undefined ? undefined : overlapProblem(segment.name, address, clash);
}

function isEthernet(segment: string, { ethernets }: Observed): boolean {
  return ethernets.some(({ name }) => name === segment);
}

/**
 * What of a configuration's segments and routes does not fit the LAN as it is now, all of it at once. Says nothing of a LAN that the
 * configuration changes: what it will be is not known yet.
 */
export function misfits(
  config: Config,
  present: Config,
  observed: Observed,
  identity: Identity | undefined,
  remembered: Record<string, string>,
): ConfigError[] {
  const taken = config.segments.flatMap(({ name }, index): ConfigError[] => {
    if (!isEthernet(name, observed)) return [];
    const { message, nextStep } = nameTaken(name);
    return [{ path: `/segments/${index}/name`, message, nextStep }];
  });
  const same = canonical([config.lan, config.storage]) === canonical([present.lan, present.storage]);
  if (!same || identity === undefined) return taken;
  // In mode bridge, the bridge has the addresses; the LAN is the same nevertheless.
  const here = lanFace(present, observed.ethernets, observed.guest);
  const face = lanFace(config, observed.ethernets, observed.guest);
  const moved = <T extends { interface: string }>(entry: T): T =>
    entry.interface === here && face !== undefined ? { ...entry, interface: face } : entry;
  const seen: Observed = {
    ...observed,
    addresses: new Map(observed.addresses).set(face ?? "", observed.addresses.get(here ?? "") ?? []),
    routes: observed.routes.map(moved),
  };
  return [
    ...taken,
    ...segmentMisfits(config, seen, identity, remembered),
    ...routeMisfits(config, face, seen, identity, remembered),
  ];
}

function segmentMisfits(
  config: Config,
  seen: Observed,
  identity: Identity,
  remembered: Record<string, string>,
): ConfigError[] {
  if (config.mode === "bridge") return [];
  return config.segments.flatMap((segment, index) => {
    const address = segmentAddress(segment, [], [], remembered, identity);
    const misfit = address === undefined ? undefined : segmentMisfit(config, segment, address, seen);
    if (misfit === undefined) return [];
    const { message, nextStep } = misfit;
    return [{ path: `/segments/${index}/ipv4/address`, message, nextStep }];
  });
}

/** A router that is on no known network is no mistake while some network is not known yet. */
function routeMisfits(
  config: Config,
  face: string | undefined,
  seen: Observed,
  identity: Identity,
  remembered: Record<string, string>,
): ConfigError[] {
  const segments = config.mode === "bridge" ? [] : config.segments;
  const addresses: Record<string, string> = {};
  const prefixes6: Record<string, string> = {};
  for (const segment of segments) {
    const address = segment.ipv4.address === "auto" ? remembered[segment.name] : segment.ipv4.address;
    if (address !== undefined) addresses[segment.name] = address;
    const prefix6 = prefixOf(segmentAddress6(segment, config.mode, identity, lanPrefix6(seen, face)) ?? "");
    if (prefix6 !== undefined) prefixes6[segment.name] = prefix6;
  }
  const networks = networksOf(config, face, seen.addresses, addresses, prefixes6);
  const unknown = (six: boolean): boolean => {
    const known = networks.filter(({ subnet }) => subnet.includes(":") === six);
    const names = [...(face === undefined ? [] : [face]), ...segments.map(segmentFace)];
    return names.some((name) => !known.some((network) => network.interface === name));
  };
  return planRoutes(config.routes, networks).refused.flatMap(({ index, key, astray, why }) => {
    if (astray && unknown(config.routes[index]?.via.includes(":") === true)) return [];
    return [{ path: `/routes/${index}/${key}`, message: why.message, nextStep: why.nextStep }];
  });
}

/** What has the segment's name: an interface of the driver, or that of an adapter of ours, which is a hub by itself. */
function segmentInterface({ name, fabric }: SegmentConfig, identity: Identity): Operation[] {
  if (fabric.type === "adapter") {
    return [
      { kind: "modules", names: ["cdc_ncm", "cdc_acm"] },
      { kind: "adapter", segment: name, serial: fabric.serial },
      { kind: "link", name },
    ];
  }
  return [
    { kind: "modules", names: ["ipscsi"] },
    { kind: "link", name, create: { kind: "ipscsi", address: stationAddress(identity, name) } },
  ];
}

interface SegmentGroups {
  link: PlanGroup;
  dhcp: PlanGroup;
  fabric: PlanGroup;
}

function segmentGroups(
  segment: SegmentConfig,
  address: Ipv4Interface,
  address6: string | undefined,
  identity: Identity,
  config: Config,
  bindings: Bindings,
): SegmentGroups {
  const { name, extend } = segment;
  const face = segmentFace(segment);
  const { hostname, mode } = config;
  const text = formatInterface(address);
  const [first, last] = dhcpRange(address);
  const prefix6 = address6 === undefined ? undefined : prefixOf(address6);
  return {
    link: {
      name,
      needs: ["firewall"],
      operations: [
        ...segmentInterface(segment, identity),
        // Stations of one segment reach each other directly or through us, both rightly: no advice to do otherwise.
        { kind: "interfaceSysctl", interface: name, name: "send_redirects", value: 0 },
        proxyArp(name, mode === "proxy"),
        ...extension(segment, identity),
        { kind: "address", interface: face, address: text },
        { kind: "address6", interface: face, ...(address6 === undefined ? {} : { address: address6 }) },
      ],
    },
    dhcp: {
      name: `${name}-dhcp`,
      needs: [name],
      operations: [
        {
          kind: "dnsmasq",
          segment: name,
          ...(extend === undefined ? {} : { interface: face, mtu: hostsMtu(config, extend) }),
          running: segment.dhcp.enabled,
          address: text,
          ...(prefix6 === undefined ? {} : { prefix6 }),
          range: [formatIpv4(first), formatIpv4(last)],
          leaseSeconds: segment.dhcp.leaseSeconds,
          hostname,
          timeServer: config.time.serve,
          ...hostsOf(segment, bindings),
          ...(segment.dhcp.boot === undefined ? {} : { boot: segment.dhcp.boot }),
          ...optionsOf(segment),
          ...namesOf(config),
        },
      ],
    },
    fabric: {
      name: `${name}-fabric`,
      needs: [name],
      operations: [
        ...fabricOperations(segment, identity, config.chap),
        ...renewal(segment, segment.dhcp.enabled ? text : "elsewhere"),
      ],
    },
  };
}

/** The segment stays, and its stations reach each other; nothing of it is in the LAN's way. */
function withoutAddress({ link, dhcp, fabric }: SegmentGroups, segment: SegmentConfig): SegmentGroups {
  const bare = (operation: Operation): Operation =>
    operation.kind === "address" ? { kind: "noAddress", interface: segmentFace(segment) } : operation;
  const silent = (operation: Operation): Operation =>
    operation.kind === "dnsmasq" ? { ...operation, running: false } : operation;
  return {
    link: { ...link, operations: link.operations.map(bare) },
    dhcp: { ...dhcp, operations: dhcp.operations.map(silent) },
    fabric: { ...fabric, operations: fabric.operations.filter(({ kind }) => kind !== "renewal") },
  };
}

/** A segment that spans gateways becomes the port of a bridge, and the bridge has its addresses. */
function extension({ name, extend }: SegmentConfig, identity: Identity): Operation[] {
  if (extend === undefined) return [];
  const { vni, peers } = extend;
  return [
    { kind: "noAddress", interface: name },
    { kind: "address6", interface: name },
    { kind: "modules", names: ["vxlan"] },
    { kind: "extension", segment: name, address: stationAddress(identity, name), vni, peers },
    { kind: "interfaceSysctl", interface: extensionBridge(name), name: "send_redirects", value: 0 },
  ];
}

/** Layer 2 only: no address, no DHCP of our own. */
function bridgedSegment(segment: SegmentConfig, identity: Identity, chap: ChapConfig): SegmentGroups {
  const { name } = segment;
  return {
    link: {
      name,
      needs: ["firewall", "lan"],
      operations: [
        ...segmentInterface(segment, identity),
        proxyArp(name, false),
        { kind: "noAddress", interface: name },
        { kind: "address6", interface: name },
        { kind: "bridgePort", port: name },
      ],
    },
    dhcp: { name: `${name}-dhcp`, operations: [] },
    fabric: {
      name: `${name}-fabric`,
      needs: [name],
      operations: [...fabricOperations(segment, identity, chap), ...renewal(segment, "the LAN")],
    },
  };
}

/**
 * Last of all, when who gives the addresses is there. An adapter's stations have their carrier from the adapter, which no driver here takes from them.
 *
 * @param from whose addresses the hosts have
 */
function renewal({ name, fabric }: SegmentConfig, from: string): Operation[] {
  return fabric.type === "adapter" ? [] : [{ kind: "renewal", segment: name, from }];
}

/** A fabric's target as configfs names it; none for none. */
function targetName(segment: string, fabric: FabricConfig, identity: Identity): string[] {
  switch (fabric.type) {
    case "adapter":
    case "none":
      return [];
    case "iscsi":
      return [fabric.target];
    case "loop":
      return [loopName(identity, segment, "target")];
    case "qla2xxx":
    case "sbp":
    case "srpt":
      return [fabric.port];
  }
}

const FABRIC_MODULES = {
  iscsi: "iscsi_target_mod",
  loop: "tcm_loop",
  qla2xxx: "tcm_qla2xxx",
  sbp: "sbp_target",
  srpt: "ib_srpt",
} as const satisfies Record<string, ModuleName>;

/** In a group of its own: a kernel that cannot filter here takes nothing but this away from the segment. */
function stationFilter({ segments }: Config, segment: string, bindings: Bindings): PlanGroup {
  const settings = settingsOf(
    segments.find(({ name }) => name === segment),
    bindings,
  );
  // Who is blocked by its initiator's name, the fabric does not let in.
  const blocked = settings.flatMap(({ address, initiator, access }) =>
    access === "block" && initiator === undefined && address !== undefined ? [address] : [],
  );
  return { name: `${segment}-stations`, needs: [segment], operations: [{ kind: "stationFilter", segment, blocked }] };
}

/** Stations that DHCP and DNS know by the configuration. */
function hostsOf(segment: SegmentConfig, bindings: Bindings): Pick<DnsmasqOperation, "hosts"> {
  const hosts = settingsOf(segment, bindings).flatMap(({ address, ipv4, name }) => {
    if (ipv4 === undefined && name === undefined) return [];
    return [
      {
        ...(address === undefined ? {} : { address }),
        ...(ipv4 === undefined ? {} : { ipv4 }),
        ...(name === undefined ? {} : { name }),
      },
    ];
  });
  return hosts.length === 0 ? {} : { hosts };
}

function optionsOf({ dhcp }: SegmentConfig): Pick<DnsmasqOperation, "options"> {
  const options = dhcp.options.map((option): DhcpOption => {
    const { number, type, value } = option;
    return type === "addresses"
      ? { number, addresses: value.split(",").map((text) => text.trim()) }
      : { number, bytes: optionBytes(option) ?? [] };
  });
  return options.length === 0 ? {} : { options };
}

function namesOf({ names: { nameServers: servers, records } }: Config): Pick<DnsmasqOperation, "dns"> {
  return servers.length === 0 && records.length === 0 ? {} : { dns: { servers, records } };
}

const TARGET_CORE: readonly Operation[] = [
  { kind: "modules", names: ["configfs", "target_core_mod"] },
  { kind: "configfs" },
];

function fabricOperations(segment: SegmentConfig, identity: Identity, chap: ChapConfig): Operation[] {
  const { name, fabric } = segment;
  if (fabric.type === "none" || fabric.type === "adapter") return [];
  const admits = (initiators: readonly string[]) => initiators.filter((initiator) => !isShutOut(segment, initiator));
  return [
    ...TARGET_CORE,
    { kind: "modules", names: ["ipscsi_target", FABRIC_MODULES[fabric.type]] },
    { kind: "backstore", segment: name },
    targetOperation(name, fabric, identity, chap, hasDriverDisk(segment), admits),
  ];
}

/** Fabrics on which the kernel can keep a disk from being written to, and on which there are other hosts than this one. */
const DISK_FABRICS: readonly string[] = ["iscsi", "qla2xxx", "srpt"];

function hasDriverDisk({ fabric, driverDisk }: SegmentConfig): boolean {
  return driverDisk && DISK_FABRICS.includes(fabric.type);
}

function offersDriverDisk({ segments }: Config): boolean {
  return segments.some(hasDriverDisk);
}

/** In a group of its own: when it fails, segments are exported all the same. */
function driverDiskGroup(identity: Identity): PlanGroup {
  const modules: Operation = { kind: "modules", names: ["target_core_file"] };
  return { name: "driver-disk", operations: [...TARGET_CORE, modules, { kind: "driverDisk", serial: identity.id }] };
}

function targetOperation(
  segment: string,
  fabric: Exclude<FabricConfig, { type: "none" | "adapter" }>,
  identity: Identity,
  chap: ChapConfig,
  driverDisk: boolean,
  admits: (initiators: readonly string[]) => string[],
): Operation {
  switch (fabric.type) {
    case "iscsi": {
      const { target, portals, initiators, authentication } = fabric;
      const account = chapAccount(authentication, chap);
      const proof = account === undefined ? {} : { chap: account };
      return { kind: "iscsiTarget", segment, target, portals, initiators: admits(initiators), ...proof, driverDisk };
    }
    case "loop": {
      const target = loopName(identity, segment, "target");
      return { kind: "loopTarget", segment, target, initiator: loopName(identity, segment, "initiator") };
    }
    case "qla2xxx":
    case "srpt": {
      const { type, port, initiators, open } = fabric;
      return { kind: "portTarget", fabric: type, segment, port, initiators: admits(initiators), open, driverDisk };
    }
    case "sbp":
      return {
        ...{ kind: "portTarget", fabric: "sbp", segment, port: fabric.port, initiators: [], open: fabric.open },
        driverDisk: false,
      };
  }
}

/** Validation saw to it that what is asked for is there. */
function chapAccount(authentication: IscsiFabric["authentication"], chap: ChapConfig): Chap | undefined {
  const { user, password, gatewayUser, gatewayPassword } = chap;
  if (authentication === "none" || user === undefined || password === undefined) return undefined;
  if (authentication === "chap" || gatewayUser === undefined || gatewayPassword === undefined) {
    return { user, password };
  }
  return { user, password, gateway: { user: gatewayUser, password: gatewayPassword } };
}
