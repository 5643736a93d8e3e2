// SPDX-License-Identifier: Apache-2.0
// Kernel modules of the lab's own, compiled for the kernel of the VMs and put into the one that needs them.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDir, repoDir } from "../paths.ts";
import { exec } from "../process.ts";
import type { Vm } from "../vm/vm.ts";
import { hashStrings, hashTree } from "./hash.ts";
import { labKernel } from "./kernel.ts";

/** Compiles `name`.ko of `folder` (relative to the repository), which has a Kbuild, and loads it. */
export async function loadModule(vm: Vm, folder: string, name: string): Promise<void> {
  const { version, headers } = await labKernel();
  const source = join(repoDir, folder);
  const module = join(cacheDir, "lab-modules", hashStrings([version, headers, hashTree(source)]), `${name}.ko`);
  if (!existsSync(module)) {
    const work = join(cacheDir, "kernel-build", `${name}.${process.pid}`);
    rmSync(work, { recursive: true, force: true });
    cpSync(source, work, { recursive: true });
    await exec("make", ["-C", headers, `M=${work}`, "modules"]);
    mkdirSync(dirname(module), { recursive: true });
    cpSync(join(work, `${name}.ko`), `${module}.${process.pid}`);
    renameSync(`${module}.${process.pid}`, module);
    rmSync(work, { recursive: true });
  }
  const file = `/tmp/${name}.ko`;
  await vm.ok(`base64 -d >${file} && insmod ${file}`, { input: `${readFileSync(module).toString("base64")}\n` });
}
