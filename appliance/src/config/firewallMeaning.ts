// SPDX-License-Identifier: Apache-2.0
/** What the firewall's rules and port forwards must fit: sides that there are, addresses, hosts behind the gateway. */
import type { ConfigError } from "../api/status.ts";
import { type Ipv4Interface, overlaps, parseInterface, parseIpv4 } from "../shared/ipv4.ts";
import { parseNetwork6 } from "../shared/ipv6.ts";
import { notAnAddress } from "./addressMeaning.ts";
import type { Config } from "./types.ts";

const SIDES = ["lan", "storage", "segments"];

/** Where a port can be forwarded to; undefined while that is not known, as a segment's subnet is chosen. */
function forwardable({ segments, routes }: Config): Ipv4Interface[] | undefined {
  if (segments.some(({ ipv4 }) => ipv4.address === "auto")) return undefined;
  const networks = [...segments.map(({ ipv4 }) => ipv4.address), ...routes.map(({ destination }) => destination)];
  return networks.map(parseInterface).filter((value) => value !== undefined);
}

export function checkFirewall(config: Config, errors: ConfigError[]): void {
  const { firewall, segments, mode } = config;
  const names = segments.map((segment) => segment.name);
  const behind = forwardable(config);
  firewall.managementSources.forEach((text, index) => {
    checkRange(text, `/firewall/managementSources/${index}`, errors);
  });
  firewall.rules.forEach((rule, index) => {
    const path = `/firewall/rules/${index}`;
    const check = (key: "from" | "to", special: string[]) => {
      const known = [...special, ...SIDES, ...names];
      if (known.includes(rule[key])) return;
      errors.push({
        path: `${path}/${key}`,
        message: `${rule[key]} is neither a side nor a segment`,
        nextStep: `Use one of: ${known.join(", ")}.`,
      });
    };
    check("from", ["any"]);
    check("to", ["gateway", "any"]);
    if (rule.ports.length > 0 && rule.protocol !== "tcp" && rule.protocol !== "udp") {
      errors.push({
        path: `${path}/ports`,
        message: `${rule.protocol} has no ports`,
        nextStep: "Set protocol to tcp or udp, or leave ports out.",
      });
    }
    rule.ports.forEach((text, place) => {
      const [first = 0, last = first] = text.split("-").map(Number);
      if (first <= last && last <= 65535) return;
      const nextStep = "Write a port as 22 and a range as 8000-8010, up to 65535.";
      errors.push({ path: `${path}/ports/${place}`, message: `${text} is no range of ports`, nextStep });
    });
    for (const key of ["sources", "destinations"] as const) {
      rule[key].forEach((text, place) => {
        checkRange(text, `${path}/${key}/${place}`, errors);
      });
    }
    const six = (list: readonly string[]) => new Set(list.map((text) => text.includes(":")));
    const [sources, destinations] = [six(rule.sources), six(rule.destinations)];
    if (sources.size > 0 && destinations.size > 0 && ![...sources].some((family) => destinations.has(family))) {
      const message = "no packet has an IPv4 address on one side and an IPv6 address on the other";
      const nextStep = "Give sources and destinations of the same kind.";
      errors.push({ path: `${path}/destinations`, message, nextStep });
    }
  });
  firewall.portForwards.forEach(({ protocol, port, to }, index) => {
    const path = `/firewall/portForwards/${index}`;
    const host = parseIpv4(to);
    if (host === undefined) errors.push(notAnAddress(`${path}/to`, to));
    else if (behind !== undefined && !behind.some((subnet) => overlaps(subnet, { address: host, prefix: 32 }))) {
      errors.push({
        path: `${path}/to`,
        message: `${to} is on no segment, and behind no router`,
        nextStep: "Give the address of a host on a segment; a station keeps its own by stations[].ipv4.",
      });
    }
    if (mode !== "nat") {
      const nextStep =
        'Set mode to "nat", or remove the port forward: in the other modes, hosts reach each other without.';
      errors.push({ path, message: `mode ${mode} forwards no ports`, nextStep });
    }
    const same = (other: { protocol: string; port: number }) => other.protocol === protocol && other.port === port;
    if (firewall.portForwards.slice(0, index).some(same)) {
      errors.push({
        path: `${path}/port`,
        message: `${protocol} port ${port} is forwarded already`,
        nextStep: "Use another port.",
      });
    }
  });
}

function checkRange(text: string, path: string, errors: ConfigError[]): void {
  const whole = (bits: number) => (text.includes("/") ? text : `${text}/${bits}`);
  if (parseInterface(whole(32)) !== undefined || parseNetwork6(whole(128)) !== undefined) return;
  errors.push({
    path,
    message: `${text} is neither an address nor a subnet`,
    nextStep: "Write it as 192.168.1.5, 192.168.1.0/24, 2001:db8::5 or 2001:db8:7::/48.",
  });
}
