// SPDX-License-Identifier: Apache-2.0
// A USB host at the chip's controller. The emulator's own takes IN at once and knows no NAK and no toggles: this one
// leaves buffers where they are until it asks, and checks that their toggles alternate.
import { type Chip, PowerCut } from "./chip.ts";

const AVAILABLE = 1 << 10;
const STALL = 1 << 11;
const DATA1 = 1 << 13;
const FULL = 1 << 15;
const LENGTH = 0x3ff;
const PACKET = 64;
/** A transaction takes about that long on the wire: 64 bytes at 12 Mbit/s. */
const TRANSACTION_US = 50;

export class UsbHost {
  readonly #chip: Chip;
  readonly #toggles = new Map<number, number>();

  constructor(chip: Chip) {
    this.#chip = chip;
    chip.rp2040.usbCtrl.DPRAMUpdated = () => undefined;
  }

  #control(ep: number, isIn: boolean): number {
    return 0x80 + 8 * ep + (isIn ? 0 : 4);
  }

  #buffer(ep: number, isIn: boolean): number {
    const view = this.#chip.rp2040.usbDPRAMView;
    return ep === 0 ? 0x100 : view.getUint32(8 * ep + (isIn ? 0 : 4), true) & 0xffc0;
  }

  #key(ep: number, isIn: boolean): number {
    return ep | (isIn ? 0x80 : 0);
  }

  #toggle(ep: number, isIn: boolean, control: number): void {
    const key = this.#key(ep, isIn);
    const expected = this.#toggles.get(key) ?? 0;
    const has = (control & DATA1) === 0 ? 0 : 1;
    if (has !== expected) throw new Error(`endpoint ${key.toString(16)}: DATA${has} where DATA${expected} is due`);
    this.#toggles.set(key, 1 - expected);
  }

  #done(ep: number, isIn: boolean, control: number): void {
    const { usbDPRAMView, usbCtrl } = this.#chip.rp2040;
    usbDPRAMView.setUint32(this.#control(ep, isIn), control, true);
    // no part of its interface, but what its own transfers end with
    usbCtrl["indicateBufferReady"](ep, !isIn);
  }

  /** The buffer's control word when the device gives it; throws on STALL. `undefined`: NAK for so long. */
  #ready(ep: number, isIn: boolean, ms: number): number | undefined {
    const view = this.#chip.rp2040.usbDPRAMView;
    const at = this.#control(ep, isIn);
    try {
      this.#chip.run(() => (view.getUint32(at, true) & (AVAILABLE | STALL)) !== 0, ms);
    } catch (error) {
      if (error instanceof PowerCut) throw error;
      return undefined;
    }
    const control = view.getUint32(at, true);
    if ((control & STALL) !== 0) throw new Error(`STALL on endpoint ${this.#key(ep, isIn).toString(16)}`);
    return control;
  }

  /** One packet; `undefined`: the device has none. */
  in(ep: number, ms = 20): Uint8Array | undefined {
    const control = this.#ready(ep, true, ms);
    if (control === undefined) return undefined;
    this.#toggle(ep, true, control);
    const from = this.#buffer(ep, true);
    const data = this.#chip.rp2040.usbDPRAM.slice(from, from + (control & LENGTH));
    this.#done(ep, true, control & ~(AVAILABLE | FULL));
    this.#chip.runFor(TRANSACTION_US);
    return data;
  }

  /** Return: whether the device has taken it. */
  out(ep: number, data: Uint8Array, ms = 20): boolean {
    const control = this.#ready(ep, false, ms);
    if (control === undefined) return false;
    this.#toggle(ep, false, control);
    this.#chip.rp2040.usbDPRAM.set(data, this.#buffer(ep, false));
    this.#done(ep, false, (control & ~(AVAILABLE | LENGTH)) | FULL | data.length);
    this.#chip.runFor(TRANSACTION_US);
    return true;
  }

  /** Takes the packets of an IN endpoint from now on, beside all else that runs; gives each transfer on. */
  stream(ep: number, max: number, onTransfer: (data: Uint8Array) => void): void {
    const view = this.#chip.rp2040.usbDPRAMView;
    const at = this.#control(ep, true);
    let all: number[] = [];
    let next = 0;
    this.#chip.attached.push(() => {
      if (this.#chip.ns < next || (view.getUint32(at, true) & AVAILABLE) === 0) return;
      const control = view.getUint32(at, true);
      this.#toggle(ep, true, control);
      const from = this.#buffer(ep, true);
      all.push(...this.#chip.rp2040.usbDPRAM.subarray(from, from + (control & LENGTH)));
      this.#done(ep, true, control & ~(AVAILABLE | FULL));
      next = this.#chip.ns + TRANSACTION_US * 1000;
      if ((control & LENGTH) === PACKET && all.length < max) return;
      onTransfer(Uint8Array.from(all));
      all = [];
    });
  }

  /** A transfer: up to a short packet, or so many bytes. */
  read(ep: number, max: number, ms = 20): Uint8Array | undefined {
    const all: number[] = [];
    for (;;) {
      const packet = this.in(ep, ms);
      if (packet === undefined) {
        if (all.length > 0) throw new Error("a transfer without its end");
        return undefined;
      }
      all.push(...packet);
      if (packet.length < PACKET || all.length >= max) return Uint8Array.from(all);
    }
  }

  write(ep: number, data: Uint8Array, ms = 20): boolean {
    for (let at = 0; at <= data.length; at += PACKET) {
      if (!this.out(ep, data.subarray(at, at + PACKET), ms)) return false;
    }
    return true;
  }

  reset(): void {
    const { usbCtrl } = this.#chip.rp2040;
    this.#toggles.clear();
    usbCtrl.resetDevice();
    this.#chip.runFor(12_000);
  }

  /** A control transfer. Return: the device's data. */
  control(type: number, request: number, value: number, index: number, length: number, data?: Uint8Array): Uint8Array {
    const setup = [type, request, value & 0xff, value >> 8, index & 0xff, index >> 8, length & 0xff, length >> 8];
    const view = this.#chip.rp2040.usbDPRAMView;
    // what a STALL has left is void with SETUP
    for (const isIn of [false, true]) view.setUint32(this.#control(0, isIn), 0, true);
    for (const key of [0, 0x80]) this.#toggles.set(key, 1);
    this.#chip.rp2040.usbCtrl.sendSetupPacket(Uint8Array.from(setup));
    if ((type & 0x80) === 0) {
      if (data !== undefined && !this.out(0, data)) throw new Error("no data are taken");
      if (this.in(0)?.length !== 0) throw new Error("no status");
      return new Uint8Array();
    }
    const got: number[] = [];
    for (;;) {
      const packet = this.in(0);
      if (packet === undefined) throw new Error(`no answer to request ${request.toString(16)}h`);
      got.push(...packet);
      if (packet.length < PACKET || got.length >= length) break;
    }
    this.#toggles.set(0, 1);
    if (!this.out(0, new Uint8Array())) throw new Error("no status is taken");
    return Uint8Array.from(got);
  }

  /** Sets toggles back, as SET_CONFIGURATION and SET_INTERFACE do. */
  #fresh(endpoints: readonly number[]): void {
    for (const ep of endpoints) for (const isIn of [false, true]) this.#toggles.set(this.#key(ep, isIn), 0);
  }

  configure(): void {
    this.control(0, 5, 5, 0, 0);
    this.control(0, 9, 1, 0, 0);
    this.#fresh([1, 2, 3, 4]);
  }

  setInterface(index: number, alternate: number): void {
    this.control(1, 11, alternate, index, 0);
    this.#fresh([1, 2]);
  }
}
