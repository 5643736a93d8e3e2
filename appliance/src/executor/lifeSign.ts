// SPDX-License-Identifier: Apache-2.0
/**
 * What scsigate-watchdog waits for: as long as it changes, the machine is not reset. The first comes some seconds after
 * the start, so that a supervisor that dies again and again shows none.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Cancel, Clock } from "../shared/clock.ts";

/** Well below the watchdog's patience of minutes, milliseconds. */
const INTERVAL_MS = 10_000;

/**
 * @param file in /run
 * @param works whether the service does: a machine that forwards, and that nobody can reach any more, is to be reset
 */
export function showLife(file: string, clock: Clock, works: () => boolean): Cancel {
  let beat = 0;
  return clock.every(INTERVAL_MS, () => {
    if (!works()) return;
    beat += 1;
    // One after the other is not needed: whichever comes last, it is another one than before.
    void mkdir(dirname(file), { recursive: true })
      .then(() => writeFile(file, `${process.pid}.${beat}\n`))
      .catch(() => {});
  });
}
