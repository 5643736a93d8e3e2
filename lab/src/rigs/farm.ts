// SPDX-License-Identifier: Apache-2.0
// Parallel computation: lab/farm draws one picture on several hosts, over two SCSI buses and, for comparison, over an Ethernet of 100
// Mbit/s. The processors of a VM take turns, so nothing gets done sooner by it here; the processor time says what it costs to hand work out.
import * as assert from "uvu/assert";
import { addressOf, hostsOf } from "../arrangements/plan.ts";
import { toPart } from "../arrangements/report.ts";
import { processorSeconds } from "../vm/cleanup.ts";
import type { ArrangementRig } from "./arrangement.ts";

export const MASTER = "a";
export const WORKERS = ["b", "d", "e", "f"] as const;
/** Of a host's second name, on the Ethernet. */
export const LAN = "-lan";
/** Of each measurement: other programs on the machine make single ones longer. */
const TRIES = 3;
const TIMEOUT = 300_000;

/** Columns, rows, iterations: a picture that takes time to draw, and one that takes time to carry. */
const DEEP = "400 300 2000";
const WIDE = "100000 200 2";

interface Picture {
  readonly sum: string;
  /** What all of it took. */
  readonly processor: number;
  readonly elapsed: number;
  /** By host. */
  readonly rows: Readonly<Record<string, number>>;
}

/** The command that draws a picture in the master. @param names of the hosts; nobody: it draws alone */
export type Farm = (picture: string, names: readonly string[], suffix: string) => string;

/** In the master. */
async function draw(rig: ArrangementRig, command: string): Promise<Picture> {
  const [from, begin] = [processorSeconds(), Date.now()];
  const { code, stdout, stderr } = await rig.in(MASTER, command, { timeout: TIMEOUT });
  assert.is(code, 0, stdout + stderr);
  const [processor, elapsed] = [processorSeconds() - from, (Date.now() - begin) / 1000];
  const lines = stdout.trim().split("\n");
  const sum = lines.pop() ?? "";
  const rows = Object.fromEntries(lines.map((line) => line.split(" ")).map(([host = "", n]) => [host, Number(n)]));
  return { sum, processor, elapsed, rows };
}

/** A bridge with a cable to each host. */
async function layEthernet(rig: ArrangementRig): Promise<void> {
  const shape = (device: string): string => `qdisc add dev ${device} root tbf rate 100mbit burst 64kb latency 50ms`;
  const cables = [MASTER, ...WORKERS].map(
    (host, index) => `ip link add lan-${host} type veth peer name eth0 netns ${host}
ip link set lan-${host} master lan up
ip -n ${host} addr add 10.200.0.${index + 1}/24 dev eth0; ip -n ${host} link set eth0 up
tc ${shape(`lan-${host}`)}; ip netns exec ${host} tc ${shape("eth0")}
`,
  );
  const script = `set -e\nmodprobe sch_tbf\nip link add lan type bridge; ip link set lan up\n${cables.join("")}`;
  await rig.vm.ok("sh -s", { input: script });
}

export class FarmRig {
  readonly rig: ArrangementRig;
  readonly #farm: Farm;
  readonly measured: Record<string, number> = {};

  constructor(rig: ArrangementRig, farm: Farm) {
    this.rig = rig;
    this.#farm = farm;
  }

  async setUp(): Promise<void> {
    await this.rig.setUp();
    const { arrangement, vm } = this.rig;
    const scsi = hostsOf(arrangement).map((host) => `${addressOf(arrangement, host)} ${host}\n`);
    const ethernet = [MASTER, ...WORKERS].map((host, index) => `10.200.0.${index + 1} ${host}${LAN}\n`);
    await vm.writeFile("/etc/hosts", ["127.0.0.1 localhost\n", ...scsi, ...ethernet].join(""));
  }

  async drawDeep(): Promise<void> {
    const alone = await this.#best(DEEP, []);
    for (const count of [1, 2, 4]) {
      const shared = await this.#shared(alone, DEEP, WORKERS.slice(0, count), "");
      this.measured[`deep${count}`] = shared.processor / alone.processor;
    }
  }

  /** @param between called when all has been carried by SCSI, before it is by Ethernet, which is there then */
  async drawWide(between: () => Promise<void>): Promise<void> {
    const alone = await this.#best(WIDE, []);
    const scsi = await this.#shared(alone, WIDE, WORKERS, "");
    await layEthernet(this.rig);
    await between();
    const ethernet = await this.#shared(alone, WIDE, WORKERS, LAN);
    Object.assign(this.measured, {
      wideScsi: scsi.processor / alone.processor,
      wideEthernet: ethernet.processor / alone.processor,
      wideScsiSeconds: scsi.elapsed,
      wideEthernetSeconds: ethernet.elapsed,
    });
  }

  /** Part of docs/clusters.md. */
  part(): string {
    const figures = (...names: string[]): string =>
      names.map((name) => (this.measured[name] ?? Number.NaN).toFixed(2)).join(", ");
    return toPart(this.rig.arrangement, [
      [
        "120 kB of picture, long to draw: processor time by 1, 2, 4 hosts, one alone = 1",
        figures("deep1", "deep2", "deep4"),
      ],
      [
        "20 MB of picture, quick to draw: by 4 hosts, one alone = 1; seconds",
        figures("wideScsi", "wideScsiSeconds").replace(",", ";"),
      ],
      [
        "the same on a virtual Ethernet of 100 Mbit/s",
        figures("wideEthernet", "wideEthernetSeconds").replace(",", ";"),
      ],
    ]);
  }

  /** The one that took the least processor time. */
  async #best(picture: string, names: readonly string[], suffix = ""): Promise<Picture> {
    const pictures: Picture[] = [];
    for (let n = 0; n < TRIES; n++) pictures.push(await draw(this.rig, this.#farm(picture, names, suffix)));
    for (const { sum } of pictures) assert.is(sum, pictures[0]?.sum);
    return pictures.reduce((one, other) => (other.processor < one.processor ? other : one));
  }

  /** The picture is the same, and all hosts drew of it. */
  async #shared(alone: Picture, picture: string, hosts: readonly string[], suffix: string): Promise<Picture> {
    const names = hosts.map((host) => host + suffix);
    const found = await this.#best(picture, names, suffix);
    assert.is(found.sum, alone.sum);
    for (const name of names) assert.ok((found.rows[name] ?? 0) > 0, `${name} drew rows`);
    return found;
  }
}
