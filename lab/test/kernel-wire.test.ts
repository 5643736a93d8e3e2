// SPDX-License-Identifier: Apache-2.0
// The wire as a second implementation sees it: hand-made RFC 2143 commands from sg3-utils, none of our code in between.
import * as assert from "uvu/assert";
import { installProgram } from "../src/build/program.ts";
import { HUB, HUB_ADDRESS, loopRig } from "../src/rigs/loop.ts";
import { scenario } from "../src/scenario.ts";
import { sleep, waitFor } from "../src/time.ts";
import { loop } from "../src/topologies/loop.ts";
import type { RemoteCommand } from "../src/vm/agent-client.ts";
import type { Vm } from "../src/vm/vm.ts";

const STATION = "10.143.0.77";

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const ip4 = (address: string): number[] => address.split(".").map(Number);

/** An IPv4 datagram with an ICMP echo request (RFC 791, RFC 792). */
function echoRequest(from: string, to: string, payload: string): Buffer {
  const icmp = Buffer.concat([Buffer.from([8, 0, 0, 0, 0x12, 0x34, 0, 1]), Buffer.from(payload)]);
  icmp.writeUInt16BE(checksum(icmp), 2);
  const header = Buffer.from([0x45, 0, 0, 0, 0xbe, 0xef, 0, 0, 64, 1, 0, 0, ...ip4(from), ...ip4(to)]);
  header.writeUInt16BE(header.length + icmp.length, 2);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, icmp]);
}

/** RFC 826 request, hardware type 1, length 6. */
function arpRequest(from: string, to: string): Buffer {
  const own = [0x02, 0x01, 0x02, 0x03, 0x04, 0x05];
  return Buffer.from([0, 1, 8, 0, 6, 4, 0, 1, ...own, ...ip4(from), 0, 0, 0, 0, 0, 0, ...ip4(to)]);
}

interface RawResult {
  readonly code: number;
  readonly text: string;
  readonly data: Buffer;
}

/** Bytes of a null message, as the hub has it. */
const NULL_LENGTH = 4;

class RawDevice {
  readonly #vm: Vm;
  readonly node: string;

  constructor(vm: Vm, node: string) {
    this.#vm = vm;
    this.node = node;
  }

  async send(cdb: number[], data: Buffer): Promise<RawResult> {
    const hex = data.toString("base64");
    const input = data.length > 0 ? `-s ${data.length} -i /tmp/out` : "";
    return this.#raw(
      `echo '${hex}' | base64 -d >/tmp/out; sg_raw -t 20 ${input} ${this.node} ${RawDevice.#bytes(cdb)}`,
    );
  }

  async get(cdb: number[], room: number): Promise<RawResult> {
    return this.#raw(`rm -f /tmp/in; sg_raw -t 20 -r ${room} -o /tmp/in ${this.node} ${RawDevice.#bytes(cdb)}`);
  }

  /** The next message. A GET may end with a null message before there is one: then it is asked again. */
  next(cdb: number[], room: number): Promise<Buffer> {
    const message = async (): Promise<Buffer | false> => {
      const { code, text, data } = await this.get(cdb, room);
      assert.is(code, 0, text);
      return data.length > NULL_LENGTH && data;
    };
    return waitFor("a message", message, { timeout: 10_000 });
  }

  static #bytes(cdb: number[]): string {
    return cdb.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }

  async #raw(command: string): Promise<RawResult> {
    const result = await this.#vm.run(`${command}; code=$?; base64 /tmp/in 2>/dev/null >/tmp/in64; exit $code`);
    const data = Buffer.from(await this.#vm.ok("cat /tmp/in64 2>/dev/null || true"), "base64");
    return { code: result.code, text: result.stdout + result.stderr, data };
  }
}

