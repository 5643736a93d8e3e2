// SPDX-License-Identifier: Apache-2.0
/** From the configuration and what is there to the executor's plan. A pure function: the same input, the same plan. */
import type { Config, FabricConfig, Ipv4Method, SegmentConfig } from "../config/types.ts";
import type { InterfaceAddress, Route } from "../observe/ipJson.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import type { ModuleName, Operation, Plan, PlanGroup } from "../protocol/operations.ts";
import { type Problem, ScsigateError, toProblem } from "../shared/errors.ts";
import { type Identity, loopName, stationAddress } from "../shared/identity.ts";
import { formatInterface, formatIpv4, type Ipv4Interface, overlaps, parseInterface } from "../shared/ipv4.ts";
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
  /** Name of the LAN interface, where there is one. */
  lan: string | undefined;
  /** Each planned segment's "address/prefix", by name: to be remembered for the next time. */
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

/**
 * @param identity undefined until it is known; segments wait for it.
 * @param remembered the addresses that segments had the last time, by name.
 */
export function buildPlan(
  config: Config,
  observed: Observed,
  identity: Identity | undefined,
  remembered: Record<string, string>,
): Planned {
  const problems: Problem[] = [];
  const groups: PlanGroup[] = [
    {
      name: "system",
      operations: [
        { kind: "hostname", name: config.hostname },
        { kind: "sysctl", name: "net.ipv4.ip_forward", value: 1 },
      ],
    },
    { name: "firewall", operations: [{ kind: "firewall" }] },
  ];
  const lan = findLan(config, observed.ethernets);
  if (lan)
    groups.push({ name: "lan", operations: ethernetOperations(lan.name, config.lan.ipv4, config.hostname, true) });
  else problems.push(toProblem(lanMissing(config.lan.interface)));
  if (config.storage) {
    const { interface: name, ipv4 } = config.storage;
    groups.push({ name: "storage", operations: ethernetOperations(name, ipv4, config.hostname, false) });
  }

  const taken = fixedSubnets(config, observed.routes);
  const segmentAddresses: Record<string, string> = {};
  const waiting: string[] = [];
  const segmentParts: SegmentGroups[] = [];
  for (const segment of config.segments) {
    if (
      identity === undefined ||
      (segment.ipv4.address === "auto" && !observed.lanSettled && !remembered[segment.name])
    ) {
      waiting.push(segment.name);
      continue;
    }
    const address = segmentAddress(segment, taken, remembered);
    if (address === undefined) {
      problems.push(toProblem(noSubnet(segment.name)));
      continue;
    }
    taken.push(address);
    segmentAddresses[segment.name] = formatInterface(address);
    segmentParts.push(segmentGroups(segment, address, identity, config.hostname));
  }
  // All interfaces before any fabric: a host adapter of our own that finds a station makes a segment itself, and must
  // not take a name that the configuration wants.
  for (const part of ["link", "dhcp", "fabric"] as const) {
    groups.push(...segmentParts.map((parts) => parts[part]).filter((group) => group.operations.length > 0));
  }
  return { plan: { groups }, problems, lan: lan?.name, segmentAddresses, waiting };
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

/** Subnets that are taken before any segment chooses: the live ones of all Ethernets, and those that the document fixes. */
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
  identity: Identity,
  hostname: string,
): SegmentGroups {
  const { name } = segment;
  const text = formatInterface(address);
  const [first, last] = dhcpRange(address);
  return {
    link: {
      name,
      operations: [
        { kind: "modules", names: ["ipscsi"] },
        { kind: "link", name, create: { kind: "ipscsi", address: stationAddress(identity, name) } },
        // Stations of one segment reach each other directly or through us, both rightly: no advice to do otherwise.
        { kind: "interfaceSysctl", interface: name, name: "send_redirects", value: 0 },
        { kind: "address", interface: name, address: text },
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
          range: [formatIpv4(first), formatIpv4(last)],
          leaseSeconds: segment.dhcp.leaseSeconds,
          hostname,
        },
      ],
    },
    fabric: { name: `${name}-fabric`, needs: name, operations: fabricOperations(name, segment.fabric, identity) },
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

function lanMissing(name: string): ScsigateError {
  return new ScsigateError(
    "interface-missing",
    name === "auto" ? "no Ethernet interface for the LAN was found" : `the LAN interface ${name} was not found`,
    name === "auto"
      ? "Check the network adapter; `ip link` on the console lists what the kernel sees."
      : 'Correct lan.interface in the configuration, or set it to "auto".',
  );
}

function noSubnet(segment: string): ScsigateError {
  return new ScsigateError(
    "no-free-subnet",
    `no private subnet is free for ${segment}: the LAN's routes cover all candidates`,
    "Set the segment's ipv4.address by hand to a subnet that the LAN does not use.",
  );
}
