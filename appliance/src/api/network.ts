// SPDX-License-Identifier: Apache-2.0
/** The network as it is now, beyond what the status has: GET /api/v1/network. */

export interface RouteView {
  /** "default", an address, or "address/prefix". */
  destination: string;
  interface: string;
  /** Null: directly connected. */
  gateway: string | null;
}

export interface LeaseView {
  segment: string;
  /** Station address. */
  address: string;
  ip: string;
  /** Empty where the host told none. */
  name: string;
  /** Seconds since 1970; null: never. */
  expires: number | null;
}

/** What matched a rule of the firewall since the rules were loaded: GET /api/v1/firewall. */
export interface FirewallRuleHits {
  /** The rule's in the configuration. */
  name: string;
  packets: number;
  bytes: number;
}

/** A value that a setting may have: GET /api/v1/config/suggestions. */
export interface Suggestion {
  /** Its place in the document, with N for places in lists. */
  setting: string;
  /** For segments of this fabric only; null: for all. */
  fabric: string | null;
  value: string;
  /** What it is, in the machine's words. */
  about: string;
}

export interface NetworkView {
  routes: RouteView[];
  leases: LeaseView[];
  /** That the gateway itself asks. */
  nameServers: string[];
}
