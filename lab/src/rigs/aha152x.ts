// SPDX-License-Identifier: Apache-2.0
// Adapters of the modelled parallel bus in the `loop` VM: see kernel/testing/README.md.
import { type Phase, parse, print, type Trace } from "../../../firmware/sim/src/trace.ts";
import { aha152xModules } from "../build/aha152x.ts";
import { isDebugKernel, labKernel } from "../build/kernel.ts";
import { putModule } from "../build/labModule.ts";
import { LabError } from "../errors.ts";
import { waitFor } from "../time.ts";
import type { Vm } from "../vm/vm.ts";
import { CONFIGFS } from "./loop.ts";

export const MODEL = "/sys/kernel/debug/aic6360_model";

/** SCSI IDs of the model's adapters, the first one's first; the scripted disk is at 2. */
export const IDS: readonly number[] = [7, 6, 5, 4, 3, 1, 0];
export const DISK_ID = 2;

/** Others may join an arbitration for so long, ns: programs are slower than chips, and slower still where everything is checked. */
export const JOIN_NS = isDebugKernel ? 1_000_000 : 100_000;

const FABRIC = `${CONFIGFS}/aha152x`;

export interface BusOptions {
  /** With the patch for target mode. */
  readonly patched: boolean;
  readonly adapters: number;
  readonly disk: boolean;
  /** The driver asks for synchronous transfers, unless this is false. */
  readonly synchronous?: boolean;
}

export class ModelledBus {
  readonly vm: Vm;
  readonly #loaded: string[] = [];
  readonly #ports: string[] = [];

  private constructor(vm: Vm) {
    this.vm = vm;
  }

  /** Loads the model and the driver, which looks for devices. */
  static async create(vm: Vm, { patched, adapters, disk, synchronous = true }: BusOptions): Promise<ModelledBus> {
    const bus = new ModelledBus(vm);
    for (const file of await aha152xModules(await labKernel(), patched)) await putModule(vm, file);
    await vm.ok(`modprobe -a scsi_transport_spi sd_mod sg
      grep -q ' /sys/kernel/debug ' /proc/mounts || mount -t debugfs debugfs /sys/kernel/debug`);
    await bus.#insert("aic6360_model", `chips=${adapters} disk_id=${disk ? DISK_ID : -1}`);
    const ids = IDS.slice(0, adapters).join(",");
    await bus.#insert("aha152x_cs", `cards=${adapters} ids=${ids} synchronous=${synchronous ? 1 : 0}`);
    return bus;
  }

