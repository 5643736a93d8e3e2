// SPDX-License-Identifier: Apache-2.0
/** Static routes, as far as the document alone tells; plan/routes.ts looks at the networks as they are. */
import { isIP } from "node:net";
import type { ConfigError } from "../api/status.ts";
import { formatInterface, type Ipv4Interface, networkOf, overlaps, parseInterface } from "../shared/ipv4.ts";
import { parseNetwork6 } from "../shared/ipv6.ts";
import type { RouteConfig } from "./types.ts";

interface Fixed {
  path: string;
  value: Ipv4Interface;
}

/** @param subnets those that the document fixes */
export function checkRoutes(routes: readonly RouteConfig[], subnets: readonly Fixed[], errors: ConfigError[]): void {
  routes.forEach((route, index) => {
    const { destination, metric } = route;
    const wrong = whyNot(route, subnets);
    if (wrong !== undefined) {
      const { key, message, nextStep } = wrong;
      errors.push({ path: `/routes/${index}/${key}`, message, nextStep });
      return;
    }
    const same = (other: RouteConfig) => other.destination === destination && other.metric === metric;
    if (!routes.slice(0, index).some(same)) return;
    const message = `there is another route to ${destination} of metric ${metric}`;
    const nextStep = "Give each way its own metric, or remove one.";
    errors.push({ path: `/routes/${index}/metric`, message, nextStep });
  });
}

function whyNot(
  { destination, via }: RouteConfig,
  subnets: readonly Fixed[],
): { key: "destination" | "via"; message: string; nextStep: string } | undefined {
  const four = parseInterface(destination);
  if (four === undefined ? parseNetwork6(destination) === undefined : networkOf(four) !== four.address) {
    const example = four === undefined ? "2001:db8:7::/48" : formatInterface({ ...four, address: networkOf(four) });
    return { key: "destination", message: `${destination} is no network`, nextStep: `Write it as ${example}.` };
  }
  if (four?.prefix === 0) {
    const nextStep = "Set lan.ipv4.gateway, or leave it to the LAN's DHCP server.";
    return { key: "destination", message: "the way to all of IPv4 is the LAN's router", nextStep };
  }
  const version = four === undefined ? 6 : 4;
  if (isIP(via) !== version) {
    const message = `${via} is no IPv${version} address, as a way to ${destination} needs one`;
    return { key: "via", message, nextStep: "Give the router's address." };
  }
  if (/^fe[89ab]/.test(via)) {
    const message = `${via} is on every network, so it does not say on which one the router is`;
    return { key: "via", message, nextStep: "Give an address of the router in the LAN's or a segment's prefix." };
  }
  const inside = subnets.find(
    ({ value }) => four !== undefined && value.prefix <= four.prefix && overlaps(value, four),
  );
  if (inside === undefined) return undefined;
  const message = `${destination} is a part of ${formatInterface(inside.value)} at ${inside.path}`;
  const nextStep = "Remove the route: hosts of the gateway's own networks are reached directly.";
  return { key: "destination", message, nextStep };
}
