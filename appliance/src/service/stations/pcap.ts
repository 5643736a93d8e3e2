// SPDX-License-Identifier: Apache-2.0
/** Counts the whole packets of a pcap recording that comes in pieces (draft-ietf-opsawg-pcap: little or big endian). */

const FILE_HEADER = 24;
const PACKET_HEADER = 16;
/** 0xa1b2c3d4 or, with nanoseconds, 0xa1b23c4d, as this machine writes it: little endian. */
const LITTLE = [0xa1b2c3d4, 0xa1b23c4d];

export class PcapCounter {
  /** Up to the end of the last whole packet. */
  bytes = 0;
  packets = 0;
  /** What follows it, as far as it has come. */
  #rest: Buffer = Buffer.alloc(0);
  #little = true;

  add(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    if (this.bytes === 0) {
      if (this.#rest.length < FILE_HEADER) return;
      this.#little = LITTLE.includes(this.#rest.readUInt32LE(0));
      this.#take(FILE_HEADER);
    }
    while (this.#rest.length >= PACKET_HEADER) {
      const length = PACKET_HEADER + (this.#little ? this.#rest.readUInt32LE(8) : this.#rest.readUInt32BE(8));
      if (this.#rest.length < length) return;
      this.#take(length);
      this.packets += 1;
    }
  }

  #take(length: number): void {
    this.#rest = this.#rest.subarray(length);
    this.bytes += length;
  }
}
