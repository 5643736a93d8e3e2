// SPDX-License-Identifier: Apache-2.0
// Ten thousand random interleavings on the modelled parallel bus. Not in `make test`, where aha152x has some hundreds: as long as
// several others together. LAB_ROUNDS=N: as many; SEED=N: the commands and moments of that seed.
import { interleave } from "../src/rigs/interleavings.ts";
import { scenario } from "../src/scenario.ts";
import { loop } from "../src/topologies/loop.ts";

const ROUNDS = Number(process.env["LAB_ROUNDS"] ?? 10_000);

const tests = scenario("interleavings", loop);

tests.test(
  "selections, disconnections, aborts and resets at random: no write is lost, none comes after a later one",
  async (bench) => {
    console.log(`  ${await interleave(bench.vm("loop"), ROUNDS)}`);
  },
);

tests.run();
