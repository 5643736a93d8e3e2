// SPDX-License-Identifier: Apache-2.0
// Traces: the format, what is recorded of the real program, and what the model of kernel/testing recorded, played here.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as messages from "../../../appliance/src/adapter/messages.ts";
import { Bench, CHECK, GOOD, HELLO, STATION, TEST_UNIT_READY, TO, withSettings } from "../src/bench.ts";
import { differsFromKept, kept } from "../src/fixtures.ts";
import { message, type Options, type Result } from "../src/initiator.ts";
import { makeNtb, readNtb } from "../src/ntb.ts";
import { replay } from "../src/played.ts";
import { Recorder } from "../src/recorder.ts";
import { ATN, BAD, connections, difference, type Phase, parse, print, TRANSFERS } from "../src/trace.ts";

const test = suite("traces of the bus");

const id = fc.nat(7);
const entry = fc.oneof(
  fc.nat(0xff),
  fc.nat(0xff).map((byte) => byte | BAD),
  fc.constant(ATN),
);
const phase: fc.Arbitrary<Phase> = fc.oneof(
  fc.record({
    ...{ ns: fc.nat(), kind: fc.constantFrom("bus-free", "reset", "arbitration") },
    ...{ ids: fc.constant([]), entries: fc.constant([]) },
  }),
  fc.record({
    ...{ ns: fc.nat(), kind: fc.constantFrom("selection", "reselection"), ids: fc.tuple(id, id) },
    entries: fc.constantFrom([], [ATN]),
  }),
  fc.record({
    ...{ ns: fc.nat(), kind: fc.constantFrom(...TRANSFERS), ids: fc.constant([]) },
    entries: fc.array(entry, { minLength: 1 }),
  }),
);

test("what was printed is parsed to the same", () => {
  fc.assert(
    fc.property(fc.array(phase), id, (phases, winner) => {
      const trace = phases.map((one) => ({ ...one, ids: one.kind === "arbitration" ? [winner] : one.ids }));
      assert.equal(parse(print(trace)), trace);
      assert.is(difference(trace, parse(print(trace))), undefined);
    }),
  );
});

test("lines that are none are named, with what is wrong", () => {
  assert.equal(parse("# a comment\n\n"), []);
  for (const [text, wrong] of [
    ["0 bus-free\n1 nothing", 'line 2: "nothing" is no phase'],
    ["bus-free", 'line 1: "bus-free" is no time in ns'],
    ["0 arbitration 8", "line 1: arbitration needs a SCSI ID, 0 to 7"],
    ["0 selection 7", "line 1: selection needs two SCSI IDs, 0 to 7"],
    ["0 selection 7 2 c0", 'line 1: "c0" is not expected here'],
    ["0 status", "line 1: status has no byte"],
    ["0 status 0G", 'line 1: "0G" is not expected here'],
    ["0 bus-free 00", "line 1: bus-free has too many words"],
    ["full", "line 1: the recorder had no room for what came then"],
  ])
    assert.throws(() => parse(text ?? ""), wrong);
});

test("what differs is named: the phase, and both of it", () => {
  const one = parse("0 arbitration 7\n1 status 00 01");
  assert.is(difference(one, parse("5 arbitration 7\n9 status 00 01")), undefined);
  assert.is(
    difference(one, parse("0 arbitration 7\n1 status 00 02")),
    "phase 2: status 00 01, and in the other one status 00 02",
  );
  assert.is(difference(one, one.slice(0, 1)), "phase 2: status 00 01, and in the other one nothing more");
});

test("what cannot be played is refused, and why", () => {
  const selection = "0 arbitration 7\n0 selection 7 2\n";
  for (const [text, wrong] of [
    ["0 reset\n0 bus-free", "a reset"],
    [`${selection}0 command 00\n0 reset\n0 bus-free`, "a reset"],
    ["0 bus-free", "something that is no arbitration and selection"],
    [`${selection}0 bus-free`, "a selection without an answer"],
    [`${selection}0 status 00`, "a connection without an end"],
    [`${selection}0 status 00!\n0 bus-free`, "bad parity"],
    [`${selection}0 message-in 20 01 01 03 01 32 08\n0 bus-free`, "synchronous or wide transfers"],
    [`${selection}0 data-in 00 atn\n0 bus-free`, "ATN"],
  ])
    assert.throws(() => replay(parse(text ?? "")), new RegExp(`^${wrong}.* cannot be played$`));
});

