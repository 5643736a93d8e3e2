// SPDX-License-Identifier: Apache-2.0
/** Chooses a segment's subnet so that it does not collide with what the LAN uses. */

import type { Route } from "../observe/ipJson.ts";
import { type Ipv4Interface, overlaps, parseInterface } from "../shared/ipv4.ts";

const PREFIX = 24;
/** How many subnets the first range has. */
export const FIRST_RANGE = 32_768;
/**
 * Where candidates come from, in this order: corners of the private ranges (RFC 1918) that are rarely used by hand. The
 * first has so many that two gateways hardly ever choose the same one.
 */
const RANGES = ["10.128.0.0/9", "172.29.0.0/16", "192.168.0.0/16", "10.29.0.0/16"];

/**
 * @param taken subnets that the candidate must not touch
 * @param start number of the first candidate in the first range, so that gateways choose differently; below FIRST_RANGE
 * @returns the gateway's address, the subnet's first; undefined when every candidate is taken.
 */
export function chooseSubnet(taken: readonly Ipv4Interface[], start: number): Ipv4Interface | undefined {
  for (const range of RANGES.map(parseInterface)) {
    if (range === undefined || taken.some((other) => other.prefix <= range.prefix && overlaps(other, range))) continue;
    const subnets = 2 ** (PREFIX - range.prefix);
    for (let count = 0; count < subnets; count++) {
      const candidate = { address: range.address + ((start + count) % subnets) * 256 + 1, prefix: PREFIX };
      if (!taken.some((other) => overlaps(candidate, other))) return candidate;
    }
  }
  return undefined;
}

/** The subnets that routes lead to, the default route and those over the named interfaces left out. */
export function routedSubnets(routes: readonly Route[], except: readonly string[]): Ipv4Interface[] {
  const subnets: Ipv4Interface[] = [];
  for (const route of routes) {
    if (except.includes(route.interface)) continue;
    const value = parseInterface(route.destination.includes("/") ? route.destination : `${route.destination}/32`);
    if (value !== undefined && value.prefix > 0) subnets.push(value);
  }
  return subnets;
}

/** The subnets that interfaces are in themselves, without what lies behind routers. */
export function connectedSubnets(routes: readonly Route[], interfaces: readonly string[]): Ipv4Interface[] {
  const own = routes.filter((route) => interfaces.includes(route.interface) && route.gateway === undefined);
  return routedSubnets(
    own.filter((route) => route.learned !== true),
    [],
  ).filter(({ prefix }) => prefix < 32);
}

/** First and last address that hosts get: the first sixteenth stays free for addresses set by hand, where there is room. */
export function dhcpRange(gateway: Ipv4Interface): [number, number] {
  const size = 2 ** (32 - gateway.prefix);
  const network = gateway.address - (gateway.address % size);
  const first = size >= 64 ? Math.floor(size / 16) : 1;
  return [network + first, network + size - 2]; // dnsmasq itself leaves the gateway's own address out
}
