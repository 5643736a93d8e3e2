// SPDX-License-Identifier: Apache-2.0
// Any host adapter: a segment over every pair of initiator's and target's drivers that an unmodified kernel offers in emulation.
import * as assert from "uvu/assert";
import { type Row, writeMatrix } from "../src/arrangements/adapters.ts";
import {
  type EmulatedPair,
  emulated,
  type Failure,
  fabrics,
  type Pair,
  PairRig,
  prepare,
} from "../src/rigs/anyAdapter.ts";
import { scenario } from "../src/scenario.ts";
import { adapters } from "../src/topologies/adapters.ts";

const rows: Row[] = [];

const tests = scenario(adapters.name, adapters, { prepare, independent: true });

/** @param exported from the start: QEMU logs in for its adapters before their machine runs */
function works(pair: Pair, exported: boolean): void {
  tests.test(`${pair.name}: ping, 20 MB, iperf3, LUN unlinked in mid-transfer, load and unload`, async (bench) => {
    const rig = new PairRig(bench, pair);
    const load = async (): Promise<void> => {
      if (!exported) await rig.exports();
      await rig.plugs();
      await rig.attaches();
    };
    const unload = async (): Promise<void> => {
      await rig.unplugs();
      if (!exported) await rig.withdraws();
    };
    await load();
    const ping = await rig.ping();
    for (const [sent, came] of await rig.transfers()) assert.is(came, sent);
    const rates = await rig.rates();
    const unlinks = pair.holdsLun === undefined ? { unlinks: await rig.unlinks() } : {};
    await unload();
    await load();
    await unload();
    rows.push({ pair, seen: { ping, rates, ...unlinks } });
  });
}

function fails(pair: EmulatedPair, { why, shown }: Failure): void {
  tests.test(`${pair.name}: ${why}`, async (bench) => {
    const rig = new PairRig(bench, pair);
    if (pair.later) await bench.vm("host").plugAdapter(emulated.indexOf(pair));
    // Its driver is busy with what hangs until the machine ends.
    if (pair.later) bench.vm("host").start(pair.plugs);
    else await rig.plugs();
    await rig.shows(shown);
    if (!pair.later) await rig.unplugs();
    rows.push({ pair, why });
  });
}

for (const pair of emulated.filter((each) => each.fails === undefined)) works(pair, true);
for (const pair of fabrics) works(pair, false);
for (const pair of emulated) if (pair.fails) fails(pair, pair.fails);

tests.test("what was seen is written down", async () => {
  console.log(`  ${await writeMatrix(rows)}`);
  assert.is(rows.length, emulated.length + fabrics.length, "pairs that were tried");
});

tests.run();