/** SEND MESSAGE(10), RFC 2143 section 3. */
const send10 = (stream: number, length: number): number[] => [
  0x2a,
  0,
  0,
  0,
  stream >> 8,
  stream & 255,
  0,
  length >> 8,
  length & 255,
  0,
];
const get10 = (stream: number, room: number): number[] => [0x28, ...send10(stream, room).slice(1)];

/** What the driver's own GETs have room for: less would have the hub send less at once. */
const ROOM = 65_528;

const CONTROL = 0x88b5;
const CONTAINER = 0x88b6;
const ETHERNET = 0x6558;
/** EXT, CONTAINER and OFFLOAD: docs/protocol.md section 2. */
const FEATURES = 0x0d;
/** EXT and CONTAINER. */
const NO_OFFLOAD = 0x05;

/** What the driver itself says in HELLO over tcm_loop, and nobody else knows: docs/protocol.md section 6. */
async function secret(vm: Vm): Promise<Buffer> {
  const file = "/sys/kernel/debug/ipscsi/hello_instance";
  return Buffer.from((await vm.ok(`cat ${file}`)).replace(/^0x/, "").padStart(16, "0"), "hex");
}

/** A control message with one element, HELLO: docs/protocol.md sections 2 and 4. */
function hello(address: string, features = FEATURES, instance: Buffer = Buffer.alloc(0)): Buffer {
  const descriptor = Buffer.alloc(23);
  descriptor.write("IPSC");
  descriptor.writeUInt8(1, 4);
  descriptor.writeUInt16BE(features, 6);
  Buffer.from(address.replaceAll(":", ""), "hex").copy(descriptor, 8);
  descriptor.writeUInt16BE(0xffff, 14);
  descriptor.writeUInt32BE(0xffff, 16);
  const value = Buffer.concat([descriptor, instance]);
  return Buffer.concat([Buffer.from([0, 1, 0, value.length]), value, Buffer.alloc(-value.length & 3)]);
}
const BYE = Buffer.from([0, 2, 0, 0]);

/** A container with one record: docs/protocol.md section 6. */
function container(stream: number, offload: readonly number[], payload: Buffer): Buffer {
  const padding = Buffer.alloc(-payload.length & 7);
  const head = Buffer.alloc(32);
  head.writeUInt8(1, 0);
  head.writeUInt16BE(1, 2);
  head.writeUInt32BE(32 + payload.length + padding.length, 4);
  head.writeUInt16BE(stream, 16);
  Buffer.from(offload).copy(head, 18);
  head.writeUInt32BE(payload.length, 28);
  return Buffer.concat([head, payload, padding]);
}

/** A container that has the same record many times. */
function containerOf(count: number, stream: number, payload: Buffer): Buffer {
  const record = container(stream, [], payload).subarray(16);
  const head = Buffer.alloc(16);
  head.writeUInt8(1, 0);
  head.writeUInt16BE(count, 2);
  head.writeUInt32BE(16 + count * record.length, 4);
  return Buffer.concat([head, ...Array<Buffer>(count).fill(record)]);
}

/** TCP over IPv4 (RFC 9293) that nobody listens to, after an Ethernet header if `ether` is one. */
function tcp(from: string, to: string, payload: number, ether: Buffer = Buffer.alloc(0)): Buffer {
  const segment = Buffer.alloc(20 + payload);
  segment.writeUInt16BE(9, 0);
  segment.writeUInt16BE(9, 2);
  segment.writeUInt8(5 << 4, 12);
  segment.writeUInt8(0x10, 13);
  const header = Buffer.from([0x45, 0, 0, 0, 0, 1, 0, 0, 64, 6, 0, 0, ...ip4(from), ...ip4(to)]);
  header.writeUInt16BE(header.length + segment.length, 2);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([ether, header, segment]);
}

let raw: RawDevice;
/** Another port that leads to the same LUN. */
let other: RawDevice;
/** One that only sends. */
let silent: RawDevice;

