// SPDX-License-Identifier: Apache-2.0
/** Shell scripts in network and mount namespaces of their own, inside of a user namespace: with real packets, and no trace. */
import { spawnSync } from "node:child_process";
import * as assert from "uvu/assert";

/** Whether this machine lets us, and has what such scripts use. */
export const hasNamespaces =
  spawnSync("unshare", ["-rnm", "bash", "-c", "mount -t tmpfs t /run && ip netns add x && nft list ruleset"]).status ===
  0;

/** Whether runInNamespaces() can do without a user namespace, which has one user only. */
export const hasUsers = hasNamespaces && process.getuid?.() === 0;

/**
 * @param users the machine's own users: see hasUsers
 * @returns what each line of the script said, and what all said of errors; the script must succeed.
 */
export function runInNamespaces(script: string, users = false): { said: string[]; errors: string } {
  const options = users ? "-nm" : "-rnm";
  const { stdout, stderr, status } = spawnSync("unshare", [options, "bash", "-u", "-c", script], { encoding: "utf8" });
  assert.is(status, 0, stderr);
  return { said: stdout.trim().split("\n"), errors: stderr };
}
