// SPDX-License-Identifier: Apache-2.0
// Two appliances, as one flashes them, join two SCSI segments over Ethernet. What they are told is what the setup asks for: a name, an
// address on the LAN, the mode, and the key that gateways of one mesh have in common.
import * as assert from "uvu/assert";
import { twoGateways } from "../src/arrangements/all.ts";
import { forDocs, toPart, writeDown } from "../src/arrangements/report.ts";
import { iperfClient, iperfRate } from "../src/rigs/iperf.ts";
import { MeshStation } from "../src/rigs/meshStation.ts";
import { scenario } from "../src/scenario.ts";
import { mesh } from "../src/topologies/mesh.ts";

const IPV4 = /^10\./;
const IPV6 = /^fd/;
const FILE_MIB = 20;
/** Of a measurement of throughput. */
const SECONDS = 5;

const measured = { joined: 0, across: 0, own: 0, away: 0 };
let a: MeshStation;
let b: MeshStation;

/** Bits a second of one TCP connection from a station to whoever serves at an address. */
async function throughput(from: MeshStation, to: string): Promise<number> {
  const rate = iperfRate(await from.ok(iperfClient(to, SECONDS)));
  assert.ok(rate > 0);
  return rate;
}

const tests = scenario(
  twoGateways.name,
  { ...mesh, name: twoGateways.name },
  {
    prepare: async (bench) => {
      a = new MeshStation(bench.vm("gateway-a"));
      b = new MeshStation(bench.vm("gateway-b"));
      const since = Date.now();
      await Promise.all([a.plug(), b.plug()]);
      await a.reaches(await b.address(IPV4));
      measured.joined = (Date.now() - since) / 1000;
    },
  },
);

tests.test("each station reaches the other, by IPv4 and IPv6", async () => {
  await b.reaches(await a.address(IPV4));
  await a.reaches(await b.address(IPV6));
  await b.reaches(await a.address(IPV6));
});

tests.test("20 MB from each to the other, with checksums", async () => {
  for (const { gateway } of [a, b]) {
    await gateway.ok(`dd if=/dev/urandom of=/tmp/www/file bs=1M count=${FILE_MIB}`);
  }
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const sum = await to.gateway.ok("sha256sum </tmp/www/file");
    const fetched = `curl -sf -m 200 http://${await to.address(IPV4)}/file | sha256sum`;
    assert.is(await from.ok(`sh -c '${fetched}'`), sum);
  }
});

tests.test("TCP to the other segment, and to the own gateway", async () => {
  const server = b.start("iperf3 -s");
  measured.across = await throughput(a, await b.address(IPV4));
  server.kill("SIGKILL");
  const own = (await a.ok("ip -4 route show default")).split(" ")[2] ?? "";
  const here = a.gateway.start("iperf3 -s");
  await a.gateway.ok("nft insert rule inet scsigate input tcp dport 5201 accept");
  measured.own = await throughput(a, own);
  here.kill("SIGKILL");
});

tests.test("a gateway that loses its power is back by itself", async () => {
  await b.gateway.kill();
  await b.gateway.boot();
  const since = Date.now();
  await b.plug();
  await a.reaches(await b.address(IPV4));
  measured.away = (Date.now() - since) / 1000;
});

tests.test("what was measured is written down", async () => {
  const part = (): string =>
    toPart(twoGateways, [
      ["from a station's adapter until it reaches the other segment", `${measured.joined.toFixed(0)} s`],
      ["TCP to the other segment, to the own gateway = 1", (measured.across / measured.own).toFixed(2)],
      [
        "a gateway lost its power: its page is there again, and after that its station",
        `${measured.away.toFixed(0)} s`,
      ],
    ]);
  console.log(`  ${writeDown(twoGateways, measured, forDocs(part))}`);
});

tests.run();