const tests = scenario("kernel-wire", loop, {
  prepare: async (bench) => {
    const vm = bench.vm("loop");
    const rig = await loopRig(vm, 0);
    await vm.ok("echo 0 >/sys/module/ipscsi/parameters/auto_attach");
    const plug = async (number: number): Promise<RawDevice> => {
      const device = await rig.plug(number);
      const node = await waitFor(
        "the sg node",
        async () => (await vm.run(`ls /sys/bus/scsi/devices/${device}/scsi_generic`)).stdout.trim() || undefined,
        { timeout: 10_000 },
      );
      assert.is(await vm.ok(`cat /sys/bus/scsi/devices/${device}/ipscsi/segment`), "none", "auto_attach=0");
      return new RawDevice(vm, `/dev/${node}`);
    };
    raw = await plug(1);
    other = await plug(2);
    silent = await plug(3);
  },
});

tests.test("an echo request sent by hand is answered on stream 0", async () => {
  const request = echoRequest(STATION, HUB_ADDRESS, "a second implementation's view");
  const sent = await raw.send(send10(0, request.length), request);
  assert.is(sent.code, 0, sent.text);
  const got = await raw.next(get10(0, ROOM), ROOM);
  assert.is(got.readUInt8(0), 0x45);
  const reply = got.subarray(0, got.readUInt16BE(2));
  assert.is(reply.length, request.length, "IP total length");
  assert.equal([...reply.subarray(12, 16)], ip4(HUB_ADDRESS), "source");
  assert.equal([...reply.subarray(16, 20)], ip4(STATION), "destination");
  assert.is(reply.readUInt8(20), 0, "ICMP echo reply");
  assert.is(reply.subarray(28).toString(), "a second implementation's view");
  assert.is(checksum(reply.subarray(20)), 0, "ICMP checksum");
});

/** The first station asks for IPv6, of which there is none, again and again: its GET is held when this returns. */
async function askForIpv6(vm: Vm): Promise<RemoteCommand> {
  const cdb = get10(0x0d, 1500)
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
  const asking = vm.start(`while :; do sg_raw -t 20 -r 1500 -o /dev/null ${raw.node} ${cdb}; done`);
  // Until it asks it may count as gone, and what is sent to it then is dropped for that.
  const held = `cd /sys/class/net/${HUB}/ipscsi/peers; for peer in *; do
    grep -q 01$ $peer/nexus && grep -qx up $peer/state && cat $peer/held_gets; done; true`;
  await waitFor("its GET to be held", async () => Number(await vm.ok(held)) > 0, { timeout: 20_000, interval: 50 });
  return asking;
}

tests.test("a station that takes nothing of its queue stops no multicast", async (bench) => {
  const vm = bench.vm("loop");
  // The first station of a segment asks for IPv6, of which there is none: what waits for it stops its queue.
  const asking = await askForIpv6(vm);
  const pinging = vm.start(
    `while :; do for i in $(seq 20); do ping -q -s 60000 -c 4 -i 0.01 -W 1 ${STATION} & done; wait; done`,
  );
  await waitFor(
    "its queue to stop",
    async () => (await vm.run(`grep -qx stalled /sys/class/net/${HUB}/ipscsi/peers/*/state`)).code === 0,
    { timeout: 30_000, interval: 50 },
  );
  pinging.kill();
  await vm.run("killall -9 ping");
  // Nobody has asked for this address yet: the answer needs an ARP request, a broadcast.
  const request = echoRequest("10.143.0.88", HUB_ADDRESS, "from another station");
  assert.is((await other.send(send10(0, request.length), request)).code, 0);
  const got = await other.next(get10(0, 1500), 1500);
  asking.kill();
  assert.is(got.readUInt8(0), 0x45, "it was answered");
});

