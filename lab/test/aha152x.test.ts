// SPDX-License-Identifier: Apache-2.0
// The Adaptec 1522's driver on the modelled parallel bus (kernel/testing): as the kernel has it.
import * as assert from "uvu/assert";
import { MODEL, ModelledBus } from "../src/rigs/aha152x.ts";
import { scenario } from "../src/scenario.ts";
import { loop } from "../src/topologies/loop.ts";
import type { Vm } from "../src/vm/vm.ts";

const tests = scenario("aha152x", loop, { independent: true });

/** Writes and reads back 512 KiB. */
async function copy(vm: Vm, disk: string): Promise<void> {
  await vm.ok(
    `set -e
    dd if=/dev/urandom of=/run/data bs=64k count=8 status=none
    dd if=/run/data of=/dev/${disk} bs=64k oflag=direct status=none
    dd if=/dev/${disk} of=/run/back bs=64k count=8 iflag=direct status=none
    cmp /run/data /run/back`,
    { timeout: 60_000 },
  );
}

tests.test("the kernel's driver finds the scripted disk, writes and reads it", async (bench) => {
  const vm = bench.vm("loop");
  const bus = await ModelledBus.create(vm, { adapters: 1, disk: true });
  const disk = await bus.disk();
  await copy(vm, disk);
  const commands = await bus.count("disk_commands");
  assert.ok((await bus.count("arbitrations")) > commands, "it disconnected, and reselected");
  await vm.ok(`echo N >${MODEL}/disk_disconnects; echo N >${MODEL}/disk_sync`);
  await copy(vm, disk);
  await bus.tearDown();
});

tests.run();
