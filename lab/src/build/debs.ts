// SPDX-License-Identifier: Apache-2.0
// Debian packages as raw material: downloaded into build/cache and unpacked there, never installed on the host.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { LabError, messageOf } from "../errors.ts";
import { cacheDir } from "../paths.ts";
import { exec } from "../process.ts";
import { hashStrings } from "./hash.ts";

const debsDir = join(cacheDir, "debs");

/** Package lists of our own, for hosts whose own are missing or out of date. They need no root. */
const aptDir = join(cacheDir, "apt");
const ownLists: readonly string[] = [
  "-o",
  `Dir::State::Lists=${join(aptDir, "lists")}`,
  "-o",
  `Dir::Cache=${join(aptDir, "cache")}`,
  "-o",
  "Debug::NoLocking=1",
];
let aptOptions: readonly string[] = [];

async function refreshOwnLists(): Promise<void> {
  mkdirSync(join(aptDir, "lists/partial"), { recursive: true });
  mkdirSync(join(aptDir, "cache/archives/partial"), { recursive: true });
  await exec("apt-get", [...ownLists, "-q", "update"]);
  aptOptions = ownLists;
}

export interface DebFile {
  readonly name: string;
  readonly sha: string;
}

/** One line of `apt-get download --print-uris`: 'address' file size algorithm:hash */
export function parsePrintUris(text: string): DebFile[] {
  const files: DebFile[] = [];
  for (const line of text.split("\n")) {
    const match = /^'[^']*' (\S+_\S+\.deb) \d+ (\S+)$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2] !== undefined) files.push({ name: match[1], sha: match[2] });
  }
  return files;
}

async function printUris(packages: readonly string[]): Promise<DebFile[]> {
  const { stdout } = await exec("apt-get", [...aptOptions, "download", "--print-uris", "-q", ...packages]);
  return parsePrintUris(stdout);
}

/** The newest version that apt offers of each package; from lists of our own where the host's do not have it. */
async function available(packages: readonly string[]): Promise<DebFile[]> {
  try {
    const files = await printUris(packages);
    if (files.length >= packages.length) return files;
  } catch {
    // no lists on this host, or too old
  }
  await refreshOwnLists();
  return printUris(packages);
}

async function download(files: readonly DebFile[], packages: readonly string[]): Promise<void> {
  mkdirSync(debsDir, { recursive: true });
  if (files.every((file) => existsSync(join(debsDir, file.name)))) return;
  const partial = join(debsDir, `partial-${process.pid}`);
  const get = (): Promise<unknown> =>
    exec("apt-get", [...aptOptions, "-q", "-o", "APT::Sandbox::User=root", "download", ...packages], { cwd: partial });
  mkdirSync(partial, { recursive: true });
  try {
    try {
      await get();
    } catch {
      await refreshOwnLists();
      await get();
    }
    for (const name of readdirSync(partial)) renameSync(join(partial, name), join(debsDir, name));
  } catch (error) {
    throw new LabError(
      "package-missing",
      `Could not download Debian packages: ${messageOf(error)}`,
      "Check that this machine reaches a Debian mirror (apt-get update).",
      error,
    );
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Packages whose shared libraries the given ones may need. */
async function libraryClosure(packages: readonly string[]): Promise<string[]> {
  const list = async (): Promise<string> => {
    const args = ["depends", "--recurse", "-o", "APT::Cache::ShowOnlyFirstOr=1"];
    const no = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map((kind) => `--no-${kind}`);
    return (await exec("apt-cache", [...aptOptions, ...args, ...no, ...packages])).stdout;
  };
  let text = await list().catch(() => "");
  if (!text.includes("libc6")) {
    await refreshOwnLists();
    text = await list();
  }
  const libraries = text
    .split("\n")
    .filter((line) => /^(lib[a-z0-9.+-]+|zlib1g)$/.test(line) && !line.endsWith("-perl"));
  return [...new Set([...packages, ...libraries])].sort();
}

/** Unpacks packages and, where asked, all libraries that they depend on into one folder, which is returned. */
export async function unpackedDebs(packages: readonly string[], options: { libraries: boolean }): Promise<string> {
  const all = options.libraries ? await libraryClosure(packages) : [...packages];
  const files = await available(all);
  const key = hashStrings(files.map((file) => `${file.name} ${file.sha}`).sort());
  const tree = join(cacheDir, "unpacked", key);
  if (existsSync(join(tree, ".complete"))) return tree;
  await download(files, all);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  for (const file of files) {
    const deb = join(debsDir, decodeURIComponent(basename(file.name)));
    const found = existsSync(deb) ? deb : join(debsDir, file.name);
    await exec("dpkg-deb", ["-x", found, tree]);
    if (file.name.startsWith("linux-image-")) rmSync(found, { force: true });
  }
  writeFileSync(join(tree, ".complete"), "");
  return tree;
}
