// SPDX-License-Identifier: Apache-2.0
// The product as a whole: packets of unmodified programs between cluster hosts, the gateway and the LAN.
import * as assert from "uvu/assert";
import { exec } from "../src/process.ts";
import { scenario } from "../src/scenario.ts";
import { scaled, sleep, waitFor } from "../src/time.ts";
import { cluster, lanAddresses, segmentGateway, segmentTarget } from "../src/topologies/cluster.ts";
import type { Bench } from "../src/vm/bench.ts";
import type { MqttMessage } from "../src/vm/broker.ts";
import type { Vm } from "../src/vm/vm.ts";

/** A transfer of 10 to 50 MB through emulated adapters, milliseconds. */
const TRANSFER_TIMEOUT = 300_000;
/** How soon a station must reach the LAN again when its gateway and the bus to it are there again, milliseconds. */
const RETURN_TIMEOUT = 15_000;
const IPERF_BYTES = 20 * 1024 * 1024;
const FILE_BYTES = 52_428_800;

interface IpAddress {
  readonly ifname: string;
  readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
}

interface IpLink {
  readonly stats64: Record<"rx" | "tx", { readonly packets: number; readonly bytes: number }>;
}

interface IperfReport {
  readonly end: Record<"sum_sent" | "sum_received", { readonly bytes: number; readonly bits_per_second: number }>;
}

/** The address that a station got by DHCP, as soon as it has one, and the way out that its client sets after that. */
function leasedAddress(station: Vm): Promise<string> {
  return waitFor(
    `${station.name} to get an address`,
    async () => {
      const links = await station.json<IpAddress[]>("ip -j -4 addr");
      const route = await station.ok("ip route show default");
      return route === "" ? undefined : links.find((link) => link.ifname.startsWith("seg"))?.addr_info[0]?.local;
    },
    { timeout: 60_000, interval: 300 },
  );
}

async function ping(from: Vm, to: string): Promise<void> {
  await from.ok(`ping -n -c 5 -i 0.3 -W 3 ${to}`, { timeout: 30_000 });
}

async function reaches(from: Vm, to: string, timeout: number): Promise<void> {
  const probe = async (): Promise<boolean> => (await from.run(`ping -n -c 1 -W 1 ${to}`)).code === 0;
  await waitFor(`${from.name} to reach ${to}`, probe, { timeout, interval: 100 });
}

async function iperf(from: Vm, to: string, options: string): Promise<void> {
  const report = await from.json<IperfReport>(`iperf3 -J -c ${to} -n ${IPERF_BYTES} ${options}`, {
    timeout: TRANSFER_TIMEOUT,
  });
  const { sum_sent, sum_received } = report.end;
  assert.ok(sum_sent.bytes >= IPERF_BYTES, `${sum_sent.bytes} bytes were sent`);
  // iperf3 stops counting when the sender is done: what is still under way then is not in the receiver's sum.
  assert.ok(sum_received.bytes >= IPERF_BYTES * 0.9, `${sum_received.bytes} bytes arrived`);
  console.log(`  iperf3 ${from.name} with ${to} ${options}: ${(sum_received.bits_per_second / 1e6).toFixed(0)} Mbit/s`);
}

const both = (bench: Bench): [Vm, Vm] => [bench.vm("station-a"), bench.vm("station-b")];

/** Over 15 s, in which the supervisor dies and comes back. */
const PINGS = 750;

const tests = scenario("cluster", cluster, {
  prepare: async (bench) => {
    await Promise.all(both(bench).map(leasedAddress));
  },
});

tests.test("a station with modprobe and a DHCP client alone has an address, a route and a name", async (bench) => {
  const [a, b] = both(bench);
  const addresses = [await leasedAddress(a), await leasedAddress(b)];
  for (const address of addresses) assert.match(address, /^10\.143\.0\.\d+$/);
  assert.is.not(addresses[0], addresses[1]);
  assert.match(await a.ok("ip route show default"), `default via ${segmentGateway} dev seg`);
  assert.is(await a.ok("cat /sys/bus/scsi/devices/*:*:*:*/type"), "9");
  assert.match(await a.ok("lsmod"), /sym53c8xx/);
});

tests.test("a station reaches the gateway and the LAN", async (bench) => {
  await ping(bench.vm("station-a"), segmentGateway);
  await ping(bench.vm("station-a"), lanAddresses.lan);
});

