// SPDX-License-Identifier: Apache-2.0
/** Files that the executor generates. */
import { constants } from "node:fs";
import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Makes a file have this content, whole or not at all.
 * @returns whether it had another one before.
 */
export async function writeIfChanged(path: string, content: string, mode = 0o644): Promise<boolean> {
  const before = await readFile(path, "utf8").catch(() => undefined);
  if (before === content) return false;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, content, { mode });
  await rename(`${path}.new`, path);
  return true;
}

/**
 * Writes a kernel setting if it has another value.
 * @param path a file of /proc/sys or /sys
 */
export async function setValue(path: string, value: string): Promise<boolean> {
  if ((await readFile(path, "utf8")).trim() === value) return false;
  await writeFile(path, value, { flag: constants.O_WRONLY });
  return true;
}
