// SPDX-License-Identifier: Apache-2.0
// USB/IP: the messages, and the emulated board behind a server, as a client over TCP sees it.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Bench } from "../src/bench.ts";
import { Live } from "../src/live.ts";
import { makeNtb, readNtb } from "../src/ntb.ts";
import { Station } from "../src/station.ts";
import { interfacesOf, type Request, Requests, STATUS, TRANSFER_MAX, UsbipError } from "../src/usbip.ts";
import { UsbipServer } from "../src/usbip-server.ts";

const test = suite("USB/IP");

const SUBMIT = 1;
const UNLINK = 2;
const RET_SUBMIT = 3;
const RET_UNLINK = 4;
const REQUEST_LIST = Buffer.from("0111800500000000", "hex");

function requestImport(busId: string): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt32BE(0x01118003);
  bytes.write(busId, 8);
  return bytes;
}

interface Urb {
  readonly sequence: number;
  readonly ep: number;
  readonly isIn: boolean;
  readonly length: number;
  readonly zero?: boolean;
  readonly setup?: Buffer;
  readonly out?: Buffer;
}

/** As Linux's vhci_hcd makes it. */
function submit({ sequence, ep, isIn, length, zero = false, setup, out }: Urb): Buffer {
  const head = Buffer.alloc(48);
  const words = [SUBMIT, sequence, 0x10002, isIn ? 1 : 0, ep, zero ? 0x40 : 0, length, 0, 0, 0];
  for (const [index, word] of words.entries()) head.writeUInt32BE(word, 4 * index);
  if (setup !== undefined) head.set(setup, 40);
  return Buffer.concat([head, out ?? Buffer.alloc(0)]);
}

function unlink(sequence: number, victim: number): Buffer {
  const bytes = Buffer.alloc(48);
  for (const [index, word] of [UNLINK, sequence, 0x10002, 0, 0, victim].entries()) bytes.writeUInt32BE(word, 4 * index);
  return bytes;
}

const urbs = fc.record({
  sequence: fc.nat(),
  ep: fc.nat(15),
  isIn: fc.boolean(),
  zero: fc.boolean(),
  setup: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

test("requests come out as they went in, however the stream is cut", () => {
  const each = fc.oneof(
    urbs.map(({ data, ...urb }): [Buffer, Request] => {
      const out = urb.isIn ? Buffer.alloc(0) : data;
      return [submit({ ...urb, length: data.length, out }), { kind: "submit", ...urb, length: data.length, out }];
    }),
    fc
      .tuple(fc.nat(), fc.nat())
      .map(([sequence, victim]): [Buffer, Request] => [unlink(sequence, victim), { kind: "unlink", sequence, victim }]),
  );
  fc.assert(
    fc.property(fc.array(each, { maxLength: 10 }), fc.infiniteStream(fc.integer({ min: 1, max: 90 })), (sent, cuts) => {
      const requests = new Requests();
      requests.add(requestImport("1-1"));
      assert.equal(requests.next(), { kind: "import", busId: "1-1" });
      requests.imported();
      const stream = Buffer.concat(sent.map(([bytes]) => bytes));
      const got: Request[] = [];
      for (let at = 0; at < stream.length; ) {
        const length = cuts.next().value ?? 1;
        requests.add(stream.subarray(at, at + length));
        at += length;
        for (let next = requests.next(); next !== undefined; next = requests.next()) got.push(next);
      }
      assert.equal(
        got,
        sent.map(([, request]) => request),
      );
    }),
  );
});

test("any bytes are a request, not enough, or refused; none is taken for too much memory", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, imported) => {
      const requests = new Requests();
      if (imported) requests.imported();
      requests.add(bytes);
      try {
        while (requests.next() !== undefined);
      } catch (error) {
        assert.instance(error, UsbipError);
      }
    }),
  );
  const requests = new Requests();
  requests.imported();
  requests.add(submit({ sequence: 1, ep: 2, isIn: false, length: TRANSFER_MAX + 1 }));
  assert.throws(() => requests.next(), /a transfer of 65537 bytes/);
  assert.throws(() => interfacesOf(Buffer.from([9, 4, 0, 0, 0, 2, 2, 0, 0, 0])), /no length/);
});

