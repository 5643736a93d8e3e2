// SPDX-License-Identifier: Apache-2.0
// A chip that goes on by itself, beside whatever else this process does.
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Chip } from "./chip.ts";

/** Emulated time between two looks at the rest of the process, µs: some milliseconds of this machine's. */
const SLICE_US = 500;
/** Between two looks at whether there is power again, milliseconds. */
const OFF_MS = 20;

export class Live {
  readonly #running: Promise<void>;
  #stopped = false;

  /**
   * @param beside what else is done after each slice
   * @param powered without power, which USB gives, its time stands still, and costs none of ours
   */
  constructor(chip: Chip, beside: () => void = () => undefined, powered: () => boolean = () => true) {
    this.#running = this.#run(chip, beside, powered);
    // told by stop()
    this.#running.catch(() => undefined);
  }

  async #run(chip: Chip, beside: () => void, powered: () => boolean): Promise<void> {
    while (!this.#stopped) {
      if (!powered()) {
        await setTimeout(OFF_MS);
        continue;
      }
      chip.runFor(SLICE_US);
      beside();
      await setImmediate();
    }
  }

  /** Throws what it ended with before. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#running;
  }
}
