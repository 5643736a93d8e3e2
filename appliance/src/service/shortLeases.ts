// SPDX-License-Identifier: Apache-2.0
/**
 * While a change of where stations get their addresses from is tried, leases are short: those that have come over are
 * soon back when it is undone, and soon have a lease of the usual length when it is kept.
 */
import type { Config, SegmentConfig } from "../config/types.ts";
import { canonical } from "../shared/json.ts";

/** The shortest that DHCP clients and dnsmasq agree on, seconds. */
const SHORT_S = 120;

/** @returns the same object where no address changes */
export function withShortLeases(tried: Config, present: Config): Config {
  const changed = tried.segments.filter((segment) => {
    const before = present.segments.find(({ name }) => name === segment.name);
    const moved = tried.mode !== present.mode || before === undefined || poolOf(segment) !== poolOf(before);
    return moved && segment.dhcp.leaseSeconds > SHORT_S;
  });
  if (changed.length === 0) return tried;
  const segments = tried.segments.map((segment) =>
    changed.includes(segment) ? { ...segment, dhcp: { ...segment.dhcp, leaseSeconds: SHORT_S } } : segment,
  );
  return { ...tried, segments };
}

/** All that decides on the addresses that are given out. */
function poolOf({ ipv4, ipv6, dhcp: { leaseSeconds: _length, ...dhcp } }: SegmentConfig): string {
  return canonical({ ipv4, ipv6, dhcp });
}
