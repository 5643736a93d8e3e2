// SPDX-License-Identifier: Apache-2.0
/** A tar archive (POSIX ustar) of a few small files. */

export interface TarFile {
  /** At most 100 bytes. */
  name: string;
  content: Buffer;
}

const BLOCK = 512;
const NAME_BYTES = 100;

/**
 * @param modified milliseconds since 1970, for all files
 * @throws RangeError when a name is too long
 */
export function makeTar(files: readonly TarFile[], modified: number): Buffer {
  const parts = files.flatMap(({ name, content }) => {
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    return [header(name, content.length, modified), content, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]); // two empty blocks end it
}

function header(name: string, size: number, modified: number): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES) throw new RangeError(`the name ${name} does not fit into a tar header`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0);
  block.write(octal(0o600, 7), 100); // mode
  block.write(octal(0, 7), 108); // owner
  block.write(octal(0, 7), 116); // group
  block.write(octal(size, 11), 124);
  block.write(octal(Math.max(0, Math.floor(modified / 1000)), 11), 136);
  block.write(" ".repeat(8), 148); // the checksum is made as if its field were blank
  block.write("0", 156); // a file
  block.write("ustar\0" + "00", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)} `, 148);
  return block;
}
