// SPDX-License-Identifier: Apache-2.0
// A host on the modelled bus with just enough of IPv4 to be pinged: ARP and ICMP's echo, by SEND and GET MESSAGE
// (docs/protocol.md).
import { type Bench, GOOD, HELLO, REQUEST_SENSE, STATION, TEST_UNIT_READY } from "./bench.ts";
import { message } from "./initiator.ts";

const IPV4 = 0x0000;
const ARP = 0x0006;
const ETHERNET = 0x6558;
const CONTROL = 0x88b5;
const CONTAINER = 0x88b6;
/** EtherTypes, and the streams of their packets without a link header. */
const BARE = new Map([
  [0x0800, IPV4],
  [0x0806, ARP],
]);
const LINK_HEADER = 14;
/** Of a container, and of each of its records. */
const HEADER = 16;
/** Bytes of the longest container that it takes. */
const ROOM = 8000;

/** RFC 1071. */
function checksum(data: Buffer): number {
  let sum = 0;
  for (const [at, byte] of data.entries()) sum += at % 2 === 0 ? byte << 8 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Answer to an ARP request for this address. */
function arpReply(request: Buffer, address: Buffer): Buffer | undefined {
  if (request.readUInt16BE(6) !== 1 || !request.subarray(24, 28).equals(address)) return undefined;
  const reply = Buffer.concat([request.subarray(0, 8), STATION, address, request.subarray(8, 18)]);
  reply.writeUInt16BE(2, 6);
  return reply;
}

/** Answer to an ICMP echo request to this address. */
function echoReply(datagram: Buffer, address: Buffer): Buffer | undefined {
  const icmp = 4 * (datagram.readUInt8(0) & 15);
  if (datagram[9] !== 1 || datagram[icmp] !== 8 || !datagram.subarray(16, 20).equals(address)) return undefined;
  const reply = Buffer.from(datagram.subarray(0, datagram.readUInt16BE(2)));
  reply.set(datagram.subarray(16, 20), 12);
  reply.set(datagram.subarray(12, 16), 16);
  reply[icmp] = 0;
  reply.writeUInt16BE(0, icmp + 2);
  reply.writeUInt16BE(checksum(reply.subarray(icmp)), icmp + 2);
  return reply;
}

export class Station {
  readonly #bench: Bench;
  readonly #address: Buffer;
  #attached = false;

  /** @param address four numbers with dots */
  constructor(bench: Bench, address: string) {
    this.#bench = bench;
    this.#address = Buffer.from(address.split(".").map(Number));
  }

  /** One GET, and answers to what it brings; before that, HELLO to an adapter that does not know it. */
  step(): void {
    if (!this.#attached) {
      this.#attached = this.#does(TEST_UNIT_READY) && this.#sends(CONTROL, HELLO);
      return;
    }
    const { data, status } = this.#bench.command(message(false, CONTAINER, ROOM));
    if (status !== GOOD) {
      this.#bench.command(REQUEST_SENSE);
      this.#attached = false;
      return;
    }
    for (const [stream, packet] of records(Buffer.from(data))) {
      const reply = stream === ARP ? arpReply(packet, this.#address) : echoReply(packet, this.#address);
      if (reply !== undefined) this.#sends(stream, reply);
    }
  }

  #does(cdb: readonly number[], out?: Uint8Array): boolean {
    const good = this.#bench.command(cdb, out === undefined ? {} : { out }).status === GOOD;
    if (!good) this.#bench.command(REQUEST_SENSE);
    return good;
  }

  #sends(stream: number, data: Uint8Array): boolean {
    return this.#does(message(true, stream, data.length), data);
  }
}

/** IPv4 and ARP packets of a container, with their streams. */
function records(container: Buffer): [stream: number, packet: Buffer][] {
  const found: [number, Buffer][] = [];
  let at = HEADER;
  for (let left = container.readUInt16BE(2); left > 0; left--) {
    const stream = container.readUInt16BE(at);
    const length = container.readUInt32BE(at + 12);
    const payload = container.subarray(at + HEADER, at + HEADER + length);
    const bare = stream === ETHERNET ? BARE.get(payload.readUInt16BE(12)) : stream;
    const packet = stream === ETHERNET ? payload.subarray(LINK_HEADER) : payload;
    if (bare === IPV4 || bare === ARP) found.push([bare, packet]);
    at += HEADER + Math.ceil(length / 8) * 8;
  }
  return found;
}
