// SPDX-License-Identifier: Apache-2.0
// The wire as a second implementation sees it: hand-made RFC 2143 commands from sg3-utils, none of our code in between.
import * as assert from "uvu/assert";
import { HUB, HUB_ADDRESS, loopRig } from "../src/rigs/loop.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { loop } from "../src/topologies/loop.ts";
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

let raw: RawDevice;

const tests = scenario("kernel-wire", loop, async (bench) => {
  const vm = bench.vm("loop");
  const rig = await loopRig(vm, 0);
  await vm.ok("echo 0 >/sys/module/ipscsi/parameters/auto_attach");
  const device = await rig.plug(1);
  const node = await waitFor(
    "the sg node",
    async () => (await vm.run(`ls /sys/bus/scsi/devices/${device}/scsi_generic`)).stdout.trim() || undefined,
    { timeout: 10_000 },
  );
  assert.is(await vm.ok(`cat /sys/bus/scsi/devices/${device}/ipscsi/segment`), "none", "auto_attach=0");
  raw = new RawDevice(vm, `/dev/${node}`);
});

tests.test("an echo request sent by hand is answered on stream 0", async () => {
  const request = echoRequest(STATION, HUB_ADDRESS, "a second implementation's view");
  const sent = await raw.send(send10(0, request.length), request);
  assert.is(sent.code, 0, sent.text);
  const got = await raw.get(get10(0, 1500), 1500);
  assert.is(got.code, 0, got.text);
  assert.is(got.data.readUInt8(0), 0x45, got.text);
  const reply = got.data.subarray(0, got.data.readUInt16BE(2));
  assert.is(reply.length, request.length, "IP total length");
  assert.equal([...reply.subarray(12, 16)], ip4(HUB_ADDRESS), "source");
  assert.equal([...reply.subarray(16, 20)], ip4(STATION), "destination");
  assert.is(reply.readUInt8(20), 0, "ICMP echo reply");
  assert.is(reply.subarray(28).toString(), "a second implementation's view");
  assert.is(checksum(reply.subarray(20)), 0, "ICMP checksum");
});

tests.test("an ARP request sent by hand is answered on stream 6", async (bench) => {
  const request = arpRequest(STATION, HUB_ADDRESS);
  const sent = await raw.send(send10(6, request.length), request);
  assert.is(sent.code, 0, sent.text);
  const got = await raw.get(get10(6, 64), 64);
  assert.is(got.code, 0, got.text);
  const address = (await bench.vm("loop").ok(`cat /sys/class/net/${HUB}/address`)).replaceAll(":", "");
  assert.is(got.data.readUInt16BE(6), 2, "ARP reply");
  assert.is(got.data.subarray(8, 14).toString("hex"), address, "the hub's station address");
  assert.equal([...got.data.subarray(14, 18)], ip4(HUB_ADDRESS));
});

tests.test("a GET without a message ends with a null message after the hold time", async () => {
  const started = Date.now();
  const got = await raw.get(get10(0, 512), 512);
  assert.is(got.code, 0, got.text);
  assert.ok(got.data.length >= 1, "at least one byte");
  assert.is(got.data.readUInt8(0), 0, "null message");
  assert.ok(Date.now() - started >= 1500, "it was held");
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
    const got = await raw.get([0xa8, 0, 0, 0, 0, 0, 0, 0, 5, 0xdc, 0, 0], 1500);
    assert.is(got.data.subarray(28, got.data.readUInt16BE(2)).toString(), `by ${what}`, got.text);
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
