// SPDX-License-Identifier: Apache-2.0
// Messages of USB/IP 1.1.1 (Linux: Documentation/usb/usbip_protocol.rst), as a server reads and makes them. Big endian.

const VERSION = 0x0111;
const OP_HEADER = 8;
const URB_HEADER = 48;
const PATH = 256;
const BUS_ID = 32;
/** Bytes of one transfer that are taken: far more than any driver sends to this device. */
export const TRANSFER_MAX = 0x10000;

const OP_REQ_DEVLIST = 0x8005;
const OP_REP_DEVLIST = 0x0005;
const OP_REQ_IMPORT = 0x8003;
const OP_REP_IMPORT = 0x0003;
const CMD_SUBMIT = 1;
const CMD_UNLINK = 2;
const RET_SUBMIT = 3;
const RET_UNLINK = 4;

const URB_ZERO_PACKET = 0x40;
/** linux/usb/ch9.h */
const USB_SPEED_FULL = 2;

/** Linux's error numbers, with which URBs end. */
export const STATUS = { ok: 0, stall: -32, timeout: -110, babble: -75, cancelled: -104 } as const;

export type Request =
  | { readonly kind: "list" }
  | { readonly kind: "import"; readonly busId: string }
  | Submit
  | { readonly kind: "unlink"; readonly sequence: number; readonly victim: number };

export interface Submit {
  readonly kind: "submit";
  readonly sequence: number;
  readonly isIn: boolean;
  readonly ep: number;
  /** Of the data, either way. */
  readonly length: number;
  /** An empty packet follows a full one at the end. */
  readonly zero: boolean;
  /** The eight bytes of SETUP; zeros on other endpoints. */
  readonly setup: Buffer;
  readonly out: Buffer;
}

/** One of the device's interfaces, as its configuration has it first. */
export interface Interface {
  readonly kind: readonly [classCode: number, subclass: number, protocol: number];
}

/** What is told of a device. */
export interface Device {
  readonly busId: string;
  readonly busNumber: number;
  readonly deviceNumber: number;
  /** USB 2.0 9.6.1. */
  readonly descriptor: Buffer;
  /** 9.6.3, with all that follows. */
  readonly configuration: Buffer;
}

/** A message that is none, or one that is not for a server. */
export class UsbipError extends Error {}

/** Takes what the client says apart; what is not whole yet stays for the next time. */
export class Requests {
  #rest = Buffer.alloc(0);
  #imported = false;

  /** From the next message on it is URBs that come. */
  imported(): void {
    this.#imported = true;
  }

  add(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
  }

  /** The next whole one. Throws UsbipError. */
  next(): Request | undefined {
    return this.#imported ? this.#urb() : this.#operation();
  }

