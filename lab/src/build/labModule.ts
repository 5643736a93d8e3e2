// SPDX-License-Identifier: Apache-2.0
// Kernel modules of the lab's own, compiled for the kernel of the VMs and put into the one that needs them.
import { basename, join } from "node:path";
import { repoDir } from "../paths.ts";
import type { Vm } from "../vm/vm.ts";
import { labKernel, modulesOf } from "./kernel.ts";

/** Copies a module into the VM. @returns where it lies there */
export async function putModule(vm: Vm, file: string): Promise<string> {
  const there = `/run/${basename(file)}`;
  await vm.putFile(file, there);
  return there;
}

/** Compiles the modules of `folder` (relative to the repository), which has a Kbuild, and loads them. */
export async function loadModules(vm: Vm, folder: string): Promise<void> {
  for (const file of await modulesOf(join(repoDir, folder), await labKernel())) {
    await vm.ok(`insmod ${await putModule(vm, file)}`);
  }
}
