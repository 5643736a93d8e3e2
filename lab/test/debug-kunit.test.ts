// SPDX-License-Identifier: Apache-2.0
// KUnit suites of the driver: kernel/tests/kunit/, in the debug kernel. Loading ipscsi_test runs all of them.
import * as assert from "uvu/assert";
import { scenario } from "../src/scenario.ts";
import { loop } from "../src/topologies/loop.ts";

const SUITES = ["ipscsi_codec", "ipscsi_container", "ipscsi_fdb", "ipscsi_txq", "ipscsi_rx"];

/** All suites together, in emulation, milliseconds before scaling. */
const RUN_TIMEOUT = 120_000;

interface Case {
  readonly name: string;
  readonly ok: boolean;
}

/** Cases by suite, from the KTAP lines in the kernel's log: those of a suite are indented, its own result is not. */
function parseKtap(log: string): Map<string, readonly Case[]> {
  const suites = new Map<string, readonly Case[]>();
  let cases: Case[] = [];
  for (const line of log.split("\n")) {
    const match = /^(?:\[[^\]]*\] )?( *)(ok|not ok) \d+ (?:- )?(\S+)/.exec(line);
    if (match === null) continue;
    const [, indent, result, name = ""] = match;
    if (indent !== "") {
      cases.push({ name, ok: result === "ok" });
    } else {
      suites.set(name, cases);
      cases = [];
    }
  }
  return suites;
}

let log = "";

const tests = scenario("debug-kunit", loop, {
  prepare: async (bench) => {
    const vm = bench.vm("loop");
    await vm.ok("dmesg -c >/dev/null; modprobe ipscsi_test", { timeout: RUN_TIMEOUT });
    log = await vm.ok("dmesg");
  },
});

for (const suite of SUITES) {
  tests.test(`KUnit suite ${suite}`, async () => {
    const cases = parseKtap(log).get(suite) ?? [];
    const failed = cases.filter((one) => !one.ok).map((one) => one.name);
    assert.is(failed.length, 0, `${failed.join(", ")}\n${log}`);
    assert.ok(cases.length > 0, `${suite} did not run:\n${log}`);
    console.log(`  ${cases.length} cases: ${cases.map((one) => one.name).join(", ")}`);
  });
}

tests.test("the tests and the driver unload after them", async (bench) => {
  await bench.vm("loop").ok("modprobe -r ipscsi_test; modprobe -r ipscsi 2>/dev/null; ! grep -w ^ipscsi /proc/modules");
});

tests.run();
