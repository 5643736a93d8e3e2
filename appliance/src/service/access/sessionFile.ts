// SPDX-License-Identifier: Apache-2.0
/**
 * Sessions in a file of /run, which is memory and goes with the machine: nothing wears. Cookies are in it as hashes, and
 * it is readable for the service only.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readUptime } from "../../observe/files.ts";
import type { ServicePaths } from "../environment.ts";
import type { SessionKeeper } from "./sessions.ts";

export function sessionFile({ run, proc }: Pick<ServicePaths, "run" | "proc">): SessionKeeper {
  const path = join(run, "sessions.json");
  return {
    read() {
      try {
        return JSON.parse(readFileSync(path, "utf8")) as unknown;
      } catch {
        return undefined; // none, or half of it: whoever was logged in logs in again
      }
    },
    write(value) {
      try {
        mkdirSync(run, { recursive: true });
        writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch {
        // They hold all the same, until the service ends.
      }
    },
    uptime: () => readUptime(proc) * 1000,
  };
}
