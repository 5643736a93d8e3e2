// SPDX-License-Identifier: Apache-2.0
// Another program over the management port: tried, confirmed, fallen back from; the power goes in between.
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { REQUESTS, RESULTS, UPDATE_STATE_LAYOUT } from "../../../appliance/src/adapter/messages.ts";
import { Bench, GOOD, numbers, PROGRAM } from "../src/bench.ts";
import { Chip, PowerCut } from "../src/chip.ts";
import { another, HEADER, VERSION } from "../src/programs.ts";

const INQUIRY = [0x12, 0, 0, 0, 36, 0];

const test = suite("update over the management port");

function firmware(bench: Bench): string {
  return bench.manage(REQUESTS.HELLO).payload.subarray(34, 50).toString("latin1").replaceAll("\0", "");
}

function state(bench: Bench, field: keyof typeof UPDATE_STATE_LAYOUT): number {
  const { at, size } = UPDATE_STATE_LAYOUT[field];
  return bench.manage(REQUESTS.UPDATE_STATE).payload.readUIntBE(at, size);
}

function load(bench: Bench, file: Buffer): void {
  assert.is(bench.manage(REQUESTS.UPDATE_BEGIN, file.subarray(0, 32)).result, RESULTS.OK);
  for (let at = 32; at < file.length; at += 512) {
    const offset = Buffer.alloc(4);
    offset.writeUInt32BE(at - 32);
    const { result } = bench.manage(REQUESTS.UPDATE_DATA, Buffer.concat([offset, file.subarray(at, at + 512)]));
    assert.is(result, RESULTS.OK);
  }
}

/** Loads, and restarts into it. */
function tried(bench: Bench, file: Buffer): Bench {
  load(bench, file);
  assert.is(bench.manage(REQUESTS.UPDATE_TRY).result, RESULTS.OK);
  bench.chip.run(() => bench.chip.restarted, 200, "it does not restart");
  return bench.again();
}

function up(bench: Bench): Bench {
  bench.connect();
  return bench;
}

test("loaded, tried, confirmed: it stays, over restarts and without power, and the next one goes to the first slot", () => {
  const file = another("7.7.7");
  const next = up(tried(up(new Bench()), file));
  assert.is(firmware(next), "7.7.7");
  assert.equal([state(next, "slot"), state(next, "trial")], [1, 1]);
  assert.ok(state(next, "secondsLeft") > 50);
  assert.is(next.manage(REQUESTS.UPDATE_BEGIN, file.subarray(0, 32)).result, RESULTS.ORDER);
  assert.is(next.manage(REQUESTS.UPDATE_CONFIRM, HEADER).result, RESULTS.IMAGE);
  assert.is(next.manage(REQUESTS.UPDATE_CONFIRM, file.subarray(0, 32)).result, RESULTS.OK);
  assert.is(state(next, "trial"), 0);
  assert.is(next.command(INQUIRY).status, GOOD);
  const later = up(next.again("lost"));
  assert.is(firmware(later), "7.7.7");
  assert.is(state(later, "fellBack"), 0);
  const third = up(tried(later, another("8.8.8")));
  assert.is(third.manage(REQUESTS.UPDATE_CONFIRM, another("8.8.8").subarray(0, 32)).result, RESULTS.OK);
  assert.is(firmware(up(third.again("kept"))), "8.8.8");
  assert.is(state(third, "slot"), 0);
});

test("not confirmed: a restart, or the power, brings the one from before; it says so", () => {
  const file = another("7.7.7");
  const trial = up(tried(up(new Bench()), file));
  assert.is(trial.manage(REQUESTS.RESTART).result, RESULTS.OK);
  trial.chip.run(() => trial.chip.restarted, 200, "it does not restart");
  const before = up(trial.again());
  assert.equal([firmware(before), state(before, "fellBack")], [VERSION, 1]);
  const without = up(trial.again("lost"));
  assert.is(firmware(without), VERSION);
});

test("one that does nothing at all is ended by the watchdog that the loader has set", () => {
  const dead = another("7.7.7", (image) => {
    // B . at its entry
    image.writeUInt16LE(0xe7fe, (image.readUInt32LE(4) & ~1) - 0x20000000);
  });
  const bench = up(new Bench());
  load(bench, dead);
  assert.is(bench.manage(REQUESTS.UPDATE_TRY).result, RESULTS.OK);
  bench.chip.run(() => bench.chip.restarted, 200, "it does not restart");
  const stuck = new Chip(bench.chip.left.flash, bench.chip.left.scratch);
  stuck.runFor(20_000);
  stuck.pass(3100);
  assert.ok(stuck.restarted);
  const back = up(new Bench(60, stuck.left.flash, undefined, stuck.left.scratch));
  assert.equal([firmware(back), state(back, "fellBack")], [VERSION, 1]);
});

test("what is damaged, cut short or out of its order is refused; nothing but the program from before is started", () => {
  const bench = up(new Bench());
  assert.is(bench.manage(REQUESTS.UPDATE_TRY).result, RESULTS.ORDER);
  assert.is(bench.manage(REQUESTS.UPDATE_BEGIN, Buffer.alloc(32)).result, RESULTS.IMAGE);
  const damaged = another("7.7.7");
  damaged[5000] = ~(damaged[5000] ?? 0);
  load(bench, damaged);
  assert.is(bench.manage(REQUESTS.UPDATE_TRY).result, RESULTS.IMAGE);
  assert.is(bench.manage(REQUESTS.UPDATE_BEGIN, damaged.subarray(0, 32)).result, RESULTS.OK);
  assert.is(bench.manage(REQUESTS.UPDATE_DATA, Buffer.alloc(516, 1)).result, RESULTS.ORDER);
  assert.is(bench.manage(REQUESTS.UPDATE_DATA, Buffer.alloc(515)).result, RESULTS.LENGTH);
  assert.is(bench.manage(REQUESTS.UPDATE_TRY).result, RESULTS.ORDER);
  assert.is(firmware(up(bench.again("lost"))), VERSION);
});

test("the power goes while flash is written, or the header: what starts is one of the two", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1e6);
  const random = numbers(seed);
  const file = another("7.7.7");
  for (const where of ["data", "data", "confirm", "confirm"]) {
    const bench = up(new Bench());
    if (where === "data") {
      bench.chip.bytesToCut = random(2 * file.length);
      assert.throws(
        () => load(bench, file),
        (error: Error) => error instanceof PowerCut,
        `SEED=${seed}`,
      );
      assert.is(firmware(up(bench.again("lost"))), VERSION, `SEED=${seed}`);
      continue;
    }
    const trial = up(tried(bench, file));
    const cut = random(4096 + 256);
    trial.chip.bytesToCut = cut;
    assert.throws(
      () => trial.manage(REQUESTS.UPDATE_CONFIRM, file.subarray(0, 32)),
      (error: Error) => error instanceof PowerCut,
      `SEED=${seed}`,
    );
    const after = up(trial.again("lost"));
    // A sector is erased, then the header written, with generation and CRC; what follows in its page is nothing.
    assert.is(firmware(after), cut < 4096 + 40 ? VERSION : "7.7.7", `SEED=${seed}`);
    assert.is(after.command(INQUIRY).status, GOOD);
  }
});

test("without any program that is whole the boot ROM's disk waits for an UF2", () => {
  const flash = readFileSync(PROGRAM);
  flash[9000] = ~(flash[9000] ?? 0);
  assert.throws(() => new Bench(60, flash), /restarted/);
});

test.run();
