// SPDX-License-Identifier: Apache-2.0
/** What of a valid configuration does not fit the LAN as it is. */
import type { ConfigError } from "../api/status.ts";
import type { Config, SegmentConfig } from "../config/types.ts";
import { segmentFace } from "../protocol/operations.ts";
import type { ScsigateError } from "../shared/errors.ts";
import type { Identity } from "../shared/identity.ts";
import { type Ipv4Interface, overlaps } from "../shared/ipv4.ts";
import { prefixOf } from "../shared/ipv6.ts";
import { canonical } from "../shared/json.ts";
import { segmentAddress } from "./addresses.ts";
import { lanPrefix6, segmentAddress6 } from "./ipv6.ts";
import { isEthernet, lanFace } from "./lan.ts";
import type { Observed } from "./observed.ts";
import { nameTaken, overlapProblem, proxyProblem } from "./problems.ts";
import { networksOf, planRoutes } from "./routes.ts";
import { connectedSubnets } from "./subnets.ts";

/** Why a segment cannot have an address on this LAN. */
export function segmentMisfit(
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
