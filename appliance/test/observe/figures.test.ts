// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseDriverCounters } from "../../src/observe/driverCounters.ts";
import { type LatencyClass, parseLatency, percentiles } from "../../src/observe/latency.ts";
import { adapterOf, readTemperatures } from "../../src/observe/sensors.ts";
import { BatchMeter } from "../../src/service/rates.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

const counters = suite("the driver's counters");

counters("ethtool -S: names and values, the headline left out", () => {
  const text = "NIC statistics:\n     rx_packets: 12\n     unit_attention: 3\n     odd line\n     x: -1\n";
  assert.equal(parseDriverCounters(text), { rx_packets: 12, unit_attention: 3 });
  assert.equal(parseDriverCounters("no stats available\n"), {});
});

counters("packets for each command: of what ended in between", () => {
  const meter = new BatchMeter();
  assert.is(meter.update("seg0", 100, 10), null);
  assert.is(meter.update("seg0", 130, 20), 3);
  assert.is(meter.update("seg0", 130, 20), 3); // nothing ended: as before
  assert.is(meter.update("seg0", 5, 2), 3); // made anew
  assert.is(meter.update("seg0", 6, 3), 1);
  meter.keepOnly(new Set());
  assert.is(meter.update("seg0", 100, 10), null);
});

counters.run();

const latency = suite("latency classes");

latency("lines of the driver's file, by bound", () => {
  assert.equal(parseLatency("# up to usecs, SENDs, GETs\n512 4 0\n128 1 2\nnonsense\n"), [
    { below: 128, sends: 1, gets: 2 },
    { below: 512, sends: 4, gets: 0 },
  ]);
});

latency("percentiles of what ended since the reading before, in milliseconds", () => {
  const before = parseLatency("1024 100 0\n65536 50 0\n");
  const now = parseLatency("1024 190 0\n2048 9 0\n65536 51 0\n");
  assert.equal(percentiles("sends", now, before), { count: 100, p50: 1.024, p90: 1.024, p99: 2.048 });
  assert.is(percentiles("gets", now, before), null);
  assert.is(percentiles("sends", now, now), null);
});

latency("a device that attached anew counts from zero", () => {
  const before = parseLatency("1024 100 0\n");
  assert.is(percentiles("sends", parseLatency("1024 3 0\n"), before)?.count, 3);
});

/** The definition, on the commands one by one. */
function byDefinition(classes: readonly LatencyClass[], share: number): number {
  const each = classes.flatMap((entry) => Array<number>(entry.sends).fill(entry.below));
  return (each[Math.ceil(each.length * share) - 1] ?? 0) / 1000;
}

latency("property: percentiles are those of the single commands", () => {
  const classes = fc.uniqueArray(fc.integer({ min: 0, max: 24 })).chain((bits) =>
    fc.tuple(
      ...bits
        .sort((a, b) => a - b)
        .map((bit) =>
          fc.record({
            below: fc.constant(2 ** bit),
            sends: fc.integer({ min: 0, max: 60 }),
            gets: fc.constant(0),
          }),
        ),
    ),
  );
  fc.assert(
    fc.property(classes, (now) => {
      const result = percentiles("sends", now);
      const total = now.reduce((sum, entry) => sum + entry.sends, 0);
      if (total === 0) return result === null;
      const expected = { p50: byDefinition(now, 0.5), p90: byDefinition(now, 0.9), p99: byDefinition(now, 0.99) };
      assert.equal(result, { count: total, ...expected });
      return true;
    }),
  );
});

latency.run();

const sensors = suite<{ tree: Tree; sys: string }>("sensors and adapters");
sensors.before.each((context) => {
  context.tree = temporaryTree();
  context.sys = `${context.tree.root}/sys`;
});
sensors.after.each((context) => context.tree.dispose());

sensors("thermal zones; two of one name are numbered; what is not connected is left out", ({ tree, sys }) => {
  tree.write({
    "sys/class/thermal/thermal_zone0/type": "cpu",
    "sys/class/thermal/thermal_zone0/temp": 51_234,
    "sys/class/thermal/thermal_zone1/type": "cpu",
    "sys/class/thermal/thermal_zone1/temp": 40_000,
    "sys/class/thermal/thermal_zone2/type": "broken",
    "sys/class/thermal/thermal_zone2/temp": -274_000,
    "sys/class/thermal/cooling_device0/type": "fan",
  });
  assert.equal(readTemperatures(sys), [
    { sensor: "cpu", celsius: 51.2 },
    { sensor: "cpu 2", celsius: 40 },
  ]);
});

sensors("without thermal zones, hardware monitors; without those, nothing", ({ tree, sys }) => {
  assert.equal(readTemperatures(sys), []);
  tree.write({
    "sys/class/hwmon/hwmon0/name": "k10temp",
    "sys/class/hwmon/hwmon0/temp1_input": 30_000,
    "sys/class/hwmon/hwmon0/temp1_label": "Tctl",
    "sys/class/hwmon/hwmon0/fan1_input": 900,
  });
  assert.equal(readTemperatures(sys), [{ sensor: "k10temp Tctl", celsius: 30 }]);
});

sensors("the host adapter's driver; nothing for what is no device", ({ tree, sys }) => {
  tree.write({ "sys/class/scsi_host/host7/proc_name": "qla2xxx" });
  assert.is(adapterOf(sys, "7:0:1:0"), "qla2xxx");
  assert.is(adapterOf(sys, "8:0:1:0"), "");
  assert.is(adapterOf(sys, "../7"), "");
});

sensors.run();
