// SPDX-License-Identifier: Apache-2.0
/**
 * Removes what an earlier configuration made and the present one does not name; in the order in which things depend on
 * each other.
 */
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { BRIDGE, type PruneOperation } from "../../protocol/operations.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { Ours } from "../ours.ts";
import { releaseAdapter } from "./adapter.ts";
import { pruneExtensions } from "./bridge.ts";
import { stopDhcpClient, stopDnsmasq } from "./dhcp.ts";
import { removeDriverDisk } from "./driverDisk.ts";
import { pruneTunnels, stopMesh } from "./mesh.ts";
import { clearAddresses, setProxyNeighbours } from "./network.ts";
import { clearStationFilter } from "./stationFilter.ts";
import { pruneTargets } from "./target.ts";
import { pruneVlans } from "./vlan.ts";
import { removeWireguard } from "./wireguard.ts";

export const prune: Handler<PruneOperation> = async (operation, context) => {
  const segments = new Ours(context.paths.run, "segments");
  const gone = (await segments.names()).filter((name) => !operation.segments.includes(name));
  let changed = await pruneTargets(operation.targets, gone, context.targetFs);
  const note = (did: boolean) => {
    changed = did || changed;
  };
  if (!operation.driverDisk) note(await removeDriverDisk(context));
  for (const segment of await runningFor("dnsmasq", context)) {
    if (!operation.served.includes(segment)) note(await stopDnsmasq(segment, context));
  }
  const addresses = new Ours(context.paths.run, "addresses");
  const clients = await runningFor("udhcpc", context);
  for (const name of new Set([...clients, ...(await addresses.names())])) {
    if (operation.addressed.includes(name)) continue;
    if (clients.includes(name)) note(await stopDhcpClient(name, context));
    note(await clearAddresses(name, context));
  }
  if (!operation.bridge && (await isThere(join(BRIDGE, "bridge"), context))) {
    await context.run("ip", ["link", "del", "dev", BRIDGE]);
    note(true);
  }
  note(await pruneVlans(operation.vlans, context));
  note(await pruneExtensions(operation.extended, context));
  if (!operation.mesh) note(await stopMesh(context));
  note(await pruneTunnels(operation.tunnels, context));
  if (!operation.encrypted) note(await removeWireguard(context));
  for (const name of await new Ours(context.paths.run, "proxies").names()) {
    if (operation.proxied.includes(name)) continue;
    note(await setProxyNeighbours({ kind: "proxyNeighbours", interface: name, parts: [] }, context));
  }
  for (const name of gone) {
    await clearStationFilter(name, context);
    const adapter = await releaseAdapter(name, context);
    if (!adapter && (await isThere(join(name, "ipscsi"), context)))
      await context.run("ip", ["link", "del", "dev", name]);
    await segments.forget(name);
    await new Ours(context.paths.run, "addresses6").forget(name);
    await new Ours(context.paths.run, "renewals").forget(name);
    note(true);
  }
  return changed;
};

/** Interfaces that a program's pid files name. */
async function runningFor(program: string, context: ExecutorContext): Promise<string[]> {
  const files = await readdir(join(context.paths.run, "scsigate")).catch(() => []);
  const pattern = new RegExp(`^${program}-(.+)\\.pid$`);
  return files.flatMap((file) => pattern.exec(file)?.[1] ?? []).sort();
}

async function isThere(path: string, context: ExecutorContext): Promise<boolean> {
  return access(join(context.paths.sys, "class/net", path)).then(
    () => true,
    () => false,
  );
}
