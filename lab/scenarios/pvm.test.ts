// SPDX-License-Identifier: Apache-2.0
// The article's last use: parallel computation. PVM, as Debian has it, over two SCSI buses; and for comparison the same hosts on a
// virtual Ethernet. What it starts its daemons with stands for rsh; all that they say to each other goes over the network.
// The processors of a VM take turns, so nothing gets done sooner by it here; the processor time says what it costs to hand work out.
import * as assert from "uvu/assert";
import { pvm } from "../src/arrangements/all.ts";
import { addressOf, hostsOf } from "../src/arrangements/plan.ts";
import { forDocs, toPart, writeDown } from "../src/arrangements/report.ts";
import { topologyOf } from "../src/arrangements/scenario.ts";
import { ArrangementRig } from "../src/rigs/arrangement.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { processorSeconds } from "../src/vm/cleanup.ts";

const MASTER = "a";
const WORKERS = ["b", "d", "e", "f"] as const;
const RUN = "/run/pvm";
/** Of a host's second name, on the Ethernet. */
const LAN = "-lan";
/** Of each measurement: other programs on the machine make single ones longer. */
const TRIES = 3;
const TIMEOUT = 300_000;

/** Columns, rows, iterations: a picture that takes time to draw, and one that takes time to carry. */
const DEEP = "400 300 2000";
const WIDE = "100000 200 2";

const RSH = `#!/bin/sh
host=$1; shift
[ "$1" = -l ] && shift 2
export PVM_TMP=${RUN}/$host
exec ip netns exec \${host%${LAN}} sh -c "$*"
`;
const ENVIRONMENT = `PVM_ALLOW_ROOT=1 PVM_ROOT=/usr/lib/pvm3 PVM_RSH=${RUN}/rsh`;

interface Picture {
  readonly sum: string;
  /** What all of it took. */
  readonly processor: number;
  /** By host. */
  readonly rows: Readonly<Record<string, number>>;
}

let rig: ArrangementRig;
const measured: Record<string, number> = {};

/** In the master. @param hosts nobody: it draws alone */
async function draw(picture: string, hosts: readonly string[], suffix = ""): Promise<Picture> {
  const names = hosts.map((host) => host + suffix);
  const command = `env ${ENVIRONMENT} PVM_TMP=${RUN}/${MASTER}${suffix} farm ${picture} ${names.join(" ")}`;
  const from = processorSeconds();
  const { code, stdout, stderr } = await rig.in(MASTER, command, { timeout: TIMEOUT });
  assert.is(code, 0, stdout + stderr);
  const processor = processorSeconds() - from;
  const lines = stdout.trim().split("\n");
  const sum = lines.pop() ?? "";
  const rows = Object.fromEntries(lines.map((line) => line.split(" ")).map(([host = "", n]) => [host, Number(n)]));
  return { sum, processor, rows };
}

/** PVM's daemons, on one of the two networks. */
async function startPvm(suffix: string): Promise<void> {
  const names = [MASTER, ...WORKERS].map((host) => host + suffix);
  const lines = names.map((name) => `${name} dx=/usr/bin/pvmd ep=/usr/bin\n`).join("");
  await rig.vm.writeFile(`${RUN}/hostfile`, lines);
  // A daemon writes into no log that is there already.
  const folders = names.map((name) => `${RUN}/${name}`).join(" ");
  await rig.vm.ok(`killall pvmd; while pidof pvmd; do sleep 0.1; done; rm -rf ${folders}; mkdir -p ${folders}`);
  const daemon = `env ${ENVIRONMENT} PVM_TMP=${RUN}/${MASTER}${suffix} pvmd -n${MASTER}${suffix} ${RUN}/hostfile`;
  rig.vm.start(`exec ip netns exec ${MASTER} ${daemon} >${RUN}/log 2>&1`);
  const ready = `cat ${names.map((name) => `${RUN}/${name}/pvml.0`).join(" ")} | grep -c ready`;
  await waitFor("all of PVM's daemons", async () => Number((await rig.vm.run(ready)).stdout) === names.length, {
    timeout: 60_000,
  });
}

/** A bridge with a cable to each host. */
async function layEthernet(): Promise<void> {
  const cables = [MASTER, ...WORKERS].map(
    (host, index) => `ip link add lan-${host} type veth peer name eth0 netns ${host}
ip link set lan-${host} master lan up
ip -n ${host} addr add 10.200.0.${index + 1}/24 dev eth0; ip -n ${host} link set eth0 up
`,
  );
  await rig.vm.ok("sh -s", { input: `set -e\nip link add lan type bridge; ip link set lan up\n${cables.join("")}` });
}

const topology = topologyOf(pvm, {
  layers: ["pvm"],
  // PVM asks for the port of rexec even where it uses rsh.
  files: { "/etc/services": "exec 512/tcp\n" },
});

const tests = scenario(pvm.name, topology, {
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

/** The one that took the least. */
async function drawWell(picture: string, hosts: readonly string[], suffix = ""): Promise<Picture> {
  const pictures: Picture[] = [];
  for (let n = 0; n < TRIES; n++) pictures.push(await draw(picture, hosts, suffix));
  for (const { sum } of pictures) assert.is(sum, pictures[0]?.sum);
  return pictures.reduce((one, other) => (other.processor < one.processor ? other : one));
}

/** The picture is the same, and all hosts drew of it. @returns its processor time, that of one host alone being 1 */
async function compare(alone: Picture, picture: string, hosts: readonly string[], suffix = ""): Promise<number> {
  const { sum, processor, rows } = await drawWell(picture, hosts, suffix);
  assert.is(sum, alone.sum);
  for (const host of hosts) assert.ok((rows[host + suffix] ?? 0) > 0, `${host} drew rows`);
  return processor / alone.processor;
}

tests.test("hosts on both buses draw one picture, as one host does alone", async () => {
  const alone = await drawWell(DEEP, []);
  for (const count of [1, 2, 4]) measured[`deep${count}`] = await compare(alone, DEEP, WORKERS.slice(0, count));
});

tests.test("a picture that is mostly to be carried, on SCSI and on Ethernet", async () => {
  const alone = await drawWell(WIDE, []);
  measured["wideScsi"] = await compare(alone, WIDE, WORKERS);
  await startPvm(LAN);
  measured["wideEthernet"] = await compare(alone, WIDE, WORKERS, LAN);
});

tests.test("what was measured is written down", async () => {
  const times = (...names: string[]): string =>
    names.map((name) => (measured[name] ?? Number.NaN).toFixed(2)).join(", ");
  const part = (): string =>
    toPart(pvm, [
      [
        "120 kB of picture, long to draw: processor time by 1, 2, 4 hosts, one alone = 1",
        times("deep1", "deep2", "deep4"),
      ],
      ["20 MB of picture, quick to draw: by 4 hosts, one alone = 1", times("wideScsi")],
      ["the same on a virtual Ethernet", times("wideEthernet")],
    ]);
  console.log(`  ${writeDown(pvm, measured, forDocs(part))}`);
});

tests.run();
