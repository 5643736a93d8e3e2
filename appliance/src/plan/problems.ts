// SPDX-License-Identifier: Apache-2.0
/** What stands in the way of a plan. */
import { ScsigateError } from "../shared/errors.ts";
import { formatInterface, type Ipv4Interface, overlaps, parseInterface } from "../shared/ipv4.ts";
import type { Observed } from "./buildPlan.ts";

/**
 * In mode proxy, a segment is a part of the LAN's subnet that has neither the gateway's own address nor its router in
 * it.
 */
export function proxyProblem(
  segment: string,
  address: Ipv4Interface,
  lan: string | undefined,
  observed: Observed,
): ScsigateError | undefined {
  const cidrs = (observed.addresses.get(lan ?? "") ?? []).filter((entry) => entry.family === "inet");
  const values = cidrs.map((entry) => parseInterface(entry.cidr)).filter((value) => value !== undefined);
  if (values.length === 0) return undefined; // it is told elsewhere that the LAN has none
  const fits = (value: Ipv4Interface) =>
    value.prefix < address.prefix &&
    overlaps(value, address) &&
    !overlaps({ ...value, prefix: 32 }, address) &&
    !observed.routes.some((route) => {
      const gateway = parseInterface(`${route.gateway ?? "none"}/32`);
      return gateway !== undefined && overlaps(gateway, address);
    });
  if (values.some(fits)) return undefined;
  const subnets = cidrs.map(({ cidr }) => cidr).join(", ");
  return new ScsigateError(
    "segment-not-in-lan",
    `${formatInterface(address)} of ${segment} is not a free part of the LAN's subnet ${subnets}`,
    "In mode proxy, set the segment's ipv4.address to a part of the LAN's subnet without its router and this gateway.",
  );
}

export function lanMissing(name: string): ScsigateError {
  return new ScsigateError(
    "interface-missing",
    name === "auto" ? "no Ethernet interface for the LAN was found" : `the LAN interface ${name} was not found`,
    name === "auto"
      ? "Check the network adapter; `ip link` on the console lists what the kernel sees."
      : 'Correct lan.interface in the configuration, or set it to "auto".',
  );
}

export function meshKeyMissing(): ScsigateError {
  return new ScsigateError(
    "mesh-key-missing",
    "mode mesh has no key, so other gateways are not spoken to",
    "Set mesh.key to the same value on all gateways of the mesh; `openssl rand -hex 24` makes one.",
  );
}

export function noPrefix(segment: string, lan: string | undefined): ScsigateError {
  return new ScsigateError(
    "lan-no-prefix",
    `${segment} has no IPv6: ${lan ?? "the LAN"} has no address of a /64 of which mode proxy could give it a part`,
    "Check that the LAN's router advertises a prefix, or switch the segment's ipv6 off.",
  );
}

export function noSubnet(segment: string): ScsigateError {
  return new ScsigateError(
    "no-free-subnet",
    `no private subnet is free for ${segment}: the LAN's routes cover all candidates`,
    "Set the segment's ipv4.address by hand to a subnet that the LAN does not use.",
  );
}
