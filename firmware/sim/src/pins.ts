// SPDX-License-Identifier: Apache-2.0
// The board's pins on the bus: what its program drives through the transceivers, and what it sees.
import type { Bus } from "./bus.ts";
import type { Chip } from "./chip.ts";

const DIR = 1 << 9;
const CD_SEL = 1 << 18;
const MSG_BSY = 1 << 20;
const IO = 1 << 22;
const BSY = 1 << 27;
const DATA = 0x1ff;
/** Of a pin's control register. */
const FUNCTION = 0x1f;
const FUNCTION_PIO0 = 6;
const GPIO = { sel: 18, bsy: 20, rst: 21, ack: 26, atn: 28 };

export class Pins {
  readonly #chip: Chip;
  readonly #bus: Bus;
  readonly #req: number;
  readonly #sel: number;
  /** Pins that may be PIO0's. */
  readonly #shared: readonly number[];
  readonly #inputs = new Map<number, boolean>();
  #value = -1;
  #enable = -1;

  constructor(chip: Chip, bus: Bus, reqGpio = 17) {
    this.#chip = chip;
    this.#bus = bus;
    this.#req = 1 << reqGpio;
    this.#shared = [0, 1, 2, 3, 4, 5, 6, 7, 8, reqGpio];
    this.#sel = 1 << (reqGpio === 17 ? 19 : 21);
    chip.attached.push(() => this.#look());
    bus.watchers.push(() => this.#see());
    this.#see();
  }

  #look(): void {
    const { sio, gpio } = this.#chip.rp2040;
    let value = sio.gpioValue;
    let enable = sio.gpioOutputEnable;
    for (const index of this.#shared) {
      const pin = gpio[index];
      if (pin === undefined || (pin.ctrl & FUNCTION) !== FUNCTION_PIO0) continue;
      value = pin.outputValue ? value | (1 << index) : value & ~(1 << index);
      enable = pin.outputEnable ? enable | (1 << index) : enable & ~(1 << index);
    }
    if (value === this.#value && enable === this.#enable) return;
    this.#value = value;
    this.#enable = enable;
    const low = enable & ~value;
    const drives = enable > 0;
    const on = (pin: number): boolean => drives && (low & pin) !== 0;
    const bsy = on(BSY);
    const drivesData = this.#drivesData;
    if (drivesData && (enable & DATA) !== DATA) throw new Error("not all nine data pins are driven");
    this.#bus.assert({
      ...{ bsy, sel: on(this.#sel), msg: bsy && on(MSG_BSY), cd: bsy && on(CD_SEL), io: on(IO), req: on(this.#req) },
      ...{ data: drivesData ? low & DATA : 0, drivesData },
    });
  }

  get #drivesData(): boolean {
    return this.#enable > 0 && (this.#enable & this.#value & DIR) !== 0;
  }

  /** What the board sees; pins that it drives do not read back. */
  #see(): void {
    const { lines, asserted } = this.#bus;
    for (let bit = 0; bit < 9; bit++) this.#input(bit, asserted.drivesData || ((lines.data >> bit) & 1) === 0);
    const drivesControl = this.#enable > 0 && (this.#enable & CD_SEL) !== 0;
    this.#input(GPIO.sel, drivesControl || !lines.sel);
    this.#input(GPIO.bsy, drivesControl || !lines.bsy);
    this.#input(GPIO.rst, !lines.rst);
    this.#input(GPIO.ack, !(asserted.bsy && lines.ack));
    this.#input(GPIO.atn, !(asserted.bsy && lines.atn));
  }

  /** Only what changes: the emulator takes each call for an edge. */
  #input(gpio: number, value: boolean): void {
    if (this.#inputs.get(gpio) === value) return;
    this.#inputs.set(gpio, value);
    this.#chip.rp2040.gpio[gpio]?.setInputValue(value);
  }
}
