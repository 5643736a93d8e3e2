// SPDX-License-Identifier: Apache-2.0
/** The bridge of mode bridge. */
import { access, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { BRIDGE, type BridgeOperation, type BridgePortOperation } from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ExecutorContext, Handler } from "../context.ts";

export const setBridge: Handler<BridgeOperation> = async ({ address, port }, context) => {
  const folder = join(context.paths.sys, "class/net", BRIDGE);
  let changed = false;
  if (!(await exists(folder))) {
    // Without waiting for loops: there is one way only to each segment. Multicast goes everywhere: neighbour discovery
    // is multicast.
    const options = ["stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"];
    await context.run("ip", ["link", "add", "name", BRIDGE, "address", address, "type", "bridge", ...options]);
    changed = true;
  } else if (!(await exists(join(folder, "bridge")))) {
    const nextStep = "Remove that interface, or use another mode.";
    throw new ScsigateError("interface-taken", `${BRIDGE} exists and is not a bridge`, nextStep);
  }
  return (await enslave(port, context)) || changed;
};

export const setBridgePort: Handler<BridgePortOperation> = ({ port }, context) => enslave(port, context);

async function enslave(port: string, context: ExecutorContext): Promise<boolean> {
  const master = await readlink(join(context.paths.sys, "class/net", port, "master")).catch(() => "");
  if (basename(master) === BRIDGE) return false;
  await context.run("ip", ["link", "set", "dev", port, "master", BRIDGE]);
  return true;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
