// SPDX-License-Identifier: Apache-2.0
// Random interleavings on the modelled bus: selections of three adapters that are targets of each other, disconnections of a disk
// beside them, aborts (an initiator sends ABORT where a byte had bad parity) and resets, from a seed (lab/interleave). And resets at each moment
// that a driver can be at.
import { installProgram } from "../build/program.ts";
import type { Vm } from "../vm/vm.ts";
import { blockOf, fileBackend, JOIN_NS, MODEL, ModelledBus, removeFileBackends } from "./aha152x.ts";

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
  await bus.set("arbitration_ns", JOIN_NS);
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

/**
 * Writes and reads a block, again and again: each time, the bus is reset right before the next access to the adapters' registers, in the
 * write and in the read, until a write has no more of them.
 * @returns how many it has. @throws LabError where a command fails, or the block is not what was written
 */
export async function resetAnywhere(vm: Vm, disk: string): Promise<number> {
  const said = await vm.ok(
    `fail() { echo "reset before access $n: $1" >&2; exit 1; }
    n=0
    until [ "\${left:-0}" != 0 ]; do
      n=$((n + 1))
      dd if=/dev/urandom of=/run/data bs=512 count=1 status=none
      echo $n >${MODEL}/reset_at
      dd if=/run/data of=/dev/${disk} oflag=direct status=none || fail "not written"
      left=$(cat ${MODEL}/reset_at)
      echo $n >${MODEL}/reset_at
      dd if=/dev/${disk} of=/run/back bs=512 count=1 iflag=direct status=none || fail "not read"
      cmp -s /run/data /run/back || fail "written and not there"
    done
    echo 0 >${MODEL}/reset_at
    echo $((n - 1))`,
    { timeout: 180_000 },
  );
  return Number(said);
}
