// SPDX-License-Identifier: Apache-2.0
// Random commands from a seed, with whatever may go wrong: after each the bus is free and the adapter answers, and in
// the end its counters are what was done to it.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as messages from "../../../appliance/src/adapter/messages.ts";
import { Bench, CHECK, GOOD, HELLO, numbers, STATION, TEST_UNIT_READY } from "../src/bench.ts";
import { message, type Options } from "../src/initiator.ts";

const COMMANDS = Number(process.env["COMMANDS"] ?? 250);
const INQUIRY_LENGTH = 36;
const INQUIRY = [0x12, 0, 0, 0, INQUIRY_LENGTH, 0];
const ABORT = 6;
const NOP = 8;
const DEVICE_RESET = 12;
const UNKNOWN = 0x13;

const test = suite("random commands on the emulated bus");

test("whatever goes wrong: the bus gets free, the next command is answered, counters are exact", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1e6);
  const why = `SEED=${seed} COMMANDS=${COMMANDS}`;
  const random = numbers(seed);
  const bench = Bench.up(40 + random(200));
  const counters = (): Map<string, number> => {
    const { payload } = bench.manage(messages.REQUESTS.COUNTERS);
    return new Map(messages.COUNTERS_LIST.map((name, index) => [name, payload.readUInt32BE(4 * index)]));
  };
  const before = counters();
  const expected = new Map<string, number>();
  const count = (name: string, n = 1): void => void expected.set(name, (expected.get(name) ?? 0) + n);
  /** Any number of unit attentions, then GOOD. */
  const settle = (): void => {
    for (let tries = 0; tries < 3; tries++) {
      count("commands");
      count("selections7");
      if (bench.command(TEST_UNIT_READY).status === GOOD) return;
      count("checks");
    }
    assert.unreachable(`it is not ready again: ${why}`);
  };
  const frame = (): Uint8Array =>
    Uint8Array.from({ length: 15 + random(200) }, (_, at) =>
      at < 6 ? 2 : at < 12 ? (STATION[at - 6] ?? 0) : random(256),
    );
  bench.usb.stream(2, 4096, () => undefined);
  settle();
  for (let n = 0; n < COMMANDS; n++) {
    const data = random(2) === 0 ? frame() : HELLO;
    const what = [
      { cdb: TEST_UNIT_READY },
      { cdb: INQUIRY },
      { cdb: message(false, 0, 1500) },
      { cdb: message(true, data === HELLO ? 0x88b5 : 0x6558, data.length), out: data },
    ][random(4)] ?? { cdb: TEST_UNIT_READY };
    const options: { -readonly [K in keyof Options]?: Options[K] } = { ...("out" in what ? { out: what.out } : {}) };
    const trouble = random(7);
    count("selections7");
    if (trouble === 0) {
      // in IDENTIFY, the CDB, or the data of what goes on to data for sure
      const data = "out" in what ? (what.out === HELLO ? HELLO.length : 0) : what.cdb === INQUIRY ? INQUIRY_LENGTH : 0;
      options.resetAfter = random(1 + what.cdb.length + data);
    } else if (trouble === 1) {
      options.badParity = { phase: 2, byte: random(what.cdb.length) };
    } else if (trouble === 2) {
      options.messages =
        [[ABORT], [DEVICE_RESET], [NOP], [UNKNOWN], [0x20, random(256)], [1, 3, 1, 25, 15]][random(6)] ?? [];
    } else if (trouble === 3) {
      options.later = {
        phase: [2, 3][random(2)] ?? 2,
        byte: 0,
        messages: [[ABORT], [DEVICE_RESET], [NOP], [UNKNOWN]][random(4)] ?? [],
      };
    } else if (trouble === 4) {
      options.badParity = { phase: 6, byte: 0 };
    }
    const result = bench.command(what.cdb, options);
    assert.ok(result.selected, why);
    const said = [...(options.messages ?? []), ...(options.later?.messages ?? [])];
    const early = options.messages !== undefined;
    if (trouble === 0) {
      count("resets");
      assert.is(result.status, undefined, why);
      if ((options.resetAfter ?? 0) > what.cdb.length) count("commands");
    } else if (said[0] === ABORT || said[0] === DEVICE_RESET) {
      count(said[0] === ABORT ? "aborts" : "deviceResets");
      if (!early) count("commands");
      if (options.later?.phase === 2) assert.is(result.status, undefined, why);
    } else {
      count("commands");
      assert.ok(result.status === GOOD || result.status === CHECK, why);
      if (trouble === 1) assert.is(result.status, CHECK, why);
    }
    // ABORT after a status comes too late to undo it
    if (result.status === CHECK) count("checks");
    if (said[0] === UNKNOWN) count("rejects");
    if (trouble === 1 || trouble === 4) count("parityErrors");
    if (trouble === 4) count("retries");
    assert.is(bench.bus.lines.bsy, false, why);
    bench.chip.runFor(20);
    settle();
  }
  const after = counters();
  const names = [
    "commands",
    "checks",
    "resets",
    "deviceResets",
    "aborts",
    "parityErrors",
    "rejects",
    "retries",
    "timeouts",
    "selections7",
  ];
  for (const name of names) {
    assert.is((after.get(name) ?? 0) - (before.get(name) ?? 0), expected.get(name) ?? 0, `${name}: ${why}`);
  }
});

test.run();
