// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kept } from "../../../firmware/sim/src/fixtures.ts";
import { parse } from "../../../firmware/sim/src/trace.ts";
import { part } from "../../src/cli/trace.ts";
import { LabError } from "../../src/errors.ts";
import { repoDir } from "../../src/paths.ts";
import { timing } from "../../src/timing.ts";

const TRACE = parse(`0 arbitration 7
3700 selection 7 4 atn
5000 message-out c0
9000 command 12 00 00 00! 24 00
20000 reset
45000 bus-free
50000 arbitration 7
53700 selection 7 3
303700 bus-free
`);

/** What is written in the data row. */
function texts(svg: string): string[] {
  return [...svg.matchAll(/class="data">([^<]*)</g)].map(([, text = ""]) => text);
}

test("a picture has all phases with their times, and each byte; bad parity and a reset are to be seen", () => {
  const svg = timing(TRACE, "<a> & b", "lab trace draw");
  assert.equal(texts(svg), ["7", "7, 4", "c0", "12", "00", "00", "00!", "24", "00", "7", "7, 3"]);
  for (const { kind } of TRACE) assert.match(svg, `>${kind}</text>`);
  assert.match(svg, ">20.0 µs</text>");
  assert.match(svg, "<title>&lt;a> &amp; b</title>");
  assert.is(svg.match(/class="bad"/g)?.length, 1);
});

test("of long data the first and the last bytes are drawn, and how many there are between", () => {
  const data = Array.from({ length: 100 }, (_, at) => at.toString(16).padStart(2, "0"));
  const svg = timing(parse(`0 arbitration 7\n0 selection 7 4\n0 data-in ${data.join(" ")}`), "", "");
  assert.equal(texts(svg).slice(2), ["00", "01", "02", "03", "94 more", "62", "63"]);
});

test("some of the connections can be drawn", () => {
  assert.equal(part(TRACE, "2-2"), TRACE.slice(6));
  assert.equal(part(TRACE, "1-1"), TRACE.slice(0, 6));
  for (const range of ["0-1", "3-3", "2-1", "2"])
    assert.throws(
      () => part(TRACE, range),
      (e: unknown) => e instanceof LabError,
    );
});

test("the picture in docs/ is that of the kept trace", () => {
  const drawn = timing(part(kept("disk"), "10-11"), "Trace disk.trace", "lab trace draw disk.trace 10-11");
  const again = "lab/bin/lab trace draw kernel/testing/traces/disk.trace 10-11 >docs/scsi-trace.svg";
  assert.is(readFileSync(join(repoDir, "docs/scsi-trace.svg"), "utf8"), drawn, again);
});

test.run();
