// SPDX-License-Identifier: Apache-2.0
/** Stand-ins of an adapter: what sysfs shows of it, and what answers on its management port as firmware/src/mgmt/mgmt.c does. */
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { crc32, encodeAnswer } from "../../src/adapter/frame.ts";
import {
  COUNTERS_LIST,
  HELLO_LAYOUT,
  HELLO_SIZE,
  REQUESTS,
  RESULTS,
  SETTINGS_LAYOUT,
  SETTINGS_SIZE,
  STATION_COUNTERS_LIST,
  STATION_LAYOUT,
  STATION_SIZE,
  UPDATE_BEGIN_LAYOUT,
  UPDATE_BEGIN_SIZE,
  UPDATE_DATA_LAYOUT,
  UPDATE_STATE_LAYOUT,
  UPDATE_STATE_SIZE,
  VERSION,
} from "../../src/adapter/messages.ts";
import type { Pty } from "./pty.ts";
import { type Tree, writeLink } from "./tree.ts";

export const SERIAL = "E66160F423782A2C";

export interface UsbFixture {
  /** Where it is plugged in. */
  port?: string;
  serial?: string;
  /** Name of its network interface; null: none. */
  interface?: string | null;
  tty?: string | null;
  manufacturer?: string;
  index?: number;
}

/** Plugs an adapter in: the folders are those of a real one, links included. */
export function plugIn(tree: Tree, usb: UsbFixture = {}): void {
  const { port = "1-1", serial = SERIAL, interface: name = "usb0", tty = "ttyACM0", index = 7 } = usb;
  const device = `sys/devices/${port}`;
  tree.write({
    [`${device}/idVendor`]: "1209",
    [`${device}/idProduct`]: "0001",
    [`${device}/manufacturer`]: usb.manufacturer ?? "scsigate",
    [`${device}/product`]: "SCSI adapter",
    [`${device}/serial`]: serial,
    [`${device}/${port}:1.0/bInterfaceClass`]: "02",
  });
  link(tree, `sys/bus/usb/devices/${port}`, device);
  if (name !== null) {
    tree.write({ [`${device}/${port}:1.0/net/${name}/ifindex`]: index });
    writeLink(tree, name, { index, address: "02:00:5e:10:00:01", physical: false });
    link(tree, `sys/class/net/${name}/device`, `${device}/${port}:1.0`);
  }
  if (tty !== null) tree.write({ [`${device}/${port}:1.2/tty/${tty}/dev`]: "166:0" });
}

export function unplug(tree: Tree, { port = "1-1", interface: name = "usb0" }: UsbFixture = {}): void {
  for (const path of [`sys/bus/usb/devices/${port}`, `sys/devices/${port}`, `sys/class/net/${name}`]) tree.remove(path);
}

function link(tree: Tree, from: string, to: string): void {
  mkdirSync(join(tree.root, from, ".."), { recursive: true });
  symlinkSync(join(tree.root, to), join(tree.root, from));
}

export interface FakeStation {
  initiator: number;
  address: string;
  name?: string;
  up?: boolean;
  counters?: Partial<Record<(typeof STATION_COUNTERS_LIST)[number], number>>;
}

/** What answers. Everything may be changed between two requests. */
export class FakeFirmware {
  version = VERSION;
  serial = SERIAL;
  capabilities = 3;
  uptimeSeconds = 100;
  firmware = "0.1.0";
  counters: Partial<Record<(typeof COUNTERS_LIST)[number], number>> = {};
  stations: FakeStation[] = [];
  /** As they are in flash; an ID counts from the next restart on. */
  settings = newSettings();
  restarts = 0;
  /** Does not keep what SETTINGS_SET brings. */
  forgets = false;
  /** A program on trial ends before anybody speaks to it. */
  dies = false;
  /** Answers of UPDATE_CONFIRM do not arrive. */
  losesConfirmation = false;
  slot = 0;
  update: { header: Buffer; program: Buffer; trial: boolean; fellBack: boolean; before: string } | undefined;
  /** Takes part in no conversation. */
  mute = false;
  /** Requests that were carried out. */
  readonly carriedOut: number[] = [];
  /** Requests whose frames were damaged. */
  frameErrors = 0;
  #last: { crc: number; answer: Buffer } | undefined;

