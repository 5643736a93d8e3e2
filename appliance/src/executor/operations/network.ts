// SPDX-License-Identifier: Apache-2.0
/** Interfaces, addresses, routes, name servers. */

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseAddresses, parseProxied, parseRoutes, parseStaticRoutes, ROUTE_PROTOCOL } from "../../observe/ipJson.ts";
import type {
  Address6Operation,
  AddressOperation,
  LinkOperation,
  NameServersOperation,
  NoAddressOperation,
  ProxyNeighboursOperation,
  ResolverOperation,
  RouteOperation,
  StaticRoute,
  StaticRoutesOperation,
} from "../../protocol/operations.ts";
import { ScsigateError, toProblem } from "../../shared/errors.ts";
import { formatIpv4, networkOf, parseInterface, sizeOf } from "../../shared/ipv4.ts";
import { canonicalIpv6, hostsOf } from "../../shared/ipv6.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { exists, writeIfChanged } from "../files.ts";
import { Ours } from "../ours.ts";
import { releaseAdapter } from "./adapter.ts";
import { setSetting } from "./kernel.ts";
import { forgetTimeServers } from "./timeKeeper.ts";

const IFF_UP = 1;
/** On a host, its own default route goes before ours. */
export const GUEST_METRIC = "65000";

export const setLink: Handler<LinkOperation> = async (operation, context) => {
  const folder = join(context.paths.sys, "class/net", operation.name);
  // A segment that had an adapter of ours has another fabric now.
  let changed = operation.create !== undefined && (await releaseAdapter(operation.name, context));
  if (!(await exists(folder))) {
    if (!operation.create) {
      throw new ScsigateError(
        "interface-missing",
        `there is no interface ${operation.name}`,
        "Check the cable and the adapter, or correct the interface's name in the configuration.",
      );
    }
    const { kind, address } = operation.create;
    await context.run("ip", ["link", "add", "name", operation.name, "address", address, "type", kind]);
    changed = true;
  } else if (operation.create) {
    await checkAdopted(folder, operation, operation.create.address, context);
  }
  if (operation.create) await new Ours(context.paths.run, "segments").note(operation.name);
  if (!(await isUp(operation.name, context))) {
    await context.run("ip", ["link", "set", "dev", operation.name, "up"]);
    changed = true;
  }
  return changed;
};

/** Whether an interface exists and is up. */
export async function isUp(name: string, { paths }: ExecutorContext): Promise<boolean> {
  const flags = await readFile(join(paths.sys, "class/net", name, "flags"), "utf8").catch(() => "0");
  return (Number(flags.trim()) & IFF_UP) !== 0;
}

/** Removes an interface that may be there. */
export async function removeLink(name: string, context: ExecutorContext): Promise<void> {
  if (await exists(join(context.paths.sys, "class/net", name))) await context.run("ip", ["link", "del", "dev", name]);
}

/** An interface that is there already is taken over as it is: its stations know its address, so it stays. */
async function checkAdopted(
  folder: string,
  operation: LinkOperation,
  wanted: string,
  context: ExecutorContext,
): Promise<void> {
  if (!(await exists(join(folder, "ipscsi")))) {
    throw new ScsigateError(
      "interface-taken",
      `${operation.name} exists and is not a SCSI segment`,
      "Give the segment another name in the configuration.",
    );
  }
  const address = (await readFile(join(folder, "address"), "utf8")).trim();
  if (address !== wanted) {
    context.log.debug({ interface: operation.name, address, wanted }, "segment keeps the station address that it has");
  }
}

export const setAddress: Handler<AddressOperation> = async (operation, context) => {
  await new Ours(context.paths.run, "addresses").note(operation.interface, operation.address);
  const output = await context.run("ip", ["-j", "-4", "address", "show", "dev", operation.interface]);
  const present = (parseAddresses(output).get(operation.interface) ?? []).filter((entry) => entry.family === "inet");
  let changed = false;
  if (!present.some((entry) => entry.cidr === operation.address)) {
    // Else the kernel takes the new one away with the old one, where both are of one subnet.
    if (present.length > 0) {
      await setSetting(join("net/ipv4/conf", operation.interface, "promote_secondaries"), 1, context);
    }
    const broadcast = broadcastText(operation.address);
    await context.run("ip", ["-4", "address", "add", operation.address, ...broadcast, "dev", operation.interface]);
    changed = true;
  }
  for (const entry of present) {
    if (entry.cidr === operation.address) continue;
    await context.run("ip", ["-4", "address", "del", entry.cidr, "dev", operation.interface]);
    await forgetNeighbours("-4", operation.interface, context);
    changed = true;
  }
  return changed;
};

