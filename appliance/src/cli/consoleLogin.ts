// SPDX-License-Identifier: Apache-2.0
/**
 * The login at the console: an administrator's name and password, looked up on disk, so that it works when the service
 * does not. Root itself has no password.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AccessStore } from "../service/access/accessStore.ts";
import { diskFs } from "../shared/durable.ts";
import { toProblem } from "../shared/errors.ts";
import { asObject } from "../shared/json.ts";
import { CliError } from "./client.ts";

export interface ConsoleLoginOptions {
  /** /data/scsigate */
  data: string;
  /** Where failures are counted, for all consoles of the machine; in /run. */
  failures: string;
  /** Milliseconds since the machine started. */
  uptime: () => number;
}

const FREE_FAILURES = 3;
const FIRST_WAIT_MS = 2000;
/** Whoever stands at the machine is more likely its owner than not. */
const LONGEST_WAIT_MS = 60_000;

/** @throws CliError when there is to be no shell */
export async function consoleLogin(name: string, password: string, options: ConsoleLoginOptions): Promise<void> {
  const { count, until } = read(options.failures);
  const now = options.uptime();
  const wait = until - now;
  // What is further away is no time of this start.
  if (wait > 0 && wait <= LONGEST_WAIT_MS)
    throw new CliError("too many failed attempts", `Wait ${Math.ceil(wait / 1000)} s.`);
  const store = new AccessStore(options.data, diskFs, () => Buffer.alloc(0));
  await store.look().catch((error: unknown) => {
    throw new CliError(`the users cannot be read: ${toProblem(error).message}`, "Check /data; see Ways back.");
  });
  if (store.users.length === 0) throw new CliError("nobody owns this gateway yet", "Set it up over its page first.");
  // Counted before it is checked: two consoles are one.
  const failed = count + 1;
  const pause = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, failed - FREE_FAILURES - 1));
  write(options.failures, { count: failed, until: failed > FREE_FAILURES ? now + pause : 0 });
  const scope = await store.login(name, password, (user) => user.scope);
  if (scope === undefined) throw new CliError("name or password is wrong", "Try again.");
  write(options.failures, { count: 0, until: 0 });
  if (scope !== "admin") throw new CliError(`${name} is no administrator`, "Only administrators get a shell.");
}

interface Failures {
  count: number;
  /** Milliseconds since the machine started. */
  until: number;
}

function read(file: string): Failures {
  try {
    const { count, until } = asObject(JSON.parse(readFileSync(file, "utf8")));
    return { count: Number(count) || 0, until: Number(until) || 0 };
  } catch {
    return { count: 0, until: 0 };
  }
}

function write(file: string, failures: Failures): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(failures), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
