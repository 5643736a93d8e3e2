// SPDX-License-Identifier: Apache-2.0
// What figures are measured on: hubs and stations in one kernel, with what a station agrees on chosen by us (compare rigs/loop.ts).
import { LabError } from "../errors.ts";
import { waitFor } from "../time.ts";
import type { Vm } from "../vm/vm.ts";

const CONFIGFS = "/sys/kernel/config/target";

export interface Hub {
  readonly name: string;
  readonly address: string;
  /** First three numbers of the addresses on it. */
  readonly net: string;
  readonly backend: string;
}

/** A tcm_loop adapter whose LUN is a hub. */
export interface Adapter {
  readonly device: string;
  /** "/dev/sgN". */
  readonly sg: string;
}

export interface Station extends Adapter {
  readonly namespace: string;
  readonly segment: string;
  readonly address: string;
  readonly hub: Hub;
}

export interface StationOptions {
  /** Words for the segment's file "features"; what it has by itself otherwise. */
  readonly features?: string;
}

export class BenchRig {
  readonly vm: Vm;
  #adapters = 0;
  #hubs = 0;

  constructor(vm: Vm) {
    this.vm = vm;
  }

  async setUp(): Promise<void> {
    await this.vm.ok(`set -e
      modprobe -a configfs target_core_mod tcm_loop ipscsi ipscsi_target sg tun veth nf_tables
      grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config
      echo N >/sys/module/ipscsi/parameters/auto_attach
      sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1
      iperf3 -s -D`);
    await this.dropDiscard();
  }

  /**
   * Datagrams to the discard port end where IP gets them, instead of in an ICMP error each.
   * In the root namespace, or that of a station.
   */
  async dropDiscard(namespace?: string): Promise<void> {
    const prefix = namespace === undefined ? "" : `ip netns exec ${namespace} `;
    await this.vm.ok(`${prefix}nft -f -`, {
      input: "table ip bench { chain pre { type filter hook prerouting priority raw; udp dport 9 drop; }; }\n",
    });
  }

  async hub(): Promise<Hub> {
    const number = this.#hubs++;
    const name = `hub${number}`;
    const net = `10.143.${number}`;
    const hub = { name, net, address: `${net}.1`, backend: `${CONFIGFS}/core/ipscsi_${number}/lun` };
    await this.vm.ok(`set -e
      ip link add ${name} type ipscsi
      ip addr add ${hub.address}/24 dev ${name}
      ip link set ${name} up
      mkdir -p ${hub.backend}
      echo segment=${name} >${hub.backend}/control
      echo 1 >${hub.backend}/enable`);
    return hub;
  }

