// SPDX-License-Identifier: Apache-2.0
// What a VM starts from: an initramfs with all of its root file system, or a copy of the gateway's disk with the lab's files
// laid over its root.
import { copyFileSync, createReadStream, createWriteStream, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { nodeRed } from "../bench/node-red.ts";
import { labRootfsDir, overlayDir } from "../paths.ts";
import { exec } from "../process.ts";
import { fillPorts, type Ports } from "../topologies/expand.ts";
import type { ImageDisk, Layer, VmSpec } from "../topologies/types.ts";
import { baseLayer, labEntries } from "./base.ts";
import { cpioBytes, normalizeTree, readTree, type TreeEntry } from "./cpio.ts";
import { buildDebianVm } from "./debian-vm.ts";
import { buildDisk, type Disk, diskSize } from "./disk.ts";
import { type Kernel, labKernel, modulesLayer } from "./kernel.ts";
import { debianLayer } from "./layers.ts";
import { compile } from "./program.ts";
import { type Emulator, emulator } from "./qemu.ts";

/** What all VMs of a run share. */
export interface Materials {
  readonly kernel: Kernel;
  readonly emulator: Emulator;
  readonly base: string;
  readonly modules: string;
  /** The gateway's, made when it is first asked for. */
  readonly disk: () => Promise<Disk>;
  /** Of the host's time stamp counter, which is the guests', too. */
  readonly tscKhz: number;
}

export async function buildMaterials(): Promise<Materials> {
  const kernel = await labKernel();
  const base = await baseLayer();
  const modules = await modulesLayer(kernel);
  let disk: Promise<Disk> | undefined;
  return {
    ...{ kernel, emulator: await emulator(), base, modules, tscKhz: await measureTsc() },
    disk: () => {
      disk ??= buildDisk(kernel);
      return disk;
    },
  };
}

async function measureTsc(): Promise<number> {
  const { stdout } = await exec(await compile("lab/tsc", "tsc-khz"), []);
  return Number(stdout);
}

async function layerEntries(layer: Layer): Promise<TreeEntry[]> {
  return layer === "node-red" ? readTree(await nodeRed(), "usr/lib/node-red") : debianLayer(layer);
}

/** The lab's own start scripts, and what the topology puts into this VM. */
async function ownEntries(vm: VmSpec, ports: Ports): Promise<TreeEntry[]> {
  const entries = readTree(labRootfsDir);
  entries.push({ kind: "file", path: "etc/hostname", mode: 0o644, source: Buffer.from(`${vm.name}\n`) });
  for (const layer of vm.layers) entries.push(...(await layerEntries(layer)));
  for (const [path, text] of Object.entries(vm.files)) {
    entries.push({ kind: "file", path, mode: 0o644, source: Buffer.from(fillPorts(text, ports)) });
  }
  return entries;
}

/** Writes the initramfs of a VM that has its root in memory. */
export async function buildInitrd(file: string, vm: VmSpec, materials: Materials, ports: Ports): Promise<void> {
  if (vm.debian) return buildDebianVm(file, vm, materials.kernel);
  const entries = [...readTree(overlayDir), ...(await ownEntries(vm, ports))];
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(materials.base, file);
  await pipeline(createReadStream(materials.modules), createWriteStream(file, { flags: "a" }));
  await pipeline([cpioBytes(entries)], createWriteStream(file, { flags: "a" }));
}

/** The file extra.cpio of docs/image.md. */
async function extraArchive(vm: VmSpec, ports: Ports): Promise<Buffer> {
  const entries = normalizeTree([...(await labEntries()), ...(await ownEntries(vm, ports))]);
  return cpioBytes(entries.map((entry) => ({ ...entry, path: `extra/${entry.path}` })));
}

/** Where the boot partition begins (genimage.cfg), as mtools wants it. */
const BOOT_OFFSET = "@@1M";

/** Puts a file onto the boot partition of a disk that no VM uses. */
export async function writeToBoot(disk: string, path: string, content: string | Buffer): Promise<void> {
  const source = `${disk}.put`;
  writeFileSync(source, content);
  await exec("mcopy", ["-o", "-i", `${disk}${BOOT_OFFSET}`, source, `::/${path}`]);
}

/** Reads a file of the boot partition; undefined where there is none. */
export async function readFromBoot(disk: string, path: string): Promise<string | undefined> {
  const { code, stdout } = await exec("mtype", ["-i", `${disk}${BOOT_OFFSET}`, `::/${path}`], { accept: [1] });
  return code === 0 ? stdout : undefined;
}

export interface VmDisk {
  readonly file: string;
  readonly image: ImageDisk;
  /** Kernel options for boot loaders that do not get them from QEMU. */
  readonly options: string;
}

/**
 * Writes a VM's own copy of the gateway's disk, as somebody would write it, with the lab's files; over the one before, if there
 * is one.
 * @param initrd is written as well: the slot's with the lab's files behind it, for a start without boot loader
 */
export async function buildVmDisk(
  { file, image, options }: VmDisk,
  initrd: string,
  vm: VmSpec,
  disk: Disk,
  ports: Ports,
): Promise<void> {
  // As bmaptool does: what the image leaves empty is left as it is.
  await exec("dd", [`if=${disk.image}`, `of=${file}`, "bs=64K", "conv=notrunc,sparse", "status=none"]);
  truncateSync(file, diskSize(disk) + image.dataMiB * 1024 * 1024);
  for (const [path, text] of Object.entries(image.boot ?? {})) await writeToBoot(file, path, text);
  const extra = await extraArchive(vm, ports);
  if (image.firmware === "direct") {
    copyFileSync(disk.initrd, initrd);
    await pipeline([extra], createWriteStream(initrd, { flags: "a" }));
  } else {
    await writeToBoot(file, "extra.cpio", extra);
    await writeToBoot(file, "grub/options.cfg", `set options="${options}"\n`);
  }
}
