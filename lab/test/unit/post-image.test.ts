// SPDX-License-Identifier: Apache-2.0
// post-image.sh makes a disk for every boot loader, from inputs like a build's: what is on it is read back with others' tools.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { boardsDir, overlayDir } from "../../src/paths.ts";

const SECTOR = 512;
const FAT_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
const LINUX_DATA = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
/** Fewer of them, and it is another FAT, whatever it says of itself. */
const FAT32_CLUSTERS = 65525;

const DEVICE_TREES = ["bcm2712-rpi-5-b.dtb", "bcm2712-rpi-500.dtb", "bcm2712d0-rpi-5-b.dtb"];
const OVERLAYS = ["README", "i2c-rtc.dtbo", "overlay_map.dtb"];

interface Partition {
  readonly name: string;
  readonly type: string;
  readonly start: number;
  readonly size: number;
}

/** Folders of one build. */
interface Build {
  readonly temp: string;
  readonly images: string;
  readonly target: string;
}

const builds: Build[] = [];
const test = suite("post-image");
let pi: Build;

test.before(() => {
  pi = raspberry();
  const keys = join(pi.temp, "keys");
  execFileSync(join(boardsDir, "../scripts/signing-keys"), [keys], { stdio: "ignore" });
  const signing = { SIGNING_CERT: join(keys, "cert.pem"), SIGNING_KEY: join(keys, "key.pem") };
  assert.is(postImage(pi, "rpi5", signing), "");
});
test.after(() => {
  for (const { temp } of builds) rmSync(temp, { recursive: true, force: true });
});

/** A root with the programs that the initramfs takes from it, the host's in their place. */
function newBuild(): Build {
  const temp = mkdtempSync(join(tmpdir(), "scsigate-unit-"));
  const build = { temp, images: join(temp, "images"), target: join(temp, "target") };
  builds.push(build);
  write(build.images, "rootfs.squashfs", Buffer.alloc(300_000, "a root"));
  for (const name of ["usr/sbin/dmsetup", "usr/bin/kmod"]) write(build.target, name, "a program\n");
  cpSync(join(overlayDir, "usr/sbin/scsigate-boot"), join(build.target, "usr/sbin/scsigate-boot"));
  symlinkSync(execFileSync("which", ["busybox"], { encoding: "utf8" }).trim(), join(build.target, "usr/bin/busybox"));
  mkdirSync(join(build.target, "usr/lib"));
  symlinkSync("/usr/lib/x86_64-linux-gnu", join(build.target, "usr/lib/x86_64-linux-gnu"));
  symlinkSync("/lib64", join(build.target, "usr/lib64"));
  return build;
}

/** With what Buildroot leaves for a Raspberry Pi. */
function raspberry(): Build {
  const build = newBuild();
  write(build.images, "Image", Buffer.alloc(2_000_000, "a kernel"));
  for (const name of DEVICE_TREES) write(build.images, name, Buffer.alloc(5000, name));
  // made in another order than they are to be taken
  for (const name of [...OVERLAYS].reverse())
    write(build.images, `rpi-firmware/overlays/${name}`, Buffer.alloc(1000, name));
  write(build.target, "usr/sbin/restart-with", "a program\n");
  return build;
}

function write(folder: string, path: string, content: string | Buffer): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** @returns what it complains about; "" when it has ended well */
function postImage(context: Build, board: string, signing: NodeJS.ProcessEnv = {}): string {
  const { images, target } = context;
  const imageJson = { board, compatible: `scsigate-${board}`, version: "1.2.3", root: "buildroot" };
  write(target, "usr/lib/scsigate/image.json", `${JSON.stringify(imageJson)}\n`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: "1767225600", TARGET_DIR: target, ...signing };
  const script = join(boardsDir, "common/post-image.sh");
  const { status, stderr } = spawnSync(script, [images, join(boardsDir, board)], { env, encoding: "utf8" });
  assert.is(status === 0, !/^post-image.sh: /m.test(stderr), stderr);
  return status === 0 ? "" : stderr;
}

function table({ images }: Build): Partition[] {
  const text = execFileSync("sfdisk", ["-J", join(images, "disk.img")], { encoding: "utf8" });
  const { partitiontable } = JSON.parse(text) as { partitiontable: { label: string; partitions: Partition[] } };
  assert.is(partitiontable.label, "gpt");
  return partitiontable.partitions;
}

/** mtools' name of a partition of the disk. */
function at({ images }: Build, partition: Partition | undefined): string {
  assert.ok(partition);
  return `${join(images, "disk.img")}@@${partition.start * SECTOR}`;
}

function readFrom(fat: string, path: string): Buffer {
  return execFileSync("mtype", ["-i", fat, `::${path}`], { maxBuffer: 1 << 26 });
}

