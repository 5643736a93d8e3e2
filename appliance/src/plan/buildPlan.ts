// SPDX-License-Identifier: Apache-2.0
/** From the configuration and what is there to the executor's plan. A pure function: the same input, the same plan. */
import type { Config, FabricConfig, Ipv4Method, Mode, SegmentConfig } from "../config/types.ts";
import type { InterfaceAddress, Route } from "../observe/ipJson.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import { BRIDGE, type ModuleName, type Operation, type Plan, type PlanGroup } from "../protocol/operations.ts";
import { type Problem, toProblem } from "../shared/errors.ts";
import { type Identity, loopName, stationAddress, uniqueLocalAddress } from "../shared/identity.ts";
import { formatInterface, formatIpv4, type Ipv4Interface, overlaps, parseInterface } from "../shared/ipv4.ts";
import { prefixOf } from "../shared/ipv6.ts";
import { firewallOperation } from "./firewall.ts";
import { lanMissing, noSubnet, proxyProblem } from "./problems.ts";
import { chooseSubnet, dhcpRange, routedSubnets } from "./subnets.ts";

export interface Observed {
  /** Physical Ethernet interfaces, oldest first. */
  ethernets: EthernetInterface[];
  addresses: Map<string, InterfaceAddress[]>;
  routes: Route[];
  /** Whether the LAN's addresses can be relied on: it has one, or had time enough to get one. */
  lanSettled: boolean;
}

export interface Planned {
  plan: Plan;
  /** What stands in the way of a complete plan. */
  problems: Problem[];
  /** Name of the interface that has the LAN's address: the LAN interface, or the bridge over it. */
  lan: string | undefined;
  /** Each planned segment's "address/prefix", by name: to be remembered for when the next one is to be chosen. */
  segmentAddresses: Record<string, string>;
  /** Segments that wait for the LAN to settle. */
  waiting: string[];
}

/** The LAN interface: the named one, or the first physical Ethernet that is not the storage one. */
export function findLan(config: Config, ethernets: readonly EthernetInterface[]): EthernetInterface | undefined {
  const candidates = ethernets.filter((ethernet) => ethernet.name !== config.storage?.interface);
  if (config.lan.interface === "auto") return candidates[0];
  return candidates.find((ethernet) => ethernet.name === config.lan.interface);
}

