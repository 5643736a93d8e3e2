// SPDX-License-Identifier: Apache-2.0
// The kernel's driver for the Adaptec 1522 on the modelled bus: aha152x.c out of Debian's kernel source, as it is,
// and the modules of kernel/testing/aic6360_model. Debian's kernels have no ISA bus, so none of them builds it.
import { cpSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../errors.ts";
import { cacheDir, kernelDir } from "../paths.ts";
import { exec } from "../process.ts";
import { hashStrings, hashTree } from "./hash.ts";
import { type Kernel, modulesOf } from "./kernel.ts";

const MODEL = join(kernelDir, "testing/aic6360_model");
const SOURCES = ["aha152x.c", "aha152x.h"];

/** "6.1.0-57-amd64" -> "6.1" */
function seriesOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/** Debian's source of the driver, in a folder as the kernel has it. */
async function unpackedDriver(series: string): Promise<string> {
  const archive = `/usr/src/linux-source-${series}.tar.xz`;
  if (!existsSync(archive)) {
    throw new LabError(
      "host-tool-missing",
      `The Debian package linux-source-${series} is not installed.`,
      `apt-get install linux-source-${series}; lab/host/install-packages does so for 6.1.`,
    );
  }
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it in
  const { stdout } = await exec("dpkg-query", ["-W", "-f=${Version}", `linux-source-${series}`]);
  const dir = join(cacheDir, "aha152x-source", `${series}-${hashStrings([stdout])}`);
  if (existsSync(dir)) return dir;
  const partial = `${dir}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const files = SOURCES.map((name) => `linux-source-${series}/drivers/scsi/${name}`);
  await exec("tar", ["-xf", archive, "-C", partial, "--strip-components=1", ...files]);
  renameSync(partial, dir);
  return dir;
}

/** Files of the driver's and the model's modules. */
export async function aha152xModules(kernel: Kernel): Promise<string[]> {
  const driver = await unpackedDriver(seriesOf(kernel.version));
  const together = join(cacheDir, "aha152x-together", hashStrings([driver, hashTree(MODEL)]));
  if (!existsSync(together)) {
    const partial = `${together}.${process.pid}`;
    cpSync(MODEL, partial, { recursive: true });
    for (const name of SOURCES) cpSync(join(driver, "drivers/scsi", name), join(partial, name));
    renameSync(partial, together);
  }
  return modulesOf(together, kernel);
}
