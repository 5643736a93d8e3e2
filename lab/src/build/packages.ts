// SPDX-License-Identifier: Apache-2.0
// What goes to other machines: Debian packages, and the driver disk. The scripts beside what they pack do the work.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { applianceDistDir, buildDir, repoDir } from "../paths.ts";
import { exec } from "../process.ts";

const debsDir = join(buildDir, "debs");

export interface DebOptions {
  /** Where to; build/debs. */
  readonly folder?: string;
  /** Another version than the tree's: what an upgrade is tested with. */
  readonly version?: string;
}

/** The driver disk's image; the gateway's root gets it with the rest of dist/. */
export async function driverDisk(): Promise<string> {
  const image = join(buildDir, "driver/scsigate-driver.img");
  await exec(join(repoDir, "kernel/driver-disk/build"), [image]);
  mkdirSync(applianceDistDir, { recursive: true });
  copyFileSync(image, join(applianceDistDir, "driver.img"));
  return image;
}

/** Of adapters on USB: what the supervisor's build then has beside it. @returns its sizes and checksums, as make prints them */
export async function adapterFirmware(): Promise<string> {
  return (await exec("make", ["--no-print-directory", "-C", join(repoDir, "firmware")])).stdout;
}

/** ipscsi-dkms and scsigate. Builds what is in them first. @returns their files */
export async function debs(): Promise<string[]> {
  rmSync(debsDir, { recursive: true, force: true });
  await adapterFirmware();
  for (const workspace of ["appliance", "web-ui"]) {
    await exec("npm", ["run", "--silent", "build", "-w", workspace], { cwd: repoDir });
  }
  await driverDisk();
  return packDebs();
}

/** Packs what is built. */
export async function packDebs(options: DebOptions = {}): Promise<string[]> {
  const env = { ...process.env, ...(options.version === undefined ? {} : { VERSION: options.version }) };
  const files: string[] = [];
  for (const part of ["kernel", "appliance"]) {
    const script = join(repoDir, part, "debian/build-deb");
    files.push((await exec(script, [options.folder ?? debsDir], { env })).stdout.trim());
  }
  return files;
}