/** A client of the server, which reads as many bytes as it wants. */
class Client {
  readonly socket: Socket;
  #rest = Buffer.alloc(0);
  #sequence = 0;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (bytes: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
    });
    this.socket.on("error", () => undefined);
  }

  async read(length: number): Promise<Buffer> {
    while (this.#rest.length < length) {
      if (this.socket.closed) throw new Error("the server has closed the connection");
      await Promise.race([once(this.socket, "data"), once(this.socket, "close")]);
    }
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }

  async reply(): Promise<{ command: number; sequence: number; status: number; count: number }> {
    const head = await this.read(48);
    return {
      ...{ command: head.readUInt32BE(0), sequence: head.readUInt32BE(4) },
      ...{ status: head.readInt32BE(20), count: head.readUInt32BE(24) },
    };
  }

  submit(urb: Omit<Urb, "sequence">): number {
    this.socket.write(submit({ sequence: ++this.#sequence, ...urb }));
    return this.#sequence;
  }

  unlink(victim: number): number {
    this.socket.write(unlink(++this.#sequence, victim));
    return this.#sequence;
  }

  /** A control transfer, while nothing else ends. Return: the device's data. */
  async control(setup: string, out?: Buffer): Promise<{ status: number; data: Buffer }> {
    const bytes = Buffer.from(setup.replaceAll(" ", ""), "hex");
    const isIn = out === undefined && (bytes.readUInt8(0) & 0x80) !== 0;
    const sequence = this.submit({
      ...{ ep: 0, isIn, length: bytes.readUInt16LE(6), setup: bytes },
      ...(out === undefined ? {} : { out }),
    });
    const reply = await this.reply();
    assert.equal([reply.command, reply.sequence], [RET_SUBMIT, sequence]);
    return { status: reply.status, data: await this.read(isIn ? reply.count : 0) };
  }
}

interface Set {
  readonly bench: Bench;
  readonly server: UsbipServer;
  readonly client: () => Client;
}

async function withServer(body: (set: Set) => Promise<void>, beside?: (bench: Bench) => () => void): Promise<void> {
  const bench = new Bench();
  const live = new Live(bench.chip, beside?.(bench));
  const server = await UsbipServer.listen(bench.usb);
  const clients: Client[] = [];
  const client = (): Client => {
    const fresh = new Client(server.port);
    clients.push(fresh);
    return fresh;
  };
  try {
    await body({ bench, server, client });
  } finally {
    for (const { socket } of clients) socket.destroy();
    await server.close();
    await live.stop();
  }
}

const IMPORT_REPLY = 8 + 312;

async function attached(client: () => Client): Promise<Client> {
  const own = client();
  own.socket.write(requestImport("1-1"));
  const reply = await own.read(IMPORT_REPLY);
  assert.is(reply.readUInt32BE(4), 0);
  assert.is((await own.control("00 09 01 00 00 00 00 00")).status, 0);
  return own;
}

test("the list and the import tell what the board's descriptors say; a second client is refused", () =>
  withServer(async ({ server, client }) => {
    const asks = client();
    asks.socket.write(REQUEST_LIST);
    const list = await asks.read(12 + 312 + 16);
    assert.is(list.toString("hex", 0, 12), "011100050000000000000001");
    const device = list.subarray(12);
    assert.is(device.toString("latin1", 256, 259), "1-1");
    // bus 1, device 2, full speed, 1209:0001, release 0.10, EF/02/01, not configured, one configuration, four interfaces
    assert.is(device.toString("hex", 288, 312), "00000001000000020000000212090001" + "0010ef0201000104");
    assert.is(device.toString("hex", 312), "020d00000a0001000202000" + "00a000000");
    await once(asks.socket, "close");

    const own = await attached(client);
    assert.ok(server.attached);
    const { data } = await own.control("80 06 00 02 00 00 ff 00");
    assert.is(data.length, data.readUInt16LE(2));
    for (const busId of ["1-1", "2-1"]) {
      const other = client();
      other.socket.write(requestImport(busId));
      assert.is((await other.read(8)).toString("hex"), "0111000300000001");
    }
    own.socket.destroy();
    while (server.attached) await new Promise((resolve) => setImmediate(resolve));
    await attached(client);
  }));

test("control transfers both ways; what the board refuses ends with EPIPE, and the next one passes", () =>
  withServer(async ({ client }) => {
    const own = await attached(client);
    assert.is((await own.control("80 06 00 06 00 00 0a 00")).status, STATUS.stall);
    const coding = Buffer.from("80250000000008", "hex");
    assert.is((await own.control("21 20 00 00 02 00 07 00", coding)).status, 0);
    assert.equal((await own.control("a1 21 00 00 02 00 07 00")).data, coding);
  }));

test("interrupt and bulk transfers wait without hindering others; one that is called off ends with ECONNRESET", () =>
  withServer(async ({ client }) => {
    const own = await attached(client);
    const line = own.submit({ ep: 4, isIn: true, length: 64 });
    // the network comes up: speed, and the connection
    assert.is((await own.control("01 0b 01 00 01 00 00 00")).status, 0);
    const note = own.submit({ ep: 1, isIn: true, length: 16 });
    assert.equal(await own.reply(), { command: RET_SUBMIT, sequence: note, status: 0, count: 16 });
    assert.is((await own.read(16))[1], 0x2a);
    own.submit({ ep: 1, isIn: true, length: 16 });
    assert.is((await own.reply()).count, 8);
    assert.equal([...(await own.read(8))], [0xa1, 0, 1, 0, 0, 0, 0, 0]);

    const away = own.unlink(line);
    assert.equal(await own.reply(), { command: RET_UNLINK, sequence: away, status: STATUS.cancelled, count: 0 });
    const late = own.unlink(note);
    assert.equal(await own.reply(), { command: RET_UNLINK, sequence: late, status: 0, count: 0 });
  }));

test("an endpoint that is halted ends its transfers with EPIPE, until that is cleared", () =>
  withServer(async ({ client }) => {
    const own = await attached(client);
    assert.is((await own.control("02 03 00 00 84 00 00 00")).status, 0);
    own.submit({ ep: 4, isIn: true, length: 64 });
    assert.is((await own.reply()).status, STATUS.stall);
    assert.is((await own.control("02 01 00 00 84 00 00 00")).status, 0);
    const waits = own.submit({ ep: 4, isIn: true, length: 64 });
    own.unlink(waits);
    assert.is((await own.reply()).status, STATUS.cancelled);
  }));

test("frames cross between a client's blocks and a station on the bus: it answers ARP and ping", () =>
  withServer(
    async ({ client }) => {
      const own = await attached(client);
      assert.is((await own.control("01 0b 01 00 01 00 00 00")).status, 0);
      const mac = Buffer.from((await own.control("80 06 04 03 09 04 ff 00")).data.toString("utf16le", 2), "hex");
      const send = async (frame: Buffer): Promise<void> => {
        const out = Buffer.from(makeNtb([frame]));
        own.submit({ ep: 2, isIn: false, length: out.length, out, zero: true });
        assert.equal((await own.reply()).count, out.length);
      };
      const receive = async (): Promise<Buffer> => {
        own.submit({ ep: 2, isIn: true, length: 4096 });
        const { count } = await own.reply();
        return Buffer.from(readNtb(await own.read(count))[0] ?? []);
      };
      const question = Buffer.concat([
        Buffer.from("ffffffffffff", "hex"),
        mac,
        Buffer.from("0806" + "0001080006040001", "hex"),
        mac,
        Buffer.from("0a8f0001" + "000000000000" + "0a8f0002", "hex"),
      ]);
      const echo = Buffer.from("4500001c000000004001000" + "00a8f00010a8f0002" + "0800" + "0000" + "12340001", "hex");
      let station = "";
      // it attaches when it has seen that the network is there: until then, nobody hears
      for (let answered = false; !answered; ) {
        await send(question);
        const waits = own.submit({ ep: 2, isIn: true, length: 4096 });
        const timer = setTimeout(() => own.unlink(waits), 200);
        const reply = await own.reply();
        clearTimeout(timer);
        if (reply.command !== RET_SUBMIT) continue;
        const [answer] = readNtb(await own.read(reply.count));
        station = Buffer.from(answer ?? []).toString("hex", 6, 12);
        answered = true;
      }
      assert.is(station, "02005e10000a");
      await send(Buffer.concat([Buffer.from(station, "hex"), mac, Buffer.from("0800", "hex"), echo]));
      const answer = await receive();
      assert.is(answer.toString("hex", 14 + 12), "0a8f00020a8f0001" + "0000" + "edca" + "12340001");
    },
    (bench) => {
      const station = new Station(bench, "10.143.0.2");
      return () => station.step();
    },
  ));

test("when the plug is pulled, the connection ends, and the board can be had again", () =>
  withServer(async ({ server, client }) => {
    const own = await attached(client);
    own.submit({ ep: 4, isIn: true, length: 64 });
    const closed = new Promise((resolve) => own.socket.once("close", resolve));
    server.unplug();
    await closed;
    await attached(client);
  }));

test.run();
