// SPDX-License-Identifier: Apache-2.0
// The gateway's own client, serialport and a tty (a pseudo terminal) on this side; the real program on the other.
import { writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Adapter } from "../../../appliance/src/adapter/adapter.ts";
import { readImage } from "../../../appliance/src/adapter/image.ts";
import { REQUESTS, UPDATE_STATE_LAYOUT } from "../../../appliance/src/adapter/messages.ts";
import { openSerialPort } from "../../../appliance/src/adapter/port.ts";
import { plugIn } from "../../../appliance/test/support/fakeAdapter.ts";
import { ManualClock } from "../../../appliance/test/support/manualClock.ts";
import { openPty, type Pty } from "../../../appliance/test/support/pty.ts";
import { type Tree, temporaryTree } from "../../../appliance/test/support/tree.ts";
import { Bench, CHECK, GOOD, HELLO, ID, TEST_UNIT_READY } from "../src/bench.ts";
import { another } from "../src/programs.ts";

const test = suite("the gateway and the program on an emulated RP2040");

/** CDC-ACM's endpoint. */
const ACM = 4;

/** SLIP's end of a frame. */
const END = 0xc0;
/** Longer than the gateway waits for an answer, milliseconds. */
const PATIENCE_MS = 1000;

let pty: Pty;
let tree: Tree;

test.before.each(async () => {
  tree = temporaryTree();
  pty = await openPty();
});
test.after.each(async () => {
  await pty.close();
  tree.dispose();
});

/**
 * Between the tty and USB. The emulated chip is slower than a real one: time passes for the gateway when nothing is answered.
 * @param fate what arrives of what the gateway says
 */
function connect(board: () => Bench, clock: ManualClock, fate: (bytes: Buffer) => Buffer): void {
  pty.onData((bytes) => {
    const bench = board();
    const arrives = fate(bytes);
    for (let at = 0; at < arrives.length; at += 63) bench.usb.out(ACM, arrives.subarray(at, at + 63));
    const answer: Uint8Array[] = [];
    for (let packet = bench.usb.in(ACM, 2); packet !== undefined; packet = bench.usb.in(ACM, 2)) answer.push(packet);
    // A request may come in pieces.
    if (answer.length === 0 && arrives.at(-1) === END) void clock.pass(PATIENCE_MS);
    for (const packet of answer) pty.write(packet);
  });
}

test("HELLO, counters and stations as the bus had them; a damaged request is asked again", async () => {
  const bench = Bench.up();
  const before = bench.host.command(TEST_UNIT_READY, { target: ID, lun: 0 });
  assert.is(before.status, GOOD);
  assert.is(bench.send(0x88b5, HELLO).status, GOOD);
  const frame = Uint8Array.from({ length: 60 }, (_, at) => [2, 2, 2, 2, 2, 2, 2, 0, 0x5e, 0x10, 0, 0x0a][at] ?? at);
  for (let count = 0; count < 3; count++) assert.is(bench.send(0x6558, frame).status, GOOD);
  assert.is(bench.send(0x6558, frame, { badParity: { phase: 0, byte: 3 } }).status, CHECK);
  const serial = Buffer.from(bench.usb.control(0x80, 6, 0x0303, 0x0409, 255)).toString("utf16le", 2);

  const clock = new ManualClock();
  let damage = 1;
  connect(
    () => bench,
    clock,
    (bytes) => {
      const arrives = Buffer.from(bytes);
      if (damage-- === 1) arrives[3] = (arrives[3] ?? 0) ^ 0x20;
      return arrives;
    },
  );
  plugIn(tree, { serial, tty: pty.path.replace("/dev/pts/", "") });
  const adapter = new Adapter({
    ...{ serial, sys: `${tree.root}/sys`, dev: "/dev/pts", clock },
    ...{ random: (bytes: number) => Buffer.alloc(bytes, 0xc0), open: openSerialPort },
    ...{ wanted: () => undefined, image: undefined },
  });
  await adapter.round();
  const { state, problem, scsiId, counters, line } = adapter.status;
  assert.equal([state, problem, scsiId], ["working", null, ID]);
  assert.equal([line["timeouts"], line["gaveUp"], line["answers"]], [1, 0, 12]);
  assert.equal([counters?.["frameErrors"], counters?.["parityErrors"], counters?.["resets"]], [1, 1, 0]);
  const selections = [...Array(8).keys()].map((id) => counters?.[`selections${id}`] ?? 0);
  assert.is(
    selections.reduce((sum, count) => sum + count, counters?.["selectionsNoId"] ?? 0),
    counters?.["commands"],
  );
  const [station, ...others] = adapter.stations;
  assert.is(others.length, 0);
  assert.equal(
    [station?.address, station?.name, station?.hello, station?.up],
    ["02:00:5e:10:00:0a", "station-a", true, true],
  );
  assert.is(station?.counters.rxPackets, 3);
  assert.is(selections[station?.initiator ?? 0], counters?.["commands"]);

  // Again on the same line: what was counted meanwhile has come.
  for (let count = 0; count < 2; count++) assert.is(bench.send(0x6558, frame).status, GOOD);
  await adapter.round();
  assert.is(adapter.stations[0]?.counters.rxPackets, 5);
  adapter.stop();
});

test("settings and firmware from the gateway: kept, tried, confirmed by the program itself", async () => {
  let bench = Bench.up();
  const serial = Buffer.from(bench.usb.control(0x80, 6, 0x0303, 0x0409, 255)).toString("utf16le", 2);
  const restart = () => {
    bench.chip.run(() => bench.chip.restarted, 200, "it does not restart");
    bench = bench.again();
    bench.connect();
  };
  const clock = new ManualClock();
  connect(
    () => bench,
    clock,
    (bytes) => bytes,
  );
  plugIn(tree, { serial, tty: pty.path.replace("/dev/pts/", "") });
  const file = `${tree.root}/adapter.update`;
  writeFileSync(file, another("7.7.7"));
  const adapter = new Adapter({
    ...{ serial, sys: `${tree.root}/sys`, dev: "/dev/pts", clock },
    ...{ random: (bytes: number) => Buffer.alloc(bytes, 0xc0), open: openSerialPort },
    wanted: () => ({ type: "adapter", serial, scsiId: 5, daynaport: { enabled: true, scsiId: 3, longRecords: false } }),
    image: readImage(file),
  });
  await adapter.round();
  assert.is(adapter.status.state, "starting");
  restart();
  await adapter.round();
  assert.equal([adapter.status.state, adapter.status.scsiId, adapter.status.offered], ["working", 5, "7.7.7"]);

  adapter.startUpdate();
  await adapter.round();
  assert.equal(adapter.status.update, { state: "restarting", percent: 100, problem: null });
  restart();
  // Flash takes longer than this test's patience: the first round may hear no answer to the confirmation.
  for (let round = 0; round < 3 && adapter.status.update?.state === "restarting"; round++) await adapter.round();
  assert.equal(adapter.status.update, { state: "done", percent: 100, problem: null });
  assert.equal([adapter.status.firmware, adapter.status.offered, adapter.status.scsiId], ["7.7.7", null, 5]);
  const { trial } = UPDATE_STATE_LAYOUT;
  assert.is(bench.manage(REQUESTS.UPDATE_STATE).payload[trial.at], 0);
  adapter.stop();
});

test.run();
