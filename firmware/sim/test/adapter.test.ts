// SPDX-License-Identifier: Apache-2.0
// The real program on an emulated RP2040: the bus at one side, USB at the other.
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Bus } from "../src/bus.ts";
import { Chip } from "../src/chip.ts";
import { Initiator, message, type Options, type Result } from "../src/initiator.ts";
import { makeNtb, readNtb } from "../src/ntb.ts";
import { UsbHost } from "../src/usb-host.ts";

const PROGRAM = fileURLToPath(new URL("../../build/scsigate-adapter.bin", import.meta.url));
const SIE_CTRL = 0x5011004c;
const PULL_UP = 1 << 16;
const ID = 4;
const GOOD = 0;
const CHECK = 2;
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const REQUEST_SENSE = [3, 0, 0, 0, 18, 0];
const TO = { target: ID, lun: 0 } as const;

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));
}

class Bench {
  readonly chip = new Chip(PROGRAM);
  readonly bus = new Bus(this.chip);
  readonly usb = new UsbHost(this.chip);
  readonly host: Initiator;

  constructor(latencyNs = 60) {
    this.host = new Initiator(this.bus, latencyNs);
    // its pull-up is the last thing that it sets up
    this.chip.run(() => (this.chip.rp2040.readUint32(SIE_CTRL) & PULL_UP) !== 0, 50, "it has not started");
    this.chip.runFor(100);
  }

  command(cdb: readonly number[], options: Partial<Options> = {}): Result {
    return this.host.command(cdb, { ...TO, ...options });
  }

  /** Past the unit attention, and with the network up. */
  static up(latencyNs?: number): Bench {
    const bench = new Bench(latencyNs);
    bench.usb.reset();
    bench.usb.configure();
    bench.usb.setInterface(1, 1);
    bench.command(TEST_UNIT_READY);
    bench.command(REQUEST_SENSE);
    return bench;
  }

  send(stream: number, data: Uint8Array, options: Partial<Options> = {}): Result {
    return this.command(message(true, stream, data.length), { ...options, out: data });
  }

  sense(): string {
    const { data } = this.command(REQUEST_SENSE);
    return [data[2], data[12], data[13]].map((byte) => byte?.toString(16).padStart(2, "0")).join("/");
  }
}

const HELLO = bytes(
  "00 01 00 20 49 50 53 43 01 00 00 07 02 00 5e 10 00 0a ff ff 00 00 ff ff 00 08 09 73 74 61 74 69 6f 6e 2d 61",
);
const STATION = bytes("02 00 5e 10 00 0a");

const test = suite("the program on an emulated RP2040");

test("answers INQUIRY; another ID, or one that it is not, gets no answer", () => {
  const bench = new Bench();
  const { data, status, messages } = bench.command([0x12, 0, 0, 0, 36, 0]);
  assert.is(status, GOOD);
  assert.equal(messages, [0]);
  assert.equal([...data.slice(0, 8)], [9, 0, 2, 2, 31, 0, 0, 0]);
  assert.is(Buffer.from(data.slice(8)).toString(), "SCSIGATEIP STATION      1.0 ");
  assert.is(bench.command(TEST_UNIT_READY, { target: 3 }).selected, false);
});

test("selection without ATN; unit attention, then not ready while USB is not there", () => {
  const bench = new Bench();
  const none = { target: ID } as const;
  assert.is(bench.host.command(TEST_UNIT_READY, none).status, CHECK);
  assert.is(bench.sense(), "06/29/00");
  assert.is(bench.host.command(TEST_UNIT_READY, none).status, CHECK);
  assert.is(bench.sense(), "02/04/00");
});

test("USB: descriptors, NTB parameters, notifications; what is unknown is refused", () => {
  const { usb } = new Bench();
  usb.reset();
  const device = usb.control(0x80, 6, 0x0100, 0, 64);
  assert.equal([...device.slice(0, 8)], [18, 1, 0, 2, 0xef, 2, 1, 64]);
  const head = Buffer.from(usb.control(0x80, 6, 0x0200, 0, 9));
  const all = Buffer.from(usb.control(0x80, 6, 0x0200, 0, 255));
  assert.is(all.length, head.readUInt16LE(2));
  for (let at = 0; at < all.length; at += all[at] ?? 0) assert.ok((all[at] ?? 0) > 1);
  usb.configure();
  const serial = Buffer.from(usb.control(0x80, 6, 0x0303, 0x0409, 255)).toString("utf16le", 2);
  assert.match(serial, /^[0-9A-F]{16}$/);
  const mac = Buffer.from(usb.control(0x80, 6, 0x0304, 0x0409, 255)).toString("utf16le", 2);
  assert.match(mac, /^[0-9A-F][26AE][0-9A-F]{10}$/);
  const parameters = Buffer.from(usb.control(0xa1, 0x80, 0, 0, 28));
  assert.is(parameters.readUInt32LE(4), 4096);
  assert.throws(() => usb.control(0x80, 6, 0x0600, 0, 10), /STALL/);
  usb.setInterface(1, 1);
  assert.is(usb.in(1)?.[1], 0x2a);
  assert.equal([...(usb.in(1) ?? [])], [0xa1, 0, 1, 0, 0, 0, 0, 0]);
  assert.is(usb.in(1, 2), undefined);
});

