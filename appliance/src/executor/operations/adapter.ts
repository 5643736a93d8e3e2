// SPDX-License-Identifier: Apache-2.0
/**
 * An adapter of ours as a segment: its network interface, whatever udev calls it, gets the segment's name, so that
 * addresses, DHCP, bridges and rules meet it where they meet the driver's interfaces.
 */
import { chown, stat } from "node:fs/promises";
import { join } from "node:path";
import { findAdapter, isAdapterInterface } from "../../observe/usbAdapters.ts";
import type { AdapterOperation } from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { exists } from "../files.ts";
import { Ours } from "../ours.ts";

export const setAdapter: Handler<AdapterOperation> = async ({ segment, serial }, context) => {
  const { sys, run } = context.paths;
  const { interface: found, tty } = findAdapter(sys, serial);
  if (found === undefined) {
    throw new ScsigateError(
      "adapter-unreachable",
      `the adapter ${serial} has no network interface`,
      "Check that the kernel has the driver cdc_ncm; then unplug the adapter and plug it in again.",
    );
  }
  const renamed = found !== segment;
  if (renamed) {
    await makeRoom(segment, context);
    // A name cannot be changed while the interface is up.
    await context.run("ip", ["link", "set", "dev", found, "down"]);
    await context.run("ip", ["link", "set", "dev", found, "name", segment]);
  }
  await new Ours(run, "segments").note(segment);
  return (await giveToService(tty, context)) || renamed;
};

/** What has the segment's name makes room where it is ours: the driver's interface, or another adapter's. */
async function makeRoom(segment: string, context: ExecutorContext): Promise<void> {
  const folder = join(context.paths.sys, "class/net", segment);
  if (!(await exists(folder)) || (await releaseAdapter(segment, context))) return;
  const noted = (await new Ours(context.paths.run, "segments").value(segment)) !== undefined;
  if (noted && (await exists(join(folder, "ipscsi")))) {
    await context.run("ip", ["link", "del", "dev", segment]);
    return;
  }
  throw new ScsigateError(
    "interface-taken",
    `${segment} exists and is not the segment's adapter`,
    "Give the segment another name in the configuration.",
  );
}

/** Takes a segment's name from an adapter's interface. @returns whether it is one */
export async function releaseAdapter(segment: string, context: ExecutorContext): Promise<boolean> {
  if (!isAdapterInterface(join(context.paths.sys, "class/net", segment))) return false;
  await context.run("ip", ["link", "set", "dev", segment, "nomaster"]);
  await context.run("ip", ["link", "set", "dev", segment, "down"]);
  await context.run("ip", ["link", "set", "dev", segment, "name", `${segment}-us`]);
  return true;
}

/** The management port's answers come from outside, so that they are read by the process without rights. */
async function giveToService(tty: string | undefined, { paths, serviceUser }: ExecutorContext): Promise<boolean> {
  if (tty === undefined || serviceUser === undefined || !/^ttyACM[0-9]+$/.test(tty)) return false;
  const path = join(paths.dev, tty);
  const before = await stat(path).catch(() => undefined);
  if (before === undefined || before.uid === serviceUser.uid) return false;
  await chown(path, serviceUser.uid, before.gid);
  return true;
}
