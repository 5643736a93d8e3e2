// SPDX-License-Identifier: Apache-2.0
// A USB host at the chip's controller. The emulator's own takes IN at once and knows no NAK and no toggles: this one
// leaves buffers where they are until it asks, and checks that their toggles alternate. One at a time, or many at once: what is
// submitted is carried out beside whatever else runs.
import { type Chip, PowerCut } from "./chip.ts";

const AVAILABLE = 1 << 10;
const STALL = 1 << 11;
const DATA1 = 1 << 13;
const FULL = 1 << 15;
const LENGTH = 0x3ff;
const PACKET = 64;
/** A transaction takes about that long on the wire: 64 bytes at 12 Mbit/s. */
const TRANSACTION_US = 50;
/** And one that is answered with NAK, ns. */
const NAK_NS = 3000;
/** How long a device may take for a part of a control transfer (USB 2.0 9.2.6.4). */
const CONTROL_MS = 500;

/** Endpoints of the device's interfaces. */
const INTERFACE_ENDPOINTS = [[1], [2], [3], [4]];
const SET_ADDRESS = 5;
const SET_CONFIGURATION = 9;
const SET_INTERFACE = 11;
/** Type of the request, the request: USB 2.0 9.4. */
const CONFIGURES = 0x0000 | SET_CONFIGURATION;
const CHANGES_INTERFACE = 0x0100 | SET_INTERFACE;
const CLEARS_HALT = 0x0201;

/** The device refuses, on this endpoint. */
export class Stall extends Error {
  constructor(key: number) {
    super(`STALL on endpoint ${key.toString(16)}`);
  }
}

/** The device says nothing for too long. */
export class NoAnswer extends Error {}

/** What ends a transfer: all of it has passed, a short packet came, the endpoint is halted, or the device sent too much. */
export type Ending = "done" | "stall" | "babble";

/** A bulk or interrupt transfer. */
export interface Transfer {
  readonly ep: number;
  /** Bytes for the device; left out: it is asked for some. */
  readonly out?: Uint8Array;
  /** An empty packet behind `out` where its last one is full. */
  readonly zero?: boolean;
  /** At most so many bytes from the device. */
  readonly max?: number;
  /** @param data from the device; @param count of bytes that have passed, either way */
  readonly onEnd: (ending: Ending, data: Uint8Array, count: number) => void;
}

/** A transfer that waits or is under way. */
interface Waiting {
  readonly transfer: Transfer;
  readonly got: number[];
  sent: number;
}

export class UsbHost {
  readonly #chip: Chip;
  readonly #toggles = new Map<number, number>();
  /** By endpoint, whoever's turn it is first. */
  readonly #waiting = new Map<number, Waiting[]>();
  /** When the wire is free again. */
  #next = 0;