function filesOf(fat: string): string[] {
  const text = execFileSync("mdir", ["-/", "-b", "-i", fat, "::"], { encoding: "utf8" });
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.endsWith("/"))
    .map((line) => line.replace("::/", ""))
    .sort();
}

function named(partitions: readonly Partition[], name: string): Partition | undefined {
  return partitions.find((partition) => partition.name === name);
}

function bytesOf({ images }: Build, partition: Partition | undefined, bytes: number): Buffer {
  const disk = openSync(join(images, "disk.img"), "r");
  const found = Buffer.alloc(bytes);
  readSync(disk, found, 0, bytes, (partition?.start ?? 0) * SECTOR);
  closeSync(disk);
  return found;
}

/** As mkfs.vfat has laid it out. */
function clusters(boot: Buffer): number {
  const [perCluster = 0, reserved, fats = 0] = [boot[13], boot.readUInt16LE(14), boot[16]];
  const [sectors, perFat] = [boot.readUInt32LE(32), boot.readUInt32LE(36)];
  return Math.floor((sectors - reserved - fats * perFat) / perCluster);
}

function verified({ images }: Build, verity: string): boolean {
  const [blocks = "", start = "", hash = "", salt = ""] = verity.split(",");
  const root = join(images, "root.img");
  const sizes = ["--no-superblock", "--data-block-size=4096", "--hash-block-size=4096", "--hash=sha256"];
  const where = [`--data-blocks=${blocks}`, `--hash-offset=${Number(start) * 4096}`, `--salt=${salt}`];
  return spawnSync("veritysetup", ["verify", ...sizes, ...where, root, root, hash]).status === 0;
}

function initramfs(packed: Buffer): string[] {
  const text = execFileSync("cpio", ["-t", "--quiet"], { input: gunzipSync(packed), encoding: "utf8" });
  return text.split("\n");
}

test("rpi5: the partitions, those that the boot loader starts from first and of its type", () => {
  const partitions = table(pi);
  assert.equal(
    partitions.map(({ name, type }) => [name, type]),
    [
      ...[["boot", FAT_DATA] as const, ["kernel-a", FAT_DATA] as const, ["kernel-b", FAT_DATA] as const],
      ...[["root-a", LINUX_DATA] as const, ["root-b", LINUX_DATA] as const],
    ].map((pair) => [...pair]),
  );
  for (const kind of ["kernel", "root"]) {
    assert.is(named(partitions, `${kind}-a`)?.size, named(partitions, `${kind}-b`)?.size);
  }
  for (const name of ["boot", "kernel-a"]) {
    const sector = bytesOf(pi, named(partitions, name), SECTOR);
    assert.is(sector.toString("latin1", 82, 90), "FAT32   ");
    assert.ok(clusters(sector) >= FAT32_CLUSTERS, `${name} has ${clusters(sector)} clusters`);
  }
  const size = statSync(join(pi.images, "root.img")).size;
  const root = readFileSync(join(pi.images, "root.img"));
  assert.ok(bytesOf(pi, named(partitions, "root-a"), size).equals(root));
});