tests.test("a station that only sends keeps nobody waiting, and nothing is kept for it for long", async (bench) => {
  const vm = bench.vm("loop");
  const peers = `/sys/class/net/${HUB}/ipscsi/peers`;
  const request = echoRequest("10.143.0.66", HUB_ADDRESS, "x".repeat(60_000));
  assert.is((await silent.send(send10(0, request.length), request)).code, 0);
  const ofSilent = (file: string): string =>
    `cd ${peers}; for peer in *; do grep -q 03$ $peer/nexus && cat $peer/${file}; done; true`;
  const waiting = ofSilent("queued");
  await waitFor("the answer to wait", async () => Number(await vm.ok(waiting)) > 0, { timeout: 5000 });
  // The kernel answers with one ICMP socket a processor, which has room for two such answers.
  const cdb = send10(0, request.length)
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
  await vm.ok(`for cpu in 0 1; do for i in 1 2 3 4; do
    taskset $((1 << cpu)) sg_raw -t 20 -s ${request.length} -i /tmp/out ${silent.node} ${cdb} || exit 1; done; done`);
  const small = echoRequest("10.143.0.88", HUB_ADDRESS, "may I?");
  for (const cpu of [0, 1]) {
    await vm.ok(`taskset -p $((1 << ${cpu})) $$ >/dev/null; echo '${small.toString("base64")}' | base64 -d >/tmp/out
      sg_raw -t 20 -s ${small.length} -i /tmp/out ${other.node} ${send10(0, small.length)
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join(" ")}`);
    const got = await other.next(get10(0, 1500), 1500);
    assert.is(got.readUInt8(0), 0x45, `processor ${cpu} answers another station`);
  }
  await waitFor("what nobody fetches to be dropped", async () => (await vm.ok(waiting)) === "0", { timeout: 20_000 });
  assert.ok(Number(await vm.ok(ofSilent("counters/tx_peer_down"))) >= 9, "counted");
});

tests.test("a container of many small records is taken as a whole, one of too many not at all", async (bench) => {
  const vm = bench.vm("loop");
  const message = hello(ADDRESS, NO_OFFLOAD);
  assert.is((await other.send(send10(CONTROL, message.length), message)).code, 0);
  // An echo reply that nobody waits for: it is received, and that is all.
  const reply = echoRequest(STATION, HUB_ADDRESS, "");
  reply.writeUInt8(0, 20);
  reply.writeUInt16BE(0, 22);
  reply.writeUInt16BE(checksum(reply.subarray(20)), 22);
  const lost = async (): Promise<number> => {
    const [link] = await vm.json<{ stats64: { rx: { dropped: number } } }[]>(`ip -j -s link show ${HUB}`);
    return link?.stats64.rx.dropped ?? Number.NaN;
  };
  const backlog = await vm.ok("sysctl -n net.core.netdev_max_backlog; sysctl -qw net.core.netdev_max_backlog=100");
  const before = [await counter(vm, "rx_packets"), await counter(vm, "rx_malformed"), await lost()];
  const send = async (count: number): Promise<number[]> => {
    const frame = containerOf(count, 0, reply);
    assert.is((await other.send(send10(CONTAINER, frame.length), frame)).code, 0);
    const now = [await counter(vm, "rx_packets"), await counter(vm, "rx_malformed"), await lost()];
    return now.map((value, i) => value - (before[i] ?? 0));
  };
  assert.equal(await send(512), [512, 0, 0], "packets, malformed, lost in a queue of 100");
  assert.equal(await send(513), [512, 1, 0]);
  await vm.ok(`sysctl -qw net.core.netdev_max_backlog=${backlog}`);
  assert.is((await other.send(send10(CONTROL, BYE.length), BYE)).code, 0);
});

tests.test("an ARP request sent by hand is answered on stream 6", async (bench) => {
  const request = arpRequest(STATION, HUB_ADDRESS);
  const sent = await raw.send(send10(6, request.length), request);
  assert.is(sent.code, 0, sent.text);
  const got = await raw.next(get10(6, 64), 64);
  const address = (await bench.vm("loop").ok(`cat /sys/class/net/${HUB}/address`)).replaceAll(":", "");
  assert.is(got.readUInt16BE(6), 2, "ARP reply");
  assert.is(got.subarray(8, 14).toString("hex"), address, "the hub's station address");
  assert.equal([...got.subarray(14, 18)], ip4(HUB_ADDRESS));
});

