// SPDX-License-Identifier: Apache-2.0
/** IPv6 addresses with prefix length 64: the only one that hosts configure themselves by. */
import { isIPv6 } from "node:net";

/** @param text "address/64". The prefix, "2001:db8:0:1::/64"; undefined when it is none. */
export function prefixOf(text: string): string | undefined {
  const [address = "", length] = text.split("/");
  if (length !== "64" || !isIPv6(address) || !/^[0-9a-f:]+$/.test(address)) return undefined;
  const groups = expand(address).slice(0, 4);
  // The shortest form only matters for reading: "2001:db8:0:1::/64", and "::/64" for nothing at all.
  return `${groups.map((group) => group.toString(16)).join(":")}::/64`;
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