/** The interface that has the LAN's address. */
export function lanFace(config: Config, ethernets: readonly EthernetInterface[]): string | undefined {
  const lan = findLan(config, ethernets);
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
  const lan = findLan(config, observed.ethernets);
  const face = lanFace(config, observed.ethernets);
  const tidying = tidy && identity !== undefined; // it says which loop targets are ours
  const groups: PlanGroup[] = [
    ...(tidying ? [{ name: "tidy", operations: [pruneOperation(config, face, identity)] }] : []),
    {
      name: "system",
      operations: [
        { kind: "hostname", name: config.hostname },
        { kind: "sysctl", name: "net.ipv4.ip_forward", value: 1 },
        ...ipv6Settings(config, face),
        ...observed.ethernets.map((ethernet) => proxyArp(ethernet.name, config.mode === "proxy" && ethernet === lan)),
      ],
    },
  ];
  if (lan) groups.push({ name: "lan", operations: lanOperations(config, lan) });
  else problems.push(toProblem(lanMissing(config.lan.interface)));
  if (config.storage) {
    const { interface: name, ipv4 } = config.storage;
    groups.push({ name: "storage", operations: ethernetOperations(name, ipv4, config.hostname, false) });
  }

  const taken = fixedSubnets(config, observed.routes);
  const segmentAddresses: Record<string, string> = {};
  const prefixes6: Record<string, string> = {};
  const waiting: string[] = [];
  const segmentParts: SegmentGroups[] = [];
  const routed = config.mode !== "bridge";
  for (const segment of config.segments) {
    const choosing = routed && segment.ipv4.address === "auto" && !remembered[segment.name];
    if (identity === undefined || (choosing && !observed.lanSettled)) {
      waiting.push(segment.name);
      continue;
    }
    if (!routed) {
      segmentParts.push(bridgedSegment(segment, identity));
      continue;
    }
    const address = segmentAddress(segment, taken, remembered);
    if (address === undefined) {
      problems.push(toProblem(noSubnet(segment.name)));
      continue;
    }
    const misfit = config.mode === "proxy" ? proxyProblem(segment.name, address, face, observed) : undefined;
    if (misfit !== undefined) problems.push(toProblem(misfit));
    taken.push(address);
    segmentAddresses[segment.name] = formatInterface(address);
    const address6 = segmentAddress6(segment, config.mode, identity);
    const prefix6 = address6 === undefined ? undefined : prefixOf(address6);
    if (prefix6 !== undefined) prefixes6[segment.name] = prefix6;
    segmentParts.push(segmentGroups(segment, address, address6, identity, config));
  }
  // All interfaces before any fabric: a host adapter of our own that finds a station makes a segment itself, and must
  // not take a name that the configuration wants.
  for (const part of ["link", "dhcp", "fabric"] as const) {
    groups.push(...segmentParts.map((parts) => parts[part]).filter((group) => group.operations.length > 0));
  }
  // Before anything can be reached: after tidying up and the system's own settings.
  const firewall = firewallOperation(config, face, segmentAddresses, prefixes6);
  groups.splice(tidying ? 2 : 1, 0, { name: "firewall", operations: [firewall] });
  // A part of the LAN's subnet is no address for a segment in any other mode.
  const memorable = config.mode === "proxy" ? {} : segmentAddresses;
  return { plan: { groups }, problems, lan: face, segmentAddresses: memorable, waiting };
}

/** A router ignores advertisements unless it is told not to (2): the LAN's router is still ours. */
function ipv6Settings(config: Config, face: string | undefined): Operation[] {
  const on = config.segments.some((segment) => hasIpv6(segment, config.mode));
  const forwarding: Operation = { kind: "sysctl", name: "net.ipv6.conf.all.forwarding", value: on ? 1 : 0 };
  if (!on || face === undefined) return [forwarding];
  return [{ kind: "interfaceSysctl", interface: face, name: "accept_ra", value: 2 }, forwarding];
}

function hasIpv6(segment: SegmentConfig, mode: Mode): boolean {
  return segment.ipv6.enabled && (mode === "routed" || mode === "nat");
}

function segmentAddress6(segment: SegmentConfig, mode: Mode, identity: Identity): string | undefined {
  if (!hasIpv6(segment, mode)) return undefined;
  return segment.ipv6.address === "auto" ? uniqueLocalAddress(identity, segment.name) : segment.ipv6.address;
}

/** Whether an interface answers for addresses that are reached through another one. */
function proxyArp(name: string, on: boolean): Operation {
  return { kind: "interfaceSysctl", interface: name, name: "proxy_arp", value: on ? 1 : 0 };
}

/** What this configuration does not name goes, if an earlier one made it. */
function pruneOperation(config: Config, face: string | undefined, identity: Identity): Operation {
  const segments = config.segments.map((segment) => segment.name);
  const targets = config.segments.flatMap(({ name, fabric }) => {
    if (fabric.type === "iscsi") return [fabric.target];
    if (fabric.type === "loop") return [loopName(identity, name, "target")];
    return [];
  });
  const bridge = config.mode === "bridge";
  const { lan, storage } = config;
  const addressed = [
    ...(face === undefined || lan.ipv4.method === "none" ? [] : [face]),
    ...(storage === undefined || storage.ipv4.method === "none" ? [] : [storage.interface]),
    ...(bridge ? [] : segments),
  ];
  return { kind: "prune", segments, addressed, served: bridge ? [] : segments, targets, bridge };
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
    if (ipv4.gateway !== undefined && defaultRoute) {
      operations.push({ kind: "route", interface: name, gateway: ipv4.gateway });
    }
    if (defaultRoute) operations.push({ kind: "resolver", interface: name, servers: ipv4.dns });
  }
  return operations;
}