tests.test("what is longer than a station's GETs have room for is cut up, and its sender told", async (bench) => {
  const vm = bench.vm("loop");
  const address = "10.143.0.55";
  const request = echoRequest(address, HUB_ADDRESS, "I take 1500");
  assert.is((await other.send(send10(0, request.length), request)).code, 0);
  assert.is((await other.next(get10(0, 1500), 1500)).readUInt8(0), 0x45, "its answer");
  const before = await counter(vm, "tx_too_big");
  const told = await vm.run(`ping -c 1 -W 2 -M do -s 3000 ${address}`);
  assert.match(told.stdout + told.stderr, /mtu ?= ?1500/, "by ICMP");
  assert.is(await counter(vm, "tx_too_big"), before + 1);
  assert.match(await vm.ok(`ip route get ${address}`), /mtu 1500/);
  // What may be cut up is: the station gets all of it, a piece a GET.
  const pinging = vm.start(`ping -q -c 1 -W 2 -s 3000 ${address}`);
  let bytes = 0;
  for (let piece = 0; piece < 3; piece++) {
    const data = await other.next(get10(0, 1500), 1500);
    assert.is(data.readUInt8(0), 0x45, "a piece");
    bytes += data.readUInt16BE(2) - 20;
  }
  assert.is(bytes, 3008, "an echo request of 3000 bytes");
  await pinging.done;
});

tests.test("a GET without a message ends with a null message after the hold time", async () => {
  const started = Date.now();
  const got = await raw.get(get10(0, 512), 512);
  assert.is(got.code, 0, got.text);
  assert.ok(got.data.length >= 1, "at least one byte");
  assert.is(got.data.readUInt8(0), 0, "null message");
  assert.ok(Date.now() - started >= 1500, "it was held");
});

tests.test("what an initiator expects beyond its CDB comes back as residual", async () => {
  const got = await raw.get(get10(0, 64), 262_144);
  assert.is(got.code, 0, got.text);
  assert.is(got.data.length, 4, "a null message is all of 262144 bytes");
  assert.is(got.data.readUInt8(0), 0, "null message");
  // INQUIRY has its own way through the target.
  const inquiry = await raw.get([0x12, 0, 0, 0, 36, 0], 262_144);
  assert.is(inquiry.data.length, 36);
});

tests.test("streams, lengths and opcodes that are not known get the sense data of the protocol", async () => {
  const datagram = echoRequest(STATION, HUB_ADDRESS, "x");
  const cases: { what: string; cdb: number[]; data: Buffer; expect: RegExp[] }[] = [
    {
      what: "stream 0001h",
      cdb: send10(1, datagram.length),
      data: datagram,
      expect: [/Invalid field in cdb/i, /byte 4/],
    },
    {
      what: "length too long",
      cdb: send10(0, datagram.length + 4),
      data: datagram,
      expect: [/Invalid field in cdb/i, /byte 7/],
    },
    {
      what: "length too short",
      cdb: send10(0, datagram.length - 4),
      data: datagram,
      expect: [/Invalid field in cdb/i, /byte 7/],
    },
    {
      what: "WRITE AND VERIFY(10)",
      cdb: [0x2e, ...send10(0, 512).slice(1)],
      data: Buffer.alloc(512),
      expect: [/Invalid command operation code/i],
    },
    {
      what: "RESERVE(6)",
      cdb: [0x16, 0, 0, 0, 0, 0],
      data: Buffer.alloc(0),
      expect: [/Invalid command operation code/i],
    },
  ];
  for (const { what, cdb, data, expect } of cases) {
    const { text } = await raw.send(cdb, data);
    assert.match(text, /Illegal Request/i, `${what}: ${text}`);
    for (const pattern of expect) assert.match(text, pattern, `${what}: ${text}`);
  }
  const get = await raw.get(get10(1, 512), 512);
  assert.match(get.text, /Invalid field in cdb/i);
  assert.match(get.text, /byte 4/);
});

