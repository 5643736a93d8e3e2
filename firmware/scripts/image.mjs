// SPDX-License-Identifier: Apache-2.0
// node image.mjs crc BOOT2.bin OUT.S      the CRC that the boot ROM looks for, as assembly
// node image.mjs uf2 PROGRAM.bin OUT.uf2  the file to drop onto the board
import { readFileSync, writeFileSync } from "node:fs";

const FLASH = 0x10000000;
const PAGE = 256;
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

/** UF2: blocks of 512 bytes with 256 of the program each. */
function uf2(program) {
  const count = Math.ceil(program.length / PAGE);
  const out = Buffer.alloc(512 * count);
  for (let index = 0; index < count; index++) {
    const block = out.subarray(512 * index, 512 * (index + 1));
    // magic, magic, flags: there is a family; address, size, index, count, family
    const words = [0x0a324655, 0x9e5d5157, 0x2000, FLASH + PAGE * index, PAGE, index, count, FAMILY_RP2040];
    for (const [at, word] of words.entries()) block.writeUInt32LE(word, 4 * at);
    program.copy(block, 32, PAGE * index, PAGE * (index + 1));
    block.writeUInt32LE(0x0ab16f30, 508);
  }
  return out;
}

const [what, from, to] = process.argv.slice(2);
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
} else if (what === "uf2") {
  writeFileSync(to, uf2(bytes));
} else {
  throw new Error("call it with crc or uf2");
}
