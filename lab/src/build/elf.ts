// SPDX-License-Identifier: Apache-2.0
// Finds the shared libraries that programs need, inside a tree of unpacked packages.
import { existsSync, lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { LabError } from "../errors.ts";
import { exec } from "../process.ts";
import type { TreeEntry } from "./cpio.ts";

const LIBRARY_DIRS = [
  "lib/x86_64-linux-gnu",
  "usr/lib/x86_64-linux-gnu",
  "lib64",
  "lib",
  "usr/lib",
  "usr/lib/x86_64-linux-gnu/systemd",
  "usr/lib/htdig",
  "usr/lib/htdig_db",
];

/** What `readelf -d -l` says that a file needs: libraries and the loader. */
export function parseReadelf(text: string): string[] {
  const needed = [...text.matchAll(/\(NEEDED\)\s+Shared library: \[([^\]]+)\]/g)].map((match) => match[1] ?? "");
  const loader = /Requesting program interpreter: ([^\]]+)\]/.exec(text)?.[1];
  return loader === undefined ? needed : [...needed, basename(loader)];
}

function locate(tree: string, name: string): string | undefined {
  for (const dir of LIBRARY_DIRS) {
    const path = join(tree, dir, name);
    try {
      lstatSync(path);
    } catch {
      continue;
    }
    return path;
  }
  return undefined;
}

/** Follows links inside the tree, also absolute ones. */
function realInTree(tree: string, path: string): string {
  let at = path;
  for (let hops = 0; hops < 10 && lstatSync(at).isSymbolicLink(); hops++) {
    const target = readlinkSync(at);
    at = target.startsWith("/") ? join(tree, target) : resolve(dirname(at), target);
  }
  return at;
}

/** Entries for all libraries that the programs need, directly or not. Their home in the guest is usr/lib/x86_64-linux-gnu. */
export async function librariesFor(
  tree: string,
  programs: readonly string[],
  extra: readonly string[] = [],
): Promise<TreeEntry[]> {
  const entries = new Map<string, TreeEntry>();
  const wanted: { name: string; by: string }[] = extra.map((name) => ({ name, by: "the lab" }));
  const needsOf = async (file: string): Promise<void> => {
    const { stdout } = await exec("readelf", ["-d", "-l", "-W", file], { accept: [1] });
    for (const name of parseReadelf(stdout)) wanted.push({ name, by: basename(file) });
  };
  for (const program of programs) await needsOf(program);
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    const isLoader = next.name.startsWith("ld-linux");
    const path = `${isLoader ? "usr/lib64" : "usr/lib/x86_64-linux-gnu"}/${next.name}`;
    if (entries.has(path)) continue;
    const found = locate(tree, next.name);
    if (found === undefined) {
      throw new LabError(
        "library-missing",
        `${next.by} needs the library ${next.name}, which none of the unpacked packages has.`,
        "Add the package that has it to lab/src/build/base.ts.",
      );
    }
    const real = realInTree(tree, found);
    entries.set(path, { kind: "file", path, mode: 0o755, source: real });
    await needsOf(real);
  }
  return [...entries.values()];
}

/** First of several places where a file is in the tree. */
export function findInTree(tree: string, name: string): string | undefined {
  for (const dir of ["usr/sbin", "usr/bin", "sbin", "bin", "usr/lib/cgi-bin"]) {
    const path = join(tree, dir, name);
    if (existsSync(path) && statSync(path).isFile()) return path;
  }
  return undefined;
}

export function hasFiles(dir: string): boolean {
  return existsSync(dir) && readdirSync(dir).length > 0;
}