  constructor(chip: Chip) {
    this.#chip = chip;
    chip.rp2040.usbCtrl.DPRAMUpdated = () => undefined;
    chip.attached.push(() => this.#serve());
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
    if ((control & STALL) !== 0) throw new Stall(this.#key(ep, isIn));
    return control;
  }

  /** One packet; `undefined`: the device has none. */
  in(ep: number, ms = 20): Uint8Array | undefined {
    const control = this.#ready(ep, true, ms);
    if (control === undefined) return undefined;
    const data: number[] = [];
    this.#take(ep, control, data);
    this.#chip.runFor(TRANSACTION_US);
    return Uint8Array.from(data);
  }

  /** Return: whether the device has taken it. */
  out(ep: number, data: Uint8Array, ms = 20): boolean {
    const control = this.#ready(ep, false, ms);
    if (control === undefined) return false;
    this.#give(ep, control, data);
    this.#chip.runFor(TRANSACTION_US);
    return true;
  }

  /** Carries a transfer out beside all else that runs; those of one endpoint in their order. */
  submit(transfer: Transfer): void {
    const key = this.#key(transfer.ep, transfer.out === undefined);
    const queue = this.#waiting.get(key) ?? [];
    queue.push({ transfer, got: [], sent: 0 });
    this.#waiting.set(key, queue);
  }

  /** Calls a transfer off; bytes that have passed are lost. Return: false: it has ended. */
  cancel(transfer: Transfer): boolean {
    const queue = this.#waiting.get(this.#key(transfer.ep, transfer.out === undefined)) ?? [];
    const at = queue.findIndex((waiting) => waiting.transfer === transfer);
    if (at >= 0) queue.splice(at, 1);
    return at >= 0;
  }

  /** One packet of an endpoint that has one, if the wire is free. */
  #serve(): void {
    const { ns } = this.#chip;
    if (ns < this.#next || this.#waiting.size === 0) return;
    this.#next = ns + NAK_NS;
    const view = this.#chip.rp2040.usbDPRAMView;
    for (const [key, queue] of this.#waiting) {
      const [first] = queue;
      const isIn = (key & 0x80) !== 0;
      const control = view.getUint32(this.#control(key & 0x7f, isIn), true);
      if (first === undefined || (control & (AVAILABLE | STALL)) === 0) continue;
      this.#next = ns + TRANSACTION_US * 1000;
      // the others first
      this.#waiting.delete(key);
      this.#waiting.set(key, queue);
      const ending = (control & STALL) === 0 ? this.#packet(first, control) : "stall";
      if (ending === undefined) return;
      queue.shift();
      first.transfer.onEnd(ending, Uint8Array.from(first.got), first.got.length + first.sent);
      return;
    }
  }

  /** Return: how the transfer ends with this packet, if it does. */
  #packet(waiting: Waiting, control: number): Ending | undefined {
    const { ep, out, zero = false, max = 0 } = waiting.transfer;
    if (out === undefined) {
      this.#take(ep, control, waiting.got);
      if (waiting.got.length > max) return "babble";
      return (control & LENGTH) < PACKET || waiting.got.length === max ? "done" : undefined;
    }
    const packet = out.subarray(waiting.sent, waiting.sent + PACKET);
    this.#give(ep, control, packet);
    waiting.sent += packet.length;
    return waiting.sent < out.length || (zero && packet.length === PACKET) ? undefined : "done";
  }

  /** A packet from the device, into `to`. */
  #take(ep: number, control: number, to: number[]): void {
    this.#toggle(ep, true, control);
    const from = this.#buffer(ep, true);
    to.push(...this.#chip.rp2040.usbDPRAM.subarray(from, from + (control & LENGTH)));
    this.#done(ep, true, control & ~(AVAILABLE | FULL));
  }

  /** A packet to the device. */
  #give(ep: number, control: number, data: Uint8Array): void {
    this.#toggle(ep, false, control);
    this.#chip.rp2040.usbDPRAM.set(data, this.#buffer(ep, false));
    this.#done(ep, false, (control & ~(AVAILABLE | LENGTH)) | FULL | data.length);
  }

  /** Takes the transfers of an IN endpoint from now on, beside all else that runs. */
  stream(ep: number, max: number, onTransfer: (data: Uint8Array) => void): void {
    const again = (): void =>
      this.submit({
        ep,
        max,
        onEnd: (_, data) => {
          again();
          onTransfer(data);
        },
      });
    again();
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
      if (data !== undefined && !this.out(0, data, CONTROL_MS)) throw new NoAnswer("no data are taken");
      if (this.in(0, CONTROL_MS)?.length !== 0) throw new NoAnswer("no status");
      this.#afterControl((type << 8) | request, value, index);
      return new Uint8Array();
    }
    const got: number[] = [];
    for (;;) {
      const packet = this.in(0, CONTROL_MS);
      if (packet === undefined) throw new NoAnswer(`no answer to request ${request.toString(16)}h`);
      got.push(...packet);
      if (packet.length < PACKET || got.length >= length) break;
    }
    this.#toggles.set(0, 1);
    if (!this.out(0, new Uint8Array(), CONTROL_MS)) throw new NoAnswer("no status is taken");
    return Uint8Array.from(got);
  }

  /** Which toggles begin anew: USB 2.0 9.1.1.5. */
  #afterControl(what: number, value: number, index: number): void {
    if (what === CONFIGURES) this.#fresh(INTERFACE_ENDPOINTS.flat());
    else if (what === CHANGES_INTERFACE) this.#fresh(INTERFACE_ENDPOINTS[index] ?? []);
    else if (what === CLEARS_HALT && value === 0) this.#toggles.set(index & 0x8f, 0);
  }

  #fresh(endpoints: readonly number[]): void {
    for (const ep of endpoints) for (const isIn of [false, true]) this.#toggles.set(this.#key(ep, isIn), 0);
  }

  configure(): void {
    this.control(0, SET_ADDRESS, 5, 0, 0);
    this.control(0, SET_CONFIGURATION, 1, 0, 0);
  }

  setInterface(index: number, alternate: number): void {
    this.control(1, SET_INTERFACE, alternate, index, 0);
  }
}
