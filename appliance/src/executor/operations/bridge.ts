// SPDX-License-Identifier: Apache-2.0
/** The bridge of mode bridge, and those of segments that span gateways. */
import { readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseFlooded } from "../../observe/ipJson.ts";
import {
  BRIDGE,
  type BridgeOperation,
  type BridgePortOperation,
  type ExtensionOperation,
  extensionBridge,
  extensionTunnel,
} from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { VXLAN_PORT } from "../../shared/ports.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { exists } from "../files.ts";
import { Ours } from "../ours.ts";
import { isUp, removeLink } from "./network.ts";

export const setBridge: Handler<BridgeOperation> = async ({ address, port }, context) => {
  const changed = await makeBridge(BRIDGE, address, context);
  return (await enslave(port, BRIDGE, context)) || changed;
};

export const setBridgePort: Handler<BridgePortOperation> = ({ port }, context) => enslave(port, BRIDGE, context);

export const setExtension: Handler<ExtensionOperation> = async ({ segment, address, vni, peers }, context) => {
  const [bridge, tunnel] = [extensionBridge(segment), extensionTunnel(segment)];
  const ours = new Ours(context.paths.run, "extensions");
  const before = await ours.value(segment);
  const another = before !== undefined && before !== String(vni);
  if (another) await removeLink(tunnel, context);
  await ours.note(segment, String(vni));
  let changed = await makeBridge(bridge, address, context);
  if (!(await exists(join(context.paths.sys, "class/net", tunnel)))) {
    // Of no interface: routing chooses it. Packets that do not fit the LAN then go in fragments (its own limit is 1500).
    const options = ["id", String(vni), "dstport", String(VXLAN_PORT), "ttl", "64"];
    await context.run("ip", ["link", "add", "name", tunnel, "type", "vxlan", ...options]);
    changed = true;
  }
  for (const port of [tunnel, segment]) changed = (await enslave(port, bridge, context)) || changed;
  changed = (await setFloodedTo(tunnel, peers, context)) || changed;
  for (const name of [tunnel, bridge]) {
    if (await isUp(name, context)) continue;
    await context.run("ip", ["link", "set", "dev", name, "up"]);
    changed = true;
  }
  return changed;
};

/** An address of all zeros in a VXLAN's table: gateways that get what has no known place. */
const EVERYBODY = "00:00:00:00:00:00";

async function setFloodedTo(tunnel: string, peers: readonly string[], context: ExecutorContext): Promise<boolean> {
  const present = parseFlooded(await context.run("bridge", ["-j", "fdb", "show", "dev", tunnel]));
  const change = async (action: "append" | "del", list: readonly string[]) => {
    for (const peer of list) await context.run("bridge", ["fdb", action, EVERYBODY, "dev", tunnel, "dst", peer]);
    return list.length > 0;
  };
  const added = await change(
    "append",
    peers.filter((peer) => !present.includes(peer)),
  );
  const gone = await change(
    "del",
    present.filter((peer) => !peers.includes(peer)),
  );
  return added || gone;
}

/** Removes what joined segments that are not named with other gateways' ones. */
export async function pruneExtensions(wanted: readonly string[], context: ExecutorContext): Promise<boolean> {
  const ours = new Ours(context.paths.run, "extensions");
  const gone = (await ours.names()).filter((segment) => !wanted.includes(segment));
  for (const segment of gone) {
    await removeLink(extensionTunnel(segment), context);
    await removeLink(extensionBridge(segment), context);
    await new Ours(context.paths.run, "addresses6").forget(extensionBridge(segment));
    await ours.forget(segment);
  }
  return gone.length > 0;
}

async function makeBridge(name: string, address: string, context: ExecutorContext): Promise<boolean> {
  const folder = join(context.paths.sys, "class/net", name);
  if (!(await exists(folder))) {
    // Without waiting for loops: there is one way only to each segment. Multicast goes everywhere: neighbour discovery
    // is multicast.
    const options = ["stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"];
    await context.run("ip", ["link", "add", "name", name, "address", address, "type", "bridge", ...options]);
    return true;
  }
  if (await exists(join(folder, "bridge"))) return false;
  const nextStep = "Remove that interface, or use another mode.";
  throw new ScsigateError("interface-taken", `${name} exists and is not a bridge`, nextStep);
}

async function enslave(port: string, bridge: string, context: ExecutorContext): Promise<boolean> {
  const master = await readlink(join(context.paths.sys, "class/net", port, "master")).catch(() => "");
  if (basename(master) === bridge) return false;
  await context.run("ip", ["link", "set", "dev", port, "master", bridge]);
  return true;
}
