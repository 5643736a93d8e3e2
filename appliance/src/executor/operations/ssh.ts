// SPDX-License-Identifier: Apache-2.0
/** dropbear: a shell for root, by key only. It outlives this process and is found again, and so are its sessions. */
import { mkdir, readFile, readlink, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { SshOperation } from "../../protocol/operations.ts";
import { diskFs } from "../../shared/durable.ts";
import { ScsigateError, toProblem } from "../../shared/errors.ts";
import type { ExecutorContext, ExecutorPaths, Handler } from "../context.ts";
import { exists, writeIfChanged } from "../files.ts";

/** authorized_keys is below root's home, which is a link into /run: the root file system is read-only. */
function files({ run, data, home }: ExecutorPaths) {
  const folder = join(run, "scsigate/ssh");
  return {
    folder,
    link: join(home, ".ssh"),
    keys: join(folder, "authorized_keys"),
    port: join(folder, "port"),
    pid: join(run, "scsigate/dropbear.pid"),
    hostKey: join(data, "ssh/ed25519"),
  };
}

export const setSsh: Handler<SshOperation> = async ({ enabled, port, keys }, context) => {
  if (!enabled) return stopSsh(context);
  const { paths, processes, run } = context;
  const at = files(paths);
  const target = await readlink(at.link).catch(() => "");
  if (target === "" || resolve(dirname(at.link), target) !== at.folder) {
    throw new ScsigateError(
      "ssh-unusable",
      "this machine has SSH of its own, and the gateway leaves it alone",
      "Set it up as you do on this machine, and switch ssh.enabled off.",
    );
  }
  const before = (await readFile(at.keys, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
  const taken = before.some((key) => !keys.includes(key));
  let changed = await writeIfChanged(at.keys, keys.map((key) => `${key}\n`).join(""), 0o600);
  const moved = await writeIfChanged(at.port, `${port}\n`);
  const running = (await processes.find(at.pid, at.pid)) !== undefined;
  if (running && !taken && !moved) return changed;
  changed = (await stopAll(at.pid, context)) || changed;
  await makeHostKey(at.hostKey, context);
  // No password, no forwarding of ports. It goes into the background once it listens, or exits with its reason.
  await run("dropbear", ["-s", "-g", "-j", "-k", "-K", "60", "-r", at.hostKey, "-p", String(port), "-P", at.pid]);
  return true;
};

/** Its sessions end as well: whoever was locked out is not to stay in. */
export async function stopSsh(context: ExecutorContext): Promise<boolean> {
  const at = files(context.paths);
  if (!(await exists(at.port))) return false; // it was never on
  await stopAll(at.pid, context);
  await rm(at.folder, { recursive: true, force: true });
  return true;
}

/** A session has the command line of the process that it came from. */
async function stopAll(pidFile: string, { processes }: ExecutorContext): Promise<boolean> {
  const pids = await processes.findAll("dropbear", pidFile);
  for (const pid of pids) await processes.stop(pid);
  await rm(pidFile, { force: true });
  return pids.length > 0;
}

/** Once: hosts that connect remember it. @throws ScsigateError data-unwritable */
async function makeHostKey(path: string, { run }: ExecutorContext): Promise<void> {
  if (await exists(path)) return;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(`${path}.new`, { force: true });
    await run("dropbearkey", ["-t", "ed25519", "-f", `${path}.new`]);
    await diskFs.sync(`${path}.new`);
    await rename(`${path}.new`, path);
    await diskFs.sync(dirname(path));
  } catch (error) {
    throw new ScsigateError(
      "ssh-unusable",
      `no host key for SSH: ${toProblem(error).message}`,
      "Check that the data partition can be written: `df /data` on the console.",
      { cause: error },
    );
  }
}
