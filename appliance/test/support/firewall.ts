// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { validate } from "../../src/config/validate.ts";
import { firewallOperation } from "../../src/plan/firewall.ts";
import { BRIDGE, type FirewallOperation } from "../../src/protocol/operations.ts";

/** The firewall of a gateway with a LAN, a storage network and two segments, but for what the document says. */
export function firewallOf(
  document: object,
  addresses: Record<string, string>,
  prefixes: Record<string, string>,
): FirewallOperation {
  const result = validate({
    version: 1,
    storage: { interface: "eth1" },
    segments: [{ name: "seg0" }, { name: "seg1" }],
    ...document,
  });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return firewallOperation(
    result.config,
    result.config.mode === "bridge" ? BRIDGE : "eth0",
    "eth0",
    addresses,
    prefixes,
  );
}

const TRACKING =
  "add table bridge x; add chain bridge x f { type filter hook forward priority 0; }; add rule bridge x f ct state new accept";
const hasBridgeTracking = spawnSync("unshare", ["-rn", "nft", TRACKING]).status === 0;

/**
 * Rules as this kernel takes them: without nf_conntrack_bridge, which not every kernel has that tests run on, a bridge does not tell
 * answers from new connections. That it does with the module, lab/test/appliance.test.ts shows.
 */
export function loadable(rules: string): string {
  const at = rules.indexOf("table bridge");
  if (at < 0 || hasBridgeTracking) return rules;
  return rules.slice(0, at) + rules.slice(at).replaceAll(/^.* ct (state|count) .*\n/gm, "");
}
