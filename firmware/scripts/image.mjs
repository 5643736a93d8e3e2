// SPDX-License-Identifier: Apache-2.0
// node image.mjs crc BOOT2.bin OUT.S      the CRC that the boot ROM looks for, as assembly
// node image.mjs all LOADER.bin PROGRAM.bin VERSION OUT    OUT.update: what the management port takes; OUT.bin: flash, with
//                                                          the program in slot 0; OUT.uf2: the file to drop onto the board
import { readFileSync, writeFileSync } from "node:fs";

const FLASH = 0x10000000;
const PAGE = 256;
const SECTOR = 4096;
const SLOT1 = 0x100000;
const FAMILY_RP2040 = 0xe48bff56;

/** CRC-32 as the boot ROM has it (data sheet 2.8.1.3.1): polynomial 04C11DB7h, most significant bit first, not inverted. */
function bootCrc(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** zlib's; Node 20 has no function for it. */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** What an update begins with, and the header of a slot: src/boot/slots.h */
function header(program, version) {
  if (version.length > 16) throw new Error("a version has at most 16 characters");
  const out = Buffer.alloc(32);
  out.write("SGFW");
  out.writeUInt32BE(1, 4);
  out.writeUInt32BE(program.length, 8);
  out.writeUInt32BE(crc32(program), 12);
  out.write(version, 16);
  return out;
}

const sectors = (bytes) => Buffer.concat([bytes, Buffer.alloc((SECTOR - (bytes.length % SECTOR)) % SECTOR, 0xff)]);

/** Loader, slot 0 with its header, generation 0. */
function flash(loader, begin, program) {
  const generation = Buffer.alloc(4);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(Buffer.concat([begin, generation])));
  return Buffer.concat([sectors(loader), sectors(Buffer.concat([begin, generation, crc])), sectors(program)]);
}

/**
 * UF2: blocks of 512 bytes with 256 of the program each, whole sectors of them (RP2040-E14). The header of slot 1 goes:
 * what is dropped onto the board has to be what it starts.
 */
function uf2(flash) {
  const pages = [];
  for (let at = 0; at < flash.length; at += PAGE) pages.push([at, flash.subarray(at, at + PAGE)]);
  for (let at = 0; at < SECTOR; at += PAGE) pages.push([SLOT1 + at, Buffer.alloc(PAGE, 0xff)]);
  const out = Buffer.alloc(512 * pages.length);
  for (const [index, [at, page]] of pages.entries()) {
    const block = out.subarray(512 * index, 512 * (index + 1));
    // magic, magic, flags: there is a family; address, size, index, count, family
    const words = [0x0a324655, 0x9e5d5157, 0x2000, FLASH + at, PAGE, index, pages.length, FAMILY_RP2040];
    for (const [word, value] of words.entries()) block.writeUInt32LE(value, 4 * word);
    page.copy(block, 32);
    block.writeUInt32LE(0x0ab16f30, 508);
  }
  return out;
}

const [what, from, to, version, name] = process.argv.slice(2);
const bytes = readFileSync(from);
if (what === "crc") {
  if (bytes.length > 252) throw new Error(`boot2 has ${bytes.length} bytes, and there is room for 252`);
  const padded = Buffer.concat([bytes, Buffer.alloc(252 - bytes.length)]);
  const text = [
    "/* Made by scripts/image.mjs: boot2's padding and CRC */",
    '\t.section .boot2_crc, "a"',
    `\t.space ${252 - bytes.length}`,
    `\t.word 0x${bootCrc(padded).toString(16).padStart(8, "0")}`,
  ];
  writeFileSync(to, `${text.join("\n")}\n`);
} else if (what === "all") {
  const program = readFileSync(to);
  const begin = header(program, version);
  const whole = flash(bytes, begin, program);
  writeFileSync(`${name}.update`, Buffer.concat([begin, program]));
  writeFileSync(`${name}.bin`, whole);
  writeFileSync(`${name}.uf2`, uf2(whole));
} else {
  throw new Error("call it with crc or all");
}
