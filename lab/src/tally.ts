// SPDX-License-Identifier: Apache-2.0
// Counts tests in what test runners print.

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };

export function addTallies(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

export function formatTally(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`;
}

function lines(output: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with one
  return output.replaceAll(/\x1b\[[0-9;]*m/g, "").split(/\r?\n/);
}

const PLAIN = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/;
const UVU = /^ *(Total|Passed|Skipped): +(\d+)$/;

/**
 * Sums up what uvu prints at its end (Total, Passed, Skipped) and lines "N passed, N failed, N skipped".
 * What uvu neither passed nor skipped has failed: it does not say so itself when a hook threw.
 */
export function readTally(output: string): Tally {
  let tally = NOTHING;
  let total = 0;
  let passed = 0;
  for (const line of lines(output)) {
    const plain = PLAIN.exec(line.trim());
    if (plain !== null) {
      tally = addTallies(tally, {
        passed: Number(plain[1]),
        failed: Number(plain[2]),
        skipped: Number(plain[3] ?? "0"),
      });
      continue;
    }
    const uvu = UVU.exec(line);
    if (uvu === null) continue;
    const value = Number(uvu[2]);
    if (uvu[1] === "Total") total = value;
    else if (uvu[1] === "Passed") passed = value;
    else {
      tally = addTallies(tally, { passed, failed: Math.max(total - passed, 0), skipped: value });
      total = 0;
      passed = 0;
    }
  }
  return tally;
}

/**
 * What a suite comes to: one that ended badly without a failed test, or ran none, has failed.
 * @param all whether a test that was left out, as a tool or a feature of the kernel is missing here, has failed
 */
export function judge(tally: Tally, exitCode: number, all = false): { readonly tally: Tally; readonly why?: string } {
  if (exitCode !== 0 && tally.failed === 0) {
    return { tally: { ...tally, failed: 1 }, why: `it ended with exit code ${exitCode}` };
  }
  if (tally.passed + tally.failed + tally.skipped === 0) {
    return { tally: { ...tally, failed: 1 }, why: "it ran no test" };
  }
  if (all && tally.skipped > 0) {
    const { passed, failed, skipped } = tally;
    return { tally: { passed, failed: failed + skipped, skipped: 0 }, why: `${skipped} tests were skipped` };
  }
  return { tally };
}

const EXCERPT_LINES = 20;
/** Tests that failed after the first ones failed for the same reason more often than not. */
const EXCERPT_TESTS = 3;

/**
 * Why a suite failed, for who sees the end of a long log alone: what uvu prints of the first tests that failed, or else
 * the last lines of its output.
 */
export function excerpt(output: string): string[] {
  const all = lines(output.trimEnd());
  const starts = all.flatMap((line, index) => (/^ *FAIL /.test(line) ? [index] : []));
  if (starts.length === 0) return all.slice(-EXCERPT_LINES);
  return starts.slice(0, EXCERPT_TESTS).flatMap((start, index) => {
    const block = all.slice(start, starts[index + 1] ?? all.length);
    const end = block.findIndex((line) => UVU.test(line));
    // of what should be equal, the lines that are
    const unchanged = /^\s*(··.*)?$/;
    return (end < 0 ? block : block.slice(0, end)).filter((line) => !unchanged.test(line)).slice(0, EXCERPT_LINES);
  });
}
