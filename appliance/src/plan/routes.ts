// SPDX-License-Identifier: Apache-2.0
/** Static routes: on which network the next router is, and what cannot be. */
import type { Config, RouteConfig } from "../config/types.ts";
import type { InterfaceAddress } from "../observe/ipJson.ts";
import { type StaticRoute, segmentFace } from "../protocol/operations.ts";
import { ScsigateError } from "../shared/errors.ts";
import { overlaps, parseInterface } from "../shared/ipv4.ts";
import { overlaps6 } from "../shared/ipv6.ts";

/** A network that the gateway is on itself. */
export interface Network {
  interface: string;
  /** "address/prefix", IPv4 with the gateway's address, IPv6 perhaps of the prefix only. */
  subnet: string;
  /** Of which it is; undefined for Ethernets. */
  segment?: string;
}

export interface RefusedRoute {
  /** In the document's list. */
  index: number;
  key: "destination" | "via";
  /** Its router is on none of these networks: on one that is not known yet, perhaps. */
  astray: boolean;
  why: ScsigateError;
}

export interface PlannedRoutes {
  routes: StaticRoute[];
  /** Networks behind stations, by segment. */
  behind: Record<string, string[]>;
  refused: RefusedRoute[];
}

/** The networks of the gateway's interfaces, Ethernets by what the document or else the machine says. */
export function networksOf(
  config: Config,
  face: string | undefined,
  addresses: ReadonlyMap<string, readonly InterfaceAddress[]>,
  segmentAddresses: Record<string, string>,
  prefixes6: Record<string, string>,
): Network[] {
  const { lan, storage } = config;
  const ethernets = [
    ...(face === undefined ? [] : [{ name: face, ipv4: lan.ipv4 }]),
    ...(storage === undefined ? [] : [{ name: storage.interface, ipv4: storage.ipv4 }]),
  ].flatMap(({ name, ipv4 }) => {
    const seen = (addresses.get(name) ?? []).filter(({ scope }) => scope === "global");
    const four = seen.filter(({ family }) => family === "inet").map(({ cidr }) => cidr);
    const six = seen.filter(({ family }) => family === "inet6").map(({ cidr }) => cidr);
    return [...(ipv4.method === "static" ? [ipv4.address] : four), ...six].map((subnet) => ({
      interface: name,
      subnet,
    }));
  });
  const segments = config.segments.flatMap((segment) =>
    [segmentAddresses[segment.name], prefixes6[segment.name]]
      .filter((subnet) => subnet !== undefined)
      .map((subnet) => ({ interface: segmentFace(segment), subnet, segment: segment.name })),
  );
  return [...ethernets, ...segments];
}

export function planRoutes(routes: readonly RouteConfig[], networks: readonly Network[]): PlannedRoutes {
  const planned: PlannedRoutes = { routes: [], behind: {}, refused: [] };
  routes.forEach((route, index) => {
    const { destination, via } = route;
    // In mode proxy, a segment's subnet is a part of the LAN's: the smaller one has the host.
    const [network] = networks
      .filter(({ subnet }) => share(subnet, hostOf(via)))
      .sort((one, other) => lengthOf(other.subnet) - lengthOf(one.subnet));
    const refusal = refuse(route, network, networks);
    if (network === undefined || refusal !== undefined) {
      const { key = "via", message = "", nextStep = "" } = refusal ?? {};
      const why = new ScsigateError("route-unusable", message, nextStep);
      planned.refused.push({ index, key, astray: network === undefined, why });
      return;
    }
    const { segment } = network;
    if (segment !== undefined) planned.behind[segment] = [...(planned.behind[segment] ?? []), destination];
    planned.routes.push({ ...route, interface: network.interface });
  });
  return planned;
}

/** @param network of the router */
function refuse(
  { destination, via }: RouteConfig,
  network: Network | undefined,
  networks: readonly Network[],
): { key: "destination" | "via"; message: string; nextStep: string } | undefined {
  if (network === undefined) {
    const message = `the router ${via} on the way to ${destination} is on no network of this gateway`;
    const nextStep =
      "Correct routes: a router has an address in the subnet of the LAN, of the storage or of a segment.";
    return { key: "via", message, nextStep };
  }
  if (network.subnet.split("/")[0] === via) {
    const message = `${via} on the way to ${destination} is this gateway itself`;
    return { key: "via", message, nextStep: "Give another router's address." };
  }
  const touched = networks.filter(({ subnet }) => share(subnet, destination));
  const around = touched.find(({ subnet }) => lengthOf(subnet) <= lengthOf(destination));
  if (around !== undefined) {
    const message = `${destination} is a part of ${around.subnet}, whose hosts are reached directly`;
    return { key: "destination", message, nextStep: "Remove the route, or use another subnet on that side." };
  }
  const { segment } = network;
  const [inside] = touched;
  if (segment === undefined || inside === undefined) return undefined;
  const message = `${destination} behind a station of ${segment} would have ${inside.subnet} in it, which is here`;
  return { key: "destination", message, nextStep: "Name the networks behind the station one by one." };
}

function hostOf(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

function lengthOf(subnet: string): number {
  return Number(subnet.split("/")[1]);
}

function share(one: string, other: string): boolean {
  const [four, four2] = [parseInterface(one), parseInterface(other)];
  if (four !== undefined && four2 !== undefined) return overlaps(four, four2);
  return four === undefined && four2 === undefined && overlaps6(one, other);
}
