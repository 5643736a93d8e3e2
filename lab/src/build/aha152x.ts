// SPDX-License-Identifier: Apache-2.0
// The kernel's driver for the Adaptec 1522 on the modelled bus: aha152x.c out of Debian's kernel source, as it is or with
// kernel/patches, and the modules of kernel/testing/aic6360_model. Debian's kernels have no ISA bus, so none of them builds it.
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDir, kernelDir } from "../paths.ts";
import { exec } from "../process.ts";
import { unpackedDebs } from "./debs.ts";
import { hashStrings, hashTree } from "./hash.ts";
import { type Kernel, modulesOf } from "./kernel.ts";

const MODEL = join(kernelDir, "testing/aic6360_model");
const TARGET = join(kernelDir, "aha152x_target");
const SOURCES = ["aha152x.c", "aha152x.h"];

/** "6.1.0-57-amd64" -> "6.1" */
function seriesOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/** The driver and the model in one folder, as they are compiled; where the driver is patched, its target half, too. */
async function together(series: string, patched: boolean): Promise<string> {
  const source = await unpackedDebs([`linux-source-${series}`], { libraries: false });
  const patches = join(kernelDir, "patches", series);
  const parts = patched ? [hashTree(patches), hashTree(TARGET)] : [];
  const folder = join(cacheDir, "aha152x", hashStrings([source, hashTree(MODEL), ...parts]));
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}`;
  cpSync(MODEL, partial, { recursive: true });
  const archive = join(source, `usr/src/linux-source-${series}.tar.xz`);
  const files = SOURCES.map((name) => `linux-source-${series}/drivers/scsi/${name}`);
  await exec("tar", ["-xf", archive, "-C", partial, "--strip-components=1", ...files]);
  if (patched) {
    for (const name of readdirSync(patches).sort())
      await exec("patch", ["-p1", "-s", "-d", partial, "-i", join(patches, name)]);
    cpSync(TARGET, partial, { recursive: true });
  }
  for (const name of SOURCES) renameSync(join(partial, "drivers/scsi", name), join(partial, name));
  rmSync(join(partial, "drivers"), { recursive: true });
  renameSync(partial, folder);
  return folder;
}

/** Files of the driver's and the model's modules; `patched`: with target mode. */
export async function aha152xModules(kernel: Kernel, patched: boolean): Promise<string[]> {
  return modulesOf(await together(seriesOf(kernel.version), patched), kernel);
}
