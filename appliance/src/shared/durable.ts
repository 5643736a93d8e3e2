// SPDX-License-Identifier: Apache-2.0
/** Files that must survive a power cut: whole, and either the old or the new content. */
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "./errors.ts";

/** The steps that a durable change is made of; a test cuts the power between any two of them. */
export interface DurableFs {
  /** The content, or undefined when there is no such file. @throws what the file system says otherwise */
  read(path: string): Promise<string | undefined>;
  /** Names in a folder, sorted; none when it is absent. */
  list(path: string): Promise<string[]>;
  /** Creates a folder and those above it; fine when it exists. */
  mkdir(path: string): Promise<void>;
  /** Creates or replaces a file. What it contains after a power cut is open until sync(). */
  write(path: string, content: string, mode: number): Promise<void>;
  /** Makes a file's content, or a folder's names, survive. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; fine when it is absent. */
  remove(path: string): Promise<void>;
}

export const diskFs: DurableFs = {
  read: (path) =>
    readFile(path, "utf8").catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }),
  list: async (path) =>
    (
      await readdir(path).catch((error: unknown) => {
        if (errnoOf(error) === "ENOENT") return [];
        throw error;
      })
    ).sort(),
  mkdir: async (path) => void (await mkdir(path, { recursive: true })),
  async write(path, content, mode) {
    await rm(path, { force: true }); // so that the mode is ours, whatever was left here
    await writeFile(path, content, { mode });
  },
  async sync(path) {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
};

/** @param mode of a file that holds a secret: 0o600 */
export async function writeDurably(path: string, content: string, mode = 0o644, fs = diskFs): Promise<void> {
  const folder = dirname(path);
  await fs.mkdir(folder);
  await fs.write(`${path}.new`, content, mode);
  await fs.sync(`${path}.new`);
  await fs.rename(`${path}.new`, path);
  await fs.sync(folder); // the rename itself
}

/** Removes a file for good; fine when it is absent. */
export async function removeDurably(path: string, fs = diskFs): Promise<void> {
  if ((await fs.list(dirname(path))).length === 0) return;
  await fs.remove(path);
  await fs.sync(dirname(path));
}

/**
 * A JSON file that is not to be made anew because it could not be read once; undefined when it is absent or no JSON.
 * @throws what the file system says otherwise
 */
export async function readKeptJson(path: string, fs: Pick<DurableFs, "read"> = diskFs): Promise<unknown> {
  const text = await fs.read(path);
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
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
