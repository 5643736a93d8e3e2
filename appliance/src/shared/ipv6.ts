// SPDX-License-Identifier: Apache-2.0
/**
 * IPv6 addresses with prefix length 64, the only one that hosts configure themselves by, or 122: the part of a LAN's prefix
 * that the hosts of a segment get in mode proxy.
 */
import { isIPv6 } from "node:net";

/** Bits of an address in a part of a LAN's prefix that count the hosts. */
const HOST_BITS = 6;

/** @param text "address/64" or "address/122". The prefix, "2001:db8:0:1::/64"; undefined when it is none. */
export function prefixOf(text: string): string | undefined {
  const [address = "", length] = text.split("/");
  if (!isIPv6(address) || !/^[0-9a-f:]+$/.test(address)) return undefined;
  if (length === "122") return `${hostsOf(text)[0]}/122`;
  if (length !== "64") return undefined;
  const groups = expand(address).slice(0, 4);
  // The shortest form only matters for reading: "2001:db8:0:1::/64", and "::/64" for nothing at all.
  return `${groups.map((group) => group.toString(16)).join(":")}::/64`;
}

/** Whether an address, with a prefix length or without, is a global or a unique local one: not link-local, multicast, or ::. */
export function isGlobal6(text: string): boolean {
  const [first = 0] = expand(text.split("/")[0] ?? "");
  return first > 0 && (first & 0xffc0) !== 0xfe80 && first < 0xff00;
}

/** @param text "network/prefix length". Undefined when it is none; bits beyond the prefix must be zero. */
export function parseNetwork6(text: string): { prefix: number } | undefined {
  const [address = "", length = "", ...rest] = text.split("/");
  if (rest.length > 0 || !/^[0-9a-f:]+$/.test(address) || !isIPv6(address)) return undefined;
  const prefix = Number(length);
  if (!/^[0-9]{1,3}$/.test(length) || prefix > 128) return undefined;
  return bitsOf(address).slice(prefix).includes("1") ? undefined : { prefix };
}

/** @param one, other "address/prefix length". Whether they share an address. */
export function overlaps6(one: string, other: string): boolean {
  const [[address = "", length], [address2 = "", length2]] = [one.split("/"), other.split("/")];
  const shared = Math.min(Number(length), Number(length2));
  return bitsOf(address).slice(0, shared) === bitsOf(address2).slice(0, shared);
}

function bitsOf(address: string): string {
  return expand(address)
    .map((group) => group.toString(2).padStart(16, "0"))
    .join("");
}

/**
 * A part of a LAN's prefix for the hosts of one segment.
 * @param lan "address/64"
 * @param choice 64 bits that choose the part; the last six do not matter
 * @returns its first address that a host can have, with prefix length 122; undefined when `lan` is none
 */
export function partOf(lan: string, choice: Buffer): string | undefined {
  const [address = "", length] = lan.split("/");
  if (length !== "64" || !isIPv6(address) || !/^[0-9a-f:]+$/.test(address)) return undefined;
  const chosen = [0, 2, 4, 6].map((offset) => choice.readUInt16BE(offset));
  const groups = [...expand(address).slice(0, 4), ...chosen];
  return `${hostsOf(`${groups.map((group) => group.toString(16)).join(":")}/122`)[1]}/122`;
}

/** @param part "address/122". Its 64 addresses. */
export function hostsOf(part: string): string[] {
  const groups = expand(part.split("/")[0] ?? "");
  const first = (groups[7] ?? 0) & ~(2 ** HOST_BITS - 1);
  const head = groups.slice(0, 7).map((group) => group.toString(16));
  return Array.from({ length: 2 ** HOST_BITS }, (_, host) => [...head, (first + host).toString(16)].join(":"));
}

/** An address as it is compared: eight groups without leading zeros. */
export function canonicalIpv6(address: string): string {
  return expand(address)
    .map((group) => group.toString(16))
    .join(":");
}

function expand(address: string): number[] {
  const [left = "", right] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const before = groups(left);
  const after = right === undefined ? [] : groups(right);
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}
