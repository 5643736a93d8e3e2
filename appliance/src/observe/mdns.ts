// SPDX-License-Identifier: Apache-2.0
/** Under which name the LAN finds this machine (mDNS). avahi-daemon writes it over its own command line. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * @param proc /proc
 * @param pidFile avahi-daemon's
 * @returns "name.local"; undefined while avahi-daemon does not run, or still makes sure that the name is free
 */
export async function readLocalName(proc: string, pidFile: string): Promise<string | undefined> {
  const pid = (await readFile(pidFile, "utf8").catch(() => "")).trim();
  if (!/^[0-9]+$/.test(pid)) return undefined;
  const line = await readFile(join(proc, pid, "cmdline"), "utf8").catch(() => "");
  return /^avahi-daemon: running \[([A-Za-z0-9.-]+)\]/.exec(line)?.[1];
}
