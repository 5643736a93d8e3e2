// SPDX-License-Identifier: Apache-2.0
/** IPv6 of the segments, and what it asks of the LAN. */
import type { Config, Mode, SegmentConfig } from "../config/types.ts";
import type { Operation } from "../protocol/operations.ts";
import { chosenBits, type Identity, uniqueLocalAddress } from "../shared/identity.ts";
import { partOf } from "../shared/ipv6.ts";
import type { Observed } from "./observed.ts";

/** Our own IPv6 address on the LAN, "address/64": the first by which the LAN's routers can be reached from outside. */
export function lanPrefix6({ addresses }: Observed, face: string | undefined): string | undefined {
  const found = (addresses.get(face ?? "") ?? [])
    .filter(({ family, scope, cidr }) => family === "inet6" && scope === "global" && cidr.endsWith("/64"))
    .map(({ cidr }) => cidr)
    .sort();
  return found.find((cidr) => !/^f[cd]/.test(cidr)) ?? found[0];
}

/** A router ignores advertisements unless it is told not to (2): the LAN's router is still ours. */
export function ipv6Settings(config: Config, face: string | undefined): Operation[] {
  const on = config.segments.some((segment) => hasIpv6(segment, config.mode));
  const forwarding: Operation = { kind: "sysctl", name: "net.ipv6.conf.all.forwarding", value: on ? 1 : 0 };
  if (!on || face === undefined) return [forwarding];
  return [{ kind: "interfaceSysctl", interface: face, name: "accept_ra", value: 2 }, forwarding];
}

export function hasIpv6(segment: SegmentConfig, mode: Mode): boolean {
  return segment.ipv6.enabled && mode !== "bridge";
}

/** @param lanPrefix the LAN's "address/64", of which mode proxy takes a part */
export function segmentAddress6(
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
