// SPDX-License-Identifier: Apache-2.0
// Asks a debug kernel for memory that nobody points to any more.
import { LabError } from "../errors.ts";
import { sleep } from "../time.ts";
import type { Vm } from "./vm.ts";

/** kmemleak leaves an object alone until it is 5 s old. */
const MIN_AGE_MS = 6000;
/** A scan of the guest's whole memory, in emulation, with KASAN, milliseconds before scaling. */
const SCAN_TIMEOUT = 60_000;

/** Ours: allocated by a module of ours, or by one that is no longer loaded, whose addresses have no name. */
const OURS = /\[ipscsi\w*\]|\] 0x[0-9a-f]+$/m;

/** Splits what /sys/kernel/debug/kmemleak says into objects. */
export function parseKmemleak(text: string): { readonly ours: string[]; readonly others: string[] } {
  const objects = text.split(/^(?=unreferenced object )/m).filter((object) => object.startsWith("unreferenced object"));
  return { ours: objects.filter((o) => OURS.test(o)), others: objects.filter((o) => !OURS.test(o)) };
}

/** Fails where memory that our modules allocated is lost. Returns what the rest of the kernel lost. */
export async function checkLeaks(vm: Vm): Promise<readonly string[]> {
  vm.expectComplaint(/kmemleak: \d+ new suspected/);
  await sleep(MIN_AGE_MS);
  // Twice: what the first scan finds may have been on its way from one list to another.
  for (let i = 0; i < 2; i++) await vm.ok("echo scan >/sys/kernel/debug/kmemleak", { timeout: SCAN_TIMEOUT });
  const { ours, others } = parseKmemleak(await vm.ok("cat /sys/kernel/debug/kmemleak", { timeout: SCAN_TIMEOUT }));
  if (ours.length === 0) return others;
  throw new LabError(
    "kernel-complaint",
    `${vm.name}: ${ours.length} objects of ours are lost:\n${ours.slice(0, 5).join("\n")}\n`,
    "The traces say who allocated them.",
  );
}
