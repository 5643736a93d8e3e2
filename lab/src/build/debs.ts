// SPDX-License-Identifier: Apache-2.0
// Debian packages as raw material: downloaded into build/cache and unpacked there, never installed on the host.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabError, reasonOf } from "../errors.ts";
import { cacheDir } from "../paths.ts";
import { exec } from "../process.ts";
import { choices } from "./choices.ts";
import { hashStrings } from "./hash.ts";

const debsDir = join(cacheDir, "debs");

/** To be raised when unpack() makes something else of the same packages. */
const RECIPE = "3";

/** In each tree: the packages that it is made of. Written last, so a tree that has it is complete. */
const CONTENTS = ".packages.json";

/** Package lists of our own, for hosts whose own are missing or out of date. They need no root. */
const aptDir = join(cacheDir, "apt");
const ownLists = listsIn(aptDir);
let aptOptions: readonly string[] = [];

/** apt's options to keep its lists and packages in a folder, which is made. */
function listsIn(dir: string): readonly string[] {
  for (const name of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(dir, name), { recursive: true });
  const settings = [
    `Dir::State::Lists=${join(dir, "lists")}`,
    `Dir::Cache=${join(dir, "cache")}`,
    "Debug::NoLocking=1",
  ];
  return settings.flatMap((setting) => ["-o", setting]);
}

