// SPDX-License-Identifier: Apache-2.0
/** The ground for the service: its folders, and the one kernel setting that it needs to start. */
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../shared/log.ts";
import { FIRST_UNPRIVILEGED_PORT } from "../shared/ports.ts";
import type { ExecutorPaths, ServiceUser } from "./context.ts";

/**
 * Never fails for what is on the data partition: it may be read-only after errors, and packets are to pass all the same.
 * The service tells of what it cannot write.
 */
export function prepare(
  paths: Pick<ExecutorPaths, "run" | "proc" | "data">,
  user: ServiceUser,
  log: Logger,
  guest = false,
): void {
  // For the command line's socket.
  ownFolder(join(paths.run, "scsigate/service"), user, 0o700);
  const data = join(paths.data, "scsigate");
  try {
    ownFolder(data, user, 0o750);
  } catch (error) {
    log.error({ error: String(error), folder: data }, "the service's folder cannot be prepared");
  }
  if (guest) return; // a host's ports are the host's
  try {
    // The service is the only user program without root here; DNS and DHCP (53, 67) stay privileged.
    writeFileSync(join(paths.proc, "sys/net/ipv4/ip_unprivileged_port_start"), String(FIRST_UNPRIVILEGED_PORT));
  } catch (error) {
    log.error({ error: String(error) }, "ports 80 and 443 cannot be opened to the service");
  }
}

/** Changes only what differs: a read-only file system refuses even what would change nothing. */
function ownFolder(path: string, { uid, gid }: ServiceUser, mode: number): void {
  mkdirSync(path, { recursive: true });
  const is = statSync(path);
  if (is.uid !== uid || is.gid !== gid) chownSync(path, uid, gid);
  if ((is.mode & 0o7777) !== mode) chmodSync(path, mode);
}
