// SPDX-License-Identifier: Apache-2.0
// A chip that goes on by itself, beside whatever else this process does.
import { setImmediate } from "node:timers/promises";
import type { Chip } from "./chip.ts";

/** Emulated time between two looks at the rest of the process, µs: some milliseconds of this machine's. */
const SLICE_US = 500;

export class Live {
  readonly #running: Promise<void>;
  #stopped = false;

  /** @param beside what else is done after each slice */
  constructor(chip: Chip, beside: () => void = () => undefined) {
    this.#running = this.#run(chip, beside);
    // told by stop()
    this.#running.catch(() => undefined);
  }

  async #run(chip: Chip, beside: () => void): Promise<void> {
    while (!this.#stopped) {
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
