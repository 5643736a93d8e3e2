// SPDX-License-Identifier: Apache-2.0
// The kernel without its compression, for VMs that are started without firmware: to unpack itself takes it seconds in emulation.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDir } from "../paths.ts";
import { exec } from "../process.ts";
import { hashTree } from "./hash.ts";

/** Offsets in a bzImage: Linux's Documentation/arch/x86/boot.rst, "The real-mode kernel header", protocol 2.08 and later. */
const HEADER = { setupSectors: 0x1f1, magic: 0x202, version: 0x206, payloadOffset: 0x248, payloadLength: 0x24c };
const SECTOR = 512;

/** How Debian's kernels are compressed, by the first bytes, with what unpacks them. */
const PROGRAMS = [
  { first: [0xfd, 0x37, 0x7a, 0x58, 0x5a], program: "xz" },
  { first: [0x28, 0xb5, 0x2f, 0xfd], program: "zstd" },
];

interface Payload {
  readonly program: string;
  readonly data: Buffer;
}

/** The compressed kernel in a bzImage; undefined where it has none that we can unpack. */
function payloadOf(image: Buffer): Payload | undefined {
  if (image.length < SECTOR * 2 || image.toString("latin1", HEADER.magic, HEADER.magic + 4) !== "HdrS")
    return undefined;
  if (image.readUInt16LE(HEADER.version) < 0x208) return undefined;
  const start = ((image[HEADER.setupSectors] || 4) + 1) * SECTOR + image.readUInt32LE(HEADER.payloadOffset);
  // The last four bytes are the length of what comes out.
  const data = image.subarray(start, start + image.readUInt32LE(HEADER.payloadLength) - 4);
  const found = PROGRAMS.find(({ first }) => first.every((byte, index) => data[index] === byte));
  return found && { program: found.program, data };
}

/** The ELF file in a bzImage, which QEMU starts by its PVH entry; the bzImage itself where it is compressed in another way. */
export async function vmlinux(image: string): Promise<string> {
  const file = join(cacheDir, "vmlinux", hashTree(image));
  if (existsSync(file)) return file;
  const payload = payloadOf(readFileSync(image));
  if (payload === undefined) return image;
  mkdirSync(dirname(file), { recursive: true });
  const [packed, plain] = [`${file}.${process.pid}.packed`, `${file}.${process.pid}`];
  writeFileSync(packed, payload.data);
  await exec("sh", ["-c", '"$1" -dc <"$2" >"$3"', "sh", payload.program, packed, plain]);
  rmSync(packed);
  renameSync(plain, file);
  return file;
}
