// SPDX-License-Identifier: Apache-2.0
// Stations on the modelled parallel bus, all in one kernel: an adapter, a segment and a network namespace for each.
import { scaled, waitFor } from "../time.ts";
import { IDS, type ModelledBus } from "./aha152x.ts";
import { CONFIGFS } from "./loop.ts";

const BACKENDS = `${CONFIGFS}/core/ipscsi_0`;

export interface StationsOptions {
  readonly stations: number;
  /** Which of them are targets; the others reach these by SEND and are reached by GET. */
  readonly targets: readonly number[];
  /** Of the segments; their default otherwise. */
  readonly mtu?: number;
}

export class BusStations {
  readonly bus: ModelledBus;
  readonly #numbers: readonly number[];
  readonly #targets: readonly number[];

  private constructor(bus: ModelledBus, { stations, targets }: StationsOptions) {
    this.bus = bus;
    this.#numbers = Array.from({ length: stations }, (_, number) => number);
    this.#targets = targets;
  }

  /** Exports the targets' segments, lets every station attach to each target, all at the same time, and gives them addresses. */
  static async create(bus: ModelledBus, options: StationsOptions): Promise<BusStations> {
    const rig = new BusStations(bus, options);
    const { vm } = bus;
    await vm.ok(`set -e
      modprobe -a ipscsi ipscsi_target; echo 0 >/sys/module/ipscsi/parameters/auto_attach
      grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config
      for n in ${rig.#numbers.join(" ")}; do ip link add sym$n${options.mtu === undefined ? "" : ` mtu ${options.mtu}`} type ipscsi; ip link set sym$n up; done
      for n in ${rig.#targets.join(" ")}; do
        mkdir -p ${BACKENDS}/sym$n
        echo segment=sym$n >${BACKENDS}/sym$n/control
        echo 1 >${BACKENDS}/sym$n/enable
      done`);
    for (const number of rig.#targets) await bus.serve(number, `ipscsi_0/sym${number}`);
    const attach = await Promise.all(
      rig.#numbers.map(async (from) => {
        const ids = rig.#targets.filter((to) => to !== from).map((to) => IDS[to]);
        return `attach ${(await bus.host(from)).slice(4)} sym${from} ${ids.join(" ")} &\n`;
      }),
    );
    await vm.ok("sh -s", {
      input: `set -e
attach() {
  host=$1 segment=$2; shift 2
  for id; do
    echo "0 $id 0" >/sys/class/scsi_host/host$host/scan
    at=/sys/bus/scsi/devices/$host:0:$id:0/ipscsi/segment
    until [ -e $at ]; do sleep 0.1; done
    echo $segment >$at
  done
}
${attach.join("")}wait
for n in ${rig.#numbers.join(" ")}; do
  ip netns add bus$n; ip link set sym$n netns bus$n
  ip -n bus$n addr add 10.144.0.$((n + 1))/24 dev sym$n; ip -n bus$n link set sym$n up
done
`,
      timeout: 60_000,
    });
    return rig;
  }

  namespace(number: number): string {
    return `bus${number}`;
  }

  address(number: number): string {
    return `10.144.0.${number + 1}`;
  }

  /** One value of all peers of a station, such as "mode". */
  async peers(number: number, what: string): Promise<string[]> {
    return (await this.#in(number, `cat ${this.#files(number)}/peers/*/${what}`)).split("\n");
  }

  /** Writes one of the files of a station's segment. */
  async set(number: number, file: string, value: string): Promise<void> {
    await this.#in(number, `echo ${value} >${this.#files(number)}/${file}`);
  }

  /** One of the segments' counters (ethtool -S), of all stations together. */
  async count(counter: string): Promise<number> {
    const values = await this.bus.vm.ok(
      `for n in ${this.#numbers.join(" ")}; do ip netns exec bus$n ethtool -S sym$n; done | sed -n 's/^ *${counter}: //p'`,
    );
    return values.split("\n").reduce((sum, value) => sum + Number(value), 0);
  }

  /** Waits until every station reaches every other. One ping each that goes on asking: to start many keeps a slow machine from all else. */
  async reachAll(): Promise<void> {
    const patience = Math.ceil(scaled(10_000) / 1000);
    await Promise.all(
      this.#numbers.map((from) => {
        const others = this.#numbers.filter((to) => to !== from).map((to) => this.address(to));
        return waitFor(
          `${others.join(", ")} to answer ${this.address(from)}`,
          async () => {
            const asked = others.map((to) => `ping -q -c 1 -w ${patience} ${to}`).join(" && ");
            return (
              (await this.bus.vm.run(`ip netns exec ${this.namespace(from)} sh -c '${asked}'`)).code === 0 || undefined
            );
          },
          { timeout: 60_000, interval: 1000 },
        );
      }),
    );
  }

  /** Sends `bytes` from one to the other in each pair, all at the same time, by TCP; what arrives must be what was sent. */
  async copy(pairs: readonly (readonly [from: number, to: number])[], bytes: number, timeout = 120_000): Promise<void> {
    const each = (line: (from: number, to: number, port: number) => string): string =>
      pairs.map(([from, to], index) => line(from, to, 7000 + index)).join("\n");
    await this.bus.vm.ok("sh -s", {
      input: `set -e; cd /run
mkfifo hold # nc ends a connection when its input ends: a receiver's does not
${each((_, to, port) => `ip netns exec ${this.namespace(to)} nc -l -p ${port} <>hold | sha256sum >got.${port} &`)}
${each((_, to, port) => `until ip netns exec ${this.namespace(to)} ss -ltn | grep -q :${port}; do sleep 0.1; done`)}
${each(
  (from, to, port) => `mkfifo copy.${port}; sha256sum <copy.${port} >sent.${port} &
head -c ${bytes} /dev/urandom | tee copy.${port} | ip netns exec ${this.namespace(from)} nc -w 60 ${this.address(to)} ${port} &`,
)}
wait; rm hold
${each((_from, _to, port) => `cmp sent.${port} got.${port}; rm sent.${port} got.${port} copy.${port}`)}
`,
      timeout,
    });
  }

  #files(number: number): string {
    return `/sys/class/net/sym${number}/ipscsi`;
  }

  /** In its namespace, which has a /sys of its own. */
  #in(number: number, command: string): Promise<string> {
    return this.bus.vm.ok(`ip netns exec ${this.namespace(number)} sh -c '${command}'`);
  }

  /** Takes back all that was made, the bus, too. */
  async tearDown(): Promise<void> {
    await this.bus.tearDown();
    await this.bus.vm.ok(`set -e
      rmdir ${BACKENDS}/sym* ${BACKENDS}
      for n in ${this.#numbers.join(" ")}; do ip -n bus$n link del sym$n; ip netns del bus$n; done
      modprobe -r ipscsi_target; modprobe -r ipscsi`);
  }
}
