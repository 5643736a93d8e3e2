// SPDX-License-Identifier: Apache-2.0
// The management link on a line that loses, damages, doubles and cuts, in time that the test owns.
import { Duplex, PassThrough } from "node:stream";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32, decodeAnswer, encodeAnswer, encodeRequest } from "../../src/adapter/frame.ts";
import { ManagementLink, noLineCounters } from "../../src/adapter/link.ts";
import { PAYLOAD_MAX, REQUESTS } from "../../src/adapter/messages.ts";
import { parseHello, parseStation } from "../../src/adapter/payloads.ts";
import { ScsigateError } from "../../src/shared/errors.ts";
import { FakeFirmware, SERIAL, slip, Unslip } from "../support/fakeAdapter.ts";
import { ManualClock } from "../support/manualClock.ts";

const test = suite("the adapter's management link");

/** What happens to one frame on its way. */
type Fate = "arrives" | "lost" | "damaged" | "cut" | "twice" | "noise";
const FATES: Fate[] = ["arrives", "arrives", "arrives", "lost", "damaged", "cut", "twice", "noise"];

function onTheWay(fate: Fate, frame: Buffer, at: number): Buffer[] {
  const line = slip(frame);
  const place = 1 + (at % (line.length - 2));
  switch (fate) {
    case "arrives":
      return [line];
    case "lost":
      return [];
    case "damaged": {
      const damaged = Buffer.from(line);
      damaged[place] = (damaged[place] ?? 0) ^ (1 << (at % 8));
      return [damaged];
    }
    case "cut":
      return [line.subarray(0, place)];
    case "twice":
      return [line, line];
    case "noise":
      return [Buffer.from([at & 0xff, 0xdb, (at * 7) & 0xff, 0xc0, 0xc0]), line];
  }
}

function rig(fate: (frames: number) => Fate = () => "arrives", seed = 1) {
  const clock = new ManualClock();
  const firmware = new FakeFirmware();
  const counters = noLineCounters();
  const unslip = new Unslip();
  const toHost = new PassThrough();
  let frames = 0;
  let closed = 0;
  let ended = 0;
  const say = (bytes: Buffer) => {
    // A byte at a time: a serial line keeps no frames together.
    for (const byte of bytes) toHost.write(Buffer.from([byte]));
  };
  const stream = Duplex.from({
    readable: toHost,
    writable: new PassThrough().on("data", (bytes: Buffer) => {
      for (const request of unslip.take(bytes)) {
        const way = fate(frames++);
        const arrived = new Unslip();
        for (const part of onTheWay(way, request, seed + frames)) {
          for (const got of arrived.take(part)) {
            const answer = firmware.answer(got);
            if (answer === undefined) continue;
            for (const piece of onTheWay(fate(frames++), answer, seed * 3 + frames)) say(piece);
          }
        }
      }
    }),
  });
  stream.on("error", () => undefined);
  const line = {
    stream,
    close: () => {
      closed += 1;
    },
  };
  const link = new ManagementLink({ line, clock, counters, firstSequence: 0xfffe, onClosed: () => (ended += 1) });
  return { clock, firmware, counters, link, stream, say, closed: () => closed, ended: () => ended };
}

/** Lets time pass until it is decided. */
async function outcome<T>(clock: ManualClock, promise: Promise<T>): Promise<T | ScsigateError> {
  let result: { value: T | ScsigateError } | undefined;
  promise.then(
    (value) => (result = { value }),
    (error: unknown) => (result = { value: error as ScsigateError }),
  );
  for (let turns = 0; result === undefined && turns < 200; turns++) await clock.pass(100);
  if (result === undefined) throw new Error("it is never decided");
  return result.value;
}

test("CRC-32 is that of zlib", () => {
  assert.is(crc32(Buffer.from("123456789")), 0xcbf43926);
});

test("every frame comes back as it went, and no damage of one bit is taken", () => {
  fc.assert(
    fc.property(
      fc.nat(127),
      fc.nat(0xffff),
      fc.nat(255),
      fc.uint8Array({ maxLength: PAYLOAD_MAX }),
      fc.nat(),
      (request, sequence, result, payload, at) => {
        const frame = encodeAnswer({ request, sequence, result, payload: Buffer.from(payload) });
        const answer = decodeAnswer(frame);
        assert.equal(answer, { request, sequence, result, payload: Buffer.from(payload) });
        const bit = at % (8 * frame.length);
        frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.is(decodeAnswer(frame), "badCrc");
      },
    ),
  );
  assert.is(decodeAnswer(encodeRequest(1, 2, Buffer.alloc(3))), "notAnAnswer");
  assert.is(decodeAnswer(Buffer.alloc(7)), "tooShort");
  assert.is(decodeAnswer(Buffer.alloc(PAYLOAD_MAX + 9)), "tooLong");
});

