// SPDX-License-Identifier: Apache-2.0
// The adapter's USB as Linux has it: the real firmware on an emulated RP2040, Debian's kernel with its own drivers, USB/IP
// between them.
import * as assert from "uvu/assert";
import { decodeAnswer, encodeRequest } from "../../appliance/src/adapter/frame.ts";
import { REQUESTS } from "../../appliance/src/adapter/messages.ts";
import { parseHello } from "../../appliance/src/adapter/payloads.ts";
import { EmulatedAdapter, type Plugged } from "../src/rigs/adapter.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { usb } from "../src/topologies/usb.ts";
import type { Vm } from "../src/vm/vm.ts";

const OWN = "10.143.0.1/24";
const STATION = "10.143.0.2";
const STATION_MAC = "02:00:5e:10:00:0a";
/** Seconds that a line is listened to, before it is asked again. */
const LISTEN_SECONDS = 3;
const PATIENCE = 120_000;

let adapter: EmulatedAdapter;
let plugged: Plugged;

async function addressed(vm: Vm): Promise<void> {
  await vm.ok(`ip addr replace ${OWN} dev ${plugged.interface} && ip link set ${plugged.interface} up`);
}

async function reaches(vm: Vm): Promise<void> {
  await waitFor(`a ping to ${STATION}`, async () => (await vm.run(`ping -c 1 -W 5 ${STATION}`)).code === 0, {
    timeout: PATIENCE,
  });
}

/** What came on a serial line after these bytes. */
async function ask(vm: Vm, tty: string, bytes: Uint8Array): Promise<Buffer> {
  const octal = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  const said = await vm.ok(
    `stty -F ${tty} raw -echo && exec 3<>${tty} && printf '${octal}' >&3 && { timeout ${LISTEN_SECONDS} cat <&3 | base64; }`,
  );
  return Buffer.from(said, "base64");
}

/** The payload of the first frame of SLIP that is an answer. */
function answerIn(line: Buffer): Buffer | undefined {
  const frames = line.toString("latin1").split("\xc0");
  for (const frame of frames) {
    const plain = frame.replaceAll("\xdb\xdc", "\xc0").replaceAll("\xdb\xdd", "\xdb");
    const answer = decodeAnswer(Buffer.from(plain, "latin1"));
    if (typeof answer !== "string") return answer.payload;
  }
  return undefined;
}

const tests = scenario("adapter-usb", usb, {
  prepare: async () => {
    adapter = await EmulatedAdapter.withStation(STATION);
  },
  finish: () => adapter.stop(),
});

tests.test(
  "Debian's usbip finds it and plugs it in: an Ethernet with the adapter's address, and a line that answers",
  async (bench) => {
    const vm = bench.vm("usb");
    const list = await adapter.list(vm);
    assert.match(list, /1-1: .*\(1209:0001\)/);
    for (const kind of ["02/0d/00", "0a/00/01", "02/02/00", "0a/00/00"]) assert.match(list, `(${kind})`);
    plugged = await adapter.plug(vm);
    const request = encodeRequest(REQUESTS.HELLO, 1, Buffer.alloc(0));
    assert.not.ok(request.includes(0xc0) || request.includes(0xdb));
    const line = Buffer.concat([Buffer.of(0xc0), request, Buffer.of(0xc0)]);
    const payload = await waitFor("HELLO", async () => answerIn(await ask(vm, plugged.tty, line)), {
      timeout: PATIENCE,
    });
    const hello = parseHello(payload);
    assert.is(hello?.scsiId, 4);
    assert.is(hello?.serial, await vm.ok("cat /sys/bus/usb/devices/1-1/serial"));
    assert.is(hello?.stationAddress, await vm.ok(`cat /sys/class/net/${plugged.interface}/address`));
  },
);

tests.test("the network comes up, and a station on the bus answers pings of every length", async (bench) => {
  const vm = bench.vm("usb");
  await addressed(vm);
  await waitFor("the carrier", async () => (await vm.ok(`cat /sys/class/net/${plugged.interface}/carrier`)) === "1", {
    timeout: PATIENCE,
  });
  await reaches(vm);
  assert.match(await vm.ok(`ip neigh show ${STATION}`), STATION_MAC);
  // Each packet's bytes are compared by ping. A block of NCM that ends with a full packet is among them.
  for (const size of [0, 1, 1472]) {
    const { stdout } = await vm.run(`ping -c 5 -i 0.2 -W 30 -s ${size} ${STATION}`, { timeout: PATIENCE });
    assert.match(stdout, " 5 received, 0% packet loss");
  }
  const { stdout } = await vm.run(
    `for size in $(seq 900 963); do ping -q -c 1 -W 30 -s $size ${STATION} | grep -q " 0% packet loss" || echo $size; done`,
    { timeout: PATIENCE },
  );
  assert.is(stdout, "", "sizes that were lost");
});

tests.test("its driver is taken away and given back, with a line that is open", async (bench) => {
  const vm = bench.vm("usb");
  const reader = vm.start(`exec cat ${plugged.tty}`);
  for (let round = 0; round < 3; round++) {
    const driver = "/sys/bus/usb/drivers/cdc_ncm";
    await vm.ok(`echo 1-1:1.0 >${driver}/unbind && echo 1-1:1.0 >${driver}/bind`, { timeout: PATIENCE });
    await addressed(vm);
    await reaches(vm);
  }
  reader.kill("SIGKILL");
  await reader.done;
});

tests.test("pulled out while packets pass and the line is open, and plugged in again", async (bench) => {
  const vm = bench.vm("usb");
  for (let round = 0; round < 3; round++) {
    const ping = vm.start(`ping -q -i 0.01 -s 1400 ${STATION}`);
    const reader = vm.start(`exec cat ${plugged.tty}`);
    await reaches(vm);
    adapter.unplug();
    await waitFor(
      "it to be gone",
      async () => (await vm.run(`ls -d /sys/class/net/${plugged.interface} ${plugged.tty} 2>/dev/null`)).stdout === "",
      { timeout: PATIENCE },
    );
    await reader.done;
    ping.kill("SIGKILL");
    await ping.done;
    plugged = await adapter.plug(vm);
    await addressed(vm);
    await reaches(vm);
  }
});

tests.run();
