// SPDX-License-Identifier: Apache-2.0
/** What stands in the way of a plan. */
import { ScsigateError } from "../shared/errors.ts";
import {
  broadcastOf,
  formatInterface,
  type Ipv4Interface,
  networkOf,
  overlaps,
  parseInterface,
  sizeOf,
} from "../shared/ipv4.ts";
import type { Observed } from "./observed.ts";

/** Longest prefix of a LAN of which mode proxy could give a segment a part; the part that is proposed has this one or the next. */
const SMALLEST_LAN = 28;
const PROPOSED_PART = 27;

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
  const routers = observed.routes
    .map((route) => parseInterface(`${route.gateway ?? "none"}/32`))
    .filter((value) => value !== undefined);
  const taken = [...values.map((value) => ({ ...value, prefix: 32 })), ...routers];
  const free = (part: Ipv4Interface) => !taken.some((other) => overlaps(other, part));
  const fits = (value: Ipv4Interface) => value.prefix < address.prefix && overlaps(value, address) && free(address);
  if (values.some(fits)) return undefined;
  const subnets = cidrs.map(({ cidr }) => cidr).join(", ");
  const proposal = values.map((value) => lastPart(value, free)).find((part) => part !== undefined);
  const example =
    proposal === undefined ? "" : `, for example ${formatInterface(proposal)}, where no host has an address`;
  return new ScsigateError(
    "segment-not-in-lan",
    `${formatInterface(address)} of ${segment} is not a free part of the LAN's subnet ${subnets}`,
    `In mode proxy, set the segment's ipv4.address to a part of the LAN's subnet without its router and this gateway${example}.`,
  );
}

/** The last part of a subnet that is free, with the address that the gateway would have in it. */
function lastPart(lan: Ipv4Interface, free: (part: Ipv4Interface) => boolean): Ipv4Interface | undefined {
  if (lan.prefix > SMALLEST_LAN) return undefined;
  const prefix = Math.max(PROPOSED_PART, lan.prefix + 1);
  const size = sizeOf({ address: 0, prefix });
  // A large LAN's parts are not looked at one by one.
  for (let at = broadcastOf(lan) + 1 - size, left = 16; at >= networkOf(lan) && left > 0; at -= size, left--) {
    const part = { address: at + 1, prefix };
    if (free(part)) return part;
  }
  return undefined;
}

/** A subnet of the LAN's that a segment's written one shares addresses with. */
export function overlapProblem(segment: string, address: Ipv4Interface, lan: Ipv4Interface): ScsigateError {
  const subnet = (value: Ipv4Interface) => formatInterface({ ...value, address: networkOf(value) });
  return new ScsigateError(
    "segment-overlaps-lan",
    `${subnet(address)} of ${segment} overlaps ${subnet(lan)}, which the LAN has: ${segment} gets no address, so that the LAN stays within reach`,
    'Set the segment\'s ipv4.address to "auto", or to a subnet that the LAN does not use.',
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

/** A segment whose name an Ethernet of this machine has: neither takes the other's place. */
export function nameTaken(segment: string): ScsigateError {
  return new ScsigateError(
    "interface-taken",
    `${segment} is an Ethernet interface of this machine, so no segment can have that name`,
    "Give the segment another name, for example seg0.",
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
