// SPDX-License-Identifier: Apache-2.0
/** The driver's latency classes: in debugfs, which only root can read. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DeviceLatency } from "../protocol/messages.ts";

/** More devices than a machine's adapters lead to; the rest is left out. */
const MAX_DEVICES = 256;

/** @param sys /sys. Empty where debugfs is not mounted, or the driver is not loaded. */
export async function readLatency(sys: string): Promise<DeviceLatency[]> {
  const folder = join(sys, "kernel/debug/ipscsi");
  const names = await readdir(folder).catch(() => []);
  const devices = names.filter((name) => /^[0-9]+:[0-9]+:[0-9]+:[0-9]+$/.test(name)).slice(0, MAX_DEVICES);
  const read = devices.map(async (device) => {
    const text = await readFile(join(folder, device, "latency"), "utf8").catch(() => "");
    return { device, text };
  });
  return (await Promise.all(read)).filter((entry) => entry.text !== "");
}
