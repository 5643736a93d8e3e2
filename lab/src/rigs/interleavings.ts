// SPDX-License-Identifier: Apache-2.0
// Random interleavings on the modelled bus: selections of three adapters that are targets of each other, disconnections of a disk
// beside them, aborts (an initiator sends ABORT where a byte had bad parity) and resets, from a seed (lab/interleave).
import { installProgram } from "../build/program.ts";
import type { Vm } from "../vm/vm.ts";
import { blockOf, fileBackend, MODEL, ModelledBus, removeFileBackends } from "./aha152x.ts";

const ADAPTERS = 3;
/** So that nobody but the driver sees to a command that is lost: it is never over. Seconds. */
const PATIENCE = 86_400;
/** For a round; most take a tenth of that. Milliseconds. */
const ROUND_TIMEOUT = 400;

/** SEED=: the commands and moments of that seed again. Where the moments fall depends on the machine, too. */
export const SEED = Number(process.env["SEED"] ?? 2143);

/** @returns what was done, in words. @throws LabError where a block is not what was written last, or a command fails or is lost */
export async function interleave(vm: Vm, rounds: number): Promise<string> {
  console.log(`  seed ${SEED}`);
  await installProgram(vm, "lab/interleave", "interleave");
  const bus = await ModelledBus.create(vm, { patched: true, adapters: ADAPTERS, disk: true });
  await vm.ok(`echo 100000 >${MODEL}/arbitration_ns`);
  const disks = [await bus.disk()];
  for (let to = 0; to < ADAPTERS; to++) await bus.serve(to, await fileBackend(vm, `store${to}`));
  for (let from = 0; from < ADAPTERS; from++)
    disks.push(await blockOf(vm, await bus.scan(from, (from + 1) % ADAPTERS)));
  for (const disk of disks) await vm.ok(`echo ${PATIENCE} >/sys/block/${disk}/device/timeout`);
  const nodes = disks.map((disk) => `/dev/${disk}`).join(" ");
  const said = await vm.ok(`interleave ${MODEL} ${SEED} ${rounds} ${nodes}`, {
    timeout: 60_000 + rounds * ROUND_TIMEOUT,
  });
  await bus.tearDown();
  await removeFileBackends(vm);
  return said;
}
