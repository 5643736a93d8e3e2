// SPDX-License-Identifier: Apache-2.0
// Gives the board's USB device to a Linux, by USB/IP: its vhci_hcd is then the host, and what it submits passes over the modelled
// wire. On this machine's loopback only.
import { createServer, type Server, type Socket } from "node:net";
import { close, listen, portOf } from "./loopback.ts";
import { NoAnswer, Stall, type Transfer, type UsbHost } from "./usb-host.ts";
import {
  type Device,
  deviceList,
  importReply,
  type Request,
  Requests,
  STATUS,
  type Submit,
  submitReply,
  UsbipError,
  unlinkReply,
} from "./usbip.ts";

const GET_DESCRIPTOR = 6;
const DEVICE_DESCRIPTOR = 1;
const CONFIGURATION_DESCRIPTOR = 2;
const NUMBERS = { busId: "1-1", busNumber: 1, deviceNumber: 2 } as const;

/** What the board itself says that it is. */
function describe(usb: UsbHost): Device {
  const ask = (type: number, length: number): Buffer =>
    Buffer.from(usb.control(0x80, GET_DESCRIPTOR, type << 8, 0, length));
  const length = ask(CONFIGURATION_DESCRIPTOR, 9).readUInt16LE(2);
  const descriptor = ask(DEVICE_DESCRIPTOR, 18);
  return { ...NUMBERS, descriptor, configuration: ask(CONFIGURATION_DESCRIPTOR, length) };
}

/** One client, which has the device or only asks. */
class Client {
  readonly #socket: Socket;
  readonly #usb: UsbHost;
  readonly #requests = new Requests();
  /** By their URB's number. */
  readonly #transfers = new Map<number, Transfer>();

  constructor(socket: Socket, usb: UsbHost, have: () => Device | undefined) {
    this.#socket = socket;
    this.#usb = usb;
    socket.setNoDelay(true);
    // it ends with "close" as well
    socket.on("error", () => undefined);
    socket.on("close", () => this.#cancelAll());
    socket.on("data", (bytes) => {
      this.#requests.add(bytes);
      try {
        for (let next = this.#requests.next(); next !== undefined; next = this.#requests.next()) {
          this.#answer(next, have);
        }
      } catch (error) {
        if (!(error instanceof UsbipError)) throw error;
        socket.destroy();
      }
    });
  }

  #answer(request: Request, have: () => Device | undefined): void {
    switch (request.kind) {
      case "list":
        this.#socket.end(deviceList([describe(this.#usb)]));
        break;
      case "import": {
        const device = request.busId === NUMBERS.busId ? have() : undefined;
        if (device === undefined) {
          this.#socket.end(importReply());
          break;
        }
        this.#requests.imported();
        this.#socket.write(importReply(device));
        break;
      }
      case "submit":
        if (request.ep === 0) this.#control(request);
        else this.#submit(request);
        break;
      case "unlink": {
        const transfer = this.#transfers.get(request.victim);
        const cancelled = transfer !== undefined && this.#usb.cancel(transfer);
        this.#transfers.delete(request.victim);
        this.#socket.write(unlinkReply(request.sequence, cancelled ? STATUS.cancelled : STATUS.ok));
        break;
      }
    }
  }

  #control({ sequence, setup, out, length }: Submit): void {
    const [type = 0, request = 0] = setup;
    const [value = 0, index = 0] = [2, 4].map((at) => setup.readUInt16LE(at));
    const reply = (): Buffer => {
      try {
        const data = this.#usb.control(type, request, value, index, length, out.length === 0 ? undefined : out);
        return submitReply(sequence, STATUS.ok, data.length + out.length, data);
      } catch (error) {
        if (!(error instanceof Stall || error instanceof NoAnswer)) throw error;
        return submitReply(sequence, error instanceof Stall ? STATUS.stall : STATUS.timeout, 0, new Uint8Array());
      }
    };
    this.#socket.write(reply());
  }

  #submit({ sequence, ep, isIn, length, zero, out }: Submit): void {
    const transfer: Transfer = {
      ...(isIn ? { ep, max: length } : { ep, out, zero }),
      onEnd: (ending, data, count) => {
        this.#transfers.delete(sequence);
        const status = ending === "done" ? STATUS.ok : STATUS[ending];
        this.#socket.write(submitReply(sequence, status, Math.min(count, length), data.subarray(0, length)));
      },
    };
    this.#transfers.set(sequence, transfer);
    this.#usb.submit(transfer);
  }

  #cancelAll(): void {
    for (const transfer of this.#transfers.values()) this.#usb.cancel(transfer);
    this.#transfers.clear();
  }
}

export class UsbipServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #owner: Socket | undefined;

  private constructor(usb: UsbHost) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        if (this.#owner === socket) this.#owner = undefined;
      });
      new Client(socket, usb, () => {
        if (this.#owner !== undefined) return undefined;
        this.#owner = socket;
        // as a hub does when something is plugged in
        usb.reset();
        return describe(usb);
      });
    });
  }

  /** @param port 0: a free one */
  static async listen(usb: UsbHost, port = 0): Promise<UsbipServer> {
    const server = new UsbipServer(usb);
    await listen(server.#server, port);
    return server;
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** Whether somebody has the device. */
  get attached(): boolean {
    return this.#owner !== undefined;
  }

  /** The plug is pulled. */
  unplug(): void {
    this.#owner?.destroy();
  }

  close(): Promise<void> {
    return close(this.#server, this.#sockets);
  }
}
