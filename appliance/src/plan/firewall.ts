// SPDX-License-Identifier: Apache-2.0
/** From the configuration's sides to interfaces. */
import type { Config } from "../config/types.ts";
import { type FirewallOperation, type FirewallRule, segmentFace } from "../protocol/operations.ts";
import { isMeshed, meshTunnels } from "./mesh.ts";

/**
 * @param lan the interface that has the LAN's address
 * @param segmentAddresses the gateway's "address/prefix" on each segment that has one
 * @param prefixes6 the IPv6 prefix of each segment that has one
 */
export function firewallOperation(
  config: Config,
  lan: string | undefined,
  segmentAddresses: Record<string, string>,
  prefixes6: Record<string, string>,
): FirewallOperation {
  const { firewall, mode, http, ssh } = config;
  // In mode bridge, segments are ports: for the gateway itself, their hosts are on the LAN.
  const segments = mode === "bridge" ? [] : config.segments;
  const names = segments.map(segmentFace);
  const tunnels = meshTunnels(config);
  const sides = {
    lan: lan === undefined ? [] : [lan],
    storage: config.storage ? [config.storage.interface] : [],
    segments: names,
  };
  const management = firewall.management.flatMap((side) => sides[side]);
  const ofSide = (side: string): string[] => {
    if (side === "any") return [];
    // What comes through a tunnel comes from outside, as what comes from the LAN does.
    if (side === "lan") return [...sides.lan, ...tunnels];
    if (side === "storage" || side === "segments") return sides[side];
    return segments.filter(({ name }) => name === side).map(segmentFace);
  };
  /** Undefined: the side has no interface, so the rule has nothing to say. */
  const interfaces = (side: string): string[] | undefined => {
    const there = ofSide(side);
    return there.length === 0 && side !== "any" ? undefined : there;
  };
  const rules = firewall.rules.flatMap((rule): FirewallRule[] => {
    const from = interfaces(rule.from);
    const to = rule.to === "gateway" ? [] : interfaces(rule.to);
    if (from === undefined || to === undefined) return [];
    const { name, action, protocol, ports, sources, destinations } = rule;
    const rest = { name, action, from, protocol, ports, sources, destinations };
    return [rule.to === "gateway" ? rest : { ...rest, to }];
  });
  return {
    kind: "firewall",
    lan: sides.lan,
    storage: sides.storage,
    segments: segments.map((segment) => {
      const subnet = segmentAddresses[segment.name];
      const prefix6 = prefixes6[segment.name];
      return {
        name: segmentFace(segment),
        ...(subnet === undefined ? {} : { subnet }),
        ...(prefix6 === undefined ? {} : { prefix6 }),
      };
    }),
    management: {
      interfaces: management,
      sources: firewall.managementSources,
      ports: [...new Set([http.port, http.httpsPort, ...(ssh.enabled ? [ssh.port] : [])])],
    },
    mdns: config.mdns.enabled ? management : [],
    fabric: { interfaces: config.storage ? sides.storage : sides.lan, ports: fabricPorts(config) },
    antiSpoofing: firewall.antiSpoofing,
    newConnectionsPerSecond: firewall.newConnectionsPerSecond,
    connectionsPerAddress: firewall.connectionsPerAddress,
    isolateSegments: firewall.betweenSegments === "isolate",
    nat: mode === "nat",
    timeServer: config.time.serve,
    mesh: isMeshed(config)
      ? { lan: sides.lan, tunnels, peers: config.mesh.peers }
      : { lan: [], tunnels: [], peers: [] },
    vxlanPeers: [...new Set(segments.flatMap(({ extend }) => extend?.peers ?? []))],
    portForwards: firewall.portForwards.map((entry) => ({ ...entry, toPort: entry.toPort ?? entry.port })),
    rules,
  };
}

function fabricPorts(config: Config): number[] {
  const portals = config.segments.flatMap(({ fabric }) => (fabric.type === "iscsi" ? fabric.portals : []));
  return [...new Set(portals.map((portal) => Number(portal.split(":")[1])))];
}
