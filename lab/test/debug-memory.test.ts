// SPDX-License-Identifier: Apache-2.0
// Memory that is not there when it is asked for, by the kernel's fault injection: nothing but packets is lost.
import * as assert from "uvu/assert";
import { HUB, HUB_ADDRESS, type LoopRig, loopRig } from "../src/rigs/loop.ts";
import { scenario } from "../src/scenario.ts";
import { sleep, waitFor } from "../src/time.ts";
import { loop } from "../src/topologies/loop.ts";

/** Sums of both ends. */
async function nomem(rig: LoopRig): Promise<{ rx: number; tx: number }> {
  const { segment } = rig.station(1);
  const text =
    (await rig.vm.ok(`ethtool -S ${HUB}`)) + (await rig.in(1, `ethtool -S ${segment}`)).stdout.replaceAll("\r", "");
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(` ${name}: (\\d+)`, "g"))].reduce((total, [, value]) => total + Number(value), 0);
  return { rx: sum("rx_nomem"), tx: sum("tx_nomem") };
}

/** Lets this share of the allocations of all kernel threads fail, percent; 0: none. */
function fail(rig: LoopRig, percent: number): Promise<string> {
  return rig.vm.ok(`set -e
    for kind in failslab fail_page_alloc; do
      cd /sys/kernel/debug/$kind
      echo Y >task-filter; echo 0 >verbose; echo -1 >times; echo 1 >interval; echo ${percent} >probability
    done
    cd /sys/kernel/debug
    echo Y >failslab/ignore-gfp-wait
    echo N >fail_page_alloc/ignore-gfp-wait; echo N >fail_page_alloc/ignore-gfp-highmem; echo 0 >fail_page_alloc/min-order
    for comm in $(grep -lE '^(kworker|ksoftirqd)' /proc/[0-9]*/comm); do
      echo ${percent === 0 ? 0 : 1} >$(dirname $comm)/make-it-fail 2>/dev/null || true
    done`);
}

const tests = scenario("debug-memory", loop, { independent: true });

tests.test(
  "one allocation of ten fails: packets are lost and counted, and all is well when there is memory",
  async (bench) => {
    const rig = await loopRig(bench.vm("loop"), 2);
    await waitFor("the hub", async () => (await rig.in(1, `ping -c 1 -W 1 ${HUB_ADDRESS}`)).code === 0, {
      timeout: 15_000,
    });
    await rig.vm.ok("iperf3 -s -D --forceflush; sleep 0.5");
    const before = await nomem(rig);
    await fail(rig, 10);
    const stream = rig.vm.start(
      `ip netns exec ${rig.station(1).namespace} iperf3 -c ${HUB_ADDRESS} -t 60 --bidir >/dev/null 2>&1`,
    );
    for (let round = 0; round < 10; round++) {
      await rig.in(1, `ping -q -c 50 -i 0.01 -s 1400 -W 1 ${HUB_ADDRESS}`);
      await rig.in(2, `ping -q -c 50 -i 0.01 -s 20000 -W 1 ${rig.station(1).address}`);
      await sleep(500);
    }
    const during = await nomem(rig);
    await fail(rig, 0);
    await rig.vm.run("killall iperf3; sleep 0.2; killall -9 iperf3; true");
    await stream.done;
    console.log(`  lost for want of memory: ${during.rx - before.rx} received, ${during.tx - before.tx} to be sent`);
    assert.ok(during.rx > before.rx, "rx_nomem counts");
    for (const number of [1, 2]) {
      await waitFor("the hub", async () => (await rig.in(number, `ping -c 1 -W 1 ${HUB_ADDRESS}`)).code === 0, {
        timeout: 15_000,
      });
      const { stdout } = await rig.in(number, `ping -q -c 100 -i 0.01 -s 20000 -W 2 ${HUB_ADDRESS}`);
      assert.match(stdout, " 0% packet loss");
    }
    await rig.tearDown();
  },
);

tests.run();
