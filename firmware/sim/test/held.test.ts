// SPDX-License-Identifier: Apache-2.0
// GETs that are held: disconnection, and reselection with an arbitration that gives way to anybody.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as messages from "../../../appliance/src/adapter/messages.ts";
import { Bench, bytes, CHECK, GOOD, HELLO, ID, numbers, STATION, TEST_UNIT_READY, withSettings } from "../src/bench.ts";
import { message, type Result } from "../src/initiator.ts";
import { makeNtb } from "../src/ntb.ts";

const GET = message(false, 0x88b6, 8000);
const test = suite("held GETs on the emulated bus");

function started(reqGpio = 17, latency = 60): Bench {
  const flash = withSettings((settings) => {
    settings[messages.SETTINGS_LAYOUT.flags.at] = 1 << messages.SETTINGS_FLAGS.HELD_GETS;
  });
  const bench = new Bench(latency, flash, reqGpio);
  bench.connect();
  for (const id of [7, 6]) bench.command(TEST_UNIT_READY, { id });
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  return bench;
}

function get(bench: Bench, tag: number): Result {
  return bench.command(GET, { disconnect: true, messages: [0x20, tag] });
}

const frame = (n: number, length = 200): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => [...STATION, ...bytes("02 44 44 44 44 44")][at] ?? (at * 3 + n) & 255);

function counter(bench: Bench, name: (typeof messages.COUNTERS_LIST)[number]): number {
  return bench.manage(messages.REQUESTS.COUNTERS).payload.readUInt32BE(4 * messages.COUNTERS_LIST.indexOf(name));
}

const TARGET = { target: ID } as const;

for (const [reqGpio, latency] of [
  [17, 60],
  [19, 400],
] as const) {
  test(`board with REQ at GPIO ${reqGpio}: a GET is held, others have the bus meanwhile, a frame brings it back`, () => {
    const bench = started(reqGpio, latency);
    const held = get(bench, 0x33);
    assert.equal([held.status, held.messages, held.data.length], [undefined, [4], 0]);
    // the bus is free: another initiator, and the same one with another command
    assert.is(bench.command([0x12, 0, 0, 0, 36, 0], { id: 6 }).status, GOOD);
    assert.is(bench.command(TEST_UNIT_READY).status, GOOD);
    assert.ok(bench.usb.write(2, makeNtb([frame(1)])));
    const back = bench.host.reselected(TARGET, 20);
    assert.equal(back?.messages, [0x80, 0x20, 0x33, 0]);
    assert.is(back?.status, GOOD);
    assert.equal(back?.data.slice(32, 232), frame(1));
    assert.is(bench.bus.lines.bsy, false);
    assert.is(bench.command(TEST_UNIT_READY).status, GOOD);
    assert.equal([counter(bench, "disconnects"), counter(bench, "reselections"), counter(bench, "resets")], [1, 1, 0]);
  });
}

test("off by default; without the privilege to disconnect GETs are answered at once", () => {
  const plain = Bench.up();
  assert.is(plain.send(0x88b5, HELLO).status, GOOD);
  assert.is(get(plain, 1).status, GOOD);
  const bench = started();
  assert.is(bench.command(GET, { messages: [0x20, 1] }).status, GOOD);
  assert.is(bench.command(GET, { disconnect: true }).status, GOOD);
});

