// SPDX-License-Identifier: Apache-2.0
/** Files that the command line writes, as root. */
import { writeFileSync } from "node:fs";

/**
 * Only a file that is not there yet: what is there already may be a link that somebody else put into a shared folder.
 * @throws EEXIST
 */
export function writeNew(path: string, data: Buffer): void {
  writeFileSync(path, data, { mode: 0o600, flag: "wx" });
}
