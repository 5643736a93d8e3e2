// SPDX-License-Identifier: Apache-2.0
/** The few file operations that configfs knows. LIO's objects are folders, its settings files, its references symbolic links. */
import { constants } from "node:fs";
import { access, mkdir, readdir, readFile, readlink, rmdir, symlink, unlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { errnoOf } from "../shared/errors.ts";

/** All paths are relative to the folder that the instance was made for. */
export interface ConfigFs {
  exists(path: string): Promise<boolean>;
  /** Names in a folder; none when it is absent. */
  list(path: string): Promise<string[]>;
  /** Creates one folder; fine when it exists. */
  make(path: string): Promise<boolean>;
  remove(path: string): Promise<void>;
  /** A setting without its line end. */
  read(path: string): Promise<string>;
  write(path: string, value: string): Promise<void>;
  /** Makes `path` a reference to `target`. */
  link(target: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Name of the object that a reference leads to. */
  referred(path: string): Promise<string>;
}

/** @param root /sys/kernel/config/target */
export function openConfigFs(root: string): ConfigFs {
  const at = (path: string) => join(root, path);
  return {
    async exists(path) {
      return access(at(path)).then(
        () => true,
        () => false,
      );
    },
    async list(path) {
      try {
        return await readdir(at(path));
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return [];
        throw error;
      }
    },
    async make(path) {
      try {
        await mkdir(at(path));
        return true;
      } catch (error) {
        if (errnoOf(error) === "EEXIST") return false;
        throw error;
      }
    },
    remove: (path) => rmdir(at(path)),
    read: async (path) => (await readFile(at(path), "utf8")).trimEnd(),
    // One write call. Not for reading (some settings are write only), no truncation, no creation.
    write: (path, value) => writeFile(at(path), value, { flag: constants.O_WRONLY }),
    link: (target, path) => symlink(at(target), at(path)),
    unlink: (path) => unlink(at(path)),
    referred: async (path) => basename(await readlink(at(path))),
  };
}
