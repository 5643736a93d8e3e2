// SPDX-License-Identifier: Apache-2.0
/** The network as it is now, beyond what the status has: GET /api/v1/network, /firewall and /config/suggestions. */
export type {
  Lease as LeaseView,
  Network as NetworkView,
  Route as RouteView,
  RuleHits as FirewallRuleHits,
  Suggestion,
} from "../../generated/api.d.ts";