  /** The host has closed the line: what was said last is forgotten. */
  closed(): void {
    this.#last = undefined;
  }

  /** @returns the answer's frame, without SLIP; undefined: none */
  answer(frame: Buffer): Buffer | undefined {
    const end = frame.length - 4;
    const crc = end < 4 ? -1 : crc32(frame.subarray(0, end));
    if (end < 4 || frame.readUInt32BE(end) !== crc) {
      this.frameErrors += 1;
      return undefined;
    }
    if (this.mute) return undefined;
    const lost = this.losesConfirmation && frame.readUInt8(0) === REQUESTS.UPDATE_CONFIRM;
    const answer = this.#carryOut(frame, crc, end);
    return lost ? undefined : answer;
  }

  #carryOut(frame: Buffer, crc: number, end: number): Buffer | undefined {
    // Byte for byte the last request: the last answer, and nothing is done twice.
    if (this.#last?.crc === crc) return this.#last.answer;
    const request = frame.readUInt8(0);
    this.carriedOut.push(request);
    const body = this.#body(request, frame.subarray(4, end));
    const result = typeof body === "number" ? body : body === undefined ? RESULTS.UNKNOWN : RESULTS.OK;
    const payload = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const answer = encodeAnswer({ request, sequence: frame.readUInt16BE(2), payload, result });
    this.#last = { crc, answer };
    return answer;
  }

  /** @returns a payload, a result other than OK, or undefined: it does not know the request */
  #body(request: number, payload: Buffer): Buffer | number | undefined {
    switch (request) {
      case REQUESTS.HELLO:
        return this.#hello();
      case REQUESTS.COUNTERS:
        return numbers(COUNTERS_LIST.map((name) => this.counters[name] ?? 0));
      case REQUESTS.STATION:
        return this.#station(payload.readUInt8(0));
      case REQUESTS.SETTINGS_GET:
        return Buffer.from(this.settings);
      case REQUESTS.SETTINGS_SET:
        if (!this.forgets) payload.copy(this.settings);
        return Buffer.alloc(0);
      case REQUESTS.RESTART:
        return this.#restart();
      default:
        return (this.capabilities & 4) === 0 ? undefined : this.#updating(request, payload);
    }
  }

  #restart(): Buffer {
    this.restarts += 1;
    this.uptimeSeconds = 0;
    return Buffer.alloc(0);
  }

  #updating(request: number, payload: Buffer): Buffer | number | undefined {
    const { update } = this;
    const { crc, firmware } = UPDATE_BEGIN_LAYOUT;
    switch (request) {
      case REQUESTS.UPDATE_BEGIN:
        if (payload.length !== UPDATE_BEGIN_SIZE) return RESULTS.LENGTH;
        this.update = {
          header: payload,
          program: Buffer.alloc(0),
          trial: false,
          fellBack: false,
          before: this.firmware,
        };
        return Buffer.alloc(0);
      case REQUESTS.UPDATE_DATA:
        if (update === undefined || payload.readUInt32BE(0) !== update.program.length) return RESULTS.ORDER;
        update.program = Buffer.concat([update.program, payload.subarray(UPDATE_DATA_LAYOUT.data.at)]);
        return Buffer.alloc(0);
      case REQUESTS.UPDATE_TRY:
        if (update === undefined || crc32(update.program) !== update.header.readUInt32BE(crc.at)) return RESULTS.IMAGE;
        update.trial = !this.dies;
        if (!this.dies) this.slot = 1 - this.slot;
        update.fellBack = this.dies;
        if (!this.dies) this.firmware = update.header.toString("latin1", firmware.at).replaceAll("\0", "");
        return this.#restart();
      case REQUESTS.UPDATE_CONFIRM:
        if (update?.trial !== true || !payload.equals(update.header)) return RESULTS.ORDER;
        update.trial = false;
        return Buffer.alloc(0);
      case REQUESTS.UPDATE_STATE: {
        const { slot, trial, fellBack } = UPDATE_STATE_LAYOUT;
        const state = Buffer.alloc(UPDATE_STATE_SIZE);
        state[trial.at] = update?.trial === true ? 1 : 0;
        state[fellBack.at] = update?.fellBack === true ? 1 : 0;
        state[slot.at] = this.slot;
        return state;
      }
      default:
        return undefined;
    }
  }

  #hello(): Buffer {
    const { version, capabilities, uptimeSeconds, stationAddress, scsiId, linkUp, serial, firmware } = HELLO_LAYOUT;
    const body = Buffer.alloc(HELLO_SIZE);
    body.writeUIntBE(this.version, version.at, version.size);
    body.writeUIntBE(this.capabilities, capabilities.at, capabilities.size);
    body.writeUIntBE(this.uptimeSeconds, uptimeSeconds.at, uptimeSeconds.size);
    Buffer.from("02005e100001", "hex").copy(body, stationAddress.at);
    body[scsiId.at] = this.settings[SETTINGS_LAYOUT.scsiId.at] ?? 4;
    body[linkUp.at] = 1;
    body.write(this.serial, serial.at, serial.size, "latin1");
    body.write(this.firmware, firmware.at, firmware.size, "latin1");
    return body;
  }

  #station(initiator: number): Buffer {
    const { address, name, ...layout } = STATION_LAYOUT;
    const body = Buffer.alloc(STATION_SIZE);
    body[layout.initiator.at] = initiator;
    const station = this.stations.find((entry) => entry.initiator === initiator);
    if (station !== undefined) {
      body[layout.known.at] = 1;
      body[layout.hello.at] = 1;
      body[layout.up.at] = station.up === false ? 0 : 1;
      Buffer.from(station.address.replaceAll(":", ""), "hex").copy(body, address.at);
      body.write(station.name ?? "", name.at, name.size, "latin1");
    }
    return Buffer.concat([body, numbers(STATION_COUNTERS_LIST.map((counter) => station?.counters?.[counter] ?? 0))]);
  }
}

