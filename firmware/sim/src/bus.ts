// SPDX-License-Identifier: Apache-2.0
// A parallel SCSI bus, open drain, between the board's pins and an initiator. All lines here are true where asserted.
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
/** SCSI-2 4.7, ns: deskew and cable skew delay. */
export const DESKEW_AND_SKEW = 55;
const GPIO = { sel: 18, bsy: 20, rst: 21, ack: 26, atn: 28 };

export type Line = "bsy" | "sel" | "msg" | "cd" | "io" | "req" | "ack" | "atn" | "rst";
export type Lines = Record<Line, boolean> & { data: number };

export const RELEASED: Lines = {
  ...{ bsy: false, sel: false, msg: false, cd: false, io: false },
  ...{ req: false, ack: false, atn: false, rst: false, data: 0 },
};

/** With its parity in bit 8: odd. */
export function withParity(byte: number): number {
  let ones = 0;
  for (let bit = 0; bit < 8; bit++) ones += (byte >> bit) & 1;
  return byte | (ones % 2 === 0 ? 0x100 : 0);
}

export class Bus {
  readonly chip: Chip;
  /** What the initiator drives. */
  readonly driven: Lines = { ...RELEASED };
  /** What is on the bus. */
  readonly lines: Lines = { ...RELEASED };
  /** When C/D, I/O or MSG was last changed, ns. */
  phaseSince = 0;
  /** When the data were last changed, ns. */
  #dataSince = 0;
  readonly #req: number;
  readonly #sel: number;
  /** Pins that may be PIO0's. */
  readonly #shared: readonly number[];
  readonly #inputs = new Map<number, boolean>();
  #value = -1;
  #enable = -1;

  constructor(chip: Chip, reqGpio = 17) {
    this.chip = chip;
    this.#req = 1 << reqGpio;
    this.#shared = [0, 1, 2, 3, 4, 5, 6, 7, 8, reqGpio];
    this.#sel = 1 << (reqGpio === 17 ? 19 : 21);
    chip.attached.push(() => this.#look());
    this.update();
  }

  #look(): void {
    const { sio, gpio } = this.chip.rp2040;
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
    this.update();
  }

  /** To be called when `driven` has changed. */
  update(): void {
    const low = this.#enable & ~this.#value;
    const drives = this.#enable > 0;
    const on = (pin: number): boolean => drives && (low & pin) !== 0;
    const ours = on(BSY);
    const dir = drives && (this.#enable & this.#value & DIR) !== 0;
    const data = dir ? low & DATA : 0;
    const selects = on(this.#sel);
    // with SEL and I/O it reselects
    if (dir && !ours && !(selects && on(IO))) throw new Error("the board drives the data without BSY");
    if (dir && this.driven.data !== 0 && !this.driven.rst) throw new Error("both ends drive the data");
    if (dir && (this.#enable & DATA) !== DATA) throw new Error("not all nine data pins are driven");
    const now: Lines = {
      bsy: ours || this.driven.bsy,
      sel: selects || this.driven.sel,
      msg: ours && on(MSG_BSY),
      cd: ours && on(CD_SEL),
      io: on(IO),
      req: on(this.#req),
      ack: this.driven.ack,
      atn: this.driven.atn,
      rst: this.driven.rst,
      data: data | this.driven.data,
    };
    const { lines } = this;
    if (now.data !== lines.data) {
      if (dir && now.req && lines.req && !now.ack && !now.rst) throw new Error("the data change before ACK");
      this.#dataSince = this.chip.ns;
    }
    if (dir && now.req && !lines.req && this.chip.ns - this.#dataSince < DESKEW_AND_SKEW) {
      throw new Error("REQ too early after the data");
    }
    if (now.msg !== lines.msg || now.cd !== lines.cd || now.io !== lines.io) {
      if (now.req || now.ack) throw new Error("the phase changes while REQ or ACK is asserted");
      this.phaseSince = this.chip.ns;
    }
    Object.assign(lines, now);
    // what the board sees; pins that it drives do not read back
    for (let bit = 0; bit < 9; bit++) this.#input(bit, dir || ((now.data >> bit) & 1) === 0);
    const drivesControl = drives && (this.#enable & CD_SEL) !== 0;
    this.#input(GPIO.sel, drivesControl || !now.sel);
    this.#input(GPIO.bsy, drivesControl || !now.bsy);
    this.#input(GPIO.rst, !now.rst);
    this.#input(GPIO.ack, !(ours && now.ack));
    this.#input(GPIO.atn, !(ours && now.atn));
  }

  /** Only what changes: the emulator takes each call for an edge. */
  #input(gpio: number, value: boolean): void {
    if (this.#inputs.get(gpio) === value) return;
    this.#inputs.set(gpio, value);
    this.chip.rp2040.gpio[gpio]?.setInputValue(value);
  }

  drive(lines: Partial<Lines>): void {
    Object.assign(this.driven, lines);
    this.update();
  }
}
