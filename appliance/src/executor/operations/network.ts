// SPDX-License-Identifier: Apache-2.0
/** Interfaces, addresses, routes, name servers. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAddresses, parseRoutes } from "../../observe/ipJson.ts";
import type { AddressOperation, LinkOperation, ResolverOperation, RouteOperation } from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { formatIpv4, networkOf, parseInterface, sizeOf } from "../../shared/ipv4.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { writeIfChanged } from "../files.ts";

const IFF_UP = 1;

export const setLink: Handler<LinkOperation> = async (operation, context) => {
  const folder = join(context.paths.sys, "class/net", operation.name);
  let changed = false;
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
  const flags = Number((await readFile(join(folder, "flags"), "utf8").catch(() => "0")).trim());
  if ((flags & IFF_UP) === 0) {
    await context.run("ip", ["link", "set", "dev", operation.name, "up"]);
    changed = true;
  }
  return changed;
};

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
  const output = await context.run("ip", ["-j", "-4", "address", "show", "dev", operation.interface]);
  const present = (parseAddresses(output).get(operation.interface) ?? []).filter((entry) => entry.family === "inet");
  let changed = false;
  if (!present.some((entry) => entry.cidr === operation.address)) {
    const broadcast = broadcastText(operation.address);
    await context.run("ip", ["-4", "address", "add", operation.address, ...broadcast, "dev", operation.interface]);
    changed = true;
  }
  for (const entry of present) {
    if (entry.cidr === operation.address) continue;
    await context.run("ip", ["-4", "address", "del", entry.cidr, "dev", operation.interface]);
    changed = true;
  }
  return changed;
};

function broadcastText(address: string): string[] {
  const value = parseInterface(address);
  if (value === undefined || value.prefix > 30) return [];
  return ["broadcast", formatIpv4(networkOf(value) + sizeOf(value) - 1)];
}

export const setRoute: Handler<RouteOperation> = async (operation, context) => {
  const output = await context.run("ip", ["-j", "-4", "route", "show", "default"]);
  const present = parseRoutes(output).some(
    (route) => route.gateway === operation.gateway && route.interface === operation.interface,
  );
  if (present) return false;
  const via = ["via", operation.gateway, "dev", operation.interface];
  await context.run("ip", ["-4", "route", "replace", "default", ...via, "metric", "100"]);
  return true;
};

/** The same files that the DHCP client's script writes: one for each interface, joined to /run/resolv.conf. */
export const setResolver: Handler<ResolverOperation> = async (operation, context) => {
  const text = operation.servers.map((server) => `nameserver ${server}\n`).join("");
  const changed = await writeIfChanged(join(context.paths.run, "udhcpc", `${operation.interface}.dns`), text);
  if (changed) await writeIfChanged(join(context.paths.run, "resolv.conf"), text);
  return changed;
};

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
