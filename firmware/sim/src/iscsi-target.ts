// SPDX-License-Identifier: Apache-2.0
// An iSCSI target (RFC 7143) in whose place the modelled bus is: each command that comes is carried out there by the scripted
// initiator, phase by phase. With QEMU's LSI53C895A in front of it, a VM is a host on that bus. On loopback only; one connection a
// session, no digests, no authentication, and all that a command sends comes with it (immediate data).
import { createServer, type Server, type Socket } from "node:net";
import { type Bench, REQUEST_SENSE } from "./bench.ts";
import { close, listen, portOf } from "./loopback.ts";

const HEADER = 48;
const CHECK_CONDITION = 2;
/** Bytes of one PDU's data, either way. */
const SEGMENT_MAX = 262144;
const NO_TAG = 0xffffffff;
/** Commands that may wait, which is as many as a host sends at once. */
const WINDOW = 64;

const NOP_OUT = 0x00;
const COMMAND = 0x01;
const TASK_MANAGEMENT = 0x02;
const LOGIN = 0x03;
const LOGOUT = 0x06;
const NOP_IN = 0x20;
const RESPONSE = 0x21;
const TASK_MANAGEMENT_RESPONSE = 0x22;
const LOGIN_RESPONSE = 0x23;
const DATA_IN = 0x25;
const LOGOUT_RESPONSE = 0x26;

const FINAL = 0x80;
const OVERFLOW = 0x04;
const UNDERFLOW = 0x02;
/** RFC 7143 11.13.5: initiator error, no such target. */
const NOT_FOUND = 0x0203;

/** What is not taken as the initiator proposes it. */
const ANSWERS: Readonly<Record<string, string>> = {
  ...{ AuthMethod: "None", HeaderDigest: "None", DataDigest: "None", InitialR2T: "Yes", ImmediateData: "Yes" },
  ...{ MaxConnections: "1", ErrorRecoveryLevel: "0", MaxRecvDataSegmentLength: String(SEGMENT_MAX) },
};
/** Told by the initiator, and not to be answered. */
const DECLARED = ["InitiatorName", "InitiatorAlias", "TargetName", "SessionType"];

/** One host: a session, with an ID of its own on the bus. */
class Session {
  readonly #socket: Socket;
  readonly #bench: Bench;
  readonly #name: string;
  readonly #id: number;
  #rest = Buffer.alloc(0);
  #statSn = 1;
  #expCmdSn = 0;
  /** Login is over. */
  #full = false;

