// SPDX-License-Identifier: Apache-2.0
// A topology that runs: VMs by name, started in order, stopped together, their logs kept when asked.
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildInitrd, buildMaterials, buildVmDisk } from "../build/image.ts";
import { vmlinux } from "../build/vmlinux.ts";
import { LabError } from "../errors.ts";
import { logsDir } from "../paths.ts";
import { checkTopology, type Ports, startOrder } from "../topologies/expand.ts";
import type { Topology } from "../topologies/types.ts";
import { Broker } from "./broker.ts";
import { makeOwnDir, removeDir } from "./cleanup.ts";
import { freePorts } from "./ports.ts";
import { consoleFile, diskFile, kernelOptions, UEFI_VARIABLES, uefiVariables } from "./qemu-args.ts";
import { Vm } from "./vm.ts";

export interface BenchOptions {
  /** Ports to use; free ones by default. */
  readonly ports?: Ports;
  /** Tells what happens, one line each. */
  readonly say?: (line: string) => void;
  /**
   * Emulates the processors of a VM side by side, for what is measured. By default they take turns: QEMU (7.2 and 10.0) may go on
   * with the old translation of an instruction that another processor is replacing, as Linux does all the time (static keys). The
   * guest then traps on that instruction for ever; on a busy host now and then at a boot. Turns cost no processor time.
   */
  readonly parallel?: boolean;
}

export class Bench {
  readonly topology: Topology;
  readonly ports: Ports;
  /** Sockets, consoles and archives; gone after stop(). */
  readonly dir: string;
  readonly #vms: ReadonlyMap<string, Vm>;
  readonly #writers: ReadonlyMap<string, () => Promise<void>>;
  readonly #say: (line: string) => void;
  #broker: Broker | undefined;

  private constructor(
    topology: Topology,
    ports: Ports,
    dir: string,
    vms: ReadonlyMap<string, Vm>,
    writers: ReadonlyMap<string, () => Promise<void>>,
    options: BenchOptions,
  ) {
    this.topology = topology;
    this.ports = ports;
    this.dir = dir;
    this.#vms = vms;
    this.#writers = writers;
    this.#say = options.say ?? (() => undefined);
  }

  /** Builds what the VMs are made of; starts nothing. */
  static async create(topology: Topology, options: BenchOptions = {}): Promise<Bench> {
    checkTopology(topology);
    const materials = await buildMaterials();
    const { kernel, emulator, tscKhz } = materials;
    const ports = options.ports ?? (await freePorts(Object.keys(topology.ports)));
    const plainKernel = await vmlinux(kernel.image);
    const dir = makeOwnDir();
    const vms = new Map<string, Vm>();
    const writers = new Map<string, () => Promise<void>>();
    for (const spec of topology.vms) {
      const initrd = join(dir, `${spec.name}.initrd`);
      let verity: string | undefined;
      if (spec.image === undefined) {
        await buildInitrd(initrd, spec, materials, ports);
      } else {
        const disk = await materials.disk();
        verity = disk.verity;
        const vmDisk = { file: diskFile(dir, spec.name), image: spec.image, options: kernelOptions(spec, tscKhz) };
        const write = (): Promise<void> => buildVmDisk(vmDisk, initrd, spec, disk, ports);
        await write();
        writers.set(spec.name, write);
        if (spec.image.firmware === "uefi") copyFileSync(UEFI_VARIABLES, uefiVariables(dir, spec.name));
      }
      const context = {
        ...{ dir, emulator, kernel: plainKernel, initrd, ports, tscKhz },
        ...(verity === undefined ? {} : { verity }),
        ...(options.parallel === undefined ? {} : { parallel: options.parallel }),
      };
      vms.set(spec.name, new Vm(topology, spec, context));
    }
    return new Bench(topology, ports, dir, vms, writers, options);
  }

  vm(name: string): Vm {
    const vm = this.#vms.get(name);
    if (vm === undefined) {
      const names = [...this.#vms.keys()].join(", ");
      throw new LabError("usage", `There is no VM ${name} in ${this.topology.name}.`, `There are: ${names}.`);
    }
    return vm;
  }

  get vms(): readonly Vm[] {
    return [...this.#vms.values()];
  }

  /** The MQTT broker; there in topologies with a port named "mqtt". */
  get broker(): Broker {
    if (this.#broker === undefined) {
      throw new LabError("usage", `Topology ${this.topology.name} has no broker.`, 'Give it a port named "mqtt".');
    }
    return this.#broker;
  }

  /** Starts the broker and boots all VMs, each group when the one before is ready. */
  async boot(): Promise<void> {
    const mqtt = this.ports["mqtt"];
    if (mqtt !== undefined) this.#broker = await Broker.start(this.dir, mqtt);
    for (const group of startOrder(this.topology)) {
      await Promise.all(
        group.map(async (spec) => {
          const seconds = await this.vm(spec.name).boot();
          this.#say(`${spec.name} is ready after ${seconds.toFixed(1)} s`);
        }),
      );
    }
  }

  /** Writes the image once more over the disk of a gateway that is off. */
  async rewriteDisk(name: string): Promise<void> {
    await this.#writers.get(name)?.();
  }

  checkKernels(): void {
    for (const vm of this.vms) vm.checkKernel();
  }

  /** Copies consoles and, from VMs that still answer, the state of things to build/logs/<name>/. Returns that folder. */
  async saveLogs(name: string): Promise<string> {
    const target = join(logsDir, name);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    for (const vm of this.vms) {
      const log = consoleFile(this.dir, vm.name);
      if (existsSync(log)) copyFileSync(log, join(target, `${vm.name}.console.log`));
      if (vm.qemuOutput !== "") writeFileSync(join(target, `${vm.name}.qemu.log`), vm.qemuOutput);
      if (!vm.running) continue;
      const state = await vm.run(STATE_COMMAND, { timeout: 10_000 }).catch(() => undefined);
      if (state !== undefined) writeFileSync(join(target, `${vm.name}.state.log`), state.stdout + state.stderr);
    }
    return target;
  }

  async stop(): Promise<void> {
    await Promise.all(this.vms.map((vm) => vm.kill()));
    await this.#broker?.stop();
    removeDir(this.dir);
  }
}

const STATE_COMMAND = `
exec 2>&1
for c in "dmesg" "ps" "ip -d -s addr" "ip route" "ip neigh" "lsmod" "ss -tanp" "cat /run/lab/role.log" "dmesg | tail -n 5" \\
    "grep -r . /sys/class/net/*/ipscsi/" "cat /proc/scsi/scsi" "free"; do
    echo "=== $c"
    timeout 5 /bin/sh -c "$c"
done
`;
