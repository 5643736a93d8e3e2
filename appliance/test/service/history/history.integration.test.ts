// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SegmentStatus, StationStatus, Status } from "../../../src/api/status.ts";
import type { LatencyClass } from "../../../src/observe/latency.ts";
import { ZERO_COUNTERS } from "../../../src/observe/sysfs.ts";
import { EventBus } from "../../../src/service/eventBus.ts";
import { stationKey } from "../../../src/service/history/fields.ts";
import { History } from "../../../src/service/history/history.ts";
import { ZERO_RATES } from "../../../src/service/rates.ts";
import { silentLogger } from "../../../src/shared/log.ts";
import { ManualClock } from "../../support/manualClock.ts";

const A = "02:11:22:33:44:0a";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A clock whose wall time can jump. */
class JumpingClock extends ManualClock {
  jump = 0;
  override now(): number {
    return super.now() + this.jump;
  }
}

interface Rig {
  folder: string;
  clock: JumpingClock;
  events: EventBus;
  history: History;
  classes: Map<string, LatencyClass[]>;
  /** Takes a sample of a segment with these stations. */
  sample(stations: StationStatus[], driver?: Record<string, number>): void;
  /** Samples for so long; bytes grow by so many a second. */
  run(milliseconds: number, step: number, bytesPerSecond: number, addresses?: string[]): Promise<void>;
  /** Stops and starts anew on the same disk. */
  restart(): Promise<void>;
}

function station(address: string, rx_bytes: number, more: Partial<StationStatus["counters"]> = {}): StationStatus {
  const counters = { ...ZERO_COUNTERS, commands: 0, rx_bytes, ...more };
  const latency = { inFlight: 0, heldGets: 0, queued: 0, adapter: "", packetsPerCommand: null, latency: null };
  const names = {
    address,
    name: "",
    blocked: false,
    ip: null,
    answers: null,
    state: "up",
    role: "target",
    mode: "get",
    features: [],
  };
  return {
    ...names,
    device: `2:0:0:${Number.parseInt(address.slice(-2), 16)}`,
    nexus: "",
    ...latency,
    counters,
    driver: null,
    rates: ZERO_RATES,
  };
}

function segment(stations: StationStatus[], driver: Record<string, number> | null): SegmentStatus {
  const rx_bytes = stations.reduce((sum, { counters }) => sum + counters.rx_bytes, 0);
  const names = {
    name: "seg0",
    present: true,
    address: null,
    ips: [],
    mtu: 0,
    mode: "hub",
    carrier: true,
    fabric: "iscsi",
  };
  return {
    ...names,
    counters: { ...ZERO_COUNTERS, rx_bytes },
    rates: ZERO_RATES,
    driver,
    packetsPerCommand: null,
    bus: null,
    stations,
  };
}

function startHistory(rig: Rig): History {
  const history = new History(rig.events, { latencyClasses: rig.classes }, rig.folder, rig.clock, silentLogger());
  history.start();
  return history;
}

function makeRig(): Rig {
  let total = 0;
  const rig: Rig = {
    folder: mkdtempSync(join(tmpdir(), "scsigate-history-")),
    clock: new JumpingClock(),
    events: new EventBus(),
    classes: new Map(),
    history: undefined as unknown as History, // below
    sample(stations, driver) {
      rig.events.tell("status", { segments: [segment(stations, driver ?? null)] } as unknown as Status);
    },
    async run(milliseconds, step, bytesPerSecond, addresses = [A]) {
      for (let passed = 0; passed < milliseconds; passed += step) {
        await rig.clock.pass(step);
        if (passed % (step < MINUTE ? 10 * MINUTE : 2 * HOUR) === 0) await rig.history.flush(); // the disk is slower than this clock
        total += (bytesPerSecond * step) / 1000;
        rig.sample(addresses.map((address) => station(address, total)));
      }
    },
    async restart() {
      await rig.history.stop();
      rig.history = startHistory(rig);
    },
  };
  rig.history = startHistory(rig);
  return rig;
}

const history = suite<{ rig: Rig }>("history");
history.before.each((context) => {
  context.rig = makeRig();
});
history.after.each(async ({ rig }) => {
  await rig.history.stop();
  rmSync(rig.folder, { recursive: true, force: true });
});

const KEY = stationKey("seg0", A);

async function rates(rig: Rig, key: string, back: number, step: number): Promise<(number | null)[]> {
  const now = rig.clock.now();
  const { series } = await rig.history.series(key, now - back, now, step);
  return series["rx_bytes"] ?? [];
}

