// SPDX-License-Identifier: Apache-2.0
// Two VMs with a cable between them that is as slow as a real one: an emulated LSI53C895A over iSCSI to the hub's LIO target. The
// hub's interface is shaped, both directions together, for a parallel bus carries one at a time.
import { waitFor } from "../time.ts";
import type { Topology } from "../topologies/types.ts";
import { Bench } from "../vm/bench.ts";
import type { Vm } from "../vm/vm.ts";
import { raw } from "./measure.ts";
import type { Measured } from "./stats.ts";
import { installTool } from "./tool.ts";

const TARGET = "iqn.2026-11.org.scsigate:bench";
const INITIATOR = "iqn.2026-11.org.scsigate:bench-station";
const HUB_ADDRESS = "10.143.0.1";
const STATION_ADDRESS = "10.143.0.2";
/** Ultra SCSI, 8 bits wide, bytes a second. */
const ULTRA = 20_000_000;
/** Of what the emulated path moves unshaped; the cable must be the slowest part. */
const SHARE = 0.5;
const SECONDS = 4;
/** A datagram as long as the MTU. */
const MESSAGE = 65_280;
/** SENDs in flight: the adapter queues 16, half of it for GETs. */
const DEPTH = 7;

export const cable: Topology = {
  name: "bench-cable",
  ports: { iscsi: 3260 },
  vms: [
    {
      name: "hub",
      role: "loop",
      memoryMiB: 384,
      cpus: 1,
      layers: [],
      interfaces: [{ kind: "user", mac: "52:54:00:5c:52:01", address: "10.0.2.15", forwards: { iscsi: 3260 } }],
      adapters: [],
      files: {},
      after: [],
      ready: "true",
      readySeconds: 60,
    },
    {
      name: "station",
      role: "loop",
      memoryMiB: 384,
      cpus: 1,
      layers: [],
      interfaces: [],
      adapters: [{ kind: "lsi53c895a", port: "iscsi", target: TARGET, lun: 0, initiator: INITIATOR }],
      files: {},
      after: ["hub"],
      ready: "true",
      readySeconds: 90,
    },
  ],
};

async function setUpHub(hub: Vm): Promise<void> {
  await hub.ok(
    `set -e
    modprobe -a configfs target_core_mod iscsi_target_mod ipscsi ipscsi_target nf_tables
    grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config
    ip addr add 10.0.2.15/24 dev eth0
    ip link set eth0 up
    ip link add hub0 type ipscsi
    ip addr add ${HUB_ADDRESS}/24 dev hub0
    ip link set hub0 up
    core=/sys/kernel/config/target/core/ipscsi_0/lun
    mkdir -p $core
    echo segment=hub0 >$core/control
    echo 1 >$core/enable
    tpg=/sys/kernel/config/target/iscsi/${TARGET}/tpgt_1
    mkdir -p $tpg/lun/lun_0 $tpg/np/0.0.0.0:3260
    ln -s $core $tpg/lun/lun_0/port
    echo 1 >$tpg/attrib/generate_node_acls
    echo 0 >$tpg/attrib/demo_mode_write_protect
    echo 0 >$tpg/attrib/authentication
    echo 1 >$tpg/enable
    iperf3 -s -D`,
  );
  await hub.ok("nft -f -", {
    input: "table ip bench { chain pre { type filter hook prerouting priority raw; udp dport 9 drop; }; }\n",
  });
}

/** Bytes a second on the hub's interface, both directions together. */
async function shape(hub: Vm, rate: number): Promise<void> {
  await hub.ok(`set -e
    modprobe -a ifb sch_tbf sch_ingress cls_matchall act_mirred
    ip link add ifb0 type ifb 2>/dev/null || true
    ip link set ifb0 up
    tc qdisc replace dev ifb0 root tbf rate ${rate * 8}bit burst 128kb limit 8mb
    tc qdisc add dev eth0 clsact
    tc filter add dev eth0 ingress matchall action mirred egress redirect dev ifb0
    tc filter add dev eth0 egress matchall action mirred egress redirect dev ifb0`);
}