/** The kernel keeps who had which address while it has room: of a network that is gone, it would be told as if it were true. */
async function forgetNeighbours(family: "-4" | "-6", name: string, context: ExecutorContext): Promise<void> {
  await context.run("ip", [family, "neighbour", "flush", "dev", name]);
}

export const setAddress6: Handler<Address6Operation> = async ({ interface: name, address }, context) => {
  const ours = new Ours(context.paths.run, "addresses6");
  if (address === undefined && (await ours.value(name)) === undefined) return false;
  const output = await context.run("ip", ["-j", "-6", "address", "show", "dev", name, "scope", "global"]);
  const present = (parseAddresses(output).get(name) ?? []).filter((entry) => entry.family === "inet6");
  const same = (one: string, other: string) =>
    canonicalIpv6(one.split("/")[0] ?? "") === canonicalIpv6(other.split("/")[0] ?? "");
  let changed = false;
  if (address !== undefined) {
    await ours.note(name, address);
    if (!present.some((entry) => same(entry.cidr, address))) {
      // Nobody else can have it: the prefix is ours. Without the second of looking for a double, DHCP starts at once.
      await context.run("ip", ["-6", "address", "add", address, "dev", name, "nodad"]);
      changed = true;
    }
  }
  for (const entry of present) {
    if (address !== undefined && same(entry.cidr, address)) continue;
    await context.run("ip", ["-6", "address", "del", entry.cidr, "dev", name]);
    await forgetNeighbours("-6", name, context);
    changed = true;
  }
  if (address === undefined) await ours.forget(name);
  return changed;
};

export const setProxyNeighbours: Handler<ProxyNeighboursOperation> = async ({ interface: name, parts }, context) => {
  const ours = new Ours(context.paths.run, "proxies");
  const before = (await ours.value(name)) ?? "";
  if (parts.length === 0 && before === "") return false;
  const output = await context.run("ip", ["-j", "-6", "neighbour", "show", "proxy", "dev", name]);
  const present = new Set(parseProxied(output).map(canonicalIpv6));
  // Not for the part's own address and the gateway's in it.
  const hosts = (list: readonly string[]) => new Set(list.flatMap((part) => hostsOf(part).slice(2)).map(canonicalIpv6));
  const [wanted, made] = [hosts(parts), hosts(before.split(" ").filter((part) => part !== ""))];
  const lines = [
    ...[...wanted].filter((address) => !present.has(address)).map((address) => `add proxy ${address}`),
    ...[...made]
      .filter((address) => present.has(address) && !wanted.has(address))
      .map((address) => `del proxy ${address}`),
  ];
  await ours.note(name, parts.join(" "));
  if (lines.length > 0) {
    const input = lines.map((line) => `neighbour ${line} dev ${name}\n`).join("");
    await context.run("ip", ["-6", "-batch", "-"], { input });
  }
  if (parts.length === 0) await ours.forget(name);
  return lines.length > 0;
};

export const setNoAddress: Handler<NoAddressOperation> = (operation, context) =>
  clearAddresses(operation.interface, context);

/** Takes an interface's IPv4 addresses away, with the name servers, time servers and the lease that came with them. */
export async function clearAddresses(name: string, context: ExecutorContext): Promise<boolean> {
  const { run } = context.paths;
  let changed = false;
  if (await exists(join(context.paths.sys, "class/net", name))) {
    const output = await context.run("ip", ["-j", "-4", "address", "show", "dev", name]);
    changed = (parseAddresses(output).get(name) ?? []).some((entry) => entry.family === "inet");
    if (changed) {
      await context.run("ip", ["-4", "address", "flush", "dev", name, "scope", "global"]);
      await forgetNeighbours("-4", name, context);
    }
  }
  // What the network told, and the DHCP client's script has noted (default.script).
  const mtu = (await readFile(join(run, "udhcpc", `${name}.mtu`), "utf8").catch(() => "")).trim();
  if (mtu !== "" && (await exists(join(context.paths.sys, "class/net", name)))) {
    await context.run("ip", ["link", "set", name, "mtu", mtu]);
  }
  for (const what of ["lease", "routes", "mtu"]) await rm(join(run, "udhcpc", `${name}.${what}`), { force: true });
  const servers = join(run, "udhcpc", `${name}.dns`);
  const told = await readFile(servers, "utf8").catch(() => "");
  await rm(servers, { force: true });
  if (told !== "") await joinResolvers(run);
  await forgetTimeServers(name, context);
  await new Ours(run, "addresses").forget(name);
  await new Ours(run, "routes").forget(name);
  return changed;
}

function broadcastText(address: string): string[] {
  const value = parseInterface(address);
  if (value === undefined || value.prefix > 30) return [];
  return ["broadcast", formatIpv4(networkOf(value) + sizeOf(value) - 1)];
}

