// SPDX-License-Identifier: Apache-2.0
/** IPv4 addresses and subnets as numbers. */

/** An address with its prefix length: 10.143.0.1/24. */
export interface Ipv4Interface {
  /** The address as an unsigned 32-bit number. */
  address: number;
  /** 0 to 32. */
  prefix: number;
}

/** Reads dotted decimal notation; undefined when it is none. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

/** Reads "address/prefix"; undefined when it is none. */
export function parseInterface(text: string): Ipv4Interface | undefined {
  const [left = "", right = "", ...rest] = text.split("/");
  const address = parseIpv4(left);
  if (rest.length > 0 || address === undefined || !/^[0-9]{1,2}$/.test(right) || Number(right) > 32) return undefined;
  return { address, prefix: Number(right) };
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

export function formatInterface(value: Ipv4Interface): string {
  return `${formatIpv4(value.address)}/${value.prefix}`;
}

/** How many addresses the subnet has, 1 to 2^32. */
export function sizeOf(value: Ipv4Interface): number {
  return 2 ** (32 - value.prefix);
}

/** The subnet's first address. */
export function networkOf(value: Ipv4Interface): number {
  return value.address - (value.address % sizeOf(value));
}

/** The subnet's last address. */
export function broadcastOf(value: Ipv4Interface): number {
  return networkOf(value) + sizeOf(value) - 1;
}

export function netmaskOf(value: Ipv4Interface): string {
  return formatIpv4(2 ** 32 - sizeOf(value));
}

/** Whether two subnets share an address. */
export function overlaps(one: Ipv4Interface, other: Ipv4Interface): boolean {
  return networkOf(one) <= broadcastOf(other) && networkOf(other) <= broadcastOf(one);
}

/** @returns whether an address is of the subnet that an interface's "address/prefix" names; IPv6, in either, is not */
export function isWithin(ip: string, cidr: string): boolean {
  const one = parseInterface(`${ip}/32`);
  const other = parseInterface(cidr);
  return one !== undefined && other !== undefined && overlaps(one, other);
}

/** Whether an address can be one machine's on a network: not this network's, the machine's own, multicast or reserved (RFC 6890). */
export function isUnicast(address: number): boolean {
  const first = Math.floor(address / 2 ** 24);
  return first > 0 && first !== 127 && first < 224;
}

/** Whether a machine can have this address: not the subnet's first or last one (RFC 3021 lets /31 have both). */
export function isHostAddress(value: Ipv4Interface): boolean {
  if (value.prefix >= 31) return true;
  return value.address !== networkOf(value) && value.address !== broadcastOf(value);
}
