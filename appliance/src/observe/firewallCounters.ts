// SPDX-License-Identifier: Apache-2.0
/** What the firewall's rules have counted, from nft's own listing. */
import type { FirewallRuleHits } from "../api/network.ts";

const RULE = /\bcounter packets ([0-9]+) bytes ([0-9]+) .*\bcomment "([^"]*)"$/;

/** @param listing of `nft list table`. By the rule's name: a rule may be several of nft's. */
export function parseFirewallCounters(listing: string): FirewallRuleHits[] {
  const hits = new Map<string, FirewallRuleHits>();
  for (const line of listing.split("\n")) {
    const [, packets, bytes, name = ""] = RULE.exec(line.trim()) ?? [];
    if (packets === undefined) continue;
    const before = hits.get(name) ?? { name, packets: 0, bytes: 0 };
    hits.set(name, { name, packets: before.packets + Number(packets), bytes: before.bytes + Number(bytes) });
  }
  return [...hits.values()];
}