/**
 * Subnets that are taken before any segment chooses: the live ones of all Ethernets, and those that the document fixes.
 */
function fixedSubnets(config: Config, routes: readonly Route[]): Ipv4Interface[] {
  const ours = config.segments.map((segment) => segment.name);
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
  remembered: Record<string, string>,
): Ipv4Interface | undefined {
  if (segment.ipv4.address !== "auto") return parseInterface(segment.ipv4.address);
  const before = parseInterface(remembered[segment.name] ?? "");
  if (before !== undefined && !taken.some((other) => overlaps(before, other))) return before;
  return chooseSubnet(taken);
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
): SegmentGroups {
  const { name } = segment;
  const { hostname, mode } = config;
  const text = formatInterface(address);
  const [first, last] = dhcpRange(address);
  const prefix6 = address6 === undefined ? undefined : prefixOf(address6);
  return {
    link: {
      name,
      operations: [
        { kind: "modules", names: ["ipscsi"] },
        { kind: "link", name, create: { kind: "ipscsi", address: stationAddress(identity, name) } },
        // Stations of one segment reach each other directly or through us, both rightly: no advice to do otherwise.
        { kind: "interfaceSysctl", interface: name, name: "send_redirects", value: 0 },
        proxyArp(name, mode === "proxy"),
        { kind: "address", interface: name, address: text },
        { kind: "address6", interface: name, ...(address6 === undefined ? {} : { address: address6 }) },
      ],
    },
    dhcp: {
      name: `${name}-dhcp`,
      needs: name,
      operations: [
        {
          kind: "dnsmasq",
          segment: name,
          running: segment.dhcp.enabled,
          address: text,
          ...(prefix6 === undefined ? {} : { prefix6 }),
          range: [formatIpv4(first), formatIpv4(last)],
          leaseSeconds: segment.dhcp.leaseSeconds,
          hostname,
        },
      ],
    },
    fabric: { name: `${name}-fabric`, needs: name, operations: fabricOperations(name, segment.fabric, identity) },
  };
}

/** Layer 2 only: no address, no DHCP of our own. */
function bridgedSegment({ name, fabric }: SegmentConfig, identity: Identity): SegmentGroups {
  return {
    link: {
      name,
      needs: "lan",
      operations: [
        { kind: "modules", names: ["ipscsi"] },
        { kind: "link", name, create: { kind: "ipscsi", address: stationAddress(identity, name) } },
        proxyArp(name, false),
        { kind: "noAddress", interface: name },
        { kind: "address6", interface: name },
        { kind: "bridgePort", port: name },
      ],
    },
    dhcp: { name: `${name}-dhcp`, operations: [] },
    fabric: { name: `${name}-fabric`, needs: name, operations: fabricOperations(name, fabric, identity) },
  };
}

function fabricOperations(segment: string, fabric: FabricConfig, identity: Identity): Operation[] {
  const prepare = (module: ModuleName): Operation[] => [
    { kind: "modules", names: ["configfs", "target_core_mod"] },
    { kind: "configfs" },
    { kind: "modules", names: ["ipscsi_target", module] },
    { kind: "backstore", segment },
  ];
  switch (fabric.type) {
    case "none":
      return [];
    case "iscsi": {
      const { target, portals, initiators } = fabric;
      return [...prepare("iscsi_target_mod"), { kind: "iscsiTarget", segment, target, portals, initiators }];
    }
    case "loop": {
      const target = loopName(identity, segment, "target");
      const initiator = loopName(identity, segment, "initiator");
      return [...prepare("tcm_loop"), { kind: "loopTarget", segment, target, initiator }];
    }
  }
}