function known(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

history("a quarter of an hour by the second, of stations and of their segment", async ({ rig }) => {
  await rig.run(20 * MINUTE, 1000, 500);
  for (const key of [KEY, "seg0"]) {
    const values = known(await rates(rig, key, 15 * MINUTE, 1));
    assert.ok(values.length >= 899, `${values.length} values`);
    assert.ok(values.every((value) => Math.abs(value - 500) < 1));
  }
  assert.equal(known(await rates(rig, stationKey("seg0", "02:00:00:00:00:99"), 15 * MINUTE, 1)), []);
});

history("samples of a gateway that nobody looks at are seconds apart, and no gap", async ({ rig }) => {
  await rig.run(5 * MINUTE, 1000, 500);
  await rig.run(15 * MINUTE, 5000, 300);
  const values = known(await rates(rig, KEY, 10 * MINUTE, 1));
  assert.ok(values.length >= 595, `${values.length} values`);
  assert.ok(values.every((value) => Math.abs(value - 300) < 1));
  await rig.clock.pass(20_000);
  await rig.run(5000, 1000, 300);
  assert.ok((await rates(rig, KEY, 30_000, 1)).includes(null), "twenty seconds without a sample are one");
});

history("a day by the minute and a week by ten minutes, over restarts", async ({ rig }) => {
  await rig.run(4 * 24 * HOUR, MINUTE, 100);
  await rig.restart();
  await rig.run(3 * 24 * HOUR, MINUTE, 300);
  const day = known(await rates(rig, KEY, 24 * HOUR, 60));
  assert.ok(day.length >= 1438, `${day.length} minutes`);
  assert.ok(day.every((value) => Math.abs(value - 300) < 2));
  const week = known(await rates(rig, KEY, 7 * 24 * HOUR, 600));
  assert.ok(week.length >= 1004, `${week.length} times ten minutes`);
  assert.ok(week.filter((value) => Math.abs(value - 100) < 2).length >= 4 * 144 - 1);
});

history("errors by reason and exact latency percentiles, for each slot", async ({ rig }) => {
  const device = station(A, 0).device;
  let sends = 0;
  for (let second = 0; second <= 125; second++) {
    await rig.clock.pass(1000);
    sends += 10;
    rig.classes.set(device, [
      { below: 100, sends: sends - Math.floor(sends / 20), gets: 0 },
      { below: 3200, sends: Math.floor(sends / 20), gets: 0 },
    ]);
    rig.sample([station(A, 0, { rx_dropped: second * 2 })], { rx_malformed: second * 3, tx_failed: 0 });
  }
  const now = rig.clock.now();
  const { series } = await rig.history.series("seg0", now - 2 * MINUTE, now, 60);
  const last = (name: string) => known(series[name] ?? []).at(-1);
  assert.equal([last("rx_malformed"), last("tx_failed")], [3, 0]);
  assert.equal(
    [last("send_p50"), last("send_p90"), last("send_p99")],
    [0.1, 0.1, 3.2].map(Math.fround).map(fourDigits),
  );
  assert.is(series["get_p50"], undefined);
  const { series: own } = await rig.history.series(KEY, now - 2 * MINUTE, now, 60);
  assert.is(known(own["rx_dropped"] ?? []).at(-1), 2);
  assert.is(own["rx_malformed"], undefined);
});

function fourDigits(value: number): number {
  return Number(value.toPrecision(4));
}

history("counters that go back are no negative rate, and an absence is a gap", async ({ rig }) => {
  await rig.run(3 * MINUTE, 1000, 100);
  rig.sample([station(A, 50)]); // attached anew
  await rig.run(3 * MINUTE, 1000, 100, []);
  await rig.run(3 * MINUTE, 1000, 100);
  const values = await rates(rig, KEY, 9 * MINUTE, 1);
  assert.ok(known(values).every((value) => value >= 0));
  const gap = values.filter((value) => value === null).length;
  assert.ok(gap > 170 && gap < 190, `${gap} s`);
});

history("a power cut costs what was not written, and a torn block is dropped", async ({ rig }) => {
  await rig.run(HOUR, 10_000, 100);
  await rig.history.flush();
  const folder = join(rig.folder, "measurements/minutes");
  const file = join(folder, readdirSync(folder).at(-1) ?? "");
  const good = statSync(file).size;
  appendFileSync(file, Buffer.from("sgh1\x40\x00\x00\x00torn before its end"));
  await rig.restart();
  await rig.run(HOUR, 10_000, 100);
  await rig.history.flush();
  assert.ok(statSync(file).size > good);
  assert.ok(known(await rates(rig, KEY, 2 * HOUR, 60)).length >= 117);
});

history("foreign and damaged files are a gap, not an error", async ({ rig }) => {
  const folder = join(rig.folder, "measurements/minutes");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "00000001.sgh"), "nonsense");
  writeFileSync(join(folder, "notes.txt"), "mine");
  await rig.run(30 * MINUTE, 10_000, 100);
  await rig.history.flush();
  assert.ok(known(await rates(rig, KEY, 30 * MINUTE, 60)).length >= 28);
});

