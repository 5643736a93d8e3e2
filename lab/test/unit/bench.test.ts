// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cable } from "../../src/bench/cable.ts";
import { specs } from "../../src/bench/figures.ts";
import { firmwareSpecs, measureFirmware } from "../../src/bench/firmware.ts";
import { busyTicks, inTurn, pingTimes } from "../../src/bench/measure.ts";
import { nativeFigures, outcomesOf, parseResult } from "../../src/bench/native.ts";
import {
  type Conditions,
  formatSample,
  formatTable,
  type Outcome,
  toJson,
  toMarkdown,
  toSvg,
} from "../../src/bench/report.ts";
import { type Figure, figureValue, isMet, median, ratio, spread, timesTarget } from "../../src/bench/stats.ts";
import { builtFrom } from "../../src/build/uml-kernel.ts";
import { GENERATED_END, generatedBegin, replaceGenerated } from "../../src/generated.ts";
import { checkTopology } from "../../src/topologies/expand.ts";

const test = suite("bench");

const higher: Figure = {
  name: "speed",
  title: "ours / <theirs> & more",
  unit: "bit/s",
  target: { limit: 0.9, better: "higher" },
  comparisons: [
    { label: "there", ours: [90, 100, 110], baseline: [100, 100, 100] },
    { label: "back", ours: [50, 40, 60], baseline: [100, 200, 50] },
  ],
};
const lower: Figure = {
  name: "delay",
  title: "delay",
  unit: "µs",
  target: { limit: 2, better: "lower" },
  comparisons: [{ label: "", ours: [150], baseline: [100] }],
  note: "A note.",
};
const reported: Figure = { name: "cpu", title: "CPU", unit: "s/GB", comparisons: lower.comparisons };
const missing: Outcome = {
  name: "cable",
  title: "cable",
  unit: "B/s",
  target: { limit: 0.9, better: "higher" },
  missing: "no cable",
};
const conditions: Conditions = {
  date: "2026-11-22T20:30:00.000Z",
  commit: "0123456789ab",
  machine: "a machine",
  guest: "Linux",
  load: [0.1, 2],
  seconds: 400,
  rounds: 3,
};

test("the native bench compares processor time, and tells what the guest did not measure", () => {
  const line = (label: string, count: number, nanoseconds: number): string =>
    `bench-native: ${JSON.stringify({ label, count, nanoseconds })}`;
  const log = ["bench-native: tcp ...", line("tcp", 4000, 2000), line("tcp-veth", 8000, 2000)]
    .concat([line("tcp-back", 1000, 1000), line("tcp-back-veth", 1000, 2000)])
    .concat([line("ping", 10, 30_000), line("commands", 10, 10_000), "bench-native: base: failed with -5"]);
  const outcomes = outcomesOf(log.flatMap((one) => parseResult(one) ?? []));
  assert.is(outcomes.length, nativeFigures.length);
  const value = (name: string): number | undefined => {
    const outcome = outcomes.find((one) => one.name === name);
    return outcome === undefined || "missing" in outcome ? undefined : figureValue(outcome);
  };
  assert.is(value("native-tcp-default"), 0.5);
  assert.is(value("native-ping"), 1.5);
  assert.is(value("native-tcp-base-to-hub"), undefined);
});

test("the firmware's figures are the same twice, and every one is there", async () => {
  const figures = await measureFirmware();
  assert.equal(figures, await measureFirmware());
  assert.equal(
    figures.map(({ name }) => name),
    Object.values(firmwareSpecs).map(({ name }) => name),
  );
  for (const figure of figures) assert.ok(figureValue(figure) > 0, figure.name);
});

test("a package tells the source that it was compiled from", () => {
  assert.is(builtFrom("glibc (= 2.36-9), linux (= 6.1.176-1)", "linux"), "6.1.176-1");
  assert.is(builtFrom("linux-base (= 4.9)", "linux"), undefined);
});

test("the median is the middle one, or between the two", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 3, 2]), 2.5);
  assert.is(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      return below <= values.length / 2 && above <= values.length / 2;
    }),
  );
});

test("a ratio is one of medians, its spread that of the rounds", () => {
  assert.is(ratio({ label: "", ours: [50, 40, 60], baseline: [100, 200, 50] }), 0.5);
  assert.equal(spread({ label: "", ours: [50, 40, 60], baseline: [100, 200, 50] }), [0.2, 1.2]);
});

test("of several comparisons the worst counts", () => {
  assert.is(figureValue(higher), 0.5);
  const twice = { label: "", ours: [300], baseline: [100] };
  assert.is(figureValue({ ...lower, comparisons: [...lower.comparisons, twice] }), 3);
});

