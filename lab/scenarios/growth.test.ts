// SPDX-License-Identifier: Apache-2.0
// A segment grows: what each further station costs, and what a packet costs then, until something says no.
import * as assert from "uvu/assert";
import { type Step, writeCurves } from "../src/arrangements/curves.ts";
import { freeMemory, HUB, LoopRig, plugScript, stationScript } from "../src/rigs/loop.ts";
import { scenario } from "../src/scenario.ts";
import { sleep } from "../src/time.ts";
import { loop } from "../src/topologies/loop.ts";
import { processorSeconds } from "../src/vm/cleanup.ts";
import type { Vm } from "../src/vm/vm.ts";

const STEPS = [2, 4, 8, 16, 32, 64, 128, 256];
/** One more than the driver has room for: docs/driver.md. */
const TOO_MANY = 257;
const MEMORY_MIB = 2048;
const HUB_ADDRESS = "10.144.0.1";
const PINGS = 3000;
const MIB = 64;
const TIMEOUT = 300_000;
/** Some of a driver's tries to attach, which are 4 s apart at most, milliseconds. */
const SETTLE = 12_000;

const steps: Step[] = [];

const topology = { ...loop, name: "growth", vms: loop.vms.map((vm) => ({ ...vm, memoryMiB: MEMORY_MIB })) };

const address = (number: number): string => `10.144.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;

async function setUp(vm: Vm): Promise<void> {
  await new LoopRig(vm).setUp(`${HUB_ADDRESS}/16`);
  vm.start("exec iperf3 -s");
}

/** An adapter, and a namespace with its segment. */
function joinScript(number: number): string {
  const host = `st${number}`;
  return `${plugScript(number)}ip netns add ${host}\n${stationScript(number, host, "bus", `${address(number)}/16`)}`;
}

/** Seconds of processor time. */
async function cost(body: () => Promise<unknown>): Promise<number> {
  const from = processorSeconds();
  await body();
  return processorSeconds() - from;
}

/** Microseconds for each packet: a ping and its answer are two. */
async function packet(vm: Vm, to: string): Promise<number> {
  const ping = (count: number): Promise<string> =>
    vm.ok(`ip netns exec st1 ping -n -q -f -c ${count} ${to}`, { timeout: TIMEOUT });
  await ping(20);
  return ((await cost(() => ping(PINGS))) / (2 * PINGS)) * 1e6;
}

const tests = scenario("growth", topology, { prepare: (bench) => setUp(bench.vm("loop")) });

for (const [index, stations] of STEPS.entries()) {
  tests.test(`${stations} stations: the last one is reached, and reaches the first`, async (bench) => {
    const vm = bench.vm("loop");
    const there = STEPS[index - 1] ?? 0;
    const added = stations - there;
    const free = await freeMemory(vm);
    const script = Array.from({ length: added }, (_, i) => joinScript(there + 1 + i)).join("");
    const seconds = await cost(() => vm.ok("sh -e -s", { input: script, timeout: 2 * TIMEOUT }));
    const kib = (free - (await freeMemory(vm))) / added;
    const last = await vm.run(`ip netns exec st${stations} ping -n -c 5 -W 5 ${address(1)}`);
    assert.is(last.code, 0, last.stdout + last.stderr);
    const [near, relayed] = [await packet(vm, HUB_ADDRESS), await packet(vm, address(stations))];
    const tcp = await cost(() => vm.ok(`ip netns exec st1 iperf3 -n ${MIB}M -c ${HUB_ADDRESS}`, { timeout: TIMEOUT }));
    steps.push({
      ...{ stations, kib, relayed, packet: near },
      ...{ setup: (seconds / added) * 1000, mib: (tcp / MIB) * 1000 },
    });
  });
}

tests.test("the driver has room for no more: one station more stays out, and all others go on", async (bench) => {
  const vm = bench.vm("loop");
  const free = await freeMemory(vm);
  await vm.ok("sh -e -s", { input: plugScript(TOO_MANY) });
  await sleep(SETTLE);
  const most = STEPS.at(-1);
  assert.is(await vm.ok(`ls /sys/class/net/${HUB}/ipscsi/peers | wc -l`), String(most));
  assert.is((await vm.run(`ip netns exec st1 ping -n -c 3 -W 5 ${address(most ?? 1)}`)).code, 0);
  const limit = `What ends it is the driver's table of ${most} peers of a segment: one station more stays out, and all others go on. ${(free / 1024).toFixed(0)} of the machine's ${MEMORY_MIB} MiB were free then.`;
  console.log(`  ${writeCurves(steps, limit)}`);
});

tests.run();