  /** Plugs adapters in that lead to a hub; returns them in order. All of them in one command: each takes a moment. */
  async plug(hub: Hub, count = 1): Promise<Adapter[]> {
    const first = this.#adapters + 1;
    this.#adapters += count;
    const before = new Set(await this.#devices());
    await this.vm.ok(
      `set -e
      for n in $(seq ${first} ${first + count - 1}); do
        hex=$(printf %02x $n)
        path=${CONFIGFS}/loopback/naa.50014050000000$hex/tpgt_1
        mkdir -p $path/lun/lun_0
        echo naa.60014050000000$hex >$path/nexus
        ln -s ${hub.backend} $path/lun/lun_0/port
      done`,
      { timeout: 120_000 },
    );
    const devices = await waitFor(
      `${count} SCSI devices of ${hub.name}`,
      async () => {
        const found = (await this.#devices()).filter((device) => !before.has(device));
        return found.length === count ? found : undefined;
      },
      { timeout: 60_000 },
    );
    // host numbers grow in the order of plugging in
    devices.sort((a, b) => Number(a.split(":")[0]) - Number(b.split(":")[0]));
    const names = await this.vm.ok(
      `for d in ${devices.join(" ")}; do ls /sys/bus/scsi/devices/$d/scsi_generic | head -n 1; done`,
    );
    return names.split("\n").map((sg, index) => ({ device: devices[index] ?? "", sg: `/dev/${sg.trim()}` }));
  }

  /** A station in a namespace of its own. */
  async attach(hub: Hub, options: StationOptions = {}): Promise<Station> {
    const [adapter] = await this.plug(hub);
    if (adapter === undefined) throw new LabError("vm-command-failed", "No adapter appeared.", "See the VM's dmesg.");
    const number = this.#adapters;
    const namespace = `st${number}`;
    const segment = `seg${number}`;
    const station = { ...adapter, namespace, segment, hub, address: `${hub.net}.${10 + number}` };
    const choose =
      options.features === undefined ? "" : `echo ${options.features} >/sys/class/net/${segment}/ipscsi/features`;
    await this.vm.ok(`set -e
      ip netns add ${namespace}
      ip link add ${segment} type ipscsi
      ${choose}
      echo ${segment} >/sys/bus/scsi/devices/${adapter.device}/ipscsi/segment
      ip link set ${segment} netns ${namespace}
      ip -n ${namespace} link set lo up
      ip -n ${namespace} addr add ${station.address}/24 dev ${segment}
      ip -n ${namespace} link set ${segment} up`);
    await this.dropDiscard(namespace);
    await this.reach(namespace, hub.address);
    return station;
  }

  /** Stations that do nothing but hold their GETs, as the other hosts of a segment do most of the time. */
  async attachIdle(hub: Hub, count: number): Promise<void> {
    const adapters = await this.plug(hub, count);
    await this.vm.ok(
      `set -e
      n=0
      for d in ${adapters.map(({ device }) => device).join(" ")}; do
        n=$((n + 1))
        ip link add idle$n type ipscsi
        echo idle$n >/sys/bus/scsi/devices/$d/ipscsi/segment
        ip link set idle$n up
      done`,
      { timeout: 120_000 },
    );
    await waitFor(
      `${count} idle stations`,
      async () => {
        const up = await this.vm.ok(`grep -lx up /sys/class/net/idle*/ipscsi/peers/*/state | wc -l`);
        return Number(up) === count;
      },
      { timeout: 60_000 },
    );
  }

  /** A veth pair between a station's namespace and the root's; returns the address of the root's end. */
  async veth(station: Station): Promise<string> {
    await this.vm.ok(`set -e
      ip link add ve0 type veth peer name ve1
      ip link set ve1 netns ${station.namespace}
      ip addr add 10.144.0.1/24 dev ve0
      ip link set ve0 up
      ip -n ${station.namespace} addr add 10.144.0.2/24 dev ve1
      ip -n ${station.namespace} link set ve1 up`);
    await this.reach(station.namespace, "10.144.0.1");
    return "10.144.0.1";
  }

  async reach(namespace: string, address: string): Promise<void> {
    await waitFor(
      `${namespace} to reach ${address}`,
      async () => (await this.vm.run(`ip netns exec ${namespace} ping -n -c 1 -W 1 ${address}`)).code === 0,
      { timeout: 20_000, interval: 100 },
    );
  }

  /** The user-space daemon on an adapter, in a namespace of its own. Returns what ends it. */
  async daemon(hub: Hub, adapter: Adapter): Promise<{ namespace: string; stop: () => Promise<void> }> {
    const namespace = "daemon";
    await this.vm.ok(`ip netns add ${namespace}; ip -n ${namespace} link set lo up`);
    const running = this.vm.start(`exec ip netns exec ${namespace} bench-tool daemon ${adapter.sg}`);
    await waitFor("the daemon", () => running.output.includes("ready"), { timeout: 10_000 });
    await this.vm.ok(`set -e
      ip -n ${namespace} addr add ${hub.net}.250/24 dev tun0
      ip -n ${namespace} link set tun0 up`);
    await this.reach(namespace, hub.address);
    return {
      namespace,
      stop: async () => {
        running.kill("SIGTERM");
        await running.done;
        await this.vm.ok(`ip netns del ${namespace}`);
      },
    };
  }

  async #devices(): Promise<string[]> {
    const out = await this.vm.ok("grep -lx 9 /sys/bus/scsi/devices/*:*:*:*/type 2>/dev/null || true");
    return out
      .split("\n")
      .filter(Boolean)
      .map((path) => path.split("/").at(-2) ?? "");
  }
}
