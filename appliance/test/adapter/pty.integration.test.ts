// SPDX-License-Identifier: Apache-2.0
// The management link through serialport on a real tty, a pseudo terminal, with a stand-in of the firmware behind it.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Adapter } from "../../src/adapter/adapter.ts";
import { ManagementLink, noLineCounters } from "../../src/adapter/link.ts";
import { REQUESTS } from "../../src/adapter/messages.ts";
import { parseStation } from "../../src/adapter/payloads.ts";
import { openSerialPort } from "../../src/adapter/port.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { FakeFirmware, plugIn, SERIAL, slip, Unslip } from "../support/fakeAdapter.ts";
import { openPty, type Pty } from "../support/pty.ts";
import { temporaryTree } from "../support/tree.ts";

const test = suite("the management link on a real tty");
let pty: Pty;

test.before.each(async () => {
  pty = await openPty();
});
test.after.each(() => pty.close());

/** Has a stand-in answer at the other end. @param fate what becomes of an answer's bytes */
function attach(firmware: FakeFirmware, fate: (line: Buffer) => Buffer[] = (line) => [line]): void {
  const unslip = new Unslip();
  pty.onData((bytes) => {
    for (const frame of unslip.take(bytes)) {
      const answer = firmware.answer(frame);
      if (answer !== undefined) for (const line of fate(slip(answer))) pty.write(line);
    }
  });
}

test("all byte values pass; damage, loss and doubles are made good", async () => {
  const firmware = new FakeFirmware();
  firmware.stations = Array.from({ length: 8 }, (_, initiator) => ({
    ...{ initiator, address: `c0:db:00:0d:0a:0${initiator}`, name: "\u0003\u0004\u0011\u0013\u00c0\u00db" },
    counters: { rxBytes: 0xc0dbdcdd, rxPackets: 0x11130304 },
  }));
  const line = await openSerialPort(pty.path);
  const counters = noLineCounters();
  const link = new ManagementLink({
    line,
    clock: systemClock,
    counters,
    firstSequence: 0xc0db,
    onClosed: () => undefined,
  });
  // Lost answers cost real time here: few of them, and never two of one request.
  const fates: ("damaged" | "twice" | "whole")[] = [];
  let before = "whole";
  attach(firmware, (whole) => {
    const fate = before === "damaged" ? "whole" : (fates.shift() ?? "whole");
    before = fate;
    if (fate === "twice") return [whole, whole];
    if (fate === "whole") return [whole];
    whole[5] = (whole[5] ?? 0) ^ 0x10;
    return [whole];
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("twice" as const, "whole" as const), { maxLength: 9 }),
      fc.array(fc.nat(7), { minLength: 1, maxLength: 9 }),
      async (plan, ids) => {
        fates.splice(0, fates.length, ...plan);
        const answers = await Promise.all(ids.map((id) => link.request(REQUESTS.STATION, Buffer.from([id]))));
        const stations = answers.map((answer) => parseStation(answer));
        assert.equal(
          stations.map((station) => station?.address),
          ids.map((id) => `c0:db:00:0d:0a:0${id}`),
        );
        assert.ok(stations.every((station) => station?.counters.rxBytes === 0xc0dbdcdd));
      },
    ),
    { numRuns: 30 },
  );
  fates.splice(0, fates.length, "damaged");
  before = "whole";
  assert.is(parseStation(await link.request(REQUESTS.STATION, Buffer.from([3])))?.initiator, 3);
  assert.equal([counters.badCrc, counters.gaveUp], [1, 0]);
  assert.ok(counters.timeouts >= 1);
  link.close();
});

test("an adapter that is pulled out while it is asked, and comes back under another name", async () => {
  const tree = temporaryTree();
  const firmware = new FakeFirmware();
  plugIn(tree, { tty: pty.path.replace("/dev/pts/", "") });
  const adapter = new Adapter({
    ...{ serial: SERIAL, sys: `${tree.root}/sys`, dev: "/dev/pts", clock: systemClock },
    ...{
      random: (bytes: number) => Buffer.alloc(bytes),
      open: openSerialPort,
      wanted: () => undefined,
      image: undefined,
    },
  });
  attach(firmware);
  await adapter.round();
  assert.is(adapter.status.state, "working");
  firmware.mute = true;
  const round = adapter.round();
  await pty.close();
  await round;
  assert.is(adapter.status.line["disconnects"], 1);
  assert.is(adapter.status.line["gaveUp"], 1);

  pty = await openPty();
  firmware.mute = false;
  attach(firmware);
  tree.remove("sys/devices/1-1/1-1:1.2");
  tree.write({ [`sys/devices/1-1/1-1:1.2/tty/${pty.path.replace("/dev/pts/", "")}/dev`]: "" });
  await adapter.round();
  assert.is(adapter.status.state, "working");
  assert.is(adapter.status.line["opens"], 2);
  adapter.stop();
  tree.dispose();
});

test("of two programs, the second is told that the port is taken", async () => {
  const first = await openSerialPort(pty.path);
  // The superuser is let through by the kernel; the service is none.
  if (process.getuid?.() !== 0) {
    const second = await openSerialPort(pty.path).then(
      () => "open",
      () => "refused",
    );
    assert.is(second, "refused");
  }
  first.close();
});

test.run();
