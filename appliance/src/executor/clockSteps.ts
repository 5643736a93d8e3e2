// SPDX-License-Identifier: Apache-2.0
/** Notices that the wall clock was set: boards without a battery start in the past, until a time server answers. */
import type { Cancel, Clock } from "../shared/clock.ts";

const LOOK_INTERVAL_MS = 1000;
/** What time servers correct little by little is no step. */
const STEP_MS = 2000;

/**
 * @param onStep gets by how much it was set forward, milliseconds; less than 0: back
 * @param onCalm called at each look that finds no step
 */
export function watchClock(clock: Clock, onStep: (milliseconds: number) => void, onCalm: () => void): Cancel {
  const offset = () => clock.now() - clock.monotonic();
  let known = offset();
  return clock.every(LOOK_INTERVAL_MS, () => {
    const step = offset() - known;
    known += step;
    if (Math.abs(step) >= STEP_MS) onStep(step);
    else onCalm();
  });
}