const DISCONNECTS = { disconnect: true } as const;
/** As the kernel's aha152x asks, by itself, after a CHECK CONDITION. */
const REQUEST_SENSE = [3, 0, 0, 0, 96, 0];
const GET = message(false, 0x88b6, 8000);
const FRAME = Uint8Array.from({ length: 300 }, (_, at) => [2, 2, 2, 2, 2, 2, ...STATION][at] ?? at & 255);
/** The other way. */
const BACK = Uint8Array.from([...FRAME.slice(6, 12), ...FRAME.slice(0, 6), ...FRAME.slice(12)]);

/** The real program, and what happens on its bus from when USB is there. */
function recorded(flash?: Uint8Array): { bench: Bench; recorder: Recorder } {
  const bench = new Bench(60, flash);
  bench.connect();
  return { bench, recorder: new Recorder(bench.bus) };
}

/** A command, and REQUEST SENSE where it fails. */
function command(bench: Bench, cdb: readonly number[], options: Partial<Options> = {}): Result {
  const result = bench.command(cdb, { ...DISCONNECTS, ...options });
  if (result.status === CHECK) assert.is(bench.command(REQUEST_SENSE, DISCONNECTS).status, GOOD);
  return result;
}

function send(bench: Bench, stream: number, out: Uint8Array, options: Partial<Options> = {}): Result {
  return command(bench, message(true, stream, out.length), { ...options, out });
}

test("what the real program does is recorded, as it is kept; played to the scripted initiator, it is the same", () => {
  const { bench, recorder } = recorded();
  assert.is(command(bench, [0x12, 0, 0, 0, 36, 0]).status, GOOD);
  assert.is(command(bench, TEST_UNIT_READY).status, CHECK);
  assert.is(command(bench, TEST_UNIT_READY).status, GOOD);
  assert.is(send(bench, 0x88b5, HELLO).status, GOOD);
  assert.is(send(bench, 0x6558, FRAME).status, GOOD);
  assert.equal(readNtb(bench.usb.read(2, 4096) ?? new Uint8Array()), [FRAME]);
  assert.ok(bench.usb.write(2, makeNtb([BACK])));
  bench.chip.runFor(500);
  for (const expected of [16 + 16 + 304, 16]) assert.is(command(bench, GET).data.length, expected);
  assert.is(differsFromKept("adapter", recorder.trace), undefined);
  assert.is(difference(recorder.trace, replay(recorder.trace)), undefined);
});

test("a held GET: its disconnection and its reselection are recorded, and can be played", () => {
  const flash = withSettings((settings) => {
    settings[messages.SETTINGS_LAYOUT.flags.at] = 1 << messages.SETTINGS_FLAGS.HELD_GETS;
  });
  const { bench, recorder } = recorded(flash);
  command(bench, TEST_UNIT_READY);
  send(bench, 0x88b5, HELLO);
  assert.is(command(bench, GET, { messages: [0x20, 0x33] }).status, undefined);
  assert.ok(bench.usb.write(2, makeNtb([BACK])));
  assert.is(bench.host.reselected(TO, 20)?.status, GOOD);
  assert.match(print(recorder.trace), /bus-free\n\d+ arbitration 4\n\d+ reselection 4 7\n\d+ message-in 80 20 33\n/);
  assert.is(difference(recorder.trace, replay(recorder.trace)), undefined);
});

test("ATN in the middle, bad parity, nobody who answers, a reset: all of it is in the trace", () => {
  const { bench, recorder } = recorded();
  command(bench, TEST_UNIT_READY);
  send(bench, 0x88b5, HELLO);
  recorder.clear();
  const later = { phase: 0, byte: 100, messages: [8] };
  assert.is(send(bench, 0x6558, FRAME, { later }).status, GOOD);
  const [first, second] = recorder.trace.filter(({ kind }) => kind === "data-out");
  assert.is(first?.entries[100], ATN);
  assert.ok(second !== undefined, "the rest of the data, after the message");
  assert.is(difference(recorder.trace, replay(recorder.trace)), undefined);
  recorder.clear();
  command(bench, TEST_UNIT_READY, { badParity: { phase: 2, byte: 3 } });
  assert.is(command(bench, TEST_UNIT_READY, { target: 3 }).selected, false);
  command(bench, TEST_UNIT_READY, { resetAfter: 3 });
  const text = print(recorder.trace).replaceAll(/^\d+ /gm, "");
  assert.match(text, /^command 00 00 00 00! 00 00\nstatus 02$/m);
  assert.match(text, /^arbitration 7\nselection 7 3 atn\nbus-free\n/m);
  assert.match(text, /^message-out c0\ncommand 00 00\nreset\nbus-free\n$/m);
});

test("what the model of kernel/testing recorded, with disconnections and reselections, is played here, byte for byte", () => {
  const disk = kept("disk");
  assert.ok(connections(disk).some(({ reselected }) => reselected));
  assert.is(difference(disk, replay(disk)), undefined);
});

test.run();