test("whoever arbitrates at the same time gets the bus, with a lower ID, too; the GET comes back afterwards", () => {
  const bench = started();
  const { bus, chip } = bench;
  for (const [id, delay] of [
    [0, 100],
    [3, 900],
    [6, 1700],
  ] as const) {
    const yields = counter(bench, "reselectYields");
    assert.is(get(bench, id).status, undefined);
    let since: number | undefined;
    let alone = true;
    const hook = (): void => {
      // its BSY is an arbitration as long as there is no SEL
      if (since === undefined && bus.lines.bsy) since = chip.ns;
      if (since !== undefined && alone && chip.ns - since >= delay) {
        alone = false;
        bus.drive({ bsy: true, data: 1 << id });
      }
    };
    assert.ok(bench.usb.write(2, makeNtb([frame(id)])));
    chip.attached.push(hook);
    chip.run(() => !alone, 20, "no arbitration");
    chip.attached.splice(chip.attached.indexOf(hook), 1);
    chip.runFor(3);
    assert.is(bus.lines.sel, false);
    // the other one goes on: SEL, and lets go of all again
    bus.drive({ sel: true });
    chip.runFor(5);
    bus.drive({ bsy: false, data: 0 });
    chip.runFor(5);
    assert.is(bus.lines.bsy, false);
    bus.drive({ sel: false });
    const back = bench.host.reselected(TARGET, 20);
    assert.is(back?.status, GOOD);
    assert.equal(back?.data.slice(32, 232), frame(id));
    assert.is(counter(bench, "reselectYields"), yields + 1);
  }
});

test("an initiator that does not answer is tried three times, and holds nobody; RST ends what is held", () => {
  const bench = started();
  assert.is(get(bench, 1).status, undefined);
  assert.ok(bench.usb.write(2, makeNtb([frame(9)])));
  bench.chip.runFor(30_000);
  assert.equal([bench.bus.lines.sel, bench.bus.lines.bsy, bench.bus.lines.io], [false, false, false]);
  assert.equal([counter(bench, "reselectUnanswered"), counter(bench, "reselections")], [3, 0]);
  const { data } = bench.command(GET);
  assert.equal(data.slice(32, 232), frame(9));
  assert.is(get(bench, 2).status, undefined);
  bench.bus.drive({ rst: true });
  bench.chip.runFor(25);
  bench.bus.drive({ rst: false });
  bench.chip.runFor(50);
  assert.ok(bench.usb.write(2, makeNtb([frame(9)])));
  assert.is(bench.host.reselected(TARGET, 10), undefined);
  assert.is(bench.command(TEST_UNIT_READY).status, CHECK);
});

test("random commands, GETs and frames: each frame comes once, in order, however the bus was shared", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1e6);
  const why = `SEED=${seed}`;
  const random = numbers(seed);
  const bench = started();
  const down: Uint8Array[] = [];
  const got: Uint8Array[] = [];
  const open = new Set<number>();
  const take = (result: Result): void => {
    const view = Buffer.from(result.data);
    let at = 16;
    for (let n = view.readUInt16BE(2); n > 0; n--) {
      const length = view.readUInt32BE(at + 12);
      got.push(result.data.slice(at + 16, at + 16 + length));
      at += 16 + Math.ceil(length / 8) * 8;
    }
  };
  const back = (ms: number): boolean => {
    const result = bench.host.reselected(TARGET, ms);
    if (result === undefined) return false;
    assert.is(result.status, GOOD, why);
    assert.ok(open.delete(result.messages[2] ?? -1), why);
    take(result);
    return true;
  };
  let tag = 0;
  for (let round = 0; round < 40; round++) {
    const way = random(4);
    // a reselection may have begun: an initiator looks before it arbitrates
    if (bench.bus.lines.sel || bench.bus.lines.bsy) back(5);
    else if (way === 0 && open.size < 4) {
      const result = get(bench, ++tag);
      if (result.status === undefined) open.add(tag);
      else take(result);
    } else if (way === 1) {
      const one = frame(round, 60 + random(1400));
      assert.ok(bench.usb.write(2, makeNtb([one])), why);
      down.push(one);
    } else if (way === 2) assert.is(bench.command(TEST_UNIT_READY, { id: 6 }).status, GOOD, why);
    else back(3);
  }
  while (open.size > 0 && back(5));
  for (let tries = 0; got.length < down.length && tries < 5; tries++) take(bench.command(GET));
  assert.equal(got, down, why);
});

test.run();