history(
  "what was sampled before the clock was set gets its right time, and nothing is written under a wrong one",
  async ({ rig }) => {
    rig.clock.jump = -1_800_000_000_000; // 1970, as a board without a battery starts
    await rig.run(25 * MINUTE, 10_000, 100);
    assert.equal(readdirSync(rig.folder), []);
    rig.clock.jump = 0;
    await rig.run(15 * MINUTE, 10_000, 100);
    await rig.restart();
    assert.ok(known(await rates(rig, KEY, 40 * MINUTE, 60)).length >= 37);
  },
);

history("a clock that jumps forth and back leaves no ghosts and loses nothing that was right", async ({ rig }) => {
  await rig.run(HOUR, 10_000, 100);
  rig.clock.jump = 400 * 24 * HOUR;
  await rig.run(HOUR, 10_000, 900);
  rig.clock.jump = 0;
  await rig.run(HOUR, 10_000, 100);
  await rig.history.flush();
  const values = known(await rates(rig, KEY, 3 * HOUR, 60));
  assert.ok(values.length >= 117, `${values.length} minutes`);
  assert.ok(values.filter((value) => value > 500).length <= 10); // those that were not written yet when it jumped back
});

history("a full disk is told once, and what waited is written when there is room", async ({ rig }) => {
  writeFileSync(join(rig.folder, "measurements"), "in the way");
  await rig.run(30 * MINUTE, 10_000, 100);
  assert.ok(known(await rates(rig, KEY, 30 * MINUTE, 60)).length >= 28, "charted from memory");
  rmSync(join(rig.folder, "measurements"));
  await rig.run(10 * MINUTE, 10_000, 100);
  await rig.restart();
  assert.ok(known(await rates(rig, KEY, 40 * MINUTE, 60)).length >= 38);
});

history("63 busy stations fit for their day and their week, in 14 MiB", async ({ rig }) => {
  const addresses = Array.from({ length: 63 }, (_, index) => `02:11:22:33:44:${index.toString(16).padStart(2, "0")}`);
  const counters = new Map(addresses.map((address) => [address, new Array<number>(8).fill(0)]));
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let sample = 0; sample < 6 * 144 + 1500; sample++) {
    await rig.clock.pass(sample < 6 * 144 ? 10 * MINUTE : MINUTE);
    if (sample % 20 === 0) await rig.history.flush();
    const stations = addresses.map((address) => {
      const own = counters.get(address) ?? [];
      own.forEach((value, index) => {
        own[index] = value + Math.floor(random() * 10 ** (9 - index));
      });
      const [rx_bytes = 0, tx_bytes = 0, rx_packets = 0, tx_packets = 0, rx_dropped = 0, tx_dropped = 0] = own;
      const one = station(address, rx_bytes, { tx_bytes, rx_packets, tx_packets, rx_dropped, tx_dropped });
      const [sends = 0, gets = 0] = own.slice(6);
      rig.classes.set(one.device, [
        { below: 50, sends, gets: gets * 2 },
        { below: 200, sends: sends * 2, gets },
      ]);
      return one;
    });
    rig.sample(stations);
  }
  await rig.history.flush();
  const size = ["minutes", "ten-minutes"]
    .flatMap((level) => {
      const folder = join(rig.folder, "measurements", level);
      return readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    })
    .reduce((sum, one) => sum + one, 0);
  assert.ok(size <= 14 * 1024 * 1024, `${size} bytes`);
  for (const address of [addresses[0], addresses[62]]) {
    const key = stationKey("seg0", address ?? "");
    assert.ok(known(await rates(rig, key, 24 * HOUR, 60)).length >= 1438);
    const week = known(await rates(rig, key, 7 * 24 * HOUR, 600));
    assert.ok(week.length >= 1005, `${week.length}`);
  }
  console.log(`history of 63 busy stations: ${Math.round(size / 1024)} KiB`);
});

history("forgetting leaves nothing", async ({ rig }) => {
  await rig.run(30 * MINUTE, 10_000, 100);
  await rig.history.forget();
  assert.equal(known(await rates(rig, KEY, 30 * MINUTE, 60)), []);
});

history.run();
