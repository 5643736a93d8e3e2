// SPDX-License-Identifier: Apache-2.0
// An RP2040 with our program in its flash, in lock step: after each instruction, and while PIO runs after each cycle, whoever is attached has a
// look.
import { ConsoleLogger, LogLevel, type RP2040, Simulator } from "rp2040js";
import { Pio } from "./pio.ts";

/** What rp2040js takes a cycle for, whatever the PLL says. */
const NS_PER_CYCLE = 8;
const RAM = 0x20000000;
const BOOT2 = 0x20041f00;
const BOOT2_SIZE = 256;
const SECTOR = 4096;

/** The boot ROM's functions that the program calls (data sheet 2.8.3), by the two letters of their names. */
const ROM_FUNCTIONS = ["IF", "EX", "RE", "RP", "FC", "CX", "UB"];
const ROM_LOOKUP = 0x200;
const ROM_TABLE = 0x100;
const ROM_FIRST = 0x300;
const BKPT = 0xbe00;
const BX_LR = 0x4770;
const WATCHDOG_CTRL = 0x40058000;
const WATCHDOG_SCRATCH = 0x4005800c;
const SCRATCHES = 8;
const FLASH_SIZE = 0x200000;

/** The power has gone while flash was written. */
export class PowerCut extends Error {}

interface Watchdog {
  readonly alarm?: { enable: boolean };
  onWatchdogTrigger: () => void;
}

export class Chip {
  readonly rp2040: RP2040;
  /** Called when time has passed. */
  readonly attached: (() => void)[] = [];
  /** The watchdog has restarted it, or the program itself: the next one begins with this one's flash and scratch registers. */
  restarted = false;
  /** Nothing to start in flash: the boot ROM's disk waits for an UF2. */
  usbBoot = false;
  /** Bytes that are erased or programmed until the power goes. */
  bytesToCut = Number.POSITIVE_INFINITY;
  readonly #clock: Simulator["clock"];
  readonly #pio: Pio;

  /** @param flash from its begin; what is missing is erased. @param scratch the watchdog's registers, kept over a restart. */
  constructor(flash: Uint8Array, scratch: readonly number[] = []) {
    // its loop is not used, only what it is made of
    const { rp2040, clock } = new Simulator();
    this.rp2040 = rp2040;
    this.#clock = clock;
    this.#pio = new Pio(rp2040);
    this.rp2040.logger = new ConsoleLogger(LogLevel.Error);
    this.rp2040.flash.fill(0xff);
    this.rp2040.flash.set(flash);
    for (const [index, word] of scratch.entries()) this.rp2040.writeUint32(WATCHDOG_SCRATCH + 4 * index, word);
    // its class has no name outside of the package
    const watchdog = this.rp2040.peripherals[WATCHDOG_CTRL >> 12] as unknown as Watchdog;
    if (watchdog.alarm === undefined) throw new Error("the emulator's watchdog is somewhere else");
    watchdog.onWatchdogTrigger = () => {
      this.restarted = true;
      if (watchdog.alarm !== undefined) watchdog.alarm.enable = false;
    };
    this.#stubRom();
    // as the boot ROM does it (2.8.1.3): boot2 is copied to the end of RAM, and run there
    this.rp2040.sram.set(this.rp2040.flash.subarray(0, BOOT2_SIZE), BOOT2 - RAM);
    this.rp2040.core.SP = BOOT2;
    this.rp2040.core.PC = BOOT2;
  }

  get ns(): number {
    return this.#clock.nanos;
  }

  /** What a restart leaves: flash as far as the board has it, and the scratch registers. */
  get left(): { flash: Uint8Array; scratch: number[] } {
    return {
      flash: this.rp2040.flash.slice(0, FLASH_SIZE),
      scratch: Array.from({ length: SCRATCHES }, (_, index) => this.rp2040.readUint32(WATCHDOG_SCRATCH + 4 * index)),
    };
  }

  #write(at: number, value: number): void {
    const { flash } = this.rp2040;
    if (--this.bytesToCut < 0) {
      flash[at] = ((flash[at] ?? 0) & 0xf0) | (value & 0x0f);
      throw new PowerCut("the power has gone");
    }
    flash[at] = value;
  }

  /** Runs until something holds; throws after so many emulated milliseconds. */
  run(until: () => boolean, limitMs: number, what = "nothing happened"): void {
    const end = this.ns + limitMs * 1e6;
    while (!until()) {
      if (this.restarted || this.usbBoot) throw new Error("it has restarted");
      if (this.ns > end) throw new Error(`${what} within ${limitMs} ms`);
      for (let left = this.rp2040.core.executeInstruction(); left > 0; ) {
        const cycles = this.#pio.advance(left);
        this.#clock.tick(cycles * NS_PER_CYCLE);
        for (const look of this.attached) look();
        left -= cycles;
      }
    }
  }

  /** Time in which no instruction is carried out: for a program that hangs. */
  pass(ms: number): void {
    this.#clock.tick(ms * 1e6);
  }

  runFor(us: number): void {
    const end = this.ns + us * 1000;
    this.run(() => this.ns >= end, us);
  }

  /** Two instructions a function: a break point that is carried out here, and the return. */
  #stubRom(): void {
    const rom = new DataView(this.rp2040.bootrom.buffer);
    const put = (at: number, index: number): void => {
      rom.setUint16(at, BKPT | index, true);
      rom.setUint16(at + 2, BX_LR, true);
    };
    rom.setUint16(0x14, ROM_TABLE, true);
    rom.setUint16(0x18, ROM_LOOKUP | 1, true);
    put(ROM_LOOKUP, 0);
    for (const index of ROM_FUNCTIONS.keys()) put(ROM_FIRST + 4 * index, index + 1);
    this.rp2040.onBreak = (index) => {
      const r = this.rp2040.core.registers;
      const [r0 = 0, r1 = 0, r2 = 0] = r;
      const { flash } = this.rp2040;
      if (index === 0) {
        const name = String.fromCharCode(r1 & 0xff, r1 >> 8);
        const found = ROM_FUNCTIONS.indexOf(name);
        if (found < 0) throw new Error(`the program looks for the ROM's function ${name}`);
        r[0] = (ROM_FIRST + 4 * found) | 1;
        return;
      }
      const name = ROM_FUNCTIONS[index - 1];
      if (name === "RE") {
        if (r0 % SECTOR !== 0 || r1 % SECTOR !== 0) throw new Error("it erases something that is no sector");
        for (let at = r0; at < r0 + r1; at++) this.#write(at, 0xff);
      } else if (name === "RP") {
        for (let i = 0; i < r2; i++) this.#write(r0 + i, (flash[r0 + i] ?? 0) & this.rp2040.readUint8(r1 + i));
      } else if (name === "UB") {
        this.usbBoot = true;
      }
    };
  }
}