class CableRig {
  readonly #hub: Vm;
  readonly #station: Vm;
  #device = "";
  #sg = "";

  constructor(bench: Bench) {
    this.#hub = bench.vm("hub");
    this.#station = bench.vm("station");
  }

  get hub(): Vm {
    return this.#hub;
  }

  async setUp(): Promise<void> {
    const station = this.#station;
    await station.ok("modprobe -a sg ipscsi");
    await waitFor(
      "the station's segment",
      async () => {
        const found = await station.ok("cd /sys/bus/scsi/devices && grep -lx seg0 *:*:*:*/ipscsi/segment || true");
        this.#device = found.split("/")[0] ?? "";
        return this.#device !== "";
      },
      { timeout: 30_000 },
    );
    this.#sg = `/dev/${await station.ok(`ls /sys/bus/scsi/devices/${this.#device}/scsi_generic`)}`;
    await station.ok(`ip addr add ${STATION_ADDRESS}/24 dev seg0; ip link set seg0 up`);
  }

  async #use(segment: "seg0" | "none"): Promise<void> {
    const file = `/sys/bus/scsi/devices/${this.#device}/ipscsi/segment`;
    await this.#station.ok(`[ $(cat ${file}) = ${segment} ] || echo ${segment} >${file}`, { timeout: 60_000 });
  }

  /** Bytes a second that SENDs move with nothing else on the cable. */
  async raw(): Promise<number> {
    await this.#use("none");
    const { bytesPerSecond } = await raw(this.#station, {
      sg: this.#sg,
      from: STATION_ADDRESS,
      to: HUB_ADDRESS,
      bytes: MESSAGE,
      depth: DEPTH,
      seconds: SECONDS,
    });
    return bytesPerSecond;
  }

  /** Bytes a second of TCP payload. */
  async tcp(): Promise<number> {
    await this.#use("seg0");
    const probe = async (): Promise<boolean> =>
      (await this.#station.run(`ping -n -c 1 -W 1 ${HUB_ADDRESS}`)).code === 0;
    await waitFor("the station to reach the hub", probe, { timeout: 20_000, interval: 100 });
    const report = await this.#station.json<{ end: { sum_received: { bits_per_second: number } } }>(
      `iperf3 -J -t ${SECONDS} -c ${HUB_ADDRESS}`,
      { timeout: 60_000 },
    );
    return report.end.sum_received.bits_per_second / 8;
  }
}

export async function measureCable(rounds: number, say: (line: string) => void): Promise<Measured> {
  const bench = await Bench.create(cable, { say, parallel: true });
  try {
    await bench.vm("hub").boot();
    await setUpHub(bench.vm("hub"));
    await bench.vm("station").boot();
    await installTool(bench.vm("station"));
    const rig = new CableRig(bench);
    await rig.setUp();
    const unshaped = await rig.raw();
    const rate = Math.min(ULTRA, Math.floor((unshaped * SHARE) / 100_000) * 100_000);
    say(
      `raw SENDs move ${(unshaped / 1e6).toFixed(1)} MB/s unshaped; the cable is shaped to ${(rate / 1e6).toFixed(1)} MB/s`,
    );
    await shape(rig.hub, rate);
    const ours: number[] = [];
    const baseline: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await rig.tcp());
      baseline.push(await rig.raw());
    }
    const note =
      rate === ULTRA
        ? undefined
        : `shaped to ${(rate / 1e6).toFixed(1)} MB/s instead of 20: the emulated path moves ${(unshaped / 1e6).toFixed(1)} MB/s unshaped.`;
    return { comparisons: [{ label: "", ours, baseline }], ...(note === undefined ? {} : { note }) };
  } catch (error) {
    await bench.saveLogs("bench-cable");
    throw error;
  } finally {
    await bench.stop();
  }
}