tests.test("station to station, through the gateway", async (bench) => {
  const [a, b] = both(bench);
  await ping(a, await leasedAddress(b));
  await ping(b, await leasedAddress(a));
});

tests.test("the LAN reaches a station", async (bench) => {
  await ping(bench.vm("lan"), await leasedAddress(bench.vm("station-a")));
});

/** Families of libiscsi's tests that are not about block devices. */
const TARGET_TESTS = ["TestUnitReady", "Inquiry", "ModeSense6", "ReportSupportedOpcodes", "iSCSIcmdsn"];

tests.test("libiscsi's own tests of a target find nothing wrong with the LUN", async (bench) => {
  const url = `iscsi://127.0.0.1:${bench.ports["iscsi"]}/${segmentTarget}/0`;
  for (const family of TARGET_TESTS) {
    // a host of the ACL, by a session of its own
    const { stdout } = await exec("iscsi-test-cu", [
      "-i",
      "iqn.2026-11.org.scsigate:station-b",
      "-t",
      `ALL.${family}`,
      url,
    ]);
    const [, ran = "0", passed = "0", failed = ""] = /^ +tests +\d+ +(\d+) +(\d+) +(\d+)/m.exec(stdout) ?? [];
    assert.is(failed, "0", `${family}:\n${stdout}`);
    assert.ok(Number(ran) > 0 && ran === passed, `${family}:\n${stdout}`);
  }
  await ping(bench.vm("station-b"), lanAddresses.lan);
});

tests.test("20 MB of TCP from a station to the LAN", async (bench) => {
  await iperf(bench.vm("station-a"), lanAddresses.lan, "");
});

tests.test("20 MB of TCP from the LAN to a station", async (bench) => {
  await iperf(bench.vm("station-a"), lanAddresses.lan, "-R");
});

tests.test("a 50 MB file comes over HTTP undamaged", async (bench) => {
  const [wanted] = (await bench.vm("lan").ok("/usr/lib/lab/big-file", { timeout: TRANSFER_TIMEOUT })).split(" ");
  const got = await bench
    .vm("station-a")
    .ok(`curl -sf http://${lanAddresses.lan}/50MB | tee /tmp/50MB | sha256sum; wc -c </tmp/50MB; rm /tmp/50MB`, {
      timeout: TRANSFER_TIMEOUT,
    });
  const [sum, size] = got.split("\n");
  assert.is(sum?.split(" ")[0], wanted);
  assert.is(Number(size), FILE_BYTES);
});

tests.test("a 10 MB file from station to station, through the gateway, undamaged", async (bench) => {
  const [a, b] = both(bench);
  const make = "openssl enc -aes-128-ctr -K 01 -iv 00 -nosalt -in /dev/zero 2>/dev/null | head -c 10485760";
  const server = b.start("nc -l -p 7777 | sha256sum");
  await waitFor("nc to listen", async () => (await b.run("ss -ltn | grep -q :7777")).code === 0, { timeout: 10_000 });
  const sent = await a.ok(
    `${make} | tee /tmp/10MB | sha256sum; nc -w 60 ${await leasedAddress(b)} 7777 </tmp/10MB; rm /tmp/10MB`,
    {
      timeout: TRANSFER_TIMEOUT,
    },
  );
  assert.is((await server.done).stdout.trim(), sent);
});

tests.test("telemetry says what ip -s link says", async (bench) => {
  const gateway = bench.vm("gateway");
  const subscription = bench.broker.subscribe("scsigate/#");
  const counters = async (): Promise<Record<string, number>> => {
    const [link] = await gateway.json<IpLink[]>("ip -j -s link show seg0");
    const { rx, tx } = (link as IpLink).stats64;
    return { rx_packets: rx.packets, rx_bytes: rx.bytes, tx_packets: tx.packets, tx_bytes: tx.bytes };
  };
  try {
    const before = await counters();
    const from = subscription.messages.length;
    // Two rounds: the first may have been measured before we looked.
    const isSegment = (message: MqttMessage): boolean => /\/segment\/seg0$/.test(message.topic);
    const message = await waitFor(
      "the segment's telemetry",
      () => subscription.messages.slice(from).filter(isSegment)[1],
      { timeout: 60_000 },
    );
    const after = await counters();
    const said = JSON.parse(message.payload) as Record<string, number>;
    for (const [name, value] of Object.entries(before)) {
      const [told = -1, most = -1] = [said[name], after[name]];
      assert.ok(value <= told && told <= most, `${name}: ${value}, then ${told} by telemetry, then ${most}`);
    }
    const peers = new Set(
      subscription.messages.map((message) => /\/segment\/seg0\/peer\/(.+)$/.exec(message.topic)?.[1]).filter(Boolean),
    );
    assert.is(peers.size, 2, `peers: ${[...peers].join(" ")}`);
  } finally {
    subscription.stop();
  }
});

