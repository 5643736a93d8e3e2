// SPDX-License-Identifier: Apache-2.0
/** From the configuration and what is there to the executor's plan. A pure function: the same input, the same plan. */
import type { Config } from "../config/types.ts";
import { lanVlan, type Operation, type Plan, type PlanGroup, segmentFace } from "../protocol/operations.ts";
import { type Problem, toProblem } from "../shared/errors.ts";
import type { Identity } from "../shared/identity.ts";
import { formatInterface, parseInterface } from "../shared/ipv4.ts";
import { prefixOf } from "../shared/ipv6.ts";
import { fixedSubnets, segmentAddress } from "./addresses.ts";
import { encryptedPeers, encryptionGroup, speaksOnLan } from "./encryption.ts";
import { driverDiskGroup, offersDriverDisk, targetName } from "./fabric.ts";
import { firewallOperation } from "./firewall.ts";
import { claimOperation, guestFirewall, guestSettings } from "./guest.ts";
import { hasIpv6, lanPrefix6, segmentAddress6 } from "./ipv6.ts";
import {
  ethernetOperations,
  ethernetSubnets,
  findLan,
  ipv4Of,
  isEthernet,
  lanFace,
  lanOperations,
  vlanOperations,
} from "./lan.ts";
import { meshGroup } from "./mesh.ts";
import { isMeshed, meshTunnels } from "./meshed.ts";
import { segmentMisfit } from "./misfits.ts";
import { proxying6 } from "./neighbours.ts";
import type { Observed } from "./observed.ts";
import { lanMissing, meshKeyMissing, nameTaken, noPrefix, noSubnet } from "./problems.ts";
import { networksOf, planRoutes } from "./routes.ts";
import { bridgedSegment, type SegmentGroups, segmentGroups, stationFilter, withoutAddress } from "./segment.ts";
import { routedSubnets } from "./subnets.ts";
import { forwardingSettings, mdnsGroup, monitoringGroups, servesTime, systemSettings } from "./system.ts";

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
