// SPDX-License-Identifier: Apache-2.0
// Adapters of the modelled parallel bus in the `loop` VM: see kernel/testing/README.md.
import { aha152xModules } from "../build/aha152x.ts";
import { labKernel } from "../build/kernel.ts";
import { putModule } from "../build/labModule.ts";
import { waitFor } from "../time.ts";
import type { Vm } from "../vm/vm.ts";

export const MODEL = "/sys/kernel/debug/aic6360_model";

/** SCSI IDs of the model's adapters, the first one's first; the scripted disk is at 2. */
export const IDS: readonly number[] = [7, 6, 5, 4, 3, 1, 0];
export const DISK_ID = 2;

export interface BusOptions {
  readonly adapters: number;
  readonly disk: boolean;
}

export class ModelledBus {
  readonly vm: Vm;
  readonly #loaded: string[] = [];

  private constructor(vm: Vm) {
    this.vm = vm;
  }

  /** Loads the model and the driver, which looks for devices. */
  static async create(vm: Vm, { adapters, disk }: BusOptions): Promise<ModelledBus> {
    const bus = new ModelledBus(vm);
    for (const file of await aha152xModules(await labKernel())) await putModule(vm, file);
    await vm.ok(`modprobe -a scsi_transport_spi sd_mod sg
      grep -q ' /sys/kernel/debug ' /proc/mounts || mount -t debugfs debugfs /sys/kernel/debug`);
    await bus.#insert("aic6360_model", `chips=${adapters} disk_id=${disk ? DISK_ID : -1}`);
    await bus.#insert("aha152x_cs", `cards=${adapters} ids=${IDS.slice(0, adapters).join(",")}`);
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

  async count(what: string): Promise<number> {
    return Number(await this.vm.ok(`cat ${MODEL}/${what}`));
  }

  async tearDown(): Promise<void> {
    for (const name of this.#loaded) await this.vm.ok(`rmmod ${name}`, { timeout: 60_000 });
  }
}
