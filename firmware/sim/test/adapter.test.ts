// SPDX-License-Identifier: Apache-2.0
// The real program on an emulated RP2040: the bus at one side, USB at the other.
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as messages from "../../../appliance/src/adapter/messages.ts";
import {
  Bench,
  bytes,
  CHECK,
  GOOD,
  HELLO,
  ID,
  numbers,
  PROGRAM,
  REQUEST_SENSE,
  STATION,
  TEST_UNIT_READY,
} from "../src/bench.ts";
import { message } from "../src/initiator.ts";
import { makeNtb, readNtb } from "../src/ntb.ts";

const test = suite("the program on an emulated RP2040");

test("answers INQUIRY; another ID, or one that it is not, gets no answer", () => {
  const bench = new Bench();
  const { data, status, messages } = bench.command([0x12, 0, 0, 0, 36, 0]);
  assert.is(status, GOOD);
  assert.equal(messages, [0]);
  assert.equal([...data.slice(0, 8)], [9, 0, 2, 2, 31, 0, 0, 2]);
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

test("a driver that is taken away and comes back: SET_INTERFACE leaves the other interface's toggles as they are", () => {
  const bench = Bench.up();
  for (const taken of [1, 3, 1, 2, 9]) {
    const notes: unknown[] = [];
    for (let count = 0; count < taken; count++) notes.push(bench.usb.in(1, 2)?.length);
    // one that waits to be fetched stays; the speed and the connection follow
    if (taken === 9) assert.equal(notes.filter(Boolean).slice(-2), [16, 8]);
    bench.usb.setInterface(1, 0);
    bench.usb.setInterface(1, 1);
  }
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

test("long frames, several to a block, from initiators of 0 to 400 ns", () => {
  for (const latency of [0, 40, 100, 400]) {
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

/** A board with a frame for its initiator, which is slow: the last byte is on its way long after the board has given it. */
function withFrame(): { bench: Bench; frame: Uint8Array } {
  const bench = Bench.up(2000);
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  const frame = Uint8Array.from({ length: 300 }, (_, at) => (at < 6 ? (STATION[at] ?? 0) : at < 12 ? 2 : at & 255));
  assert.ok(bench.usb.write(2, makeNtb([frame])));
  bench.chip.runFor(500);
  return { bench, frame };
}

test("RST or silence after any number of bytes of a GET frees the bus, and the next commands are whole", () => {
  for (const after of [{ resetAfter: 11 }, { resetAfter: 12 }, { resetAfter: 90 }, { silentAfter: 90 }]) {
    const { bench, frame } = withFrame();
    const get = message(false, 0x88b6, 4096);
    assert.is(bench.command(get, after).status, undefined);
    bench.chip.runFor(50);
    assert.is(bench.bus.lines.bsy, false);
    while (bench.command(TEST_UNIT_READY).status === CHECK) bench.command(REQUEST_SENSE);
    bench.send(0x88b5, HELLO);
    assert.is(bench.send(0x88b5, HELLO).status, GOOD);
    bench.usb.stream(2, 4096, () => undefined);
    assert.ok(bench.usb.write(2, makeNtb([frame])));
    bench.chip.runFor(500);
    const { data, status } = bench.command(get);
    assert.is(status, GOOD);
    assert.equal(data.slice(32, 332), frame);
  }
});

test("a message in the middle of data, either way: they go on where they were", () => {
  const { bench, frame } = withFrame();
  for (const byte of [0, 100, 127, 128, 299]) {
    const result = bench.send(0x6558, frame, { later: { phase: 0, byte, messages: [8] } });
    assert.is(result.status, GOOD);
  }
  const later = { phase: 1, byte: 40, messages: [8] };
  const { data, status } = bench.command(message(false, 0x88b6, 4096), { later });
  assert.is(status, GOOD);
  assert.equal(data.slice(32, 332), frame);
});

test("boot2 has the CRC that the boot ROM looks for", () => {
  const program = readFileSync(PROGRAM);
  // polynomial 04C11DB7h, most significant bit first
  let crc = 0xffffffff;
  for (const byte of program.subarray(0, 252)) {
    for (let bit = 7; bit >= 0; bit--) {
      const top = (crc >>> 31) ^ ((byte >> bit) & 1);
      crc = (crc << 1) ^ (top === 1 ? 0x04c11db7 : 0);
    }
  }
  assert.is(program.readUInt32LE(252), crc >>> 0);
});

test("the UF2 holds loader and program in whole sectors, and takes the other slot's header away", () => {
  const flash = readFileSync(PROGRAM);
  const uf2 = readFileSync(PROGRAM.replace(/bin$/, "uf2"));
  assert.is(flash.length % 4096, 0);
  const count = flash.length / 256 + 16;
  assert.is(uf2.length, 512 * count);
  const pages: Buffer[] = [];
  for (let at = 0; at < uf2.length; at += 512) {
    const words = [0, 4, 8, 12, 16, 20, 24, 28, 508].map((offset) => uf2.readUInt32LE(at + offset));
    const index = at / 512;
    const address = 0x10000000 + 256 * index + (index < count - 16 ? 0 : 0x100000 - flash.length);
    assert.equal(words, [0x0a324655, 0x9e5d5157, 0x2000, address, 256, index, count, 0xe48bff56, 0x0ab16f30]);
    pages.push(uf2.subarray(at + 32, at + 288));
  }
  assert.equal(Buffer.concat(pages), Buffer.concat([flash, Buffer.alloc(4096, 0xff)]));
});

test("a stream of random frames both ways at once: nothing is lost, all is in order", () => {
  const bench = Bench.up();
  const seed = Number(process.env["SEED"] ?? Date.now() % 1e6);
  const random = numbers(seed);
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  const up: Uint8Array[] = [];
  bench.usb.stream(2, 4096, (block) => up.push(...readNtb(block)));
  const sent: Uint8Array[] = [];
  const down: Uint8Array[] = [];
  const fetched: Uint8Array[] = [];
  const own = bench.manage(1).payload.subarray(10, 16);
  const frame = (to: Uint8Array, from: Uint8Array): Uint8Array =>
    Uint8Array.from([...to, ...from, 0x12, 0x34, ...Array.from({ length: 1 + random(1500) }, () => random(256))]);
  const fetch = (): number => {
    const { data, status } = bench.command(message(false, 0x88b6, 8000));
    assert.is(status, GOOD);
    const view = Buffer.from(data);
    let at = 16;
    for (let n = view.readUInt16BE(2); n > 0; n--) {
      const length = view.readUInt32BE(at + 12);
      assert.is(view.readUInt16BE(at), 0x6558);
      fetched.push(data.slice(at + 16, at + 16 + length));
      at += 16 + Math.ceil(length / 8) * 8;
    }
    return view.readUInt16BE(2);
  };
  const elsewhere = bytes("02 44 44 44 44 44");
  for (let round = 0; round < 60; round++) {
    const way = random(3);
    if (way === 0) {
      const one = frame(own, STATION);
      const { status } = bench.send(0x6558, one);
      if (status === GOOD) sent.push(one);
      else assert.is(status, 8, `SEED=${seed}`);
    } else if (way === 1) {
      const block = Array.from({ length: 1 + random(3) }, () => frame(STATION, elsewhere)).slice(0, 2);
      assert.ok(bench.usb.write(2, makeNtb(block)), `SEED=${seed}`);
      down.push(...block);
    } else {
      fetch();
    }
  }
  bench.chip.runFor(20_000);
  while (fetch() > 0);
  assert.equal(up, sent, `SEED=${seed}`);
  assert.equal(fetched, down, `SEED=${seed}`);
});

test("an initiator that stops in the middle does not hold the bus for more than a second", () => {
  const bench = Bench.up();
  const result = bench.send(0x88b5, HELLO, { silentAfter: 20 });
  assert.is(result.status, undefined);
  assert.ok(result.us > 900_000 && result.us < 1_100_000);
  // nothing of it counts, and all goes on
  assert.is(bench.command(message(false, 0x88b6, 4096)).status, CHECK);
  assert.is(bench.sense(), "06/29/07");
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
});

test("blocks of a hostile USB host are counted, and the next good one passes", () => {
  const bench = Bench.up();
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  const frame = Uint8Array.from({ length: 99 }, (_, at) => [...STATION, ...bytes("02 44 44 44 44 44")][at] ?? at);
  const good = makeNtb([frame]);
  const lies = [0, 4, 10, 12, 16, 20].map((at) => {
    const block = Uint8Array.from(good);
    block[at] = 0xff;
    return block;
  });
  for (const block of [...lies, new Uint8Array(4096), Uint8Array.from([1])]) {
    assert.ok(bench.usb.write(2, block));
    bench.chip.runFor(300);
  }
  const ntbMalformed = messages.COUNTERS_LIST.indexOf("ntbMalformed");
  const { payload } = bench.manage(messages.REQUESTS.COUNTERS);
  assert.is(payload.readUInt32BE(4 * ntbMalformed), lies.length + 2);
  assert.ok(bench.usb.write(2, good));
  bench.chip.runFor(300);
  const { data } = bench.command(message(false, 0x88b6, 4096));
  assert.equal(data.slice(32, 32 + frame.length), frame);
});

test("while no one fetches, frames of the USB host are taken, dropped and counted; none is lost uncounted", () => {
  const bench = Bench.up();
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  const frame = Uint8Array.from(
    { length: 1514 },
    (_, at) => [...STATION, ...bytes("02 44 44 44 44 44")][at] ?? at & 255,
  );
  for (let n = 0; n < 20; n++) assert.ok(bench.usb.write(2, makeNtb([frame, frame])));
  bench.chip.runFor(300);
  const { payload } = bench.manage(messages.REQUESTS.STATION, Uint8Array.from([7]));
  const counter = (name: (typeof messages.STATION_COUNTERS_LIST)[number]): number =>
    payload.readUInt32BE(messages.STATION_SIZE + 4 * messages.STATION_COUNTERS_LIST.indexOf(name));
  const waiting = payload.readUInt16BE(messages.STATION_LAYOUT.waiting.at);
  assert.is(counter("txQueueFull") + waiting, 40);
  assert.ok(waiting > 20);
});

test("a second initiator waits for its turn, and is a station of its own", () => {
  const bench = Bench.up();
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  const other = HELLO.slice();
  other[17] = 0x0b;
  assert.is(bench.send(0x88b5, other, { id: 6 }).status, CHECK);
  assert.is(bench.send(0x88b5, other, { id: 6 }).status, GOOD);
  const frame = Uint8Array.from({ length: 99 }, (_, at) => [...bytes("02 00 5e 10 00 0b"), ...STATION][at] ?? at);
  assert.is(bench.send(0x6558, frame).status, GOOD);
  const { data } = bench.command(message(false, 0x88b6, 4096), { id: 6 });
  assert.equal(data.slice(32, 131), frame);
  assert.is(bench.usb.in(2, 2), undefined);
});

test("settings are kept in flash, and count from the next start on: ID, board, address", () => {
  const bench = Bench.up();
  const settings = Buffer.alloc(messages.SETTINGS_SIZE);
  settings.set([2, 2, ...bytes("02 12 34 56 78 9a")]);
  settings.write("attic", 8);
  assert.is(bench.manage(5, settings).result, 0);
  assert.equal(bench.manage(4).payload, settings);
  const next = new Bench(60, bench.chip.rp2040.flash.slice(), 19);
  const page = next.host.command([0x12, 1, 0xc0, 0, 64, 0], { target: 2, lun: 0 });
  assert.is(page.status, GOOD);
  assert.equal(page.data.slice(12, 18), bytes("02 12 34 56 78 9a"));
  assert.is(Buffer.from(page.data.slice(27)).toString(), "attic");
});

test("which group of boards it is on is probed on a free bus, and not asked of a busy one", () => {
  const board = (bench: Bench): number | undefined => {
    bench.connect();
    return bench.manage(messages.REQUESTS.HELLO).payload[messages.HELLO_LAYOUT.board.at];
  };
  for (const [reqGpio, expected] of [
    [17, 1],
    [19, 2],
  ] as const) {
    const bench = new Bench(60, undefined, reqGpio);
    assert.is(bench.command([0x12, 0, 0, 0, 36, 0]).status, GOOD);
    assert.is(board(bench), expected);
    // somebody is at work when it starts
    const busy = new Bench(60, undefined, reqGpio, undefined, { bsy: true, sel: true });
    assert.is(board(busy), 0);
    busy.bus.drive({ sel: false });
    busy.chip.runFor(100);
    assert.is(board(busy), 0);
    busy.bus.drive({ bsy: false });
    busy.chip.runFor(100);
    assert.is(board(busy), expected);
    assert.is(busy.command([0x12, 0, 0, 0, 36, 0]).status, GOOD);
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