/** From now on, this process asks lists that are as new as the archive. */
export async function refreshOwnLists(): Promise<void> {
  await exec("apt-get", [...ownLists, "-q", "update"]);
  // apt-get ends well even when it reached nothing.
  if (!readdirSync(join(aptDir, "lists")).some((name) => name.includes("_Packages"))) {
    throw new LabError(
      "package-missing",
      "No package list could be fetched from any Debian mirror.",
      "Check this machine's network and /etc/apt/sources.list.d (apt-get update).",
    );
  }
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

/** What a file is named for: bash_5.2.15-2%2bb13_amd64.deb is bash in version 5.2.15-2+b13. */
export function packageOf({ name }: DebFile): { name: string; version: string } {
  const [packageName = "", version = ""] = name.split("_");
  return { name: packageName, version: decodeURIComponent(version) };
}

async function printUris(packages: readonly string[], options = aptOptions): Promise<DebFile[]> {
  const { stdout } = await exec("apt-get", [...options, "download", "--print-uris", "-q", ...packages]);
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

/** How often a package is asked for: mirrors and proxies cut transfers short now and then. */
const DOWNLOAD_TRIES = 3;

/** Calls `once` for the files that are not in `folder`, until all are. */
export async function untilWhole(
  folder: string,
  files: readonly DebFile[],
  once: (missing: readonly DebFile[]) => Promise<void>,
): Promise<void> {
  for (let left = DOWNLOAD_TRIES; ; left--) {
    const missing = files.filter((file) => !existsSync(join(folder, file.name)));
    if (missing.length === 0) return;
    if (left === 0) {
      throw new LabError(
        "package-missing",
        `${missing.map(({ name }) => name).join(", ")} came damaged from the Debian mirror, ${DOWNLOAD_TRIES} times.`,
        "Try again later, or name another mirror in /etc/apt/sources.list.d.",
      );
    }
    await once(missing).catch((error: unknown) => {
      if (left === 1) throw error;
    });
  }
}

/** What came whole is in `debsDir` afterwards: the rest apt-get names *.FAILED, and may end well nevertheless. */
async function downloadOnce(missing: readonly DebFile[], options = aptOptions): Promise<void> {
  const exact = missing.map(packageOf).map(({ name, version }) => `${name}=${version}`);
  mkdirSync(debsDir, { recursive: true });
  const partial = join(debsDir, `partial-${process.pid}`);
  mkdirSync(partial, { recursive: true });
  try {
    const args = [...options, "-q", "-o", "APT::Sandbox::User=root", "download", ...exact];
    await exec("apt-get", args, { cwd: partial });
    const wanted = new Set(missing.map(({ name }) => name));
    for (const name of readdirSync(partial).filter((one) => wanted.has(one)))
      renameSync(join(partial, name), join(debsDir, name));
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

/** Names of all packages that begin so, in the archive or on this machine; some may only be mentioned there. */
export async function packageNames(prefix: string): Promise<string[]> {
  return (await exec("apt-cache", [...aptOptions, "pkgnames", prefix])).stdout.split("\n").filter(Boolean);
}

/** What a package depends on, the first of alternatives. */
export async function dependsOn(name: string): Promise<string[]> {
  const args = ["depends", "--important", "-o", "APT::Cache::ShowOnlyFirstOr=1", name];
  const { stdout } = await exec("apt-cache", [...aptOptions, ...args]);
  return [...stdout.matchAll(/Depends: (\S+)/g)].map((match) => match[1] ?? "");
}

/** A Debian package whose files are in a tree. */
export interface DebPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly sourceVersion: string;
  readonly homepage?: string;
  /** Source packages that are linked into its programs: "glibc (= 2.36-9)". */
  readonly builtUsing?: string;
  /** Of the .deb, as the archive signs it. */
  readonly sha256: string;
  /** Its files and links, relative to the tree. */
  readonly files: readonly string[];
}

/** `dpkg-deb --field` of a package, as far as it matters. */
export function parseControl(text: string, sha256: string, files: readonly string[]): DebPackage {
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1] ?? "";
  const [, source = "", sourceVersion] = /^(\S+)(?: \(([^)]+)\))?$/.exec(field("Source")) ?? [];
  const homepage = field("Homepage");
  const builtUsing = [field("Built-Using"), field("Static-Built-Using")].filter(Boolean).join(", ");
  return {
    name: field("Package"),
    version: field("Version"),
    architecture: field("Architecture"),
    source: source || field("Package"),
    sourceVersion: sourceVersion ?? field("Version"),
    ...(homepage === "" ? {} : { homepage }),
    ...(builtUsing === "" ? {} : { builtUsing }),
    sha256: sha256.replace(/^SHA256:/, ""),
    files,
  };
}

/** Unpacks one package, and tells what it is. */
async function extract(file: DebFile, tree: string): Promise<DebPackage> {
  const deb = join(debsDir, file.name);
  const { stdout: control } = await exec("dpkg-deb", ["--field", deb]);
  const { stdout: listing } = await exec("dpkg-deb", ["--vextract", deb, tree]);
  const files = listing.split("\n").flatMap((line) => (line === "" || line.endsWith("/") ? [] : line.slice(2)));
  return parseControl(control, file.sha, files);
}

async function unpack(files: readonly DebFile[], tree: string): Promise<void> {
  const fresh = `${tree}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const packages: DebPackage[] = [];
  for (const file of files) packages.push(await extract(file, fresh));
  writeFileSync(join(fresh, CONTENTS), JSON.stringify(packages));
  if (isComplete(tree))
    rmSync(fresh, { recursive: true }); // another process was faster
  else {
    rmSync(tree, { recursive: true, force: true });
    renameSync(fresh, tree);
  }
  // The largest ones; the tree has all of it.
  for (const { name } of files) if (name.startsWith("linux-")) rmSync(join(debsDir, name), { force: true });
}

function isComplete(tree: string): boolean {
  return existsSync(join(tree, CONTENTS));
}

/** The packages that a folder of unpackedDebs() is made of. */
export function packagesIn(tree: string): DebPackage[] {
  return JSON.parse(readFileSync(join(tree, CONTENTS), "utf8")) as DebPackage[];
}

function treeOf(key: string): string {
  return join(cacheDir, "unpacked", key);
}

/** These packages, unpacked. @returns the key of their tree */
async function treeWith(files: readonly DebFile[], options: readonly string[]): Promise<string> {
  const key = hashStrings([RECIPE, ...files.map((file) => `${file.name} ${file.sha}`).sort()]);
  if (isComplete(treeOf(key))) return key;
  await untilWhole(debsDir, files, (missing) => downloadOnce(missing, options));
  await unpack(files, treeOf(key));
  return key;
}

/**
 * What the archive has of these packages now, unpacked.
 * @returns the key of its tree
 */
async function newestUnpacked(packages: readonly string[], libraries: boolean): Promise<string> {
  const get = async (): Promise<string> =>
    treeWith(await available(libraries ? await libraryClosure(packages) : packages), aptOptions);
  try {
    return await get().catch(async (error) => {
      if (aptOptions === ownLists) throw error;
      await refreshOwnLists(); // what the host's lists name may be gone from the archive
      return get();
    });
  } catch (error) {
    throw new LabError(
      "package-missing",
      `Could not get Debian packages: ${reasonOf(error)}.`,
      "Check that this machine reaches a Debian mirror (apt-get update).",
      error,
    );
  }
}

/**
 * Unpacks packages and, where asked, all libraries that they depend on into one folder, which is returned. The versions are
 * chosen once for a run.
 */
export async function unpackedDebs(packages: readonly string[], options: { libraries: boolean }): Promise<string> {
  const { libraries } = options;
  const names = [...packages].sort();
  const key = await choices().answer<string>({
    what: names.length > 3 ? `A set of ${names.length} Debian packages` : names.join(", "),
    key: ["debs", RECIPE, String(libraries), ...names],
    decide: () => newestUnpacked(names, libraries),
    usable: (tree) => isComplete(treeOf(tree)),
  });
  return treeOf(key);
}

/** This machine's release of Debian, by its name. */
export async function codename(): Promise<string> {
  return (await exec("sh", ["-c", '. /etc/os-release && echo "$VERSION_CODENAME"'])).stdout.trim();
}

/** apt's options to ask Debian's backports to this machine's release, and nothing else, from the mirror that this machine uses. */
async function backportsOptions(dir: string): Promise<readonly string[]> {
  const release = await codename();
  const format = ["--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Component: main"];
  const { stdout } = await exec("apt-get", ["indextargets", ...format]);
  const mirror = new RegExp(`^${release} (\\S+)$`, "m").exec(stdout)?.[1];
  if (mirror === undefined) throw new Error(`this machine has no Debian mirror of ${release}`);
  const lists = listsIn(dir);
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  writeFileSync(join(dir, "sources.list"), `deb ${signed}${mirror} ${release}-backports main\n`);
  const only = [`Dir::Etc::SourceList=${join(dir, "sources.list")}`, "Dir::Etc::SourceParts=/dev/null"];
  return [...lists, ...only.flatMap((setting) => ["-o", setting])];
}

/** Packages of Debian's backports, unpacked into one folder, which is returned, without what they depend on. */
export async function unpackedBackports(packages: readonly string[]): Promise<string> {
  const options = await backportsOptions(join(cacheDir, "apt-backports"));
  const get = async (): Promise<string> => {
    const files = await printUris(packages, options);
    if (files.length < packages.length) throw new Error("Debian's backports do not have them");
    return treeOf(await treeWith(files, options));
  };
  return get().catch(async () => {
    await exec("apt-get", [...options, "-q", "update"]);
    return get();
  });
}
