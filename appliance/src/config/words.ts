// SPDX-License-Identifier: Apache-2.0
/** Words that mean something else where a name is written: in our own settings, to the kernel, to the programs that are configured. */

/** Sides and choices of the settings; "all", "default" and "lo" are the kernel's, beside the names of interfaces. */
const TAKEN_AS_SEGMENT = ["lan", "storage", "segments", "gateway", "any", "auto", "all", "default", "lo"];

/** Fields of dnsmasq's dhcp-host that are no host's name: two words, and times that a lease lasts. */
const DHCP_WORD = /^(ignore|infinite|[0-9]+[wdhms]?)$/i;

export function isTakenAsSegment(name: string): boolean {
  return TAKEN_AS_SEGMENT.includes(name);
}

export function isWordOfDhcp(name: string): boolean {
  return DHCP_WORD.test(name);
}
