// SPDX-License-Identifier: Apache-2.0
// User Mode Linux, as Debian compiles it, and what modules for it are built against: the source that it was made of, no other.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { LabError } from "../errors.ts";
import { cacheDir } from "../paths.ts";
import { exec } from "../process.ts";
import { packagesIn, unpackedDebs } from "./debs.ts";
import { hashStrings } from "./hash.ts";
import type { Kernel } from "./kernel.ts";

const UML = "user-mode-linux";

/** To be raised when prepare() makes something else of the same source. */
const RECIPE = "1";

/** Folders whose C files no module of ours needs. */
const NOT_UNPACKED = ["Documentation/*.rst", "drivers/*.[ch]", "sound/*.[ch]"].map((path) => `--exclude=*/${path}`);

/** "linux (= 6.1.176-1)": version of the source package that a package was compiled from. */
export function builtFrom(builtUsing: string, source: string): string | undefined {
  return builtUsing
    .split(",")
    .map((part) => /^(\S+) \(= (\S+)\)$/.exec(part.trim()))
    .find((match) => match?.[1] === source)?.[2];
}

/** Configures the source as the package was, and makes what modules need. Module.symvers is not there: it takes a whole build. */
async function prepare(archive: string, config: string, dir: string): Promise<void> {
  const source = `${dir}.${process.pid}`;
  rmSync(source, { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  await exec("tar", ["-xf", archive, "-C", source, "--strip-components=1", ...NOT_UNPACKED]);
  writeFileSync(join(source, ".config"), config);
  for (const target of ["olddefconfig", "modules_prepare"]) {
    await exec("make", ["-s", "-C", source, "ARCH=um", target]);
  }
  rmSync(dir, { recursive: true, force: true });
  renameSync(source, dir);
}

/** The kernel of the package user-mode-linux, which is a program of the host. */
export async function umlKernel(): Promise<Kernel> {
  const tree = await unpackedDebs([UML], { libraries: false });
  const uml = packagesIn(tree).find(({ name }) => name === UML);
  const version = builtFrom(uml?.builtUsing ?? "", "linux");
  if (uml === undefined || version === undefined) {
    throw new LabError("package-missing", `${UML} does not say what it was compiled from.`, "Look at its Built-Using.");
  }
  const series = version.split(".").slice(0, 2).join(".");
  const sourceTree = await unpackedDebs([`linux-source-${series}=${version}`], { libraries: false });
  const compiler = (await exec("gcc", ["-dumpfullversion"])).stdout.trim();
  const headers = join(cacheDir, "uml-source", hashStrings([RECIPE, version, uml.version, compiler]));
  if (!existsSync(headers)) {
    rmSync(dirname(headers), { recursive: true, force: true });
    const config = gunzipSync(readFileSync(join(tree, "usr/share/doc", UML, "config.gz"))).toString();
    await prepare(join(sourceTree, `usr/src/linux-source-${series}.tar.xz`), config, headers);
  }
  const release = readFileSync(join(headers, "include/config/kernel.release"), "utf8").trim();
  return {
    version: release,
    image: join(tree, "usr/bin/linux.uml"),
    tree: join(tree, "usr/lib/uml"),
    headers,
    make: ["ARCH=um", "KBUILD_MODPOST_WARN=1"],
  };
}