tests.test("killing the supervisor brings the last will and does not stop forwarding", async (bench) => {
  const gateway = bench.vm("gateway");
  const subscription = bench.broker.subscribe("scsigate/+/state");
  const state = (): string => {
    const payload = subscription.messages.at(-1)?.payload;
    return payload === undefined ? "" : ((JSON.parse(payload) as { state: string }).state ?? "");
  };
  try {
    await waitFor("the retained state", () => state() === "online", { timeout: 15_000 });
    const pings = bench.vm("station-a").start(`ping -n -q -i 0.02 -c ${PINGS} -W 3 ${lanAddresses.lan}`);
    await sleep(1000);
    await gateway.ok("killall -9 node");
    await waitFor("the last will", () => state() === "offline", { timeout: 15_000, interval: 20 });
    const result = await pings.done;
    // ping does not wait for the answer to its last one when others came fast
    const [, received = "0"] = /(\d+) received/.exec(result.stdout) ?? [];
    assert.ok(Number(received) >= PINGS - 1, result.stdout);
    await waitFor("the supervisor to come back", () => state() === "online", { timeout: 120_000 });
    await gateway.ready();
    await ping(bench.vm("station-a"), lanAddresses.lan);
  } finally {
    subscription.stop();
  }
});

tests.test("a station that is killed in mid-transfer harms nobody, and comes back", async (bench) => {
  const [a, b] = both(bench);
  b.start(`iperf3 -c ${lanAddresses.lan} -t 60`);
  await sleep(scaled(3000));
  const pings = a.start(`ping -n -i 0.5 -c 20 -W 3 ${lanAddresses.lan}`);
  await b.kill();
  assert.match((await pings.done).stdout, " 0% packet loss");
  await waitFor(
    "the gateway to have one station",
    async () => (await bench.vm("gateway").ok("grep -l up /sys/class/net/seg0/ipscsi/peers/*/state | wc -l")) === "1",
    { timeout: 30_000 },
  );
  await b.boot();
  await leasedAddress(b);
  await ping(b, lanAddresses.lan);
  await ping(a, await leasedAddress(b));
});

tests.test("a station comes back by itself within 15 s after its gateway has rebooted", async (bench) => {
  const [a, b] = both(bench);
  const gateway = bench.vm("gateway");
  await gateway.reboot();
  // A real bus is there with the gateway. QEMU's adapter reaches the gateway by TCP and waits longer after each failure.
  await waitFor(
    "the emulated adapters to connect again",
    async () => (await gateway.ok("ss -Htn state established '( sport = :3260 )' | wc -l")) === "2",
    { timeout: 60_000 },
  );
  const from = Date.now();
  await Promise.all([reaches(a, lanAddresses.lan, RETURN_TIMEOUT), reaches(b, lanAddresses.lan, RETURN_TIMEOUT)]);
  console.log(`  back ${((Date.now() - from) / 1000).toFixed(1)} s after the bus`);
  await ping(a, lanAddresses.lan);
  await ping(bench.vm("lan"), await leasedAddress(b));
});

tests.test("a station that halts says good-bye, while its adapter is still on the bus", async (bench) => {
  const station = bench.vm("station-b");
  const gateway = bench.vm("gateway");
  const peer = `/sys/class/net/seg0/ipscsi/peers/${await station.ok("cat /sys/class/net/seg*/address")}`;
  assert.is.not(await gateway.ok(`cat ${peer}/features`), "none");
  void station.start("halt -f");
  await waitFor("the station to be gone", async () => (await gateway.ok(`cat ${peer}/state`)) === "down", {
    timeout: 30_000,
  });
  assert.is(await gateway.ok(`cat ${peer}/features`), "none", "one that is silent keeps them");
  assert.is(await gateway.ok(`cat ${peer}/held_gets`), "0");
  assert.is.not(await gateway.ok(`cat ${peer}/nexus`), "", "its adapter is logged in");
});

tests.run();
