// SPDX-License-Identifier: Apache-2.0

import { readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runPool } from "../../src/cli/pool.ts";
import { scenarioPhase } from "../../src/cli/tests.ts";
import { labDir } from "../../src/paths.ts";

const test = suite("pool");

interface Job {
  readonly name: string;
  readonly weight: number;
}

/** Jobs that end when they are told to; `log` has what runs after each start and end. */
function bench(): { log: string[]; run: (job: Job) => Promise<void>; end: (name: string) => Promise<void> } {
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  const tell = (): void => void log.push([...ends.keys()].join(" "));
  return {
    log,
    run: ({ name }) =>
      new Promise((resolve) => {
        ends.set(name, resolve);
        tell();
      }),
    end: async (name) => {
      const resolve = ends.get(name);
      assert.ok(resolve, `${name} does not run`);
      ends.delete(name);
      resolve?.();
      await new Promise((done) => setImmediate(done));
    },
  };
}

function jobs(...pairs: [string, number][]): Job[] {
  return pairs.map(([name, weight]) => ({ name, weight }));
}

test("light jobs fill what a heavy one leaves, and the next heavy one follows the first", async () => {
  const { log, run, end } = bench();
  const all = runPool(jobs(["A", 2], ["B", 2], ["x", 1], ["y", 1]), 3, run);
  assert.equal(log, ["A", "A x"]);
  await end("x");
  assert.is(log.at(-1), "A y");
  await end("A");
  assert.is(log.at(-1), "y B");
  await end("y");
  await end("B");
  await all;
});

test("a job that takes everything runs alone", async () => {
  const { log, run, end } = bench();
  const all = runPool(jobs(["alone", 5], ["x", 1], ["y", 1]), 3, run);
  assert.equal(log, ["alone"]);
  await end("alone");
  assert.is(log.at(-1), "x y");
  await end("x");
  await end("y");
  await all;
});

test("with room for one, jobs run in their order", async () => {
  const order: string[] = [];
  await runPool(jobs(["a", 1], ["b", 1], ["c", 1]), 1, async ({ name }) => {
    order.push(`+${name}`);
    await new Promise((done) => setImmediate(done));
    order.push(`-${name}`);
  });
  assert.equal(order, ["+a", "-a", "+b", "-b", "+c", "-c"]);
});

test("every job runs once, and never more than fits", async () => {
  const job = fc.record({ weight: fc.integer({ min: 1, max: 3 }), turns: fc.integer({ min: 0, max: 4 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(job, { maxLength: 15 }), fc.integer({ min: 1, max: 4 }), async (list, capacity) => {
      let [load, count, ran] = [0, 0, 0];
      await runPool(list, capacity, async ({ weight, turns }) => {
        load += weight;
        count += 1;
        assert.ok(load <= capacity || count === 1, `${load} of ${capacity}`);
        for (let turn = 0; turn < turns; turn++) await new Promise((done) => setImmediate(done));
        load -= weight;
        count -= 1;
        ran += 1;
      });
      assert.is(ran, list.length);
    }),
    { numRuns: 50 },
  );
});

test("a job that fails fails the pool", async () => {
  try {
    await runPool(jobs(["a", 1], ["b", 1]), 2, async ({ name }) => {
      if (name === "b") throw new Error("b fails");
    });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), "b fails");
  }
});

test("every scenario but those that are long and at random is run once, and those of the driver on both kernels", () => {
  const { jobs: planned, capacity } = scenarioPhase();
  const files = readdirSync(join(labDir, "test"))
    .filter((file) => file.endsWith(".test.ts") && !/^(debug-|power-cuts|interleavings)/.test(file))
    .map((file) => `lab/test/${file}`);
  const both = ["lab/test/kernel-features.test.ts", "lab/test/kernel-trouble.test.ts"].map((name) => `${name} on 6.12`);
  const own = ["lab/scenarios/grid.test.ts"];
  assert.equal(planned.map(({ name }) => name).sort(), [...files, ...both, ...own].sort());
  assert.ok(planned.every(({ weight }) => weight <= capacity));
});

test.run();
