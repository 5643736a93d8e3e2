// SPDX-License-Identifier: Apache-2.0
/** The API's route for the network as it is now: routes, leases, name servers. */
import { promises as dns } from "node:dns";
import type { LeaseView, NetworkView } from "../../api/network.ts";
import { parseFirewallCounters } from "../../observe/firewallCounters.ts";
import { parseRoutes } from "../../observe/ipJson.ts";
import { LeaseFiles } from "../../observe/leases.ts";
import { Sysfs } from "../../observe/sysfs.ts";
import type { Part } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import { suggestions } from "../suggestions.ts";
import { json, type Route } from "./router.ts";

export function networkRoutes(
  { run, paths, executor }: Part<"run", "sys" | "leases", "readFirewall">,
  state: GatewayState,
  monitor: Monitor,
): Route[] {
  let counting: Promise<string> | undefined;
  // Who asks while an answer is under way gets that one: many callers start no many programs.
  const readFirewall = () => {
    counting ??= executor.readFirewall().finally(() => {
      counting = undefined;
    });
    return counting;
  };
  return [
    {
      method: "GET",
      path: "/api/v1/firewall",
      access: "read",
      summary: "What each rule of the firewall has matched",
      answers: { 200: "FirewallHits" },
      handler: async () => json(parseFirewallCounters(await readFirewall())),
    },
    {
      method: "GET",
      path: "/api/v1/config/suggestions",
      access: "read",
      summary: "What this machine has for settings that name ports and interfaces, and hosts that were not let in",
      answers: { 200: "Suggestions" },
      handler: () => json(suggestions(paths.sys, monitor.adapters(), new Sysfs(paths.sys).ethernets())),
    },
    {
      method: "GET",
      path: "/api/v1/network",
      access: "read",
      summary: "IPv4 routes, leases that were given out, and the name servers that the gateway asks",
      answers: { 200: "Network" },
      handler: async () => {
        const routes = parseRoutes(await run("ip", ["-j", "-4", "route", "show"]));
        const files = new LeaseFiles(paths.leases);
        const leases = state.config.config.segments.flatMap(({ name: segment }): LeaseView[] =>
          files.of(segment).map((lease) => ({ segment, ...lease, expires: lease.expires || null })),
        );
        const view: NetworkView = {
          routes: routes.map((route) => ({ ...route, gateway: route.gateway ?? null })),
          leases,
          nameServers: new dns.Resolver().getServers(),
        };
        return json(view);
      },
    },
  ];
}
