// SPDX-License-Identifier: Apache-2.0
import { validate } from "../../src/config/validate.ts";
import { firewallOperation } from "../../src/plan/firewall.ts";
import type { FirewallOperation } from "../../src/protocol/operations.ts";

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
  return firewallOperation(result.config, "eth0", addresses, prefixes);
}
