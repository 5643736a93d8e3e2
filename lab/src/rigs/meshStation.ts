// SPDX-License-Identifier: Apache-2.0
// A station in the gateway's own kernel: the segment that ipscsi makes of the gateway's loop adapter, in a network namespace with
// a DHCP client and a web server.
import { waitFor } from "../time.ts";
import type { CommandResult } from "../vm/agent-client.ts";
import type { Vm } from "../vm/vm.ts";

interface IpAddress {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string }[];
}

export class MeshStation {
  readonly gateway: Vm;
  readonly #hub: string;
  readonly #namespace: string;
  #link = "";

  /** @param hub the gateway's own segment at the other end of the adapter */
  constructor(gateway: Vm, hub = "seg0") {
    this.gateway = gateway;
    this.#hub = hub;
    this.#namespace = `on-${hub}`;
  }

  /** Takes the segment whose peer is the hub. Anew after each boot of the gateway. */
  async plug(): Promise<void> {
    const { gateway } = this;
    const namespace = this.#namespace;
    this.#link = await waitFor(
      `${gateway.name}'s loop adapter to have a segment with the peer ${this.#hub}`,
      async () => {
        const { stdout } = await gateway.run(
          `ls -d /sys/class/net/*/ipscsi/peers/$(cat /sys/class/net/${this.#hub}/address)`,
        );
        return stdout.split("/")[4];
      },
      { timeout: 60_000 },
    );
    await gateway.ok(`set -e
      ip netns add ${namespace}
      ip link set ${this.#link} netns ${namespace}
      ip -n ${namespace} link set lo up
      ip -n ${namespace} link set ${this.#link} up
      mkdir -p /tmp/www && echo "page of ${gateway.name}" >/tmp/www/page
      ip netns exec ${namespace} httpd -p 80 -h /tmp/www`);
    // The client writes into /run, which is the gateway's: it gets one of its own.
    const client = "udhcpc -f -s /usr/share/udhcpc/default.script -t 3 -T 1 -A 1 -p /run/pid";
    gateway.start(
      `ip netns exec ${namespace} sh -c 'mount -t tmpfs tmpfs /run && exec ${client} -i ${this.#link} -F station'`,
    );
  }

  /** Ends what runs in it, and gives its segment back. */
  async unplug(): Promise<void> {
    await this.gateway.ok(`ip netns pids ${this.#namespace} | xargs -r kill; ip netns del ${this.#namespace}`);
  }

  run(command: string): Promise<CommandResult> {
    return this.gateway.run(`ip netns exec ${this.#namespace} ${command}`);
  }

  ok(command: string): Promise<string> {
    return this.gateway.ok(`ip netns exec ${this.#namespace} ${command}`);
  }

  /** Starts what runs on. */
  start(command: string): ReturnType<Vm["start"]> {
    return this.gateway.start(`ip netns exec ${this.#namespace} ${command}`);
  }

  /** Gives the lease back and asks for another one. */
  async renew(): Promise<void> {
    await this.gateway.ok("killall -USR2 udhcpc && killall -USR1 udhcpc");
  }

  mac(): Promise<string> {
    return this.ok(`cat /sys/class/net/${this.#link}/address`);
  }

  mtu(): Promise<string> {
    return this.ok(`cat /sys/class/net/${this.#link}/mtu`);
  }

  /** The address, as soon as there is one of this kind. */
  address(wanted: RegExp): Promise<string> {
    return waitFor(
      `the station on ${this.#hub} of ${this.gateway.name} to have an address like ${wanted.source}`,
      async () => {
        const links = JSON.parse(await this.ok("ip -j addr show scope global")) as IpAddress[];
        return links.flatMap((link) => link.addr_info ?? []).find(({ local }) => wanted.test(local))?.local;
      },
      { timeout: 60_000 },
    );
  }

  /** Until an answer comes. */
  async reaches(ip: string, options = ""): Promise<void> {
    await waitFor(
      `the station on ${this.#hub} of ${this.gateway.name} to reach ${ip}`,
      async () => (await this.run(`ping -n -c 1 -W 2 ${options} ${ip}`)).code === 0,
      { timeout: 90_000, interval: 500 },
    );
  }
}
