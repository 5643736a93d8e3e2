// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { iperfClient, iperfRate } from "../../src/rigs/iperf.ts";

/** As iperf3 3.12 is with -J: a failure is said in the output only. */
const PROGRAM = `#!/bin/sh
if [ -e "$0.tried" ]; then echo '{ "end": { "sum_received": { "bits_per_second": 7 } } }'
else touch "$0.tried"; echo '{ "end": {}, "error": "unable to connect to server: Connection refused" }'; fi
`;

test("a client that comes before its server tries again", () => {
  const folder = mkdtempSync(join(tmpdir(), "iperf-"));
  try {
    const program = join(folder, "iperf3");
    writeFileSync(program, PROGRAM);
    chmodSync(program, 0o755);
    const env = { ...process.env, PATH: `${folder}:${process.env["PATH"]}` };
    assert.is(iperfRate(execFileSync("sh", ["-c", iperfClient("10.0.0.1", 1)], { env, encoding: "utf8" })), 7);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a client that never got through says why", () => {
  assert.throws(() => iperfRate('{ "end": {}, "error": "no route" }'), /no route/);
});

test.run();
