// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { addTallies, excerpt, formatTally, judge, NOTHING, readTally } from "../../src/tally.ts";

const test = suite("tally");

const uvu = (total: number, passed: number, skipped: number): string =>
  `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  3.21ms\n\n`;

test("reads what uvu prints, also in colour", () => {
  assert.equal(readTally(uvu(12, 12, 0)), { passed: 12, failed: 0, skipped: 0 });
  assert.equal(readTally("\n  Total:     2\x1b[32m\n  Passed:    1\x1b[39m\n  Skipped:   \x1b[33m3\x1b[39m\n"), {
    passed: 1,
    failed: 1,
    skipped: 3,
  });
});

test("counts what uvu left out as failed: it says nothing about a hook that threw", () => {
  assert.equal(readTally(uvu(5, 0, 0)), { passed: 0, failed: 5, skipped: 0 });
});

test("reads plain closing lines, with and without skips", () => {
  assert.equal(readTally("3 passed, 0 failed\n4 passed, 1 failed, 2 skipped\n"), { passed: 7, failed: 1, skipped: 2 });
});

test("takes a count only from a line of its own", () => {
  assert.equal(readTally("we had 3 passed, 1 failed, 0 skipped yesterday\n"), NOTHING);
});

test("sums the suites of one output", () => {
  const counts = fc.record({ passed: fc.nat(999), failed: fc.nat(999), skipped: fc.nat(999) });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), counts)), (suites) => {
      const text = suites.map(([plain, t]) =>
        plain ? `${formatTally(t)}\n` : uvu(t.passed + t.failed, t.passed, t.skipped),
      );
      assert.equal(readTally(text.join("noise\n")), suites.map(([, t]) => t).reduce(addTallies, NOTHING));
    }),
  );
});

test("a suite that ran nothing, or ended badly, has failed", () => {
  assert.is(judge(NOTHING, 0).tally.failed, 1);
  assert.is(judge({ passed: 4, failed: 0, skipped: 0 }, 1).tally.failed, 1);
  assert.is(judge({ passed: 4, failed: 2, skipped: 0 }, 1).tally.failed, 2);
  assert.is(judge({ passed: 4, failed: 0, skipped: 1 }, 0).tally.failed, 0);
  assert.equal(judge({ passed: 4, failed: 0, skipped: 2 }, 0, true), {
    tally: { passed: 4, failed: 2, skipped: 0 },
    why: "2 tests were skipped",
  });
  assert.equal(judge({ passed: 4, failed: 0, skipped: 0 }, 0, true).tally.failed, 0);
});

test("an excerpt has the first failed tests, each with its reason, and nothing of those that passed", () => {
  const block = (name: string): string =>
    `\n   \x1b[41mFAIL \x1b[49m suite  "${name}"\n    no ${name}\n      ··same\n\n    at x.ts:1\n`;
  const output = `noise\n • ✘ (1 / 3)\n${block("one")}${block("two")}${block("three")}${block("four")}${uvu(5, 1, 0)}npm error\n`;
  assert.equal(
    excerpt(output).map((line) => line.trim()),
    ["one", "two", "three"].flatMap((name) => [`FAIL  suite  "${name}"`, `no ${name}`, "at x.ts:1"]),
  );
});

test("an excerpt of what printed no failed test is its end", () => {
  const output = Array.from({ length: 99 }, (_, index) => `line ${index}`).join("\n");
  assert.is(excerpt(`${output}\n\n`).at(-1), "line 98");
  assert.is(excerpt(output).length, 20);
});

test.run();