test("a frame each way: SEND to USB, USB to GET, byte for byte", () => {
  const bench = Bench.up();
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  const datagram = bytes(
    "45 00 00 20 21 43 40 00 40 01 fe 3d c0 a8 4d 0a c0 a8 4d 01 08 00 fe fd 12 34 00 01 73 63 73 69",
  );
  assert.is(bench.send(0, datagram).status, GOOD);
  const [frame, ...others] = readNtb(bench.usb.read(2, 4096) ?? new Uint8Array());
  assert.is(others.length, 0);
  assert.equal(frame?.slice(6, 12), STATION);
  assert.equal(frame?.slice(14), datagram);
  const own = frame?.slice(0, 6) ?? new Uint8Array();
  const back = Uint8Array.from([...STATION, ...own, 8, 0, ...datagram]);
  assert.ok(bench.usb.write(2, makeNtb([back])));
  bench.chip.runFor(500);
  const { data, status } = bench.command(message(false, 0x88b6, 65528));
  assert.is(status, GOOD);
  assert.equal([...data.slice(0, 16)], [1, 0, 0, 1, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(data.slice(32, 64), datagram);
  const again = bench.command(message(false, 0x88b6, 65528));
  assert.equal([...again.data], [1, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("long frames, several to a block, from initiators of 40 to 400 ns", () => {
  for (const latency of [40, 100, 400]) {
    const bench = Bench.up(latency);
    assert.is(bench.send(0x88b5, HELLO).status, GOOD);
    const frames = [1514, 60, 1200].map((length, index) =>
      Uint8Array.from({ length }, (_, at) => (at < 12 ? ([2, 2, 2, 2, 2, 2, ...STATION][at] ?? 0) : at * 7 + index)),
    );
    for (const frame of frames) assert.is(bench.send(0x6558, frame).status, GOOD);
    const got: Uint8Array[] = [];
    while (got.length < 3) got.push(...readNtb(bench.usb.read(2, 4096) ?? new Uint8Array()));
    assert.equal(got, frames);
  }
});

test("bad parity on any byte position is told with 0B/47, and nothing of it goes on", () => {
  const bench = Bench.up();
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  const frame = Uint8Array.from({ length: 300 }, (_, at) => (at < 6 ? 2 : at < 12 ? (STATION[at - 6] ?? 0) : at & 255));
  for (const byte of [0, 1, 127, 128, 299]) {
    assert.is(bench.send(0x6558, frame, { badParity: { phase: 0, byte } }).status, CHECK);
    assert.is(bench.sense(), "0b/47/00");
  }
  for (const byte of [0, 9]) {
    assert.is(bench.send(0x6558, frame, { badParity: { phase: 2, byte } }).status, CHECK);
    assert.is(bench.sense(), "0b/47/00");
  }
  assert.is(bench.usb.in(2, 2), undefined);
  assert.is(bench.send(0x6558, frame).status, GOOD);
  assert.equal(readNtb(bench.usb.read(2, 4096) ?? new Uint8Array()), [frame]);
});

test("RST after any number of bytes frees the bus; then a unit attention, and HELLO anew", () => {
  const bench = Bench.up();
  const frame = Uint8Array.from({ length: 40 }, (_, at) => (at < 6 ? 2 : at < 12 ? (STATION[at - 6] ?? 0) : at));
  for (const resetAfter of [0, 1, 5, 11, 12, 30, 51, 52]) {
    bench.send(0x88b5, HELLO);
    const result = bench.send(0x6558, frame, { resetAfter });
    assert.ok(result.selected);
    bench.chip.runFor(50);
    assert.is(bench.bus.lines.bsy, false);
    assert.is(bench.command(TEST_UNIT_READY).status, CHECK);
    assert.is(bench.sense(), "06/29/00");
    assert.is(bench.send(0x6558, frame).status, CHECK);
    assert.is(bench.sense(), "06/29/07");
  }
});

test("the management port: HELLO and its answer in SLIP", () => {
  const bench = Bench.up();
  assert.ok(bench.usb.write(4, bytes("c0 01 00 00 07 07 9c 2d da c0")));
  const answer = Buffer.from(bench.usb.read(4, 4096) ?? new Uint8Array());
  assert.equal([...answer.subarray(0, 7)], [0xc0, 0x81, 0, 0, 7, 0, 1]);
  assert.is(answer.at(-1), 0xc0);
  assert.ok(answer.includes("0.1.0"));
});

test.run();
