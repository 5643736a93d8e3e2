// SPDX-License-Identifier: Apache-2.0
/**
 * On a host that has its own network management: tells it which interfaces are ours from now on, and leaves it all others.
 * The files are in /etc, so that it knows at its next start, before we are there.
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ClaimOperation } from "../../protocol/operations.ts";
import { toProblem } from "../../shared/errors.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { exists, writeIfChanged } from "../files.ts";

const HEAD = "# Written by scsigate: these interfaces are its own. It removes this file when they are not any more.\n";

/** Network management with drop-in files: where it looks, what it reads, how it is told. */
const MANAGERS = [
  {
    name: "systemd-networkd",
    folder: "systemd/network",
    // Before those of the host: the first that matches is used.
    file: "00-scsigate.network",
    render: (interfaces: readonly string[]) =>
      `${HEAD}[Match]\nName=${interfaces.join(" ")}\n\n[Link]\nUnmanaged=yes\n`,
    running: "systemd/netif",
    reload: ["networkctl", "reload"],
  },
  {
    name: "NetworkManager",
    folder: "NetworkManager/conf.d",
    file: "90-scsigate.conf",
    render: (interfaces: readonly string[]) =>
      `${HEAD}[keyfile]\nunmanaged-devices+=${interfaces.map((name) => `interface-name:${name}`).join(";")}\n`,
    running: "NetworkManager",
    reload: ["nmcli", "general", "reload", "conf"],
  },
] as const;

export const setClaim: Handler<ClaimOperation> = async ({ interfaces }, context) => {
  const { host, run, log } = context;
  if (host === undefined) return false;
  let changed = false;
  for (const { name, folder, file, render, running, reload } of MANAGERS) {
    if (!(await exists(join(host.etc, folder)))) continue; // it is not installed
    const path = join(host.etc, folder, file);
    const differs = interfaces.length === 0 ? await remove(path) : await writeIfChanged(path, render(interfaces));
    if (!differs) continue;
    changed = true;
    if (!(await exists(join(host.run, running)))) continue; // it does not run
    const [program, ...args] = reload;
    await run(program, args).catch((error: unknown) =>
      log.info({ problem: toProblem(error) }, `${name} was not told: it hears of it at its next start`),
    );
  }
  if (changed) {
    const message = "taken over: NetworkManager and systemd-networkd leave these interfaces alone, and keep all others";
    log.warn({ interfaces }, interfaces.length === 0 ? "no interface of this host is taken any more" : message);
    for (const name of await inIfupdown(interfaces, context)) {
      log.warn({ interface: name }, "taken over, and /etc/network/interfaces has it too: remove it there");
    }
  }
  return changed;
};

async function remove(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  await rm(path);
  return true;
}

/** ifupdown does nothing by itself once an interface is up, but at the next start of the host. */
async function inIfupdown(interfaces: readonly string[], { host }: ExecutorContext): Promise<string[]> {
  const folder = join(host?.etc ?? "", "network");
  const more = await readdir(join(folder, "interfaces.d")).catch(() => []);
  const files = ["interfaces", ...more.map((name) => `interfaces.d/${name}`)];
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  const named = texts.flatMap((text) => text.split("\n")).map((line) => line.trim().split(/\s+/));
  return interfaces.filter((name) => named.some(([word, first]) => word === "iface" && first === name));
}
