// SPDX-License-Identifier: Apache-2.0
// The most that a hub takes, and for how long it remembers a station that has gone silent.
import * as assert from "uvu/assert";
import { installProgram } from "../src/build/program.ts";
import { BACKEND, HUB, loopRig } from "../src/rigs/loop.ts";
import { scenario } from "../src/scenario.ts";
import { sleep, waitFor } from "../src/time.ts";
import { loop } from "../src/topologies/loop.ts";
import type { Vm } from "../src/vm/vm.ts";

/** Stations of one hub, GETs held for one of them: docs/driver.md, Limits. */
const STATIONS = 256;
const GETS = 256;
/** After that long a silent station is forgotten, milliseconds. */
const SILENCE = 300_000;
/** tcm_loop has 32 target port groups on one adapter. */
const GROUPS = 32;
const PLUGGED = STATIONS + GROUPS;

const CONFIGFS = "/sys/kernel/config/target/loopback";
const group = (index: number): string =>
  `${CONFIGFS}/naa.50014050000001${Math.floor(index / GROUPS)
    .toString(16)
    .padStart(2, "0")}/tpgt_${index % GROUPS}`;

/** An ARP packet (RFC 826) of nobody: it makes a station known, and asks for nothing. */
const ARP = ["00 01 08 00 06 04 00 02", "02 01 02 03 04 05 0a 8f 00 63", "02 01 02 03 04 05 0a 8f 00 63"].join(" ");

/** sg nodes, in the order of the groups. */
let nodes: string[];

/** One SEND MESSAGE(10) of stream 6 by each of these nodes: how each ended, as sg_raw's exit code and its words. */
async function send(vm: Vm, list: readonly string[], seconds = 20): Promise<string[]> {
  const cdb = "2a 00 00 00 00 06 00 00 1c 00";
  const out = await vm.ok(
    `for node in ${list.join(" ")}; do
      said=$(sg_raw -t ${seconds} -s 28 -i /tmp/arp /dev/$node ${cdb} 2>&1); echo $? $said
    done`,
    { timeout: 240_000 },
  );
  return out.split("\n");
}

const peers = (vm: Vm): Promise<string> => vm.ok(`ls /sys/class/net/${HUB}/ipscsi/peers | wc -l`);

function becomes(vm: Vm, count: number): Promise<unknown> {
  return waitFor(`${count} peers`, async () => (await peers(vm)) === String(count), { timeout: 20_000 });
}

const tests = scenario("kernel-limits", loop, {
  prepare: async (bench) => {
    const vm = bench.vm("loop");
    await loopRig(vm, 0);
    await installProgram(vm, "lab/gets", "gets");
    const escaped = ARP.split(" ")
      .map((byte) => `\\x${byte}`)
      .join("");
    await vm.ok(`echo 0 >/sys/module/ipscsi/parameters/auto_attach; printf '${escaped}' >/tmp/arp`);
    const paths = Array.from({ length: PLUGGED }, (_, index) => group(index));
    await vm.ok(
      `set -e
    at=100
    for path in ${paths.join(" ")}; do
      at=$((at + 1))
      mkdir -p $path/lun/lun_0
      echo naa.6001405000000$at >$path/nexus
      ln -s ${BACKEND} $path/lun/lun_0/port
    done`,
      { timeout: 240_000 },
    );
    const list = async (): Promise<string[]> =>
      (await vm.ok("ls -d /sys/bus/scsi/devices/*:*:*:*/scsi_generic/* | sort -V")).split("\n");
    const found = await waitFor("all devices", async () => (await list()).length === PLUGGED && list(), {
      timeout: 60_000,
    });
    nodes = found.map((path) => path.split("/").at(-1) ?? "");
  },
});

tests.test("the 257th station is told to wait, and the others go on", async (bench) => {
  const vm = bench.vm("loop");
  const first = await send(vm, nodes.slice(0, STATIONS));
  assert.equal(
    first.filter((ended) => !ended.startsWith("0 ")),
    [],
  );
  await becomes(vm, STATIONS);
  const more = nodes.slice(STATIONS, STATIONS + 2);
  for (const ended of await send(vm, more, 2)) assert.match(ended, /Task set full/i);
  assert.is(await peers(vm), String(STATIONS));
  for (const ended of await send(vm, nodes.slice(0, 2))) assert.match(ended, /^0 /, "the others go on");
});

tests.test("more GETs than are held wait in the initiator, and all end well", async (bench) => {
  const vm = bench.vm("loop");
  await vm.ok(`echo 10000 >/sys/class/net/${HUB}/ipscsi/hold_time_ms`);
  const running = vm.start(`gets /dev/${nodes[1]} ${GETS + 44}`);
  await waitFor(
    "as many as are held",
    async () => (await vm.ok(`cat /sys/class/net/${HUB}/ipscsi/peers/*/held_gets`)).split("\n").includes(String(GETS)),
    { timeout: 20_000, interval: 100 },
  );
  await running.done;
  assert.is(running.output.trim(), `0 ${GETS + 44}`);
  await vm.ok(`echo 2000 >/sys/class/net/${HUB}/ipscsi/hold_time_ms`);
});

tests.test(
  "a station that is silent for 300 s is forgotten, makes room, and is known again at its next message",
  async (bench) => {
    const vm = bench.vm("loop");
    const started = Date.now();
    const speaks = nodes[2] ?? "";
    const address = await vm.ok(`ls /sys/class/net/${HUB}/ipscsi/peers`);
    while (Date.now() - started < SILENCE + 10_000) {
      await send(vm, [speaks]);
      await sleep(10_000);
    }
    await becomes(vm, 1); // the one that spoke
    assert.match((await send(vm, nodes.slice(1, 2)))[0] ?? "", /^0 /);
    await becomes(vm, 2);
    const back = (await vm.ok(`ls /sys/class/net/${HUB}/ipscsi/peers`)).split("\n");
    assert.is(back.length, 2);
    assert.equal(
      back.filter((one) => !address.includes(one)),
      [],
      "by the addresses that they had",
    );
    for (const ended of await send(vm, nodes.slice(STATIONS)))
      assert.match(ended, /^0 /, "there is room for those that waited");
  },
);

tests.run();
