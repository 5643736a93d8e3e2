// SPDX-License-Identifier: Apache-2.0
// Names of cached things: a hash over everything that they are made of.
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Hash of a list of strings; the borders between them count, so ["ab"] and ["a", "b"] differ. */
export function hashStrings(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest("hex").slice(0, 20);
}

/** Content, names, kinds and execute bits of the files below a folder (or of one file), without times and owners. */
export function hashTree(path: string, skip: (relative: string) => boolean = () => false): string {
  const parts: string[] = [];
  const walk = (absolute: string, relative: string): void => {
    const stat = lstatSync(absolute);
    if (stat.isSymbolicLink()) {
      parts.push("link", relative, readlinkSync(absolute));
    } else if (stat.isDirectory()) {
      parts.push("dir", relative);
      for (const name of readdirSync(absolute).sort()) {
        const below = relative === "" ? name : `${relative}/${name}`;
        if (!skip(below)) walk(join(absolute, name), below);
      }
    } else {
      const content = createHash("sha256").update(readFileSync(absolute)).digest("hex");
      parts.push("file", relative, stat.mode & 0o111 ? "x" : "-", content);
    }
  };
  walk(path, "");
  return hashStrings(parts);
}
