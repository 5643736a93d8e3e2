// SPDX-License-Identifier: Apache-2.0
// Many stations in one kernel: a hub segment, its LIO backend, one tcm_loop adapter for each station, and a network
// namespace around each station's segment, so that packets between two addresses of this kernel do cross SCSI.
import { LabError } from "../errors.ts";
import { waitFor } from "../time.ts";
import type { CommandResult } from "../vm/agent-client.ts";
import type { RunOptions, Vm } from "../vm/vm.ts";

export interface LoopStation {
  /** From 1. */
  readonly number: number;
  /** Network namespace, "st1". */
  readonly namespace: string;
  /** Segment that ipscsi made, "seg0". */
  readonly segment: string;
  /** SCSI device, "h:c:t:l". */
  readonly device: string;
  readonly address: string;
}

export const CONFIGFS = "/sys/kernel/config/target";
export const HUB = "hub0";
export const HUB_ADDRESS = "10.143.0.1";
/** Name of the backend device below core/ipscsi_0. */
export const BACKEND = `${CONFIGFS}/core/ipscsi_0/lun`;

export function wwn(number: number, kind: "target" | "initiator"): string {
  return `naa.${kind === "target" ? "5" : "6"}001405${number.toString(16).padStart(9, "0")}`;
}

export function fabricPath(number: number): string {
  return `${CONFIGFS}/loopback/${wwn(number, "target")}/tpgt_1`;
}

/** Plugs a tcm_loop adapter in, with a LUN. */
export function plugScript(number: number, backend = BACKEND): string {
  const path = fabricPath(number);
  return `mkdir -p ${path}/lun/lun_0
echo ${wwn(number, "initiator")} >${path}/nexus
ln -s ${backend} ${path}/lun/lun_0/port
`;
}

/** Waits for the segment of an adapter that was plugged in, and moves it into a host's namespace, with a name and an address of its own. */
export function stationScript(number: number, host: string, name: string, address: string): string {
  return `at=/sys/bus/scsi/devices/$(cat ${fabricPath(number)}/address):0/ipscsi/segment
until [ -e $at ] && [ "$(cat $at)" != none ]; do sleep 0.1; done
ip link set $(cat $at) netns ${host} name ${name}
ip -n ${host} addr add ${address} dev ${name}
ip -n ${host} link set ${name} up
`;
}

/** KiB that are free or can be freed. */
export async function freeMemory(vm: Vm): Promise<number> {
  return Number(
    await vm.ok("sync; echo 3 >/proc/sys/vm/drop_caches; awk '/^MemAvailable/ { print $2 }' /proc/meminfo"),
  );
}

export class LoopRig {
  readonly vm: Vm;
  readonly #stations = new Map<number, LoopStation>();

  constructor(vm: Vm) {
    this.vm = vm;
  }

  get stations(): readonly LoopStation[] {
    return [...this.#stations.values()];
  }

  station(number: number): LoopStation {
    const station = this.#stations.get(number);
    if (station === undefined) throw new LabError("usage", `There is no station ${number}.`, "Attach it first.");
    return station;
  }

  /** Modules, hub segment and backend. @param address of the hub, with its prefix */
  async setUp(address = `${HUB_ADDRESS}/24`): Promise<void> {
    await this.vm.ok(`set -e
      modprobe -a configfs target_core_mod tcm_loop ipscsi ipscsi_target
      grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config
      ip link add ${HUB} type ipscsi
      ip addr add ${address} dev ${HUB}
      ip link set ${HUB} up
      mkdir -p ${BACKEND}
      echo segment=${HUB} >${BACKEND}/control
      echo 1 >${BACKEND}/enable`);
  }

  /** Plugs a tcm_loop adapter in whose LUN is the hub, and returns the SCSI device that appears. */
  async plug(number: number): Promise<string> {
    const before = new Set(await this.devices());
    await this.vm.ok(`set -e\n${plugScript(number)}`);
    return waitFor(
      `the SCSI device of station ${number}`,
      async () => (await this.devices()).find((device) => !before.has(device)),
      { timeout: 10_000 },
    );
  }

  /** Plugs a station in, waits for its segment, and moves that into a namespace with an address of its own. */
  async attach(number: number): Promise<LoopStation> {
    const device = await this.plug(number);
    const segment = await waitFor(
      `the segment of ${device}`,
      async () => {
        const name = await this.vm.ok(`cat /sys/bus/scsi/devices/${device}/ipscsi/segment`);
        return name === "none" ? undefined : name;
      },
      { timeout: 10_000 },
    );
    const station = { number, namespace: `st${number}`, segment, device, address: `10.143.0.${10 + number}` };
    await this.vm.ok(`set -e
      ip netns add ${station.namespace}
      ip link set ${segment} netns ${station.namespace}
      ip -n ${station.namespace} link set lo up
      ip -n ${station.namespace} addr add ${station.address}/24 dev ${segment}
      ip -n ${station.namespace} link set ${segment} up`);
    this.#stations.set(number, station);
    return station;
  }

  /** Runs a command in a station's namespace. */
  in(number: number, command: string, options: RunOptions = {}): Promise<CommandResult> {
    const quoted = command.replaceAll("'", "'\\''");
    return this.vm.run(`ip netns exec ${this.station(number).namespace} sh -c '${quoted}'`, options);
  }

  /** Takes the LUN away, as an operator would in configfs; the SCSI device goes with it. */
  async unplug(number: number): Promise<void> {
    const path = fabricPath(number);
    await this.vm.ok(`rm -f ${path}/lun/lun_0/port`, { timeout: 30_000 });
    await this.vm.ok(`rmdir ${path}/lun/lun_0; echo NULL >${path}/nexus; rmdir ${path} $(dirname ${path})`, {
      timeout: 30_000,
    });
  }

  /** Does not look after a station any more: the test has taken it apart itself. */
  forget(number: number): void {
    this.#stations.delete(number);
  }

  async detach(number: number): Promise<void> {
    const station = this.station(number);
    await this.unplug(number);
    await this.vm.ok(`ip netns del ${station.namespace}`);
    this.#stations.delete(number);
  }

  /** Everything back, modules unloaded. */
  async tearDown(): Promise<void> {
    for (const number of [...this.#stations.keys()]) await this.detach(number);
    await this.vm.ok(`set -e
      rmdir ${BACKEND} $(dirname ${BACKEND})
      ip link del ${HUB}
      modprobe -r ipscsi_target
      modprobe -r ipscsi
      rmdir ${CONFIGFS}/loopback 2>/dev/null || true
      modprobe -r tcm_loop`);
  }

  /** SCSI devices of type 09h that the driver has seen. */
  async devices(): Promise<string[]> {
    const out = await this.vm.ok("ls -d /sys/bus/scsi/devices/*:*:*:*/ipscsi 2>/dev/null || true");
    return out
      .split("\n")
      .filter(Boolean)
      .map((path) => path.split("/").at(-2) ?? "");
  }
}

/** Sets the rig up with stations 1 to `count`. */
export async function loopRig(vm: Vm, count: number): Promise<LoopRig> {
  const rig = new LoopRig(vm);
  await rig.setUp();
  for (let number = 1; number <= count; number++) await rig.attach(number);
  return rig;
}
