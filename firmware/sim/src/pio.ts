// SPDX-License-Identifier: Apache-2.0
// The state machines of PIO0, cycle by cycle beside the processor. The emulator runs them whenever Node has time, knows no delays,
// and steps them while they are switched off. A machine that waits is woken by the emulator, with the change that it waits for.
import type { RP2040 } from "rp2040js";

type Block = RP2040["pio"][number];
type Machine = Block["machines"][number];

class Runner {
  readonly #machine: Machine;
  /** The cycle in which the next instruction is due. */
  #due = 0;
  /** How far the emulator's count was followed: a cycle for an instruction that begins, its delay once it is over. */
  #counted = 0;
  /** Since its last step. */
  #waits = false;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** @returns whether it does nothing until something comes from outside */
  step(cycle: number): boolean {
    const machine = this.#machine;
    if (!machine.enabled) return true;
    if (machine.clockDivInt !== 1 || machine.clockDivFrac !== 0) throw new Error("the PIO's clock is divided");
    if (machine.waiting) return true;
    if (this.#waits) this.#due = cycle + 1 + this.#since();
    else if (cycle >= this.#due) {
      machine.step();
      this.#due = cycle + this.#since();
    }
    this.#waits = machine.waiting;
    return false;
  }

  /** Less than 0 after a restart. */
  #since(): number {
    const cycles = this.#machine.cycles - this.#counted;
    this.#counted = this.#machine.cycles;
    return cycles;
  }
}

export class Pio {
  readonly #block: Block;
  readonly #runners: readonly Runner[];
  #cycle = 0;

  constructor(rp2040: RP2040) {
    const [block] = rp2040.pio;
    if (block === undefined) throw new Error("the emulator has no PIO");
    this.#block = block;
    this.#runners = block.machines.map((machine) => new Runner(machine));
    block.run = () => undefined;
  }

  /** One cycle of all machines; of at most `limit` cycles those that pass with nothing happening, where all wait. @returns how many */
  advance(limit: number): number {
    if (this.#block.stopped) return limit;
    this.#cycle++;
    let idle = true;
    for (const runner of this.#runners) if (!runner.step(this.#cycle)) idle = false;
    if (!idle) return 1;
    this.#cycle += limit - 1;
    return limit;
  }
}