tests.test("a length of zero and a malformed datagram are no error", async (bench) => {
  const empty = await raw.send(send10(0, 0), Buffer.alloc(0));
  assert.is(empty.code, 0, empty.text);
  const before = await counter(bench.vm("loop"), "rx_malformed");
  const bad = await raw.send(send10(0, 40), Buffer.alloc(40, 0x11));
  assert.is(bad.code, 0, bad.text);
  assert.is(await counter(bench.vm("loop"), "rx_malformed"), before + 1, "counted");
});

tests.test("SEND MESSAGE(6) and (12) carry a datagram as well", async () => {
  for (const [what, cdb] of [
    ["(6)", (n: number) => [0x0a, 0, 0, n >> 8, n & 255, 0]],
    ["(12)", (n: number) => [0xaa, 0, 0, 0, 0, 0, 0, 0, n >> 8, n & 255, 0, 0]],
  ] as const) {
    const request = echoRequest(STATION, HUB_ADDRESS, `by ${what}`);
    const sent = await raw.send(cdb(request.length), request);
    assert.is(sent.code, 0, sent.text);
    const got = await raw.next([0xa8, 0, 0, 0, 0, 0, 0, 0, 5, 0xdc, 0, 0], 1500);
    assert.is(got.subarray(28, got.readUInt16BE(2)).toString(), `by ${what}`);
  }
});

tests.test("the LUN describes itself as a communications device with a station page", async (bench) => {
  const vm = bench.vm("loop");
  const inquiry = await vm.ok(`sg_inq ${raw.node}`);
  assert.match(inquiry, /Peripheral device type: communications/i);
  const page = Buffer.from(
    (await vm.ok(`sg_inq --page=0xc0 --raw ${raw.node} | base64`)).replaceAll("\n", ""),
    "base64",
  );
  assert.is(page.readUInt8(0), 9);
  assert.is(page.readUInt8(1), 0xc0);
  assert.is(page.subarray(4, 8).toString(), "IPSC");
  assert.is(page.readUInt8(8), 1, "version");
  const address = (await vm.ok(`cat /sys/class/net/${HUB}/address`)).replaceAll(":", "");
  assert.is(page.subarray(12, 18).toString("hex"), address);
  const name = page.subarray(27, 27 + page.readUInt8(26)).toString();
  assert.is(name, await vm.ok("cat /proc/sys/kernel/hostname"));
  assert.match(await vm.ok(`sg_vpd --page=sv ${raw.node}`), /Supported VPD pages/i);
  await vm.ok(`sg_turs ${raw.node}`);
  await vm.ok(`sg_senddiag --test ${raw.node}`);
  await vm.ok(`sg_luns ${raw.node}`);
  await vm.ok(`sg_modes ${raw.node}`);
  await vm.ok(`sg_requests ${raw.node}`);
});

const ADDRESS = "02:00:5e:10:00:77";
const PEER = `/sys/class/net/${HUB}/ipscsi/peers/${ADDRESS}`;

tests.test("one HELLO in a message: a second one is refused, what the first one said holds", async (bench) => {
  const vm = bench.vm("loop");
  const message = Buffer.concat([hello(ADDRESS), hello("02:00:5e:10:00:78")]);
  const sent = await raw.send(send10(CONTROL, message.length), message);
  assert.match(sent.text, /Invalid field in parameter list/i);
  await waitFor("the peer", async () => (await vm.run(`cat ${PEER}/state`)).stdout.trim() === "up", {
    timeout: 10_000,
  });
  assert.is.not((await vm.run(`ls ${PEER.replace(/77$/, "78")}`)).code, 0);
});

