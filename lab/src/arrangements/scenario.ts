// SPDX-License-Identifier: Apache-2.0
// What is tried with every arrangement, and what is measured on the way.
import * as assert from "uvu/assert";
import { ArrangementRig } from "../rigs/arrangement.ts";
import { freeMemory } from "../rigs/loop.ts";
import { scenario } from "../scenario.ts";
import { waitFor } from "../time.ts";
import { loop } from "../topologies/loop.ts";
import type { Topology, VmSpec } from "../topologies/types.ts";
import { processorSeconds } from "../vm/cleanup.ts";
import { type Arrangement, hopsFrom, hostsOf, type Network, routersOf } from "./plan.ts";
import { forDocs, type Measured, toMarkdown, writeDown } from "./report.ts";

/** For routes to be everywhere, or to be found anew, milliseconds. */
const CONVERGE = 120_000;
const MEMORY_MIB = 1024;
/** fping looks them up. */
const PROTOCOLS = "icmp 1 ICMP\nipv6-icmp 58 IPv6-ICMP\n";
/** Of a measurement of throughput. */
const SECONDS = 3;

/** One VM for all hosts. @param more files and layers beside the ordinary ones */
export function topologyOf({ name }: Network, more: Partial<Pick<VmSpec, "files" | "layers">> = {}): Topology {
  const files = { "/etc/protocols": PROTOCOLS, ...more.files };
  return { ...loop, name, vms: loop.vms.map((vm) => ({ ...vm, ...more, memoryMiB: MEMORY_MIB, files })) };
}

/** One host at each distance from the first one. */
function byDistance(arrangement: Arrangement, from: string): [number, string][] {
  const found = new Map<number, string>();
  for (const [host, hops] of hopsFrom(arrangement, from)) if (hops > 0 && !found.has(hops)) found.set(hops, host);
  return [...found].sort(([a], [b]) => a - b);
}

export function arrangementScenario(arrangement: Arrangement): void {
  const hosts = hostsOf(arrangement);
  // Of a bus at the edge.
  const edge = hosts.find((host) => !routersOf(arrangement).includes(host)) ?? "";
  let rig: ArrangementRig | undefined;
  const measured: Measured = { rates: [], seconds: 0, kibPerHost: 0 };

  const tests = scenario(arrangement.name, topologyOf(arrangement), {
    prepare: async (bench) => {
      rig = new ArrangementRig(bench.vm("loop"), arrangement);
      const [before, from] = [await freeMemory(rig.vm), processorSeconds()];
      await rig.setUp();
      measured.seconds = processorSeconds() - from;
      measured.kibPerHost = (before - (await freeMemory(rig.vm))) / hosts.length;
    },
  });
  const built = (): ArrangementRig => {
    assert.ok(rig, "the arrangement was built");
    return rig as ArrangementRig;
  };
  /** The first way that is found need not be the shortest. */
  const hopsBecome = async (from: string, to: string, hops: number): Promise<void> => {
    const shortest = async (): Promise<boolean> => (await built().hops(from, to)) === hops;
    await waitFor(`${hops} buses from ${from} to ${to}`, shortest, { timeout: CONVERGE });
  };

  tests.test(`each of the ${hosts.length} hosts reaches all others`, async () => {
    // That one has its routes says nothing of the others: Babel tells neighbour by neighbour.
    for (const host of hosts) {
      const all = async (): Promise<true> => {
        const silent = await built().unanswered(host);
        assert.is(silent.join(), "", `do not answer ${host}: ${silent.join()}`);
        return true;
      };
      await waitFor(`answers to ${host}`, all, { timeout: CONVERGE });
    }
  });

  tests.test("packets cross no more buses than they must", async () => {
    for (const [hops, host] of byDistance(arrangement, edge)) await hopsBecome(edge, host, hops);
  });

  tests.test("TCP over each distance", async () => {
    for (const [hops, host] of byDistance(arrangement, edge)) {
      const rate = await built().throughput(edge, host, SECONDS);
      assert.ok(rate > 0);
      measured.rates.push([hops, rate]);
    }
  });

  const { loss } = arrangement;
  const [from, to] = loss.between;
  tests.test(`${loss.host} ends: what has another way takes it, and all others go on`, async () => {
    await hopsBecome(from, to, loss.hops[0]);
    await built().cutPower(loss.host);
    const since = Date.now();
    const way = async (): Promise<boolean> => (await built().unanswered(from)).every((host) => host !== to);
    if (loss.hops[1] > loss.hops[0]) {
      // Until the neighbours miss it, there is no way.
      await waitFor("another way", way, { timeout: CONVERGE, interval: 100 });
      measured.convergence = (Date.now() - since) / 1000;
    }
    await hopsBecome(from, to, loss.hops[1]);
    const left = hopsFrom(arrangement, from, loss.host);
    const lost = hosts.filter((host) => !left.has(host)).sort();
    const settled = async (): Promise<boolean> => {
      const silent = await built().unanswered(from);
      return silent.sort().join() === lost.join();
    };
    await waitFor(`all but ${lost.join(", ")}`, settled, { timeout: CONVERGE });
  });

  tests.test("what was measured is written down", async () => {
    console.log(
      `  ${writeDown(
        arrangement,
        measured,
        forDocs(() => toMarkdown(arrangement, measured)),
      )}`,
    );
  });
  tests.run();
}
