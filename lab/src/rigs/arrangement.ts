// SPDX-License-Identifier: Apache-2.0
// An arrangement (src/arrangements/plan.ts) in one kernel: a network namespace for each host, a hub segment for each bus in its first
// host, a tcm_loop adapter for each of the others. Packets between two hosts cross SCSI, once for each bus (twice where two
// initiators of one bus meet: the hub relays). Hosts on several buses route with BIRD, by Babel, as gateways do among each other.
import type { Bus, Network } from "../arrangements/plan.ts";
import { addressOf, addressOn, busesOf, hostsOf, routersOf } from "../arrangements/plan.ts";
import { LabError } from "../errors.ts";
import type { CommandResult } from "../vm/agent-client.ts";
import type { RunOptions, Vm } from "../vm/vm.ts";
import { iperfClient, iperfRate } from "./iperf.ts";
import { CONFIGFS, plugScript, stationScript } from "./loop.ts";

/** Of BIRD: one folder for each host that routes. */
const RUN = "/run/arrangement";
/** For the hosts of one bus to be there, milliseconds. */
const BUS_TIMEOUT = 120_000;

/** The hub of a bus, in the namespace of its first host. */
function hubScript(bus: Bus): string {
  const [head = ""] = bus.hosts;
  const backend = `${CONFIGFS}/core/ipscsi_0/${bus.name}`;
  return `set -e
ip link add ${bus.name} type ipscsi
mkdir -p ${backend}
echo segment=${bus.name} >${backend}/control
echo 1 >${backend}/enable
ip link set ${bus.name} netns ${head}
ip -n ${head} addr add ${addressOn(bus, head)}/24 dev ${bus.name}
ip -n ${head} link set ${bus.name} up
`;
}

/** What a host that is on one bus only is told by hand or by DHCP: who routes there. */
function leafScript(bus: Bus, host: string, router: string): string {
  return `ip -n ${host} route add default via ${addressOn(bus, router)}\n`;
}

function birdConfig(arrangement: Network, host: string): string {
  return `log "${RUN}/${host}/log" all;
router id ${addressOf(arrangement, host)};
protocol device { scan time 10; }
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export where source = RTS_BABEL; }; }
protocol babel {
  ipv4 { import all; export where source ~ [ RTS_DEVICE, RTS_BABEL ]; };
  interface "*" { type wired; check link; hello interval 1 s; update interval 4 s; };
}
`;
}

export class ArrangementRig {
  readonly arrangement: Network;
  readonly vm: Vm;

  constructor(vm: Vm, arrangement: Network) {
    this.vm = vm;
    this.arrangement = arrangement;
  }

  async setUp(): Promise<void> {
    const { buses } = this.arrangement;
    await this.#script(`set -e
modprobe -a configfs target_core_mod tcm_loop ipscsi ipscsi_target
grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config
for host in ${hostsOf(this.arrangement).join(" ")}; do ip netns add $host; ip -n $host link set lo up; done
`);
    let number = 0;
    for (const bus of buses) {
      const stations = bus.hosts.slice(1).map((host) => {
        number += 1;
        const plugged = plugScript(number, `${CONFIGFS}/core/ipscsi_0/${bus.name}`);
        return plugged + stationScript(number, host, bus.name, `${addressOn(bus, host)}/24`);
      });
      await this.#script(hubScript(bus) + stations.join(""));
    }
    const routers = routersOf(this.arrangement);
    const leaves = buses.flatMap((bus) => {
      const router = bus.hosts.find((host) => routers.includes(host));
      return router === undefined
        ? []
        : bus.hosts.filter((host) => !routers.includes(host)).map((host) => leafScript(bus, host, router));
    });
    await this.#script(`set -e\n${leaves.join("")}`);
    for (const host of routers) {
      await this.vm.writeFile(`${RUN}/${host}/bird.conf`, birdConfig(this.arrangement, host));
      await this.#script(`set -e
ip netns exec ${host} sysctl -qw net.ipv4.ip_forward=1
ip netns exec ${host} bird -c ${RUN}/${host}/bird.conf -s ${RUN}/${host}/ctl -P ${RUN}/${host}/pid
`);
    }
  }

  /** Runs a command in a host. */
  in(host: string, command: string, options: RunOptions = {}): Promise<CommandResult> {
    return this.vm.run(`ip netns exec ${host} ${command}`, options);
  }

  /** The hosts that do not answer this one. Each is asked five times, over more than two seconds. */
  async unanswered(from: string): Promise<string[]> {
    const names = new Map(
      hostsOf(this.arrangement)
        .filter((host) => host !== from)
        .map((host) => [addressOf(this.arrangement, host), host]),
    );
    const { code, stdout, stderr } = await this.in(from, "fping -u -r 4 -t 500 -i 2", {
      input: [...names.keys()].join("\n"),
      timeout: 120_000,
    });
    // 1: some do not answer
    if (code > 1) throw new LabError("vm-command-failed", `fping in ${from}: ${stderr}`, "See its manual page.");
    return stdout.split("\n").flatMap((line) => names.get(line.trim()) ?? []);
  }

  /** Buses that a packet and its answer cross, as the answer's TTL says. */
  async hops(from: string, to: string): Promise<number> {
    const { stdout } = await this.in(from, `ping -c 1 -W 5 ${addressOf(this.arrangement, to)}`);
    const ttl = /ttl=(\d+)/.exec(stdout)?.[1];
    if (ttl === undefined)
      throw new LabError("vm-command-failed", `${to} does not answer ${from}:\n${stdout}`, "See the logs.");
    return 64 - Number(ttl) + 1;
  }

  /** A power cut, as the others see it: nobody says good-bye, and buses of which it is the target are gone. */
  async cutPower(host: string): Promise<void> {
    const links = busesOf(this.arrangement, host).map(({ name }) => `ip -n ${host} link set ${name} down\n`);
    await this.#script(`kill -9 $(cat ${RUN}/${host}/pid)\n${links.join("")}`);
  }

  /** Bits a second of one TCP connection. */
  async throughput(from: string, to: string, seconds: number): Promise<number> {
    const server = this.vm.start(`ip netns exec ${to} iperf3 -s`);
    try {
      const client = iperfClient(addressOf(this.arrangement, to), seconds);
      const { stdout } = await this.in(from, client, { timeout: 60_000 + 1000 * seconds });
      return iperfRate(stdout);
    } finally {
      server.kill("SIGKILL");
    }
  }

  #script(text: string): Promise<string> {
    return this.vm.ok("sh -s", { input: text, timeout: BUS_TIMEOUT });
  }
}
