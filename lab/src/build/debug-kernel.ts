// SPDX-License-Identifier: Apache-2.0
// The debug kernel: Debian's kernel source with lab/kernel/*.patch, compiled with lab/kernel/debug.config: KASAN, lockdep,
// kmemleak and more.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { LabError } from "../errors.ts";
import { cacheDir, labDir } from "../paths.ts";
import { exec } from "../process.ts";
import { hashStrings, hashTree } from "./hash.ts";
import type { Kernel } from "./kernel.ts";

const SOURCE_PACKAGE = "linux-source-6.1";
/** Debian's kernel source, as the package brings it. */
export const SOURCE_ARCHIVE = `/usr/src/${SOURCE_PACKAGE}.tar.xz`;
/** The configuration, and corrections of what would hide mistakes of ours. */
const KERNEL_DIR = join(labDir, "kernel");
const CONFIG = join(KERNEL_DIR, "debug.config");

/** To be raised when compile() makes something else of the same source. Not this file's hash: it takes minutes. */
const RECIPE = "1";

/** Folders whose C files the configuration never asks for; without them the source is half as large. Kconfig files stay. */
const NOT_UNPACKED = ["Documentation/*.rst", "drivers/gpu/*.[ch]", "drivers/infiniband/*.[ch]", "drivers/media/*.[ch]"]
  .concat(["drivers/net/*/*.[ch]", "drivers/staging/*.[ch]", "sound/*.[ch]"])
  .map((pattern) => `--exclude=*/${pattern}`);

/** What the build of a module outside of the tree reads. */
const HEADERS = ["Makefile", ".config", "Module.symvers", "include", "scripts", "arch/x86/include", "arch/x86/Makefile"]
  .concat(["arch/x86/Makefile.postlink", "arch/x86/Makefile_32.cpu", "tools/objtool/objtool"])
  .concat(["arch/x86/Makefile.um"]);

/** Options of a configuration fragment that Kconfig did not take over. */
export function ignoredOptions(fragment: string, config: string): string[] {
  const lines = new Set(config.split("\n"));
  return fragment.split("\n").filter((line) => line.startsWith("CONFIG_") && !lines.has(line));
}

async function sourceVersion(): Promise<string> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it in
  const { stdout } = await exec("dpkg-query", ["-W", "-f=${Version}", SOURCE_PACKAGE], { accept: [1] });
  if (stdout !== "" && existsSync(SOURCE_ARCHIVE)) return stdout;
  throw new LabError(
    "host-tool-missing",
    `The Debian package ${SOURCE_PACKAGE} is not installed.`,
    "Run `make test-debug-kernel`; it installs what lab/host/packages-debug.list names.",
  );
}

async function configure(source: string): Promise<void> {
  await exec("make", ["-C", source, "-s", `KCONFIG_ALLCONFIG=${CONFIG}`, "allnoconfig"]);
  const ignored = ignoredOptions(readFileSync(CONFIG, "utf8"), readFileSync(join(source, ".config"), "utf8"));
  if (ignored.length > 0) {
    throw new LabError("usage", `Kconfig ignores ${ignored.join(", ")}.`, `Correct ${CONFIG}.`);
  }
}

/** Compiles into `dir`: vmlinuz, lib/modules/<version>, headers. */
async function compile(dir: string): Promise<void> {
  const work = `${dir}.work`;
  const source = join(work, "source");
  const started = Date.now();
  rmSync(work, { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  await exec("tar", ["-xf", SOURCE_ARCHIVE, "-C", source, "--strip-components=1", ...NOT_UNPACKED]);
  for (const name of readdirSync(KERNEL_DIR)
    .filter((file) => file.endsWith(".patch"))
    .sort()) {
    await exec("patch", ["-p1", "-s", "-d", source, "-i", join(KERNEL_DIR, name)]);
  }
  await configure(source);
  const make = ["-n", "19", "make", "-s", "-C", source, `-j${availableParallelism()}`];
  await exec("nice", [...make, "bzImage", "modules"]);
  const tree = join(work, "tree");
  await exec("make", ["-s", "-C", source, `INSTALL_MOD_PATH=${tree}`, "modules_install"]);
  cpSync(join(source, "arch/x86/boot/bzImage"), join(tree, "vmlinuz"));
  const version = readFileSync(join(source, "include/config/kernel.release"), "utf8").trim();
  for (const link of ["build", "source"]) rmSync(join(tree, "lib/modules", version, link), { force: true });
  for (const path of HEADERS) {
    if (existsSync(join(source, path))) cpSync(join(source, path), join(tree, "headers", path), { recursive: true });
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  writeFileSync(join(tree, "seconds"), `${seconds}\n`);
  renameSync(tree, dir);
  rmSync(work, { recursive: true, force: true });
}

/** The debug kernel; compiled anew when its configuration, its source or the compiler changes. */
export async function debugKernel(): Promise<Kernel> {
  const compiler = (await exec("gcc", ["-dumpfullversion"])).stdout.trim();
  const parts = [await sourceVersion(), compiler, hashTree(KERNEL_DIR), RECIPE];
  const dir = join(cacheDir, "debug-kernel", hashStrings(parts));
  if (!existsSync(dir)) {
    // One is enough: each has 100 MB.
    rmSync(dirname(dir), { recursive: true, force: true });
    console.log("compiling the debug kernel, which takes some minutes ...");
    await compile(dir);
    console.log(`compiled the debug kernel in ${readFileSync(join(dir, "seconds"), "utf8").trim()} s`);
  }
  const version = readdirSync(join(dir, "lib/modules"))[0] ?? "";
  return { version, image: join(dir, "vmlinuz"), tree: dir, headers: join(dir, "headers") };
}
