// SPDX-License-Identifier: Apache-2.0
/**
 * The executor's part of a factory reset: what the owner has left outside of the service's folder. The programs that
 * keep it end first, else they would write it again; the next round starts them anew, as the new configuration has it.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ExecutorContext } from "./context.ts";
import { stopDnsmasq } from "./operations/dhcp.ts";
import { stopSsh } from "./operations/ssh.ts";
import { stopTimeKeeper } from "./operations/timeKeeper.ts";
import { removeWireguard } from "./operations/wireguard.ts";

/** In /data: leases, the clock's drift, SSH's host keys, WireGuard's key, a bundle that was on its way. */
const FOLDERS = ["dhcp", "chrony", "ssh", "wireguard", "update"];

export async function forgetOwner(context: ExecutorContext): Promise<void> {
  const { paths, log } = context;
  await stopSsh(context);
  for (const name of await readdir(join(paths.run, "scsigate")).catch(() => [])) {
    const segment = /^dnsmasq-(.+)\.pid$/.exec(name)?.[1];
    if (segment !== undefined) await stopDnsmasq(segment, context);
  }
  await stopTimeKeeper(context);
  await removeWireguard(context);
  for (const folder of FOLDERS) {
    const path = join(paths.data, folder);
    for (const name of await readdir(path).catch(() => []))
      await rm(join(path, name), { recursive: true, force: true });
  }
  await rm(join(paths.run, "scsigate/leases"), { recursive: true, force: true });
  log.warn({ folders: FOLDERS }, "what the owner had left was removed");
}
