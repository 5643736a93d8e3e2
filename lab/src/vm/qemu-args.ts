// SPDX-License-Identifier: Apache-2.0
// The QEMU command line of one VM.
import { createHash } from "node:crypto";
import { debianDisk } from "../build/debian-vm.ts";
import { isDebugKernel } from "../build/kernel.ts";
import type { Emulator } from "../build/qemu.ts";
import type { Ports } from "../topologies/expand.ts";
import { wireEnd } from "../topologies/expand.ts";
import type { Topology, VmSpec } from "../topologies/types.ts";

export interface QemuContext {
  /** Folder of the run: sockets and consoles. Short: a socket's path may have 107 characters. */
  readonly dir: string;
  readonly emulator: Emulator;
  readonly kernel: string;
  readonly initrd: string;
  /** Of VMs with the gateway's disk: the kernel's option scsigate.verity. */
  readonly verity?: string;
  readonly ports: Ports;
  /** Rate of the time stamp counter. */
  readonly tscKhz: number;
  /** Emulates each processor of a VM in a thread of its own; see BenchOptions. */
  readonly parallel?: boolean;
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

/** Whoever connects here sits at the VM's serial line; what it says goes to the console's file in any case. */
export function serialSocket(dir: string, vm: string): string {
  return `${dir}/${vm}.serial`;
}

/** The disk of a VM that has one. */
export function diskFile(dir: string, vm: string): string {
  return `${dir}/${vm}.disk`;
}

/** UEFI's variables of a VM. */
export function uefiVariables(dir: string, vm: string): string {
  return `${dir}/${vm}.vars`;
}

export const UEFI_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd";
export const UEFI_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/** KASAN's shadow and quarantine, kmemleak's and lockdep's records. */
const MEMORY_FACTOR = isDebugKernel ? 2 : 1;

/** Emulated, the interpreter of ACPI's interrupt routing method takes a second for each device, half a minute in the debug kernel. The machine's older table says the same; UEFI has none. */
const OLD_INTERRUPT_TABLE = "acpi=noirq";

/** What all VMs' kernels are told, whoever starts them. */
export function kernelOptions(vm: VmSpec, tscKhz: number): string {
  return [
    ...(isDebugKernel ? ["workqueue.watchdog_thresh=120"] : []),
    // Nor does that table know what is plugged in later.
    ...(vm.image?.firmware === "uefi" || vm.adapters.some(({ later }) => later) ? [] : [OLD_INTERRUPT_TABLE]),
    // The kernel's own tests of its ciphers: two seconds of every start.
    "cryptomgr.notests=1",
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

/** A kernel, or the firmware that finds one on the disk. */
function startArgs(vm: VmSpec, context: QemuContext): string[] {
  const options = kernelOptions(vm, context.tscKhz);
  const direct = (append: string): string[] => [
    "-kernel",
    context.kernel,
    "-initrd",
    context.initrd,
    "-append",
    append,
  ];
  switch (vm.image?.firmware) {
    case undefined:
      return direct(options);
    case "direct":
      return direct(`scsigate.slot=A scsigate.verity=${context.verity} panic=10 ${options}`);
    case "bios":
      return [];
    case "uefi":
      return [
        ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${UEFI_CODE}`],
        ...["-drive", `if=pflash,unit=1,format=raw,file=${uefiVariables(context.dir, vm.name)}`],
      ];
  }
}

/** A machine's own, the same each time (RFC 9562 version 8). */
function uuidOf(topology: Topology, vm: VmSpec): string {
  const hash = createHash("sha256").update(`${topology.name}/${vm.name}`).digest("hex");
  return hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-8$3-8$4-$5");
}

export function qemuArgs(topology: Topology, vm: VmSpec, context: QemuContext): string[] {
  const args = [
    ...context.emulator.args,
    ...["-name", vm.name, "-uuid", uuidOf(topology, vm), "-nodefaults", "-no-user-config", "-display", "none"],
    ...["-M", "pc,usb=off,vmport=off", "-accel", `tcg,thread=${context.parallel === true ? "multi" : "single"}`],
    ...["-cpu", "max,la57=off"],
    ...["-smp", String(vm.cpus), "-m", String(vm.memoryMiB * MEMORY_FACTOR)],
    // A reset in the same QEMU boots up to ten times slower: each store to a page that it once translated code from is trapped.
    ...["-action", "reboot=shutdown"],
    ...startArgs(vm, context),
    ...[
      "-chardev",
      `socket,id=console,path=${serialSocket(context.dir, vm.name)},server=on,wait=off,` +
        `logfile=${consoleFile(context.dir, vm.name)},logappend=on`,
      "-serial",
      "chardev:console",
    ],
    ...["-device", "virtio-serial-pci,max_ports=8"],
    ...["-chardev", "stdio,id=monitor,signal=off", "-mon", "chardev=monitor,mode=control"],
    ...["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"],
  ];
  for (const port of agentPorts) {
    args.push("-chardev", `socket,id=${port},path=${agentSocket(context.dir, vm.name, port)},server=on,wait=off`);
    args.push("-device", `virtserialport,chardev=${port},name=lab.${port}`);
  }
  if (vm.image !== undefined) {
    // What the guest has flushed is in the host's memory: it survives the end of QEMU, though not the host's.
    args.push("-drive", `if=none,id=disk,file=${diskFile(context.dir, vm.name)},format=raw,cache=unsafe,discard=unmap`);
    args.push("-device", "virtio-blk-pci,drive=disk");
  }
  if (vm.screen === true) args.push("-device", "VGA");
  if (vm.watchdog === true) args.push("-device", "i6300esb");
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
    args.push("-drive", `if=none,id=lun${index},file=${url},format=raw`);
    if (adapter.later === true) return;
    args.push("-device", `${adapter.kind},id=scsi${index}`);
    args.push("-device", `scsi-generic,drive=lun${index},bus=scsi${index}.0`);
    if (adapter.driverDisk === undefined) return;
    const disk = `iscsi://127.0.0.1:${context.ports[adapter.port]}/${adapter.target}/1`;
    args.push("-drive", `if=none,id=disk${index},file=${disk},format=raw,readonly=on`);
    // QEMU's emulation of this adapter knows LUN 0 only: the disk has an ID of its own on the station's bus.
    args.push("-device", `scsi-generic,drive=disk${index},bus=scsi${index}.0,scsi-id=1`);
  });
  if (vm.debian) {
    args.push("-drive", `if=none,id=root,file=${debianDisk(context.dir, vm.name)},format=raw,cache=unsafe`);
    args.push("-device", "virtio-blk-pci,drive=root");
  }
  return args;
}
