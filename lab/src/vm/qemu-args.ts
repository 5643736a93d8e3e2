// SPDX-License-Identifier: Apache-2.0
// The QEMU command line of one VM.
import { isDebugKernel } from "../build/kernel.ts";
import type { Ports } from "../topologies/expand.ts";
import { wireEnd } from "../topologies/expand.ts";
import type { Topology, VmSpec } from "../topologies/types.ts";

export interface QemuContext {
  /** Folder of the run: sockets and consoles. Short: a socket's path may have 107 characters. */
  readonly dir: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly ports: Ports;
  /** Rate of the time stamp counter. */
  readonly tscKhz: number;
}

/** Virtio-serial ports with an agent behind each: the test driver's, and two for people. */
export const agentPorts = ["agent", "shell0", "shell1"] as const;
export type AgentPort = (typeof agentPorts)[number];

export function agentSocket(dir: string, vm: string, port: AgentPort): string {
  return `${dir}/${vm}.${port}`;
}

export function consoleFile(dir: string, vm: string): string {
  return `${dir}/${vm}.console`;
}

/** The disk with the data partition of a VM that has one. */
export function dataFile(dir: string, vm: string): string {
  return `${dir}/${vm}.data`;
}

/** KASAN's shadow and quarantine, kmemleak's and lockdep's records. */
const MEMORY_FACTOR = isDebugKernel ? 2 : 1;

/** With every check on, the interpreter of QEMU's interrupt routing method takes half a minute for each device. MSI does without. */
const DEBUG_KERNEL_OPTIONS = ["acpi=noirq", "workqueue.watchdog_thresh=120"];

function kernelCommandLine(vm: VmSpec, tscKhz: number): string {
  return [
    ...(isDebugKernel ? DEBUG_KERNEL_OPTIONS : []),
    "console=ttyS0,115200",
    // TCG's counters are one clock, which Linux cannot know; it would read the HPET, an exit to QEMU each time.
    "tsc=reliable",
    // Measured on the host: what a guest measures while it boots beside others can be wrong by a factor, and so is its clock.
    `tsc_early_khz=${tscKhz}`,
    "loglevel=7",
    "mitigations=off",
    // An emulated timer on a busy host looks broken to the kernel's boot-time check.
    "no_timer_check",
    "random.trust_cpu=on",
    "rcupdate.rcu_cpu_stall_timeout=120",
    "sysctl.kernel.watchdog_thresh=60",
    "sysctl.kernel.hung_task_timeout_secs=60",
    `lab.role=${vm.role}`,
    `lab.name=${vm.name}`,
  ].join(" ");
}

export function qemuArgs(topology: Topology, vm: VmSpec, context: QemuContext): string[] {
  const args = [
    ...["-name", vm.name, "-nodefaults", "-no-user-config", "-display", "none"],
    ...["-M", "pc,usb=off,vmport=off", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off"],
    ...["-smp", String(vm.cpus), "-m", String(vm.memoryMiB * MEMORY_FACTOR)],
    // A reset in the same QEMU boots up to ten times slower: each store to a page that it once translated code from is trapped.
    ...["-action", "reboot=shutdown"],
    ...["-kernel", context.kernel, "-initrd", context.initrd, "-append", kernelCommandLine(vm, context.tscKhz)],
    ...[
      "-chardev",
      `file,id=console,path=${consoleFile(context.dir, vm.name)},append=on`,
      "-serial",
      "chardev:console",
    ],
    ...["-device", "virtio-serial-pci,max_ports=8"],
    ...["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"],
  ];
  for (const port of agentPorts) {
    args.push("-chardev", `socket,id=${port},path=${agentSocket(context.dir, vm.name, port)},server=on,wait=off`);
    args.push("-device", `virtserialport,chardev=${port},name=lab.${port}`);
  }
  if (vm.dataMiB !== undefined) {
    // What the guest has flushed is in the host's memory: it survives the end of QEMU, though not the host's.
    args.push("-drive", `if=none,id=data,file=${dataFile(context.dir, vm.name)},format=raw,cache=unsafe`);
    args.push("-device", "virtio-blk-pci,drive=data");
  }
  vm.interfaces.forEach((nic, index) => {
    const id = `net${index}`;
    if (nic.kind === "wire") {
      // Datagram sockets: either end may go away and come back, as with a real cable.
      const own = wireEnd(topology, nic.wire, vm.name);
      const path = (end: number): string => `${context.dir}/wire-${nic.wire}.${end}`;
      args.push(
        "-netdev",
        `dgram,id=${id},local.type=unix,local.path=${path(own)},remote.type=unix,remote.path=${path(1 - own)}`,
      );
    } else {
      const forwards = Object.entries(nic.forwards).map(
        ([name, guest]) => `,hostfwd=tcp:127.0.0.1:${context.ports[name]}-${nic.address}:${guest}`,
      );
      args.push("-netdev", `user,id=${id},net=10.0.2.0/24,host=10.0.2.2,ipv6=off${forwards.join("")}`);
    }
    args.push("-device", `virtio-net-pci,netdev=${id},mac=${nic.mac},romfile=`);
  });
  vm.adapters.forEach((adapter, index) => {
    const url = `iscsi://127.0.0.1:${context.ports[adapter.port]}/${adapter.target}/${adapter.lun}`;
    if (index === 0) args.push("-iscsi", `initiator-name=${adapter.initiator}`);
    args.push("-device", `lsi53c895a,id=scsi${index}`);
    args.push("-drive", `if=none,id=lun${index},file=${url},format=raw`);
    args.push("-device", `scsi-generic,drive=lun${index},bus=scsi${index}.0`);
  });
  return args;
}
