// SPDX-License-Identifier: Apache-2.0
/**
 * What we made and may therefore remove: a note for each, in /run, which lives as long as the kernel's objects do. A
 * segment that the driver made itself, or an address that somebody gave by hand on the console, has none.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type Kind =
  | "segments"
  | "addresses"
  | "addresses6"
  | "extensions"
  | "proxies"
  | "renewals"
  | "routes"
  | "clients"
  | "gpio"
  | "settings"
  | "staticRoutes"
  | "tunnels"
  | "vlans"
  | "wireguard";

export class Ours {
  readonly #folder: string;

  /** @param run /run */
  constructor(run: string, kind: Kind) {
    this.#folder = join(run, "scsigate/ours", kind);
  }

  async note(name: string, value = ""): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, name), value);
  }

  async forget(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  /** What was noted with it; undefined when it is not ours. */
  async value(name: string): Promise<string | undefined> {
    return readFile(join(this.#folder, name), "utf8").catch(() => undefined);
  }

  async names(): Promise<string[]> {
    return (await readdir(this.#folder).catch(() => [])).sort();
  }
}
