// SPDX-License-Identifier: Apache-2.0
// The DaynaPORT on an ID of its own: a host that does what its drivers do, polled and blind, and a peer on the USB side.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as messages from "../../../appliance/src/adapter/messages.ts";
import { Bench, bytes, crc32, GOOD, HELLO, numbers, STATION } from "../src/bench.ts";
import { message, type Result } from "../src/initiator.ts";
import { makeNtb, readNtb } from "../src/ntb.ts";

const DAYNA_ID = 2;
const MAC = bytes("00 80 19 10 98 e3");
const PEER = bytes("02 44 44 44 44 44");
const HOST_IP = [10, 0, 0, 2];
const PEER_IP = [10, 0, 0, 1];
const test = suite("the DaynaPORT on the emulated bus");

function started(latencyNs?: number): Bench {
  const bench = new Bench(latencyNs);
  bench.connect();
  const settings = Buffer.from(bench.manage(messages.REQUESTS.SETTINGS_GET).payload);
  settings[messages.SETTINGS_LAYOUT.flags.at] = 1 << messages.SETTINGS_FLAGS.DAYNAPORT;
  settings[messages.SETTINGS_LAYOUT.daynaId.at] = DAYNA_ID;
  settings.set(MAC, messages.SETTINGS_LAYOUT.daynaAddress.at);
  assert.is(bench.manage(messages.REQUESTS.SETTINGS_SET, settings).result, messages.RESULTS.OK);
  assert.is(bench.manage(messages.REQUESTS.RESTART).result, messages.RESULTS.OK);
  bench.chip.run(() => bench.chip.restarted, 200, "it does not restart");
  const again = bench.again();
  again.connect();
  return again;
}

/** What a driver of a machine without ATN does. */
class Driver {
  readonly #bench: Bench;
  readonly #blind: boolean;
  readonly #length: number;
  /** Records of one READ, at most. */
  most = 0;

  constructor(bench: Bench, blind: boolean, length = 1524) {
    this.#bench = bench;
    this.#blind = blind;
    this.#length = length;
  }

  command(cdb: number[], out?: Uint8Array): Result {
    return this.#bench.host.command(cdb, { target: DAYNA_ID, ...(out === undefined ? {} : { out }) });
  }

  start(): void {
    const inquiry = this.command([0x12, 0, 0, 0, 37, 0]);
    assert.is(inquiry.status, GOOD);
    assert.is(Buffer.from(inquiry.data.slice(8, 36)).toString(), "Dayna   SCSI/Link       1.4a");
    assert.equal(this.command([9, 0, 0, 0, 18, 0]).data.slice(0, 6), MAC);
    assert.is(this.command([0x0e, 0, 0, 0, 0, 0x80]).status, GOOD);
    assert.is(this.command([0x0d, 0, 0, 0, 6, 0], bytes("09 00 07 ff ff ff")).status, GOOD);
  }

  write(frame: Uint8Array): void {
    const header = [frame.length >> 8, frame.length & 0xff, 0, 0];
    const framed = Uint8Array.from([...header, ...frame, 0, 0, 0, 0]);
    const cdb = [0x0a, 0, 0, frame.length >> 8, frame.length & 0xff];
    const { status } = this.#blind ? this.command([...cdb, 0x80], framed) : this.command([...cdb, 0], frame);
    assert.is(status, GOOD);
  }

