// SPDX-License-Identifier: Apache-2.0
/** Words that mean something else where a name is written: in our own settings, to the kernel, to the programs that are configured. */
import { BRIDGE } from "../protocol/operations.ts";

/** Sides and choices of the settings; "all", "default" and "lo" are the kernel's, beside the names of interfaces. */
const TAKEN_AS_SEGMENT = ["lan", "storage", "segments", "gateway", "any", "auto", "all", "default", "lo"];
/** Interfaces that kernel modules make by themselves when they are loaded, those of the tunnels between gateways among them. */
const KERNELS_OWN = ["sit0", "tunl0", "gre0", "gretap0", "erspan0", "ip6tnl0", "ip6gre0", "dummy0", "bond0", "teql0"];
/** The bridge of mode bridge, and tunnels to other gateways: protocol/operations.ts. */
const OUR_OWN = new RegExp(`^(${BRIDGE}|mesh[0-9a-f]{8})$`);

/** Fields of dnsmasq's dhcp-host that are no host's name: two words, and times that a lease lasts. */
const DHCP_WORD = /^(ignore|infinite|[0-9]+[wdhms]?)$/i;

export function isTakenAsSegment(name: string): boolean {
  return TAKEN_AS_SEGMENT.includes(name) || KERNELS_OWN.includes(name) || OUR_OWN.test(name);
}

/** A label with two hyphens there is an encoded name (RFC 5891, section 4.2.3.1), and dnsmasq takes none that is not rightly encoded. */
const ENCODED = /(^|\.)..--/;

export function isEncodedName(name: string): boolean {
  return ENCODED.test(name);
}

export function isWordOfDhcp(name: string): boolean {
  return DHCP_WORD.test(name);
}
