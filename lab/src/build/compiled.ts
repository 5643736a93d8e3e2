// SPDX-License-Identifier: Apache-2.0
// V8's compiled code of the supervisor's bundles, for the very Node that is in the image: most of what a start costs, done before.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EXECUTOR_FLAGS, SERVICE_FLAGS } from "@scsigate/appliance/flags";
import { applianceDistDir, cacheDir, repoDir } from "../paths.ts";
import { exec } from "../process.ts";
import type { TreeEntry } from "./cpio.ts";
import { hashStrings, hashTree } from "./hash.ts";

const SCRIPT = join(repoDir, "appliance/scripts/compile.cjs");

const PROGRAMS: readonly (readonly [name: string, flags: readonly string[]])[] = [
  ["executor", EXECUTOR_FLAGS],
  ["service", SERVICE_FLAGS],
];

/** Changes with all that the compiled code is made by, beside the bundles and Node. */
export function compiledRecipe(): string {
  return hashStrings([hashTree(SCRIPT), hashTree(fileURLToPath(import.meta.url)), JSON.stringify(PROGRAMS)]);
}

/** The same bytes for the same bundles and the same Node. @param node the image's, which must run here, too */
export async function compiledBundles(node: string): Promise<TreeEntry[]> {
  const folder = join(cacheDir, `compiled.${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const entries: TreeEntry[] = [];
    for (const [name, flags] of PROGRAMS) {
      const bundle = `${name}.main.js`;
      const out = join(folder, bundle);
      await exec(node, ["--hash-seed=1", "--random-seed=1", ...flags, SCRIPT, join(applianceDistDir, bundle), out]);
      entries.push({
        kind: "file",
        path: `usr/lib/scsigate/${bundle}.cache`,
        mode: 0o644,
        source: readFileSync(out),
      });
    }
    return entries;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
