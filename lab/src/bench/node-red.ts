// SPDX-License-Identifier: Apache-2.0
// Node-RED, which the bench compares the supervisor with.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../paths.ts";
import { exec } from "../process.ts";

/** The last that runs on the guest's Node 20. */
const NODE_RED = "node-red@4.1.8";

/** Node-RED with what it needs, installed once. Returns the folder that has node_modules. */
export async function nodeRed(): Promise<string> {
  const dir = join(cacheDir, "peers", NODE_RED);
  if (existsSync(dir)) return dir;
  const work = `${dir}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const flags = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  await exec("npm", ["install", "--prefix", work, NODE_RED, ...flags]);
  renameSync(work, dir);
  return dir;
}