  async #insert(name: string, parameters: string): Promise<void> {
    await this.vm.ok(`insmod /run/${name}.ko ${parameters}`, { timeout: 60_000 });
    this.#loaded.unshift(name);
  }

  /** Block device of the scripted disk, "sda". */
  async disk(): Promise<string> {
    return waitFor(
      "the scripted disk",
      async () => {
        const found = await this.vm.run("grep -l 'SCRIPTED DISK' /sys/block/sd*/device/model");
        return found.stdout.split("\n")[0]?.split("/")[3];
      },
      { timeout: 20_000 },
    );
  }

  /** SCSI host of an adapter, "host3". */
  async host(adapter: number): Promise<string> {
    const hosts = await this.vm.ok("grep -l aha152x /sys/class/scsi_host/*/proc_name | sort -V");
    const host = hosts.split("\n")[adapter]?.split("/")[4];
    if (host === undefined) throw new LabError("usage", `There is no adapter ${adapter}.`, "Ask for more of them.");
    return host;
  }

  /**
   * Makes an adapter a target whose LUN 0 is `backend`, a folder below configfs's target/core.
   * @returns the target port's folder
   */
  async serve(adapter: number, backend: string): Promise<string> {
    if (!this.#loaded.includes("aha152x_target")) {
      await this.vm.ok(`modprobe -a configfs target_core_mod
        grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config`);
      await this.#insert("aha152x_target", "");
    }
    const port = `${FABRIC}/${await this.host(adapter)}/tpgt_1`;
    await this.vm.ok(`set -e
      mkdir -p ${port}/lun/lun_0
      ln -s ${CONFIGFS}/core/${backend} ${port}/lun/lun_0/port
      echo 1 >${port}/enable`);
    this.#ports.push(port);
    return port;
  }

  /** Scans for the LUN that adapter `to` serves, and returns the SCSI device, "h:c:t:l". */
  scan(from: number, to: number): Promise<string> {
    return this.scanId(from, IDS[to] ?? 0);
  }

  /** The same by SCSI ID. */
  async scanId(from: number, id: number): Promise<string> {
    const host = await this.host(from);
    const device = `${host.slice(4)}:0:${id}:0`;
    await this.vm.ok(`echo '0 ${id} 0' >/sys/class/scsi_host/${host}/scan
      test -e /sys/bus/scsi/devices/${device}`);
    return device;
  }

  /** Deletes a SCSI device, "h:c:t:l". */
  async forget(device: string): Promise<void> {
    await this.vm.ok(`echo 1 >/sys/bus/scsi/devices/${device}/delete`);
  }

  /** Somebody resets the bus. */
  async reset(): Promise<void> {
    await this.set("reset", 1);
  }

  /** One of the model's files. */
  async set(what: string, value: number): Promise<void> {
    await this.vm.ok(`echo ${value} >${MODEL}/${what}`);
  }

  /** What happens on the bus is recorded from now on. */
  async record(): Promise<void> {
    await this.vm.ok(`echo >${MODEL}/trace`);
  }

  async recorded(): Promise<Phase[]> {
    return parse(await this.vm.ok(`cat ${MODEL}/trace`));
  }

  /** From now on a target plays its part of this; `count("play")`: phases that are left. */
  async play(trace: Trace): Promise<void> {
    const path = "/run/played";
    await this.vm.writeFile(path, print(trace));
    await this.vm.ok(`dd if=${path} of=${MODEL}/play bs=1M status=none`);
  }

  async count(what: string): Promise<number> {
    return Number(await this.vm.ok(`cat ${MODEL}/${what}`));
  }

  /** Takes back all that was made; an initiator's devices first, as they use the LUNs. */
  async tearDown(): Promise<void> {
    await this.vm.ok(`for id in /sys/bus/scsi/devices/*:*:*:*; do
      grep -q aha152x /sys/class/scsi_host/host$(basename $id | cut -d: -f1)/proc_name && echo 1 >$id/delete
      done; true`);
    for (const port of this.#ports)
      await this.vm.ok(`set -e
        echo 0 >${port}/enable
        rm ${port}/lun/lun_0/port; rmdir ${port}/lun/lun_0 ${port} $(dirname ${port})`);
    if (this.#ports.length > 0) await this.vm.ok(`rmdir ${FABRIC}`);
    for (const name of this.#loaded) await this.vm.ok(`rmmod ${name}`, { timeout: 60_000 });
  }
}

/** A LUN of 4 MiB on a file. */
export async function fileBackend(vm: Vm, name: string): Promise<string> {
  const path = `${CONFIGFS}/core/fileio_0/${name}`;
  await vm.ok(`set -e
    modprobe -a configfs target_core_mod target_core_file
    grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config
    mkdir -p ${path}
    echo fd_dev_name=/run/${name},fd_dev_size=4194304 >${path}/control
    echo 1 >${path}/enable`);
  return `fileio_0/${name}`;
}

/** Block device of a SCSI device, "sdb". */
export function blockOf(vm: Vm, device: string): Promise<string> {
  return waitFor(
    `the disk of ${device}`,
    async () => (await vm.run(`ls /sys/bus/scsi/devices/${device}/block`)).stdout.trim() || undefined,
    { timeout: 20_000 },
  );
}

/** Removes the files' LUNs, which nobody serves any more. */
export async function removeFileBackends(vm: Vm): Promise<void> {
  await vm.ok(`rmdir ${CONFIGFS}/core/fileio_0/* 2>/dev/null; rmdir ${CONFIGFS}/core/fileio_0`);
}