  constructor(socket: Socket, bench: Bench, name: string, id: number) {
    this.#socket = socket;
    this.#bench = bench;
    this.#name = name;
    this.#id = id;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      while (this.#pdu());
    });
  }

  /** Return: whether there was a whole one. */
  #pdu(): boolean {
    if (this.#rest.length < HEADER) return false;
    const length = this.#rest.readUIntBE(5, 3);
    const begin = HEADER + 4 * this.#rest.readUInt8(4);
    const end = begin + Math.ceil(length / 4) * 4;
    if (length > SEGMENT_MAX) this.#socket.destroy();
    if (length > SEGMENT_MAX || this.#rest.length < end) return false;
    const head = this.#rest.subarray(0, HEADER);
    const data = this.#rest.subarray(begin, begin + length);
    this.#rest = this.#rest.subarray(end);
    const immediate = (head.readUInt8(0) & 0x40) !== 0;
    const commandSn = head.readUInt32BE(24);
    this.#expCmdSn = immediate ? commandSn : (commandSn + 1) >>> 0;
    this.#answer(head, data);
    return true;
  }

  #answer(head: Buffer, data: Buffer): void {
    const opcode = head.readUInt8(0) & 0x3f;
    if (opcode === LOGIN && !this.#full) {
      this.#login(head, data);
    } else if (opcode === COMMAND && this.#full) {
      this.#command(head, data);
    } else if (opcode === NOP_OUT && this.#full) {
      if (head.readUInt32BE(16) !== NO_TAG) this.#send(NOP_IN, FINAL, head, (to) => to.writeUInt32BE(NO_TAG, 20), data);
    } else if (opcode === TASK_MANAGEMENT && this.#full) {
      // whatever there was has ended
      this.#send(TASK_MANAGEMENT_RESPONSE, FINAL, head);
    } else if (opcode === LOGOUT && this.#full) {
      this.#send(LOGOUT_RESPONSE, FINAL, head);
      this.#socket.end();
    } else {
      this.#socket.destroy();
    }
  }

  /** @param fill what the answer has beside its tag and the numbers of sequence; its status counts unless it is data */
  #send(
    opcode: number,
    flags: number,
    to: Buffer,
    fill: (head: Buffer) => void = () => undefined,
    data: Buffer = Buffer.alloc(0),
  ): void {
    const head = Buffer.alloc(HEADER);
    head.set([opcode, flags]);
    head.writeUIntBE(data.length, 5, 3);
    head.set(to.subarray(16, 20), 16);
    if (opcode !== DATA_IN) {
      head.writeUInt32BE(this.#statSn, 24);
      this.#statSn = (this.#statSn + 1) >>> 0;
    }
    head.writeUInt32BE(this.#expCmdSn, 28);
    head.writeUInt32BE((this.#expCmdSn + WINDOW - 1) >>> 0, 32);
    fill(head);
    this.#socket.write(Buffer.concat([head, data, Buffer.alloc((4 - (data.length % 4)) % 4)]));
  }

  #login(head: Buffer, data: Buffer): void {
    // its number is the first command's as well
    this.#expCmdSn = head.readUInt32BE(24);
    const pairs = data
      .toString("latin1")
      .split("\0")
      .filter(Boolean)
      .map((pair) => pair.split("=") as [string, string?]);
    const target = pairs.find(([key]) => key === "TargetName")?.[1];
    const found = target === undefined || target === this.#name;
    const answers = pairs
      .filter(([key]) => !DECLARED.includes(key))
      .map(([key, value = ""]) => `${key}=${ANSWERS[key] ?? value}\0`);
    if (target !== undefined) answers.push("TargetPortalGroupTag=1\0");
    // the transition that it asks for, and the stages
    const flags = head.readUInt8(1) & 0x8f;
    this.#full = found && (flags & 0x83) === 0x83;
    this.#send(
      LOGIN_RESPONSE,
      found ? flags : 0,
      head,
      (to) => {
        to.set(head.subarray(8, 14), 8);
        to.writeUInt16BE(this.#full ? 1 : 0, 14);
        to.writeUInt16BE(found ? 0 : NOT_FOUND, 36);
      },
      Buffer.from(answers.join(""), "latin1"),
    );
    if (!found) this.#socket.end();
  }

  #command(head: Buffer, out: Buffer): void {
    const lun = head.readUInt8(9);
    const expected = head.readUInt32BE(20);
    const reads = (head.readUInt8(1) & 0x40) !== 0;
    const on = { lun: lun & 7, id: this.#id };
    const result = this.#bench.command(cdbOf(head), { ...on, out });
    const sense = result.status === CHECK_CONDITION ? this.#bench.command(REQUEST_SENSE, on).data : new Uint8Array();
    const data = Buffer.from(result.data.subarray(0, reads ? expected : 0));
    for (let at = 0; at < data.length; at += SEGMENT_MAX) {
      const part = data.subarray(at, at + SEGMENT_MAX);
      const last = at + part.length === data.length;
      const fill = (to: Buffer): void => {
        to.writeUInt32BE(NO_TAG, 20);
        to.writeUInt32BE(at / SEGMENT_MAX, 36);
        to.writeUInt32BE(at, 40);
      };
      this.#send(DATA_IN, last ? FINAL : 0, head, fill, part);
    }
    const residual = reads ? expected - result.data.length : 0;
    const flags = FINAL | (residual > 0 ? UNDERFLOW : 0) | (residual < 0 ? OVERFLOW : 0);
    const length = Buffer.alloc(sense.length === 0 ? 0 : 2);
    if (sense.length > 0) length.writeUInt16BE(sense.length);
    this.#send(
      RESPONSE,
      flags,
      head,
      (to) => {
        // a target that is not there, or that let go of the bus without a status: "target failure"
        if (result.status === undefined) to.writeUInt8(1, 2);
        to.writeUInt8(result.status ?? 0, 3);
        to.writeUInt32BE(Math.ceil(data.length / SEGMENT_MAX), 36);
        to.writeUInt32BE(Math.abs(residual), 44);
      },
      Buffer.concat([length, sense]),
    );
  }
}

/** On the bus, a command has no bytes too many. */
function cdbOf(head: Buffer): number[] {
  const group = head.readUInt8(32) >> 5;
  const length = group === 0 ? 6 : group === 4 ? 16 : group === 5 ? 12 : 10;
  return [...head.subarray(32, 32 + length)];
}

export class IscsiTarget {
  readonly #server: Server;
  readonly #sockets = new Map<Socket, number>();

  private constructor(bench: Bench, name: string) {
    this.#server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
      const id = [7, 6, 5, 3, 2, 1, 0].find((free) => ![...this.#sockets.values()].includes(free));
      if (id === undefined) {
        socket.destroy();
        return;
      }
      this.#sockets.set(socket, id);
      new Session(socket, bench, name, id);
    });
  }

  /** @param name of the target */
  static async listen(bench: Bench, name: string, port = 0): Promise<IscsiTarget> {
    const target = new IscsiTarget(bench, name);
    await listen(target.#server, port);
    return target;
  }

  get port(): number {
    return portOf(this.#server);
  }

  close(): Promise<void> {
    return close(this.#server, this.#sockets.keys());
  }
}