export const setRoute: Handler<RouteOperation> = async ({ interface: name, gateway }, context) => {
  const ours = new Ours(context.paths.run, "routes");
  const before = await ours.value(name);
  if (gateway === undefined && before === undefined) return false;
  const routes = parseRoutes(await context.run("ip", ["-j", "-4", "route", "show", "default"]));
  const has = (via: string) => routes.some((route) => route.gateway === via && route.interface === name);
  const metric = ["metric", context.host === undefined ? "100" : GUEST_METRIC];
  const change = (verb: string, via: string) =>
    context.run("ip", ["-4", "route", verb, "default", "via", via, "dev", name, ...metric]);
  if (gateway === undefined) {
    const there = before !== undefined && has(before);
    if (there) await change("del", before);
    await ours.forget(name);
    return there;
  }
  if (before !== gateway) await ours.note(name, gateway);
  if (has(gateway)) return false;
  await change("replace", gateway);
  return true;
};

/**
 * Every route by itself: one that the kernel does not take keeps none of the others from being there. Those that are ours are told by
 * their number in the kernel's table.
 */
export const setStaticRoutes: Handler<StaticRoutesOperation> = async ({ routes }, context) => {
  const ours = new Ours(context.paths.run, "staticRoutes");
  if (routes.length === 0 && (await ours.value("there")) === undefined) return false;
  await ours.note("there");
  let changed = false;
  const failed: string[] = [];
  for (const family of ["-4", "-6"] as const) {
    const wanted = routes.filter(({ destination }) => destination.includes(":") === (family === "-6"));
    const output = await context.run("ip", ["-j", family, "route", "show", "proto", ROUTE_PROTOCOL]);
    const present = parseStaticRoutes(output);
    const run = async (verb: "del" | "replace", route: StaticRoute): Promise<void> => {
      const { destination, via, interface: name, metric } = route;
      const way = [destination, "via", via, "dev", name, "proto", ROUTE_PROTOCOL, "metric", String(metric)];
      await context.run("ip", [family, "route", verb, ...way]);
      changed = true;
    };
    const [own, theirs] = [new Set(wanted.map(keyOf)), new Set(present.map(keyOf))];
    // What takes the place of another one replaces it, without a moment in between.
    const places = new Set(wanted.map(placeOf));
    for (const route of present) {
      if (!own.has(keyOf(route)) && !places.has(placeOf(route))) await run("del", route);
    }
    for (const route of wanted.filter((one) => !theirs.has(keyOf(one)))) {
      await run("replace", route).catch((error: unknown) => {
        failed.push(`${route.destination} via ${route.via}: ${toProblem(error).message}`);
      });
    }
  }
  if (routes.length === 0) await ours.forget("there");
  if (failed.length === 0) return changed;
  const nextStep =
    "Check that the interface towards the router is up, and that routes names the router's present address.";
  throw new ScsigateError("route-unusable", `the kernel does not take ${failed.join("; ")}`, nextStep);
};

function networkText(destination: string): string {
  const [address = "", length] = destination.split("/");
  return address.includes(":") ? `${canonicalIpv6(address)}/${length ?? 128}` : `${address}/${length ?? 32}`;
}

function placeOf({ destination, metric }: StaticRoute): string {
  return `${networkText(destination)} ${metric}`;
}

function keyOf(route: StaticRoute): string {
  const { via } = route;
  return `${placeOf(route)} ${via.includes(":") ? canonicalIpv6(via) : via} ${route.interface}`;
}

/** The same files that the DHCP client's script writes: one for each interface, joined to /run/resolv.conf. */
export const setResolver: Handler<ResolverOperation> = async (operation, context) => {
  const text = operation.servers.map((server) => `nameserver ${server}\n`).join("");
  const changed = await writeIfChanged(join(context.paths.run, "udhcpc", `${operation.interface}.dns`), text);
  if (changed) await joinResolvers(context.paths.run);
  return changed;
};

export const setNameServers: Handler<NameServersOperation> = async ({ servers }, { paths: { run } }) => {
  const file = join(run, "udhcpc", SET);
  if (servers.length === 0 && !(await exists(file))) return false;
  const changed = await writeIfChanged(file, servers.map((server) => `nameserver ${server}\n`).join(""));
  if (changed) await joinResolvers(run);
  return changed;
};

/** What the configuration says goes before all that interfaces have: as write_resolv_conf of default.script does it. */
const SET = "configured";

async function joinResolvers(run: string): Promise<void> {
  const folder = join(run, "udhcpc");
  const read = (name: string) => readFile(join(folder, name), "utf8").catch(() => "");
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".dns")).sort();
  const text = (await read(SET)) || (await Promise.all(files.map(read))).join("");
  await writeIfChanged(join(run, "resolv.conf"), text);
}