test("rpi5: autoboot.txt names the partitions of the two kernels, with the state of a new disk", () => {
  const partitions = table(pi);
  const boot = at(pi, partitions[0]);
  assert.equal(filesOf(boot), ["README.txt", "autoboot.txt"]);
  const autoboot = readFrom(boot, "autoboot.txt").toString();
  const [, plain, trial] = /^\[all\]\ntryboot_a_b=1\nboot_partition=(\d)\n\[tryboot\]\nboot_partition=(\d)\n/.exec(
    autoboot,
  ) ?? ["", "0", "0"];
  assert.equal(
    [plain, trial].map((number) => partitions[Number(number) - 1]?.name),
    ["kernel-a", "kernel-b"],
  );
  assert.match(autoboot, /\n#ORDER=A B\n#A_OK=1\n#A_GOOD=0\n#A_TRY=\n#B_OK=0\n/);
  assert.ok(autoboot.length < SECTOR);
});

test("rpi5: a kernel partition has all that the boot loader reads, and the root hash that belongs to the kernel", () => {
  const partitions = table(pi);
  const kernel = at(pi, named(partitions, "kernel-a"));
  assert.equal(
    filesOf(kernel),
    [
      ...["cmdline.txt", "config.txt", "initrd.img", "vmlinuz"],
      ...[...DEVICE_TREES, ...OVERLAYS.map((name) => `overlays/${name}`)],
    ].sort(),
  );
  const built = (path: string): Buffer => readFileSync(join(pi.images, path));
  assert.ok(readFrom(kernel, "vmlinuz").equals(built("Image")));
  for (const name of DEVICE_TREES) assert.ok(readFrom(kernel, name).equals(built(name)), name);
  for (const name of OVERLAYS) {
    assert.ok(readFrom(kernel, `overlays/${name}`).equals(built(`rpi-firmware/overlays/${name}`)), name);
  }
  assert.ok(readFrom(kernel, "config.txt").equals(readFileSync(join(boardsDir, "rpi5/config.txt"))));
  const cmdline = readFrom(kernel, "cmdline.txt").toString();
  const options = readFileSync(join(boardsDir, "rpi5/cmdline.txt"), "utf8").trim();
  const [, verity = ""] = /^.* scsigate\.verity=(\S+)\n$/.exec(cmdline) ?? [];
  assert.is(cmdline, `${options} scsigate.verity=${verity}\n`);
  assert.ok(verified(pi, verity));
  const files = initramfs(readFrom(kernel, "initrd.img"));
  for (const name of ["init", "usr/sbin/scsigate-boot", "usr/sbin/restart-with", "usr/bin/od"]) {
    assert.ok(files.includes(name), name);
  }
  assert.ok(
    bytesOf(pi, named(partitions, "kernel-b"), 1 << 20).every((byte) => byte === 0),
    "kernel-b is empty",
  );
});

test("rpi5: the bundle is signed, for this board, with a slot's two images", () => {
  const conf = join(pi.temp, "system.conf");
  const ours = readFileSync(join(overlayDir, "etc/rauc/system.conf"), "utf8");
  writeFileSync(
    conf,
    ours.replace("@COMPATIBLE@", "scsigate-rpi5").replace("/etc/rauc/keyring.pem", join(pi.temp, "keys/keyring.pem")),
  );
  const bundle = join(pi.images, "update.raucb");
  const info = execFileSync("rauc", [`--conf=${conf}`, "info", "--output-format=json", bundle], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { compatible, version, images } = JSON.parse(info) as {
    compatible: string;
    version: string;
    images: Record<string, { filename: string; size: number; checksum: string }>[];
  };
  assert.equal([compatible, version], ["scsigate-rpi5", "1.2.3"]);
  const slots = Object.assign({}, ...images) as Record<string, { filename: string; checksum: string }>;
  for (const [slot, file] of [
    ["kernel", "kernel.vfat"],
    ["rootfs", "root.img"],
  ] as const) {
    assert.is(slots[slot]?.filename, file);
    const sum = createHash("sha256").update(readFileSync(join(pi.images, file)));
    assert.is(slots[slot]?.checksum, sum.digest("hex"));
  }
});

test("the same input gives the same disk", () => {
  const again = raspberry();
  assert.is(postImage(again, "rpi5"), "");
  for (const name of ["boot.vfat", "kernel.vfat", "root.img"]) {
    assert.ok(readFileSync(join(again.images, name)).equals(readFileSync(join(pi.images, name))), name);
  }
  const entries = (build: Build) => table(build).map((partition) => ({ ...partition, node: "" }));
  assert.equal(entries(again), entries(pi));
});

test("pc104: started by a BIOS alone, with the PC's menu and partitions", () => {
  const context = newBuild();
  write(context.images, "bzImage", randomBytes(100_000));
  write(context.images, "boot.img", randomBytes(SECTOR));
  write(context.images, "grub.img", randomBytes(40_000));
  assert.is(postImage(context, "pc104"), "");
  const partitions = table(context);
  assert.equal(
    partitions.map(({ name }) => name),
    ["boot", "kernel-a", "root-a", "kernel-b", "root-b"],
  );
  assert.is(partitions[0]?.type, EFI_SYSTEM);
  const boot = at(context, partitions[0]);
  assert.not.ok(filesOf(boot).some((name) => name.endsWith(".EFI")));
  const menu = readFileSync(join(boardsDir, "common/boot/grub/grub.cfg"));
  assert.ok(readFrom(boot, "grub/grub.cfg").equals(menu));
  assert.match(readFrom(boot, "grub/grubenv").toString(), /^# GRUB Environment Block\nORDER=A B\nA_OK=1\n/);
  const kernel = at(context, named(partitions, "kernel-a"));
  assert.equal(filesOf(kernel), ["initrd.img", "slot.cfg", "vmlinuz"]);
  const [, verity = ""] = /^set verity="(.*)"\n$/.exec(readFrom(kernel, "slot.cfg").toString()) ?? [];
  assert.ok(verified(context, verity));
  const first = bytesOf(context, undefined, SECTOR);
  assert.ok(first.subarray(0, 92).equals(readFileSync(join(context.images, "boot.img")).subarray(0, 92)));
  assert.is(first.readBigUInt64LE(92), 64n);
});

test("what is missing is said", () => {
  const context = raspberry();
  for (const name of DEVICE_TREES) rmSync(join(context.images, name));
  assert.match(postImage(context, "rpi5"), /has no device tree \(\*\.dtb\)/);
  write(context.images, "bzImage", "");
  write(context.images, "boot.img", "");
  write(context.images, "grub.img", randomBytes(2_000_000));
  assert.match(postImage(context, "pc104"), /grub\.img does not fit in front of the first partition/);
});

test.run();
