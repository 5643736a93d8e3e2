// SPDX-License-Identifier: Apache-2.0
// What the tests share: a chip with the program, its bus, its USB host, and shorthands.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import * as messages from "../../../appliance/src/adapter/messages.ts";
import { Bus, type Lines } from "./bus.ts";
import { Chip } from "./chip.ts";
import { Initiator, message, type Options, type Result } from "./initiator.ts";
import { Pins } from "./pins.ts";
import { UsbHost } from "./usb-host.ts";

export const PROGRAM = fileURLToPath(new URL("../../build/scsigate-adapter.bin", import.meta.url));
export const SIE_CTRL = 0x5011004c;
export const PULL_UP = 1 << 16;
export const ID = 4;
export const GOOD = 0;
export const CHECK = 2;
export const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
export const REQUEST_SENSE = [3, 0, 0, 0, 18, 0];
export const TO = { target: ID, lun: 0 } as const;

export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));
}

/** zlib's; Node 20 has no function for it. */
export function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const FLASH_SIZE = 0x200000;
const SETTINGS = FLASH_SIZE - 2 * 4096;

/** Settings in flash, as src/mgmt/settings.h has them. */
export function withSettings(change: (settings: Buffer) => void): Buffer {
  const flash = Buffer.alloc(FLASH_SIZE, 0xff);
  flash.set(readFileSync(PROGRAM));
  const copy = Buffer.alloc(12 + messages.SETTINGS_SIZE);
  copy.write("SGST");
  copy.writeUInt32BE(messages.SETTINGS_SIZE, 4);
  copy[12] = ID;
  change(copy.subarray(12));
  flash.set(copy, SETTINGS);
  flash.writeUInt32BE(crc32(copy), SETTINGS + copy.length);
  return flash;
}

/** Numbers from a seed, below `n`. */
export function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

export class Bench {
  readonly chip: Chip;
  readonly bus: Bus;
  readonly usb: UsbHost;
  readonly host: Initiator;

  constructor(
    latencyNs = 60,
    flash: Uint8Array = readFileSync(PROGRAM),
    reqGpio?: number,
    scratch?: readonly number[],
    lines: Partial<Lines> = {},
  ) {
    this.chip = new Chip(flash, scratch);
    this.bus = new Bus(this.chip);
    new Pins(this.chip, this.bus, reqGpio);
    this.bus.drive(lines);
    this.usb = new UsbHost(this.chip);
    this.host = new Initiator(this.bus, latencyNs);
    // its pull-up is the last thing that it sets up
    this.chip.run(() => (this.chip.rp2040.readUint32(SIE_CTRL) & PULL_UP) !== 0, 50, "it has not started");
    this.chip.runFor(100);
  }

  command(cdb: readonly number[], options: Partial<Options> = {}): Result {
    return this.host.command(cdb, { ...TO, ...options });
  }

  /** Past the unit attention, and with the network up. */
  static up(latencyNs?: number): Bench {
    const bench = new Bench(latencyNs);
    bench.connect();
    bench.command(TEST_UNIT_READY);
    bench.command(REQUEST_SENSE);
    return bench;
  }

  /** The same board after its restart; without `scratch`: after the power was off. */
  again(scratch: "kept" | "lost" = "kept"): Bench {
    const left = this.chip.left;
    return new Bench(60, left.flash, undefined, scratch === "kept" ? left.scratch : undefined);
  }

  connect(): void {
    this.usb.reset();
    this.usb.configure();
    this.usb.setInterface(1, 1);
  }

  /** A management request without payload of more than `payload`. Return: result and payload of the answer. */
  manage(request: number, payload: Uint8Array = new Uint8Array()): { result: number; payload: Buffer } {
    const body = Buffer.from([request, 0, 0, ++this.#sequence, ...payload]);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(body));
    const slip = [...body, ...crc].flatMap((byte) =>
      byte === 0xc0 ? [0xdb, 0xdc] : byte === 0xdb ? [0xdb, 0xdd] : [byte],
    );
    assert.ok(this.usb.write(4, Uint8Array.from([0xc0, ...slip, 0xc0])));
    const line: number[] = [];
    while (line.length < 2 || line.at(-1) !== 0xc0) {
      const packet = this.usb.in(4, 100);
      if (packet === undefined) throw new Error("no answer on the management port");
      line.push(...packet);
    }
    const answer: number[] = [];
    for (let at = 1; at < line.length - 1; at++) {
      const byte = line[at] ?? 0;
      answer.push(byte === 0xdb ? (line[++at] === 0xdc ? 0xc0 : 0xdb) : byte);
    }
    const whole = Buffer.from(answer);
    assert.is(whole.readUInt32BE(whole.length - 4), crc32(whole.subarray(0, -4)));
    assert.is(whole[0], request | 0x80);
    assert.is(whole[3], this.#sequence);
    return { result: whole[1] ?? 255, payload: whole.subarray(4, -4) };
  }

  #sequence = 0;

  send(stream: number, data: Uint8Array, options: Partial<Options> = {}): Result {
    return this.command(message(true, stream, data.length), { ...options, out: data });
  }

  sense(): string {
    const { data } = this.command(REQUEST_SENSE);
    return [data[2], data[12], data[13]].map((byte) => byte?.toString(16).padStart(2, "0")).join("/");
  }
}

export const HELLO = bytes(
  "00 01 00 20 49 50 53 43 01 00 00 07 02 00 5e 10 00 0a ff ff 00 00 ff ff 00 08 09 73 74 61 74 69 6f 6e 2d 61",
);
export const STATION = bytes("02 00 5e 10 00 0a");
