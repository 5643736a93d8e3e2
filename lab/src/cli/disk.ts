// SPDX-License-Identifier: Apache-2.0
// `make disk`: the gateway's disk as a file to flash, and the update bundle that belongs to it, in build/disk.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { buildSupervisor } from "../build/all.ts";
import { buildDisk } from "../build/disk.ts";
import { labKernel } from "../build/kernel.ts";
import { applianceDistDir, buildDir } from "../paths.ts";
import { exec } from "../process.ts";

/** @returns the exit code */
export async function makeDisk(): Promise<number> {
  await buildSupervisor();
  const disk = await buildDisk(await labKernel());
  const { version } = JSON.parse(readFileSync(join(applianceDistDir, "version.json"), "utf8")) as { version: string };
  const dir = join(buildDir, "disk");
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const name = `scsigate-${version}-x86_64-debian`;
  const image = join(dir, `${name}.img`);
  console.log(`packing ${image}.xz`);
  await exec("cp", ["--sparse=always", disk.image, image]);
  // The map tells a writer (bmaptool) which blocks hold something; it has checksums of them, too.
  await exec("bmaptool", ["create", "-o", `${image}.bmap`, image]);
  await exec("xz", ["--threads=0", "--force", image]);
  cpSync(disk.bundle, join(dir, `${name}.raucb`));
  const files = readdirSync(dir).sort();
  writeFileSync(join(dir, "SHA256SUMS"), (await exec("sha256sum", files, { cwd: dir })).stdout);
  for (const file of readdirSync(dir)) console.log(join("build/disk", basename(file)));
  console.log(
    "\nHow to write it: docs/flash.md. Signed with a development key unless SCSIGATE_SIGNING_CERT is set: docs/release.md.",
  );
  return 0;
}
