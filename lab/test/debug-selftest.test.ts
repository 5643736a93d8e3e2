// SPDX-License-Identifier: Apache-2.0
// The kernel's own test of network interfaces, from the source that the debug kernel is made of.
import * as assert from "uvu/assert";
import { SOURCE_ARCHIVE } from "../src/build/debug-kernel.ts";
import { exec } from "../src/process.ts";
import { scenario } from "../src/scenario.ts";
import { loop } from "../src/topologies/loop.ts";

const SCRIPT = "tools/testing/selftests/net/netdevice.sh";

const tests = scenario("debug-selftest", loop, { independent: true });

tests.test("tools/testing/selftests/net/netdevice.sh has nothing against a segment", async (bench) => {
  const vm = bench.vm("loop");
  const { stdout } = await exec("tar", ["-xOf", SOURCE_ARCHIVE, "--wildcards", "--occurrence=1", `*/${SCRIPT}`]);
  assert.match(stdout, "kci_test_netdev", "that is the script");
  // it tests what is called eth<N>
  await vm.ok("modprobe ipscsi; ip link add eth9 type ipscsi; cat >/tmp/netdevice.sh", { input: stdout });
  const result = await vm.ok("sh /tmp/netdevice.sh 2>&1", { timeout: 60_000 });
  const ours = result.split("\n").filter((line) => line.includes(" eth9: "));
  assert.equal(
    ours.filter((line) => line.startsWith("FAIL")),
    [],
    result,
  );
  for (const what of [
    "set interface up",
    "set MAC address",
    "ethtool list features",
    "ethtool stats",
    "stop interface",
  ])
    assert.ok(ours.includes(`PASS: eth9: ${what}`), `${what}:\n${result}`);
  await vm.ok("ip link del eth9; modprobe -r ipscsi");
});

tests.run();
