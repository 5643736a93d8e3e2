// SPDX-License-Identifier: Apache-2.0
/** From the configuration's sides to interfaces. */
import type { Config } from "../config/types.ts";
import { type BridgeFilter, type FirewallOperation, type FirewallRule, segmentFace } from "../protocol/operations.ts";
import { SNMP_PORT } from "../shared/ports.ts";
import { encryptedPeers } from "./encryption.ts";
import { isMeshed, meshTunnels } from "./meshed.ts";

/**
 * @param lan the interface that has the LAN's address
 * @param port the LAN's own interface: another one in mode bridge
 * @param segmentAddresses the gateway's "address/prefix" on each segment that has one
 * @param prefixes6 the IPv6 prefix of each segment that has one
 * @param routed networks behind routers that are stations, by segment
 * @param speaking whether gateways of the LAN are spoken to without a tunnel, where there is a mesh
 */
export function firewallOperation(
  config: Config,
  lan: string | undefined,
  port: string | undefined,
  segmentAddresses: Record<string, string>,
  prefixes6: Record<string, string>,
  routed: Readonly<Record<string, string[]>> = {},
  speaking = true,
): FirewallOperation {
  const { firewall, mode, http, ssh, snmp } = config;
  const encrypted = encryptedPeers(config).map(({ address }) => address);
  const bridged = mode === "bridge";
  // In mode bridge, segments are ports: what comes from their hosts comes from the bridge, after the bridge's own rules.
  const segments = bridged ? [] : config.segments;
  const names = segments.map(segmentFace);
  const tunnels = meshTunnels(config);
  const sides = {
    lan: lan === undefined ? [] : [lan],
    storage: config.storage ? [config.storage.interface] : [],
    segments: names,
  };
  const behind = (side: string): string => (bridged && side !== "storage" && side !== "any" ? "lan" : side);
  const management = [...new Set(firewall.management.flatMap((side) => sides[behind(side) as typeof side]))];
  const ofSide = (side: string): string[] => {
    if (side === "any") return [];
    // What comes through a tunnel comes from outside, as what comes from the LAN does.
    if (side === "lan") return [...sides.lan, ...tunnels];
    if (side === "storage" || side === "segments") return sides[side];
    return segments.filter(({ name }) => name === side).map(segmentFace);
  };
  const rules = firewall.rules.flatMap((rule) => {
    // What comes over the bridge's ports, the bridge's own rules have decided on.
    return bridged && rule.to === "gateway" && behind(rule.from) === "lan" ? [] : resolve(rule, ofSide);
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
        routed: routed[segment.name] ?? [],
      };
    }),
    management: {
      interfaces: management,
      sources: firewall.managementSources,
      ports: [...new Set([http.port, http.httpsPort, ...(ssh.enabled ? [ssh.port] : [])])],
      udpPorts: snmp.enabled ? [SNMP_PORT] : [],
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
      ? { lan: speaking ? sides.lan : [], tunnels, peers: config.mesh.peers }
      : { lan: [], tunnels: [], peers: [] },
    vxlanPeers: [...new Set(segments.flatMap(({ extend }) => extend?.peers ?? []))],
    ...(encrypted.length === 0 ? {} : { encrypted: { port: config.encryption.port, peers: encrypted } }),
    portForwards: firewall.portForwards.map((entry) => ({ ...entry, toPort: entry.toPort ?? entry.port })),
    rules,
    ...(bridged ? { bridge: bridgeFilter(config, port) } : {}),
  };
}

function bridgeFilter({ firewall, segments }: Config, port: string | undefined): BridgeFilter {
  const names = segments.map(({ name }) => name);
  const lan = port === undefined ? [] : [port];
  const ofSide = (side: string): string[] => {
    if (side === "lan") return lan;
    return side === "segments" ? names : names.filter((name) => name === side);
  };
  return {
    lan,
    segments: names,
    management: { lan: firewall.management.includes("lan"), segments: firewall.management.includes("segments") },
    rules: firewall.rules.flatMap((rule) => resolve(rule, ofSide)),
  };
}

/** A rule with interfaces in the place of sides; none where one of its sides has no interface, so that it has nothing to say. */
function resolve(rule: Config["firewall"]["rules"][number], ofSide: (side: string) => string[]): FirewallRule[] {
  const interfaces = (side: string): string[] | undefined => {
    const there = ofSide(side);
    return there.length === 0 && side !== "any" ? undefined : there;
  };
  const from = interfaces(rule.from);
  const to = rule.to === "gateway" ? [] : interfaces(rule.to);
  if (from === undefined || to === undefined) return [];
  const { name, action, protocol, ports, sources, destinations } = rule;
  const rest = { name, action, from, protocol, ports, sources, destinations };
  return [rule.to === "gateway" ? rest : { ...rest, to }];
}

function fabricPorts(config: Config): number[] {
  const portals = config.segments.flatMap(({ fabric }) => (fabric.type === "iscsi" ? fabric.portals : []));
  return [...new Set(portals.map((portal) => Number(portal.split(":")[1])))];
}