  #taken(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  #operation(): Request | undefined {
    if (this.#rest.length < OP_HEADER) return undefined;
    const version = this.#rest.readUInt16BE(0);
    const code = this.#rest.readUInt16BE(2);
    if (version !== VERSION) throw new UsbipError(`version ${version.toString(16)}`);
    if (code === OP_REQ_DEVLIST) {
      this.#taken(OP_HEADER);
      return { kind: "list" };
    }
    if (code !== OP_REQ_IMPORT) throw new UsbipError(`operation ${code.toString(16)}`);
    if (this.#rest.length < OP_HEADER + BUS_ID) return undefined;
    const text = this.#taken(OP_HEADER + BUS_ID).toString("latin1", OP_HEADER);
    return { kind: "import", busId: text.split("\0", 1)[0] ?? "" };
  }

  #urb(): Request | undefined {
    const head = this.#rest;
    if (head.length < URB_HEADER) return undefined;
    const command = head.readUInt32BE(0);
    const sequence = head.readUInt32BE(4);
    if (command === CMD_UNLINK) {
      return { kind: "unlink", sequence, victim: this.#taken(URB_HEADER).readUInt32BE(20) };
    }
    if (command !== CMD_SUBMIT) throw new UsbipError(`command ${command}`);
    const isIn = head.readUInt32BE(12) === 1;
    const length = head.readUInt32BE(24);
    if (length > TRANSFER_MAX) throw new UsbipError(`a transfer of ${length} bytes`);
    const whole = URB_HEADER + (isIn ? 0 : length);
    if (head.length < whole) return undefined;
    this.#taken(whole);
    return {
      ...{ kind: "submit", sequence, isIn, ep: head.readUInt32BE(16), length },
      zero: (head.readUInt32BE(20) & URB_ZERO_PACKET) !== 0,
      setup: head.subarray(40, URB_HEADER),
      out: head.subarray(URB_HEADER, whole),
    };
  }
}

/** Alternate setting 0 of each interface of a configuration. */
export function interfacesOf(configuration: Buffer): Interface[] {
  const interfaces: Interface[] = [];
  for (let at = 0; at < configuration.length; at += configuration.readUInt8(at)) {
    if (configuration[at] === 0) throw new UsbipError("a descriptor of no length");
    if (configuration[at + 1] !== 4 || configuration[at + 3] !== 0) continue;
    const [classCode = 0, subclass = 0, protocol = 0] = configuration.subarray(at + 5, at + 8);
    interfaces.push({ kind: [classCode, subclass, protocol] });
  }
  return interfaces;
}

function operation(code: number, status: number, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(OP_HEADER);
  head.writeUInt16BE(VERSION, 0);
  head.writeUInt16BE(code, 2);
  head.writeUInt32BE(status, 4);
  return Buffer.concat([head, ...parts]);
}

function deviceBytes({ busId, busNumber, deviceNumber, descriptor, configuration }: Device): Buffer {
  const bytes = Buffer.alloc(PATH + BUS_ID + 24);
  bytes.write(`/sys/devices/adapter/usb${busNumber}/${busId}`, 0, PATH - 1);
  bytes.write(busId, PATH, BUS_ID - 1);
  const at = PATH + BUS_ID;
  bytes.writeUInt32BE(busNumber, at);
  bytes.writeUInt32BE(deviceNumber, at + 4);
  bytes.writeUInt32BE(USB_SPEED_FULL, at + 8);
  // vendor, product, release: little endian in the descriptor
  for (const index of [0, 1, 2]) bytes.writeUInt16BE(descriptor.readUInt16LE(8 + 2 * index), at + 12 + 2 * index);
  bytes.set(descriptor.subarray(4, 7), at + 18);
  // not configured yet; one configuration
  bytes.set([0, descriptor.readUInt8(17), configuration.readUInt8(4)], at + 21);
  return bytes;
}

export function deviceList(devices: readonly Device[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(devices.length);
  const all = devices.map((device) => {
    const kinds = interfacesOf(device.configuration).map(({ kind }) => Buffer.from([...kind, 0]));
    return Buffer.concat([deviceBytes(device), ...kinds]);
  });
  return operation(OP_REP_DEVLIST, 0, count, ...all);
}

/** @param device left out: it cannot be had. */
export function importReply(device?: Device): Buffer {
  return device === undefined ? operation(OP_REP_IMPORT, 1) : operation(OP_REP_IMPORT, 0, deviceBytes(device));
}

function urbReply(command: number, sequence: number, status: number): Buffer {
  const head = Buffer.alloc(URB_HEADER);
  head.writeUInt32BE(command, 0);
  head.writeUInt32BE(sequence, 4);
  head.writeInt32BE(status, 20);
  return head;
}

/** @param count bytes that have passed, either way. @param data those from the device */
export function submitReply(sequence: number, status: number, count: number, data: Uint8Array): Buffer {
  const head = urbReply(RET_SUBMIT, sequence, status);
  head.writeUInt32BE(count, 24);
  return Buffer.concat([head, data]);
}

/** @param status cancelled, or ok where the URB had ended before */
export function unlinkReply(sequence: number, status: number): Buffer {
  return urbReply(RET_UNLINK, sequence, status);
}
