// SPDX-License-Identifier: Apache-2.0
// The article's last use: parallel computation. PVM, as Debian has it, over two SCSI buses; and for comparison the same hosts on an
// Ethernet of 100 Mbit/s. What it starts its daemons with stands for rsh; all that they say to each other goes over the network.
import * as assert from "uvu/assert";
import { pvm } from "../src/arrangements/all.ts";
import { addressOf, hostsOf } from "../src/arrangements/plan.ts";
import { forDocs, toPart, writeDown } from "../src/arrangements/report.ts";
import { topologyOf } from "../src/arrangements/scenario.ts";
import { ArrangementRig } from "../src/rigs/arrangement.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";

const MASTER = "a";
const WORKERS = ["b", "d", "e", "f"] as const;
const RUN = "/run/pvm";
/** Of a host's second name, on the Ethernet. */
const LAN = "-lan";
const TIMEOUT = 300_000;

/** Columns, rows, iterations: a picture that takes time to draw, and one that takes time to carry. */
const DEEP = "400 300 1000";
const WIDE = "100000 200 2";

const RSH = `#!/bin/sh
host=$1; shift
[ "$1" = -l ] && shift 2
exec env PVM_TMP=${RUN}/$host ip netns exec \${host%${LAN}} sh -c "$*"
`;
const ENVIRONMENT = `PVM_ALLOW_ROOT=1 PVM_ROOT=/usr/lib/pvm3 PVM_RSH=${RUN}/rsh`;

interface Picture {
  readonly seconds: number;
  readonly sum: string;
  /** By host. */
  readonly rows: Readonly<Record<string, number>>;
}

let rig: ArrangementRig;
const measured: Record<string, number> = {};

/** In the master. @param hosts nobody: it draws alone */
async function draw(picture: string, hosts: readonly string[], suffix = ""): Promise<Picture> {
  const names = hosts.map((host) => host + suffix);
  const command = `env ${ENVIRONMENT} PVM_TMP=${RUN}/${MASTER}${suffix} farm ${picture} ${names.join(" ")}`;
  const { code, stdout, stderr } = await rig.in(MASTER, command, { timeout: TIMEOUT });
  assert.is(code, 0, stdout + stderr);
  const lines = stdout.trim().split("\n");
  const [seconds = "", sum = ""] = lines.pop()?.split(" ") ?? [];
  const rows = Object.fromEntries(lines.map((line) => line.split(" ")).map(([host = "", n]) => [host, Number(n)]));
  return { seconds: Number(seconds), sum, rows };
}

/** PVM's daemons, on one of the two networks. */
async function startPvm(suffix: string): Promise<void> {
  const names = [MASTER, ...WORKERS].map((host) => host + suffix);
  const lines = names.map((name) => `${name} dx=/usr/bin/pvmd ep=/usr/bin\n`).join("");
  await rig.vm.writeFile(`${RUN}/hostfile`, lines);
  await rig.vm.ok(`killall pvmd; mkdir -p ${names.map((name) => `${RUN}/${name}`).join(" ")}`);
  const daemon = `env ${ENVIRONMENT} PVM_TMP=${RUN}/${MASTER}${suffix} pvmd -n${MASTER}${suffix} ${RUN}/hostfile`;
  rig.vm.start(`exec ip netns exec ${MASTER} ${daemon} >${RUN}/log 2>&1`);
  const ready = `cat ${names.map((name) => `${RUN}/${name}/pvml.0`).join(" ")} | grep -c ready`;
  await waitFor("all of PVM's daemons", async () => Number((await rig.vm.run(ready)).stdout) === names.length, {
    timeout: 60_000,
  });
}

/** A bridge with a cable to each host, 100 Mbit/s both ways. */
async function layEthernet(): Promise<void> {
  const limit = (device: string): string =>
    `tc qdisc add dev ${device} root tbf rate 100mbit burst 16kb latency 50ms; ethtool -K ${device} tso off gso off gro off`;
  const cables = [MASTER, ...WORKERS].map(
    (host, index) => `ip link add lan-${host} type veth peer name eth0 netns ${host}
ip link set lan-${host} master lan up
${limit(`lan-${host}`)}
ip -n ${host} addr add 10.200.0.${index + 1}/24 dev eth0; ip -n ${host} link set eth0 up
ip netns exec ${host} sh -c '${limit("eth0")}'
`,
  );
  await rig.vm.ok("sh -s", { input: `set -e\nip link add lan type bridge; ip link set lan up\n${cables.join("")}` });
}

const tests = scenario(pvm.name, topologyOf(pvm, { layers: ["pvm"] }), {
  prepare: async (bench) => {
    rig = new ArrangementRig(bench.vm("loop"), pvm);
    await rig.setUp();
    const scsi = hostsOf(pvm).map((host) => `${addressOf(pvm, host)} ${host}\n`);
    const ethernet = [MASTER, ...WORKERS].map((host, index) => `10.200.0.${index + 1} ${host}${LAN}\n`);
    await rig.vm.writeFile("/etc/hosts", ["127.0.0.1 localhost\n", ...scsi, ...ethernet].join(""));
    await rig.vm.writeFile(`${RUN}/rsh`, RSH);
    await rig.vm.ok(`chmod +x ${RUN}/rsh`);
    await layEthernet();
    await startPvm("");
  },
});

tests.test("hosts on both buses draw one picture, as one host does alone", async () => {
  const alone = await draw(DEEP, []);
  measured["alone"] = alone.seconds;
  for (const count of [1, 2, 4]) {
    const hosts = WORKERS.slice(0, count);
    const { seconds, sum, rows } = await draw(DEEP, hosts);
    assert.is(sum, alone.sum);
    for (const host of hosts) assert.ok((rows[host] ?? 0) > 0, `${host} drew rows`);
    measured[`deep${count}`] = seconds;
  }
});

tests.test("a picture that is mostly to be carried, on SCSI and on Ethernet", async () => {
  const alone = await draw(WIDE, []);
  const scsi = await draw(WIDE, WORKERS);
  assert.is(scsi.sum, alone.sum);
  await startPvm(LAN);
  const ethernet = await draw(WIDE, WORKERS, LAN);
  assert.is(ethernet.sum, alone.sum);
  measured["wideScsi"] = scsi.seconds;
  measured["wideEthernet"] = ethernet.seconds;
  measured["deepEthernet"] = (await draw(DEEP, WORKERS, LAN)).seconds;
});

tests.test("what was measured is written down", async () => {
  const ratio = (over: string, under: string): string =>
    ((measured[over] ?? Number.NaN) / (measured[under] ?? Number.NaN)).toFixed(2);
  const part = (): string =>
    toPart(pvm, [
      [
        "a picture that takes time to draw: speed-up by 1, 2, 4 hosts",
        [1, 2, 4].map((n) => ratio("alone", `deep${n}`)).join(", "),
      ],
      ["the same by 4 hosts on Ethernet of 100 Mbit/s", ratio("alone", "deepEthernet")],
      ["20 MB of picture, nothing to draw: SCSI against that Ethernet", ratio("wideEthernet", "wideScsi")],
    ]);
  console.log(`  ${writeDown(pvm, measured, forDocs(part))}`);
});

tests.run();