  /** One READ. Return: its frames, and whether more wait. */
  read(): { frames: Uint8Array[]; more: boolean } {
    const control = this.#blind ? 0xc0 : 0x80;
    const { data, status } = this.command([8, 0, 0, this.#length >> 8, this.#length & 0xff, control]);
    assert.is(status, GOOD);
    assert.ok(data.length <= this.#length);
    const frames: Uint8Array[] = [];
    const view = Buffer.from(data);
    for (let at = 0; ; ) {
      const length = view.readUInt16BE(at);
      const flags = view.readUInt32BE(at + 2);
      if (length === 0) {
        assert.is(view.length, 6);
        return { frames, more: false };
      }
      const frame = data.slice(at + 6, at + 6 + length - 4);
      assert.is(view.readUInt32LE(at + 6 + length - 4), crc32(frame));
      assert.ok(length >= 64);
      frames.push(frame);
      this.most = Math.max(this.most, frames.length);
      at += 6 + length;
      if (flags === 0 || !this.#blind) {
        assert.is(view.length, at);
        return { frames, more: flags === 0x10 };
      }
      assert.is(flags, 0x10);
    }
  }

  /** All that waits. */
  drain(): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (;;) {
      const { frames } = this.read();
      if (frames.length === 0) return all;
      all.push(...frames);
    }
  }
}

function sum(parts: readonly number[]): number {
  let total = 0;
  for (let at = 0; at < parts.length; at += 2) total += ((parts[at] ?? 0) << 8) | (parts[at + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

function ip(from: number[], to: number[], protocol: number, payload: number[]): number[] {
  const total = 20 + payload.length;
  const head = [0x45, 0, total >> 8, total & 255, 0, 1, 0, 0, 64, protocol, 0, 0, ...from, ...to];
  const check = sum(head);
  head[10] = check >> 8;
  head[11] = check & 255;
  return [...head, ...payload];
}

function tcp(from: number[], to: number[], seq: number, ack: number, flags: number, data: Uint8Array): number[] {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(4000, 0);
  head.writeUInt16BE(4000, 2);
  head.writeUInt32BE(seq >>> 0, 4);
  head.writeUInt32BE(ack >>> 0, 8);
  head[12] = 0x50;
  head[13] = flags;
  head.writeUInt16BE(4380, 14);
  const length = 20 + data.length;
  const segment = [...head, ...data];
  const check = sum([...from, ...to, 0, 6, length >> 8, length & 255, ...segment]);
  segment[16] = check >> 8;
  segment[17] = check & 255;
  return ip(from, to, 6, segment);
}

const toPeer = (datagram: number[]): Uint8Array => Uint8Array.from([...PEER, ...MAC, 8, 0, ...datagram]);
const toHost = (datagram: number[]): Uint8Array => Uint8Array.from([...MAC, ...PEER, 8, 0, ...datagram]);

for (const blind of [false, true]) {
  const how = blind ? "blind" : "polled";

  test(`${how}: ARP and ping both ways`, () => {
    const bench = started(blind ? 400 : 150);
    const driver = new Driver(bench, blind);
    driver.start();
    const up: Uint8Array[] = [];
    bench.usb.stream(2, 4096, (block) => up.push(...readNtb(block)));
    const arp = (op: number, from: Uint8Array, fromIp: number[], to: Uint8Array, toIp: number[]): number[] => [
      ...[0, 1, 8, 0, 6, 4, 0, op, ...from, ...fromIp, ...to, ...toIp],
    ];
    const everyone = bytes("ff ff ff ff ff ff");
    const ask = Uint8Array.from([...everyone, ...PEER, 8, 6, ...arp(1, PEER, PEER_IP, new Uint8Array(6), HOST_IP)]);
    assert.ok(bench.usb.write(2, makeNtb([ask])));
    bench.chip.runFor(300);
    const [question] = driver.drain();
    assert.equal(question?.slice(0, 42), ask);
    driver.write(
      Uint8Array.from([...PEER, ...MAC, 8, 6, ...arp(2, MAC, HOST_IP, PEER, PEER_IP), ...Array(18).fill(0)]),
    );
    for (let seq = 1; seq <= 3; seq++) {
      const echo = (type: number): number[] => {
        const body = [type, 0, 0, 0, 0, 7, 0, seq, ...Array.from({ length: 400 * seq }, (_, at) => at & 255)];
        const check = sum(body);
        body[2] = check >> 8;
        body[3] = check & 255;
        return body;
      };
      const request = toHost(ip(PEER_IP, HOST_IP, 1, echo(8)));
      assert.ok(bench.usb.write(2, makeNtb([request])));
      bench.chip.runFor(300);
      assert.equal(driver.drain(), [request]);
      const reply = toPeer(ip(HOST_IP, PEER_IP, 1, echo(0)));
      driver.write(reply);
      bench.chip.run(() => up.length === seq + 1, 20, "no reply");
      assert.equal(up.at(-1), reply);
    }
  });

  test(`${how}: 24 KB of TCP to the host, and back, every byte and checksum`, () => {
    const bench = started();
    const driver = new Driver(bench, blind, blind ? 6144 : 1524);
    driver.start();
    const up: Buffer[] = [];
    bench.usb.stream(2, 4096, (block) => up.push(...readNtb(block).map((frame) => Buffer.from(frame))));
    const random = numbers(99);
    const data = Uint8Array.from({ length: 24_000 }, () => random(256));
    /** Window of three segments; the receiver acknowledges what came in order. */
    let sent = 0;
    let acked = 0;
    const got: number[] = [];
    const none = new Uint8Array();
    while (acked < data.length) {
      const window: Uint8Array[] = [];
      while (sent < data.length && sent - acked < 3 * 1460) {
        const piece = data.subarray(sent, sent + 1460);
        window.push(toHost(tcp(PEER_IP, HOST_IP, sent, 0, 0x18, piece)));
        sent += piece.length;
      }
      for (const frame of window) assert.ok(bench.usb.write(2, makeNtb([frame])));
      bench.chip.runFor(300);
      for (const frame of driver.drain()) {
        const view = Buffer.from(frame);
        const total = view.readUInt16BE(16);
        const segment = [...frame.slice(34, 14 + total)];
        assert.is(sum([...PEER_IP, ...HOST_IP, 0, 6, segment.length >> 8, segment.length & 255, ...segment]), 0);
        assert.is(view.readUInt32BE(38), got.length);
        got.push(...segment.slice(20));
        driver.write(toPeer(tcp(HOST_IP, PEER_IP, 0, got.length, 0x10, none)));
      }
      bench.chip.run(() => up.some((frame) => frame.readUInt32BE(42) === sent), 20, "no acknowledgement");
      acked = sent;
      up.length = 0;
    }
    assert.equal(Uint8Array.from(got), data);
    assert.is(driver.most > 1, blind);
    const back: number[] = [];
    for (let at = 0; at < data.length; at += 1460) {
      driver.write(toPeer(tcp(HOST_IP, PEER_IP, at, 0, 0x18, data.subarray(at, at + 1460))));
    }
    bench.chip.run(() => up.length === Math.ceil(data.length / 1460), 100, "not all segments came");
    for (const frame of up) back.push(...frame.subarray(54));
    assert.equal(Uint8Array.from(back), data);
  });
}

test("it is a station of the list beside others, and talks with them; its ID answers only where it is switched on", () => {
  const off = new Bench();
  assert.is(off.host.command([0x12, 0, 0, 0, 37, 0], { target: DAYNA_ID }).selected, false);
  const bench = started();
  const driver = new Driver(bench, true);
  driver.start();
  bench.command([0, 0, 0, 0, 0, 0], { id: 6 });
  assert.is(bench.send(0x88b5, HELLO, { id: 6 }).status, GOOD);
  const frame = Uint8Array.from({ length: 300 }, (_, at) => [...STATION, ...MAC][at] ?? at & 255);
  driver.write(frame);
  const { data } = bench.command(message(false, 0x88b6, 4096), { id: 6 });
  assert.equal(data.slice(32, 332), frame);
  const { payload } = bench.manage(messages.REQUESTS.STATION, Uint8Array.from([messages.STATIONS - 1]));
  const { address, name, up } = messages.STATION_LAYOUT;
  assert.is(payload[up.at], 1);
  assert.equal([...payload.subarray(address.at, address.at + 6)], [...MAC]);
  assert.is(payload.subarray(name.at, name.at + 9).toString(), "DaynaPORT");
});

test.run();
