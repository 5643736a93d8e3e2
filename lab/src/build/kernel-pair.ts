// SPDX-License-Identifier: Apache-2.0
// Which Debian kernel: the newest one of a series of which both can be had, its image and its headers. The archive has new headers
// days before the signed image that belongs to them, and this machine may have those headers installed.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabError, reasonOf } from "../errors.ts";
import { choices } from "./choices.ts";
import { dependsOn, packageNames, refreshOwnLists, unpackedDebs } from "./debs.ts";

/** How many kernels of a series are tried, newest first, before the archive counts as out of reach. */
const TRIED = 3;

export interface KernelPair {
  readonly version: string;
  /** Folder that has boot/vmlinuz-<version> and lib/modules/<version>. */
  readonly tree: string;
  /** What modules are built against. */
  readonly headers: string;
}

/** Where kernels come from. */
export interface KernelArchive {
  /** Names of packages that begin so. */
  names(prefix: string): Promise<readonly string[]>;
  /** Asks again where names come from. */
  refresh(): Promise<void>;
  obtain(version: string): Promise<KernelPair>;
}

function byNumber(a: string, b: string): number {
  const numbers = (name: string): number[] => (name.match(/\d+/g) ?? []).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Versions of a series, newest first, that have both headers and a signed image; for example "6.1.0-56-amd64". */
export function kernelVersions(names: readonly string[], series: string): string[] {
  const of = (kind: string): string[] => {
    const prefix = `linux-${kind}-`;
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  };
  const images = new Set(of("image"));
  // Not the flavours cloud and rt, and not what ends otherwise: -common, -unsigned, -dbg.
  const plain = /^[^-]+(-\d+)?-amd64$/;
  return of("headers")
    .filter((version) => version.startsWith(`${series}.`) && plain.test(version) && images.has(version))
    .sort((a, b) => byNumber(b, a));
}

/** The newest pair that can be had; with the lists as they are first, and with new ones where these lead nowhere. */
export async function choosePair(series: string, archive: KernelArchive): Promise<KernelPair> {
  let failure: unknown;
  const attempt = async (): Promise<KernelPair | undefined> => {
    const [headers, images] = await Promise.all(
      ["headers", "image"].map((kind) => archive.names(`linux-${kind}-${series}.`)),
    );
    for (const version of kernelVersions([...(headers ?? []), ...(images ?? [])], series).slice(0, TRIED)) {
      try {
        return await archive.obtain(version);
      } catch (error) {
        failure = error;
      }
    }
    return undefined;
  };
  try {
    const pair = await attempt();
    if (pair !== undefined) return pair;
    await archive.refresh();
    const fresh = await attempt();
    if (fresh !== undefined) return fresh;
  } catch (error) {
    failure = error;
  }
  throw new LabError(
    "kernel-missing",
    `No kernel ${series} for amd64 can be had together with its headers${failure === undefined ? "" : `: ${reasonOf(failure)}`}.`,
    "Check that this machine reaches a Debian mirror (apt-get update) and that it offers such a kernel (apt-cache pkgnames linux-image-).",
    failure,
  );
}

/** The headers' Makefile names its other half by where Debian installs it; here, both lie beside each other. */
export function relocated(makefile: string): string {
  return makefile.replace(/^include \/usr\/src\/(\S+)$/m, "include $(dir $(lastword $(MAKEFILE_LIST)))../$1");
}

async function unpackedHeaders(version: string): Promise<string> {
  const name = `linux-headers-${version}`;
  const parts = (await dependsOn(name)).filter((part) => /^linux-(headers-.*-common|kbuild-.*)$/.test(part));
  const dir = join(await unpackedDebs([name, ...parts], { libraries: false }), "usr/src", name);
  const makefile = join(dir, "Makefile");
  const text = readFileSync(makefile, "utf8");
  if (relocated(text) !== text) {
    writeFileSync(`${makefile}.${process.pid}`, relocated(text));
    renameSync(`${makefile}.${process.pid}`, makefile);
  }
  return dir;
}

const debian: KernelArchive = {
  names: packageNames,
  refresh: refreshOwnLists,
  async obtain(version) {
    // The image first: it is what may be missing.
    const tree = await unpackedDebs([`linux-image-${version}`], { libraries: false });
    return { version, tree, headers: await unpackedHeaders(version) };
  },
};

/** The pair of this run. */
export function kernelPair(series: string): Promise<KernelPair> {
  return choices().answer<KernelPair>({
    what: `The kernel ${series}`,
    key: ["kernel", series],
    decide: () => choosePair(series, debian),
    usable: ({ version, tree, headers }) =>
      existsSync(join(tree, "boot", `vmlinuz-${version}`)) && existsSync(join(headers, "Makefile")),
  });
}
