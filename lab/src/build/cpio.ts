// SPDX-License-Identifier: Apache-2.0
// Trees of files for guests, written as initramfs archives (cpio "newc") or as folders, without root: every file belongs to
// root in the archive, whoever owns it here.
import {
  chmodSync,
  closeSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

export type TreeEntry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly source: string | Buffer }
  | { readonly kind: "dir"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | {
      readonly kind: "char";
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

/** For root alone, which git does not keep: as in Buildroot's system/device_table.txt. */
const PRIVATE: ReadonlySet<string> = new Set(["etc/shadow"]);

/** Top folders that are links into /usr in the guest, as in every current distribution. */
const MERGED = ["bin", "sbin", "lib", "lib64"];

/** Moves bin/, sbin/, lib/ below usr/, so that a layer with a "lib" folder does not replace the link of that name. */
export function mergedPath(path: string): string {
  const slash = path.indexOf("/");
  return slash > 0 && MERGED.includes(path.slice(0, slash)) ? `usr/${path}` : path;
}

/** Entries for all that is below a folder of the host. */
export function readTree(root: string, prefix = ""): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const walk = (absolute: string, relative: string): void => {
    const stat = lstatSync(absolute);
    if (stat.isSymbolicLink()) {
      entries.push({ kind: "link", path: relative, target: readlinkSync(absolute) });
    } else if (stat.isDirectory()) {
      if (relative !== "") entries.push({ kind: "dir", path: relative, mode: 0o755 });
      for (const name of readdirSync(absolute).sort()) {
        walk(join(absolute, name), relative === "" ? name : `${relative}/${name}`);
      }
    } else {
      const mode = PRIVATE.has(relative) ? 0o600 : stat.mode & 0o111 ? 0o755 : 0o644;
      entries.push({ kind: "file", path: relative, mode, source: absolute });
    }
  };
  walk(root, prefix);
  return entries;
}

const S_IFDIR = 0o040000;
const S_IFCHR = 0o020000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/** Parents come before children; a later entry for the same path wins. */
export function normalizeTree(entries: readonly TreeEntry[]): TreeEntry[] {
  const byPath = new Map<string, TreeEntry>();
  for (const entry of entries) {
    const path = mergedPath(entry.path.replace(/^\/+|\/+$/g, ""));
    if (path === "" || (entry.kind === "dir" && MERGED.includes(entry.path))) continue;
    byPath.set(path, { ...entry, path });
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const parent = path.slice(0, at);
      if (!byPath.has(parent)) byPath.set(parent, { kind: "dir", path: parent, mode: 0o755 });
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function header(ino: number, mode: number, size: number, name: string, major = 0, minor = 0): Buffer {
  const nameBytes = Buffer.byteLength(name) + 1;
  const fields = [ino, mode, 0, 0, 1, 0, size, 0, 0, major, minor, nameBytes, 0];
  const text = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
  const bytes = Buffer.from(text);
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function* members(entries: readonly TreeEntry[]): Generator<Buffer> {
  let ino = 1;
  yield header(ino, S_IFDIR | 0o755, 0, "."); // the kernel's own root is open for writing
  for (const entry of normalizeTree(entries)) {
    ino += 1;
    switch (entry.kind) {
      case "dir":
        yield header(ino, S_IFDIR | entry.mode, 0, entry.path);
        break;
      case "char":
        yield header(ino, S_IFCHR | entry.mode, 0, entry.path, entry.major, entry.minor);
        break;
      case "link": {
        const target = Buffer.from(entry.target);
        yield header(ino, S_IFLNK | 0o777, target.length, entry.path);
        yield target;
        yield Buffer.alloc(-target.length & 3);
        break;
      }
      case "file": {
        const data = typeof entry.source === "string" ? readFileSync(entry.source) : entry.source;
        yield header(ino, S_IFREG | entry.mode, data.length, entry.path);
        yield data;
        yield Buffer.alloc(-data.length & 3);
        break;
      }
    }
  }
  yield header(0, 0, 0, "TRAILER!!!");
}

/** The archive as bytes, padded so that another one can follow it. */
export function cpioBytes(entries: readonly TreeEntry[]): Buffer {
  const parts = [...members(entries)];
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([...parts, Buffer.alloc(-size & 511)]);
}

export function writeCpio(file: string, entries: readonly TreeEntry[]): void {
  const fd = openSync(file, "w");
  let size = 0;
  try {
    for (const part of members(entries)) {
      for (let at = 0; at < part.length; ) at += writeSync(fd, part, at);
      size += part.length;
    }
    writeSync(fd, Buffer.alloc(-size & 511));
  } finally {
    closeSync(fd);
  }
}

/** Writes the tree below a folder that does not exist yet. Devices are left out: they need root, and devtmpfs has them. */
export function writeFolder(folder: string, entries: readonly TreeEntry[]): void {
  mkdirSync(folder, { recursive: true });
  for (const entry of normalizeTree(entries)) {
    const path = join(folder, entry.path);
    switch (entry.kind) {
      case "dir":
        mkdirSync(path, { recursive: true });
        chmodSync(path, entry.mode);
        break;
      case "link":
        symlinkSync(entry.target, path);
        break;
      case "file":
        if (typeof entry.source === "string") copyFileSync(entry.source, path);
        else writeFileSync(path, entry.source);
        chmodSync(path, entry.mode);
        break;
      case "char":
        break;
    }
  }
}
