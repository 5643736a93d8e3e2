// SPDX-License-Identifier: Apache-2.0
/** Files that must survive a power cut: whole, and either the old or the new content. */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** @param mode of a file that holds a secret: 0o600 */
export async function writeDurably(path: string, content: string, mode = 0o644): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const file = await open(`${path}.new`, "w", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const handle = await open(folder, "r");
  try {
    await handle.sync(); // the rename itself
  } finally {
    await handle.close();
  }
}

/** A JSON file, or undefined when it is absent, unreadable or no JSON. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}