test("an answer is that of its request, whatever the line does; a request is not carried out twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...FATES), { maxLength: 60 }), fc.nat(1000), async (fates, seed) => {
      const { clock, firmware, counters, link } = rig((index) => fates[index] ?? "arrives", seed);
      const stations = [1, 2, 3, 4, 5].map((initiator) => ({ initiator, address: `02:00:5e:00:00:0${initiator}` }));
      firmware.stations = stations;
      const results = await Promise.all(
        stations.map(({ initiator }) =>
          outcome(clock, link.request(REQUESTS.STATION, Buffer.from([initiator]))).then((result) => ({
            initiator,
            result,
          })),
        ),
      );
      for (const { initiator, result } of results) {
        if (result instanceof ScsigateError) assert.is(result.code, "adapter-silent");
        else assert.is(parseStation(result)?.address, `02:00:5e:00:00:0${initiator}`);
      }
      assert.ok(firmware.carriedOut.length <= stations.length);
      const failed = results.filter(({ result }) => result instanceof ScsigateError).length;
      assert.is(counters.answers, stations.length - failed);
      assert.is(counters.gaveUp, failed);
      assert.is(counters.requests - counters.timeouts, counters.answers);
      // A line that works again is used again.
      const after = await outcome(clock, link.request(REQUESTS.HELLO));
      if (fates.length < 10) assert.not.instance(after, ScsigateError);
    }),
    { numRuns: 60 },
  );
});

test("a lost answer is asked for again with the same bytes, and counted", async () => {
  const { clock, firmware, counters, link } = rig((index) => (index === 1 ? "lost" : "arrives"));
  const payload = await outcome(clock, link.request(REQUESTS.HELLO));
  assert.ok(Buffer.isBuffer(payload));
  assert.is(parseHello(payload as Buffer)?.serial, SERIAL);
  assert.equal(firmware.carriedOut, [REQUESTS.HELLO]);
  assert.is(counters.timeouts, 1);
  assert.is(counters.requests, 2);
});

test("silence ends after three attempts; what comes late is counted, and taken for nothing else", async () => {
  const { clock, firmware, counters, link, say } = rig();
  firmware.mute = true;
  const error = await outcome(clock, link.request(REQUESTS.HELLO));
  assert.instance(error, ScsigateError);
  assert.equal([counters.requests, counters.timeouts, counters.gaveUp], [3, 3, 1]);
  say(slip(encodeAnswer({ request: REQUESTS.HELLO, result: 0, sequence: 0xffff, payload: Buffer.alloc(50) })));
  await clock.pass(1);
  assert.is(counters.unexpected, 1);
  firmware.mute = false;
  assert.not.instance(await outcome(clock, link.request(REQUESTS.COUNTERS)), ScsigateError);
});

test("each fault of a frame has its counter, and an endless one is not kept", async () => {
  const { clock, counters, link, say } = rig();
  say(slip(Buffer.from([1, 2, 3])));
  say(slip(Buffer.alloc(40, 1)));
  say(slip(encodeRequest(REQUESTS.HELLO, 1, Buffer.alloc(0))));
  say(slip(Buffer.alloc(1500, 7)));
  for (let kib = 0; kib < 64; kib++) say(Buffer.alloc(1024, 7));
  say(Buffer.from([0xc0]));
  await clock.pass(1);
  assert.equal([counters.tooShort, counters.badCrc, counters.notAnAnswer], [1, 1, 1]);
  assert.is(counters.tooLong, 2);
  assert.not.instance(await outcome(clock, link.request(REQUESTS.HELLO)), ScsigateError);
});

test("a refusal is told as one", async () => {
  const { clock, counters, link } = rig();
  const error = await outcome(clock, link.request(99));
  assert.instance(error, ScsigateError);
  assert.is((error as ScsigateError).code, "adapter-refused");
  assert.is(counters.refused, 1);
});

test("a line that ends: what waits fails at once, the line is closed, and told once", async () => {
  const { clock, firmware, counters, link, stream, closed, ended } = rig();
  firmware.mute = true;
  const waiting = [link.request(REQUESTS.HELLO), link.request(REQUESTS.COUNTERS)].map((one) =>
    one.then(
      () => "answered",
      (error: ScsigateError) => error.code,
    ),
  );
  stream.destroy();
  assert.equal(await Promise.all(waiting), ["adapter-silent", "adapter-silent"]);
  assert.equal([counters.disconnects, closed(), ended()], [1, 1, 1]);
  link.close();
  assert.is(closed(), 1);
  const after = await outcome(clock, link.request(REQUESTS.HELLO));
  assert.instance(after, ScsigateError);
});

test.run();
