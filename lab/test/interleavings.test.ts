// SPDX-License-Identifier: Apache-2.0
// Ten thousand random interleavings on the modelled parallel bus, resets at each moment of a write from one adapter to another, and 100 MB each
// way at the same time. Not in `make test`, where aha152x has some of each: as long as several others together. LAB_ROUNDS=N: as many
// rounds; SEED=N: the commands and moments of that seed.
import * as assert from "uvu/assert";
import { blockOf, fileBackend, ModelledBus, removeFileBackends } from "../src/rigs/aha152x.ts";
import { BusStations } from "../src/rigs/busStations.ts";
import { interleave, resetAnywhere } from "../src/rigs/interleavings.ts";
import { scenario } from "../src/scenario.ts";
import { loop } from "../src/topologies/loop.ts";

const ROUNDS = Number(process.env["LAB_ROUNDS"] ?? 10_000);

const BYTES = 100_000_000;
const COPY_TIMEOUT = 1_200_000;

const tests = scenario("interleavings", loop);

tests.test(
  "a reset before each single access to the registers of initiator and target loses nothing",
  async (bench) => {
    const vm = bench.vm("loop");
    const bus = await ModelledBus.create(vm, { patched: true, adapters: 2, disk: false });
    await bus.serve(1, await fileBackend(vm, "store1"));
    const accesses = await resetAnywhere(vm, await blockOf(vm, await bus.scan(0, 1)));
    console.log(`  ${accesses} accesses`);
    assert.ok(accesses > 100, String(accesses));
    await bus.tearDown();
    await removeFileBackends(vm);
  },
);

tests.test(
  "selections, disconnections, aborts and resets at random: no write is lost, none comes after a later one",
  async (bench) => {
    console.log(`  ${await interleave(bench.vm("loop"), ROUNDS)}`);
  },
);

tests.test("RFC 2143, symmetric: two adapters send each other 100 MB at the same time", async (bench) => {
  const bus = await ModelledBus.create(bench.vm("loop"), { patched: true, adapters: 2, disk: false });
  const rig = await BusStations.create(bus, { stations: 2, targets: [0, 1] });
  await rig.reachAll();
  await rig.copy(
    [
      [0, 1],
      [1, 0],
    ],
    BYTES,
    COPY_TIMEOUT,
  );
  assert.ok((await bus.count("data_bytes")) >= 2 * BYTES, "over the bus");
  await rig.tearDown();
});

tests.run();