tests.test("a station that comes by another port is not disturbed by what is left of the first", async (bench) => {
  const vm = bench.vm("loop");
  const message = hello(ADDRESS);
  // It asked by GET, so that its silence means something.
  assert.is((await raw.send(send10(CONTROL, message.length), message)).code, 0);
  assert.is((await raw.get(get10(0, ROOM), ROOM)).code, 0);
  await sleep(5000); // over 4 s of silence: the address may be taken
  assert.is((await other.send(send10(CONTROL, message.length), message)).code, 0);
  const features = await vm.ok(`cat ${PEER}/features`);
  // The hub looks at silent stations four times a second.
  const states = await vm.ok(`for i in $(seq 15); do cat ${PEER}/state; sleep 0.1; done | sort -u`);
  assert.is(states, "up");
  assert.is((await raw.send(send10(CONTROL, BYE.length), BYE)).code, 0);
  assert.is(await vm.ok(`cat ${PEER}/state ${PEER}/features`), `up\n${features}`);
  // The first port is a stranger now: it must say HELLO again before it may send more than base messages.
  const frame = container(0, [], echoRequest(STATION, HUB_ADDRESS, "?"));
  await raw.get(get10(0, ROOM), ROOM);
  assert.match((await raw.send(send10(CONTAINER, frame.length), frame)).text, /nexus loss|I_T nexus/i);
  assert.is((await other.send(send10(CONTROL, BYE.length), BYE)).code, 0);
});

