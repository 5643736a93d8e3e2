// SPDX-License-Identifier: Apache-2.0
/**
 * Gives a host back what was taken: all that we made is removed, kernel settings are as they were found. The package calls
 * it when it is removed.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { toProblem } from "../shared/errors.ts";
import type { ExecutorContext } from "./context.ts";
import { setClaim } from "./operations/claim.ts";
import { removeFirewall } from "./operations/firewall.ts";
import { restoreSettings } from "./operations/kernel.ts";
import { prune } from "./operations/prune.ts";
import { removeEmptyFolders } from "./operations/target.ts";

const NOTHING = {
  ...{ segments: [], addressed: [], served: [], targets: [], extended: [], tunnels: [], proxied: [], vlans: [] },
  ...{ bridge: false, mesh: false, encrypted: false, driverDisk: false },
};

/** Does as much as can be done. @returns whether that was all */
export async function release(context: ExecutorContext): Promise<boolean> {
  let complete = true;
  const steps: (() => Promise<unknown>)[] = [
    () => prune({ kind: "prune", ...NOTHING }, context),
    () => removeEmptyFolders(context.targetFs),
    () => removeFirewall(context),
    () => restoreSettings(context),
    () => setClaim({ kind: "claim", interfaces: [] }, context),
    () => rm(join(context.paths.run, "scsigate"), { recursive: true, force: true }),
  ];
  for (const step of steps) {
    await step().catch((error: unknown) => {
      complete = false;
      context.log.error({ problem: toProblem(error) }, "something of this host could not be given back");
    });
  }
  return complete;
}
