// SPDX-License-Identifier: Apache-2.0
/** Which IPv4 address a segment gets. */
import type { Config, SegmentConfig } from "../config/types.ts";
import type { Route } from "../observe/ipJson.ts";
import { extensionBridge } from "../protocol/operations.ts";
import { chosenNumber, type Identity } from "../shared/identity.ts";
import { type Ipv4Interface, overlaps, parseInterface } from "../shared/ipv4.ts";
import { chooseSubnet, FIRST_RANGE, routedSubnets } from "./subnets.ts";

/**
 * Subnets that are taken before any segment chooses: the live ones of all Ethernets, and those that the document fixes.
 */
export function fixedSubnets(config: Config, routes: readonly Route[]): Ipv4Interface[] {
  const ours = config.segments.flatMap((segment) => [segment.name, extensionBridge(segment.name)]);
  const methods = [config.lan.ipv4, ...(config.storage ? [config.storage.ipv4] : [])];
  const written = [
    ...methods.flatMap((method) => (method.method === "static" ? [method.address] : [])),
    ...config.segments.map((segment) => segment.ipv4.address),
  ];
  return [...routedSubnets(routes, ours), ...written.map(parseInterface).filter((value) => value !== undefined)];
}

/** The written address, else the remembered one as long as it fits, else a new one. */
export function segmentAddress(
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