/** UDP over IPv4 (RFC 768) without a checksum. */
function udp(from: string, to: string, port: number, payload: Buffer): Buffer {
  const head = Buffer.from([0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, ...ip4(from), ...ip4(to), 0, 9, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(head.length + payload.length, 2);
  head.writeUInt16BE(checksum(head.subarray(0, 20)), 10);
  head.writeUInt16BE(port, 22);
  head.writeUInt16BE(8 + payload.length, 24);
  return Buffer.concat([head, payload]);
}

tests.test("memory that somebody else may use again is not kept, whatever HELLO says", async (bench) => {
  const vm = bench.vm("loop");
  await installProgram(vm, "lab/sends", "sends");
  const [first, second] = [Buffer.alloc(8000, "a"), Buffer.alloc(8000, "b")];
  for (const [name, payload] of [
    ["first", first],
    ["second", second],
  ] as const) {
    const datagram = udp(STATION, HUB_ADDRESS, 7000, payload).toString("base64");
    await vm.ok(`base64 -d >/tmp/${name}`, { input: `${datagram}\n` });
  }
  for (const instance of [Buffer.alloc(0), Buffer.alloc(8, 1)]) {
    const message = hello(ADDRESS, FEATURES, instance);
    assert.is((await other.send(send10(CONTROL, message.length), message)).code, 0);
    assert.is(await vm.ok(`cat ${PEER}/features`), "ext container", "OFFLOAD is refused");
    // Nobody reads the first datagram before the second one is sent.
    const read = await vm.ok(`sends ${other.node} 7000 /tmp/first /tmp/second | base64 -w 0`);
    assert.is(read, Buffer.concat([first, second]).toString("base64"));
    assert.is((await other.send(send10(CONTROL, BYE.length), BYE)).code, 0);
  }
});

tests.test("offload data that no honest station sends is malformed", async (bench) => {
  const vm = bench.vm("loop");
  const message = hello(ADDRESS, FEATURES, await secret(vm));
  assert.is((await other.send(send10(CONTROL, message.length), message)).code, 0);
  const hub = Buffer.from((await vm.ok(`cat /sys/class/net/${HUB}/address`)).replaceAll(":", ""), "hex");
  const own = Buffer.from(ADDRESS.replaceAll(":", ""), "hex");
  const ether = (to: Buffer): Buffer => Buffer.concat([to, own, Buffer.from([8, 0])]);
  /** virtio_net_hdr, big endian: flags, type, header length, segment size, start, offset. */
  const offload = (type: number, size: number, start: number): number[] => [
    1,
    type,
    0,
    40,
    size >> 8,
    size & 255,
    0,
    start,
    0,
    16,
  ];
  const long = tcp(STATION, HUB_ADDRESS, 3000);
  const cases: [what: string, good: boolean, stream: number, offload: number[], payload: Buffer][] = [
    ["TCP in segments", true, 0, offload(1, 1460, 20), long],
    ["the same in a frame", true, ETHERNET, offload(1, 1460, 34), tcp(STATION, HUB_ADDRESS, 3000, ether(hub))],
    ["UDP fragments", false, 0, offload(3, 1460, 20), long],
    ["segments of a size of zero", false, 0, offload(1, 0, 20), long],
    ["too many segments", false, 0, offload(1, 8, 20), long],
    [
      "TCP to a group",
      false,
      ETHERNET,
      offload(1, 1460, 34),
      tcp(STATION, "224.0.0.1", 3000, ether(Buffer.from("01005e000001", "hex"))),
    ],
    [
      "a checksum over the Ethernet header",
      false,
      ETHERNET,
      offload(0, 0, 4),
      tcp(STATION, HUB_ADDRESS, 100, ether(hub)),
    ],
  ];
  for (const [what, good, stream, data, payload] of cases) {
    const read = async (): Promise<number[]> => [await counter(vm, "rx_packets"), await counter(vm, "rx_malformed")];
    const [packets = 0, malformed = 0] = await read();
    const frame = container(stream, data, payload);
    const sent = await other.send(send10(CONTAINER, frame.length), frame);
    assert.is(sent.code, 0, `${what}: ${sent.text}`);
    assert.equal(await read(), good ? [packets + 1, malformed] : [packets, malformed + 1], what);
  }
  assert.is((await other.send(send10(CONTROL, BYE.length), BYE)).code, 0);
});

tests.test("a station that asks for another stream only does not stop the hub's queue for good", async (bench) => {
  const vm = bench.vm("loop");
  const request = echoRequest(STATION, HUB_ADDRESS, "here I am");
  // Again, as ping does: what the hub asked ARP for this address before may fail just now, and take the first answer with it.
  const answered = async (): Promise<boolean> => {
    assert.is((await raw.send(send10(0, request.length), request)).code, 0);
    return (await raw.get(get10(0, ROOM), ROOM)).data[0] === 0x45;
  };
  await waitFor("its answer", answered, { timeout: 10_000 });
  const before = await counter(vm, "tx_queue_full");
  // IPv6, of which there is none: the GET stays held, so the hub counts on this station and stops its own queue for it.
  const asking = await askForIpv6(vm);
  // One socket has room for three of these only.
  await vm.run(`for i in $(seq 20); do ping -q -s 60000 -c 4 -i 0.01 -W 1 ${STATION} & done; wait`);
  await waitFor("what it does not take to be dropped", async () => (await counter(vm, "tx_queue_full")) > before, {
    timeout: 20_000,
  });
  asking.kill();
  await sleep(2500); // the last GET's hold time
  const pinging = vm.start(`ping -q -c 10 -i 0.5 ${STATION}`);
  const got = await raw.next(get10(0, ROOM), ROOM);
  assert.is(got.readUInt8(0), 0x45, "the hub sends to it again");
  await pinging.done;
});

tests.test("a LUN whose segment is down is not ready", async (bench) => {
  const vm = bench.vm("loop");
  await vm.ok(`ip link set ${HUB} down`);
  const unready = await vm.run(`sg_turs -v ${raw.node}`);
  assert.is.not(unready.code, 0);
  assert.match(unready.stdout + unready.stderr, /not ready/i);
  await vm.ok(`ip link set ${HUB} up`);
  await vm.ok(`sg_turs ${raw.node}`);
});

async function counter(vm: Vm, name: string): Promise<number> {
  const out = await vm.ok(`ethtool -S ${HUB} | grep -w ${name}`);
  return Number(out.split(":")[1]);
}

tests.run();
