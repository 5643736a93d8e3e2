// SPDX-License-Identifier: Apache-2.0
/** Recordings for tests. */

/** @returns a pcap file with so many packets of so many bytes */
export function pcapOf(packets: number, bytes: number): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const packet = Buffer.alloc(16 + bytes);
  packet.writeUInt32LE(bytes, 8);
  packet.writeUInt32LE(bytes, 12);
  return Buffer.concat([header, ...new Array<Buffer>(packets).fill(packet)]);
}