test("a target is a least or a most, or none", () => {
  assert.is(isMet(0.9, higher.target), true);
  assert.is(isMet(0.89, higher.target), false);
  assert.is(isMet(2, lower.target), true);
  assert.is(isMet(2.1, lower.target), false);
  assert.is(isMet(17, undefined), null);
  assert.is(timesTarget(1.8, { limit: 0.9, better: "higher" }), 2);
  assert.is(timesTarget(4, { limit: 2, better: "lower" }), 0.5);
});

test("bench.json has name, value, unit, target and ok of every figure", () => {
  const { figures } = JSON.parse(toJson([higher, lower, reported, missing], conditions)) as {
    figures: Record<string, unknown>[];
  };
  const essence = figures.map(({ name, value, unit, target, ok }) => ({ name, value, unit, target, ok }));
  assert.equal(essence, [
    { name: "speed", value: 0.5, unit: "ratio", target: 0.9, ok: false },
    { name: "delay", value: 1.5, unit: "ratio", target: 2, ok: true },
    { name: "cpu", value: 1.5, unit: "ratio", target: null, ok: null },
    { name: "cable", value: null, unit: "ratio", target: 0.9, ok: false },
  ]);
});

test("the table says what was met, what was missed and what could not be measured", () => {
  const table = formatTable([higher, lower, reported, missing]);
  assert.match(table, /0\.50 +≥ 0\.90 +missed +ours/);
  assert.match(table, /there: 100 bit\/s \/ 100 bit\/s = 1\.00 \(0\.90 to 1\.10\)/);
  assert.match(table, /1\.50 +≤ 2\.00 +met +delay/);
  assert.match(table, /1\.50 +report +CPU/);
  assert.match(table, /not measured +cable\n +no cable/);
  assert.match(table, /A note\./);
});

test("samples have three digits and a prefix", () => {
  assert.is(formatSample(1_234_567_890, "bit/s"), "1.23 Gbit/s");
  assert.is(formatSample(123_456_789, "bit/s"), "123 Mbit/s");
  assert.is(formatSample(12_345, "/s"), "12.3 k/s");
  assert.is(formatSample(1234, "/s"), "1234 /s");
  assert.is(formatSample(56.78, "µs"), "56.8 µs");
});

test("the chart is XML with a bar for each figure that has a target", () => {
  const svg = toSvg([higher, lower, reported, missing], conditions, "make bench");
  assert.is(svg.match(/<rect /g)?.length, 2);
  assert.match(svg, "ours / &lt;theirs&gt; &amp; more");
  assert.match(svg, 'class="missed"');
  assert.match(svg, "2026-11-22, a machine, commit 0123456789ab");
  const open: string[] = [];
  for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)(?:"[^"]*"|[^">])*?(\/?)>/g)) {
    if (close === "/") assert.is(open.pop(), name);
    else if (self === "") open.push(name ?? "");
  }
  assert.equal(open, []);
});

test("only what is between the marks of a document is replaced", () => {
  const document = `before\n${generatedBegin("make bench DOCS=1")}\nold\n${GENERATED_END}\nafter\n`;
  const text = toMarkdown([higher, missing], conditions);
  const once = replaceGenerated(document, "make bench DOCS=1", text);
  assert.ok(
    once.startsWith(`before\n${generatedBegin("make bench DOCS=1")}\n`) && once.endsWith(`\n${GENERATED_END}\nafter\n`),
  );
  assert.not.match(once, "old");
  assert.match(once, "2026-11-22 20:30 UTC");
  assert.match(once, "load 0.1 before and 2.0 after");
  assert.is(replaceGenerated(once, "make bench DOCS=1", text), once);
  assert.throws(() => replaceGenerated("no marks", "make bench DOCS=1", text), /lacks/);
});

test("every row of the generated table has as many cells as its head", () => {
  const rows = toMarkdown([higher, lower, reported, missing], conditions)
    .split("\n")
    .filter((line) => line.startsWith("|"));
  for (const row of rows) assert.is(row.split("|").length, rows[0]?.split("|").length, row);
});

test("reads processor time and what ping prints", () => {
  assert.is(busyTicks("cpu  10 2 30 4000 50 6 7 800 0 0"), 55);
  const output = "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=1.72 ms\n64 bytes: icmp_seq=2 ttl=64 time=0.310 ms\n";
  assert.equal(pingTimes(output), [1.72, 0.31]);
});

test("measurements take turns", async () => {
  const order: string[] = [];
  const probe = (name: string, value: number) => async (): Promise<number> => {
    order.push(name);
    return value;
  };
  assert.equal(await inTurn(2, { a: probe("a", 1), b: probe("b", 2) }), { a: [1, 1], b: [2, 2] });
  assert.is(order.join(""), "abab");
});

test("figures have names of their own, and the cable's topology is sound", () => {
  const names = Object.values(specs).map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  assert.is(names.length, 10);
  checkTopology(cable);
});

test.run();
