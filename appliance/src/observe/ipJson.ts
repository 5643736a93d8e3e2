// SPDX-License-Identifier: Apache-2.0
/** What `ip -j` prints, as far as it is needed. Unknown fields are ignored, missing ones skip the entry. */

import type { CommandRunner } from "../shared/commands.ts";

export interface InterfaceAddress {
  family: "inet" | "inet6";
  /** "address/prefix" */
  cidr: string;
  /** global, link, host */
  scope: string;
}

export interface Route {
  /** "default", an address, or "address/prefix". */
  destination: string;
  interface: string;
  gateway?: string;
  /** To what lies elsewhere: told by another gateway of the mesh, or set by the configuration. */
  learned?: true;
}

/** By this number in the kernel's table, routes of the configuration are told from all others. */
export const ROUTE_PROTOCOL = "83";

export interface Neighbour {
  interface: string;
  /** IPv4 or IPv6 address. */
  ip: string;
  /** Link-layer address. */
  address: string;
}

/**
 * Several questions to one `ip`: each start of a program costs a copy of our own page tables.
 * @param questions such as "address show"; routes are IPv4's
 * @returns all answers, for the functions below, each of which takes what it knows
 */
export function askIp(run: CommandRunner, ...questions: readonly string[]): Promise<string> {
  return run("ip", ["-j", "-batch", "-"], { input: questions.map((question) => `${question}\n`).join("") });
}

/** @param output of `ip -j address show`. Addresses by interface name. */
export function parseAddresses(output: string): Map<string, InterfaceAddress[]> {
  const result = new Map<string, InterfaceAddress[]>();
  for (const link of entries(output)) {
    const name = link["ifname"];
    if (typeof name !== "string") continue;
    const list: InterfaceAddress[] = [];
    for (const entry of Array.isArray(link["addr_info"]) ? link["addr_info"].filter(isRecord) : []) {
      const { family, local, prefixlen, scope } = entry;
      if ((family === "inet" || family === "inet6") && typeof local === "string" && typeof prefixlen === "number") {
        list.push({ family, cidr: `${local}/${prefixlen}`, scope: typeof scope === "string" ? scope : "global" });
      }
    }
    result.set(name, list);
  }
  return result;
}

/** @param output of `ip -j -4 route show` */
export function parseRoutes(output: string): Route[] {
  const routes: Route[] = [];
  for (const entry of entries(output)) {
    const { dst, dev, gateway, protocol } = entry;
    if (typeof dst !== "string" || typeof dev !== "string") continue;
    routes.push({
      destination: dst,
      interface: dev,
      ...(typeof gateway === "string" ? { gateway } : {}),
      ...(protocol === "bird" || protocol === ROUTE_PROTOCOL ? { learned: true } : {}),
    });
  }
  return routes;
}

/** @param output of `ip -j -4 route show proto 83`, or of IPv6 */
export function parseStaticRoutes(output: string): (Route & { via: string; metric: number })[] {
  return entries(output).flatMap(({ dst, dev, gateway, metric }) => {
    if (typeof dst !== "string" || typeof dev !== "string" || typeof gateway !== "string") return [];
    const destination = dst === "default" ? (gateway.includes(":") ? "::/0" : "0.0.0.0/0") : dst;
    return [{ destination, interface: dev, via: gateway, metric: typeof metric === "number" ? metric : 0 }];
  });
}

/** @param output of `ip -j neighbour show`; entries without a link-layer address, or that failed, are left out. */
export function parseNeighbours(output: string): Neighbour[] {
  const neighbours: Neighbour[] = [];
  for (const entry of entries(output)) {
    const { dst, dev, lladdr, state } = entry;
    if (typeof dst !== "string" || typeof dev !== "string" || typeof lladdr !== "string") continue;
    if (Array.isArray(state) && state.includes("FAILED")) continue;
    neighbours.push({ interface: dev, ip: dst, address: lladdr.toLowerCase() });
  }
  return neighbours;
}

/** @param output of `ip -j neighbour show`. Addresses that nobody has answered for, as "interface address". */
export function parseUnanswered(output: string): Set<string> {
  const failed = entries(output).filter(({ state }) => Array.isArray(state) && state.includes("FAILED"));
  return new Set(failed.map(({ dst, dev }) => `${dev} ${dst}`));
}

/** @param output of `ip -j -6 neighbour show proxy dev <interface>`. Addresses that the interface answers for. */
export function parseProxied(output: string): string[] {
  return entries(output).flatMap(({ dst }) => (typeof dst === "string" ? [dst] : []));
}

/** @param output of `bridge -j fdb show dev <a VXLAN>`. Addresses of the gateways that get what has no known place. */
export function parseFlooded(output: string): string[] {
  return entries(output).flatMap(({ mac, dst }) =>
    mac === "00:00:00:00:00:00" && typeof dst === "string" ? [dst] : [],
  );
}

/** @param output of `ip -j -4 rule show`. Places of the rules that lead to a table. */
export function parseTable(output: string, table: string): string[] {
  return entries(output).flatMap((rule) =>
    String(rule["table"]) === table && typeof rule["priority"] === "number" ? [String(rule["priority"])] : [],
  );
}

/** @param output of `ip -j -d link show dev <interface>`. Undefined where it is no VLAN. */
export function parseVlan(output: string): { port: string; id: number } | undefined {
  const [{ link, linkinfo } = {}] = entries(output);
  if (typeof link !== "string" || !isRecord(linkinfo) || !isRecord(linkinfo["info_data"])) return undefined;
  const { id } = linkinfo["info_data"];
  return linkinfo["info_kind"] === "vlan" && typeof id === "number" ? { port: link, id } : undefined;
}

function entries(output: string): Record<string, unknown>[] {
  // With nothing to show, some versions print nothing at all.
  if (output.trim() === "") return [];
  const answers = output.split(/(?<=\])\s*\n\s*(?=\[)/);
  const values = answers.map((answer): unknown => JSON.parse(answer));
  return values.flatMap((value) => (Array.isArray(value) ? value.filter(isRecord) : []));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
