// SPDX-License-Identifier: Apache-2.0
/** The LAN's interface where its packets have a tag (IEEE 802.1Q). */
import { join } from "node:path";
import { parseVlan } from "../../observe/ipJson.ts";
import { lanVlan, type VlanOperation } from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { exists } from "../files.ts";
import { Ours } from "../ours.ts";
import { stopDhcpClient } from "./dhcp.ts";
import { clearAddresses, removeLink } from "./network.ts";

export const setVlan: Handler<VlanOperation> = async ({ id, port }, context) => {
  const name = lanVlan(id);
  const ours = new Ours(context.paths.run, "vlans");
  if (await exists(join(context.paths.sys, "class/net", name))) {
    const present = parseVlan(await context.run("ip", ["-j", "-d", "link", "show", "dev", name]));
    if (present?.port === port && present.id === id) {
      await ours.note(name);
      return false;
    }
    if ((await ours.value(name)) === undefined) {
      const nextStep = "Remove that interface, or use another VLAN.";
      throw new ScsigateError("interface-taken", `${name} exists and is not VLAN ${id} on ${port}`, nextStep);
    }
    await remove(name, context);
  }
  await ours.note(name);
  await context.run("ip", ["link", "add", "link", port, "name", name, "type", "vlan", "id", String(id)]);
  return true;
};

/** Removes the VLANs that are ours and not named. */
export async function pruneVlans(wanted: readonly string[], context: ExecutorContext): Promise<boolean> {
  const ours = new Ours(context.paths.run, "vlans");
  const gone = (await ours.names()).filter((name) => !wanted.includes(name));
  for (const name of gone) {
    await remove(name, context);
    await ours.forget(name);
  }
  return gone.length > 0;
}

async function remove(name: string, context: ExecutorContext): Promise<void> {
  await stopDhcpClient(name, context);
  await clearAddresses(name, context);
  await removeLink(name, context);
}