function newSettings(): Buffer {
  const settings = Buffer.alloc(SETTINGS_SIZE);
  settings[SETTINGS_LAYOUT.scsiId.at] = 4;
  return settings;
}

/** An update file as firmware/scripts/image.mjs makes it. */
export function updateFile(firmware: string, program = Buffer.alloc(1200, 7)): Buffer {
  const { length, crc, firmware: name } = UPDATE_BEGIN_LAYOUT;
  const header = Buffer.alloc(UPDATE_BEGIN_SIZE);
  header.writeUInt32BE(program.length, length.at);
  header.writeUInt32BE(crc32(program), crc.at);
  header.write(firmware, name.at, name.size, "latin1");
  return Buffer.concat([header, program]);
}

/** Has it answer at the other end of a tty. */
export function answerOn(pty: Pty, firmware: FakeFirmware): void {
  const unslip = new Unslip();
  pty.onData((bytes) => {
    for (const answer of unslip.take(bytes).map((frame) => firmware.answer(frame))) {
      if (answer !== undefined) pty.write(slip(answer));
    }
  });
}

function numbers(values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, 4 * index);
  return buffer;
}

const END = 0xc0;
const ESC = 0xdb;

/** SLIP by the text of RFC 1055, not by the library that is under test. */
export function slip(frame: Uint8Array): Buffer {
  const bytes = [...frame].flatMap((byte) => (byte === END ? [ESC, 0xdc] : byte === ESC ? [ESC, 0xdd] : [byte]));
  return Buffer.from([END, ...bytes, END]);
}

/** Takes bytes as they come, and gives whole frames on. */
export class Unslip {
  #frame: number[] = [];
  #escaped = false;

  take(bytes: Uint8Array): Buffer[] {
    const frames: Buffer[] = [];
    for (const byte of bytes) {
      if (byte === END) {
        if (this.#frame.length > 0) frames.push(Buffer.from(this.#frame));
        this.#frame = [];
        this.#escaped = false;
      } else if (this.#escaped) {
        this.#frame.push(byte === 0xdc ? END : ESC);
        this.#escaped = false;
      } else if (byte === ESC) this.#escaped = true;
      else this.#frame.push(byte);
    }
    return frames;
  }
}
