// SPDX-License-Identifier: Apache-2.0
// Builds all that a bench needs, so that the first boot does not have to.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repoDir } from "../paths.ts";
import { exec } from "../process.ts";
import { buildMaterials, type Materials } from "./image.ts";
import { adapterFirmware, driverDisk } from "./packages.ts";

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const from = Date.now();
  process.stdout.write(`building ${what} ... `);
  const value = await work();
  console.log(`${((Date.now() - from) / 1000).toFixed(1)} s`);
  return value;
}

function hasScript(workspace: string, script: string): boolean {
  const file = join(repoDir, workspace, "package.json");
  if (!existsSync(file)) return false;
  const { scripts } = JSON.parse(readFileSync(file, "utf8")) as { scripts?: Record<string, string> };
  return scripts?.[script] !== undefined;
}

/** The supervisor's bundles, the page, and the driver disk that it offers. */
export async function buildSupervisor(): Promise<void> {
  await step("the adapter's firmware", adapterFirmware);
  for (const workspace of ["appliance", "web-ui"]) {
    if (!hasScript(workspace, "build")) continue;
    await step(workspace, () => exec("npm", ["run", "--silent", "build", "-w", workspace], { cwd: repoDir }));
  }
  await step("the driver disk", driverDisk);
}

export async function buildAll(): Promise<Materials> {
  await buildSupervisor();
  return step("kernel modules, the gateway's disk, the other VMs' root file systems", async () => {
    const materials = await buildMaterials();
    await materials.disk();
    return materials;
  });
}
