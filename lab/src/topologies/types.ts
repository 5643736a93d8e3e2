// SPDX-License-Identifier: Apache-2.0
// What a topology is made of. All of it is data: no functions, so that it can be printed, compared and drawn.
import type { DebianLayer } from "../build/layers.ts";

/** node-red: what the bench compares the supervisor with; the others are Debian's programs. */
export type Layer = "node-red" | DebianLayer;

/** The gateway's disk (docs/image.md), a copy of it for each VM; it outlives vm.kill(). */
export interface ImageDisk {
  /** MiB behind the image for the data partition, which is made at the first start. */
  readonly dataMiB: number;
  /** direct: QEMU starts kernel and initramfs of slot A, which saves the time of firmware and boot loader. */
  readonly firmware: "direct" | "bios" | "uefi";
  /** Files on the boot partition, as somebody puts them there before the first start. */
  readonly boot?: Readonly<Record<string, string>>;
}

/** One end of an Ethernet wire between two VMs. */
export interface WireInterface {
  readonly kind: "wire";
  readonly wire: string;
  readonly mac: string;
}

/** QEMU's user-mode network: a private net to the host's loopback, where the listed guest ports appear. */
export interface UserInterface {
  readonly kind: "user";
  readonly mac: string;
  /** Address of the guest in 10.0.2.0/24; the host is 10.0.2.2. */
  readonly address: string;
  /** Name of a host port (see Topology.ports) -> TCP port in the guest. */
  readonly forwards: Readonly<Record<string, number>>;
}

export type Interface = WireInterface | UserInterface;

/** Models of QEMU; the first one is of parallel SCSI. */
export type AdapterKind = "lsi53c895a" | "virtio-scsi-pci" | "pvscsi" | "mptsas1068" | "megasas" | "am53c974";

/** An emulated SCSI adapter with one device: a LUN of an iSCSI target, passed through. */
export interface ScsiAdapter {
  readonly kind: AdapterKind;
  /** Name of the host port behind which the target's portal is. */
  readonly port: string;
  readonly target: string;
  readonly lun: number;
  readonly initiator: string;
  /** Whether the target's driver disk, LUN 1, is beside it. */
  readonly driverDisk?: true;
  /** It is not there at the start: vm.plugAdapter() plugs it in. */
  readonly later?: true;
}

export interface VmSpec {
  readonly name: string;
  /** Script lab/rootfs/usr/lib/lab/role-<role>. */
  readonly role: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly layers: readonly Layer[];
  readonly interfaces: readonly Interface[];
  readonly adapters: readonly ScsiAdapter[];
  /** A gateway; VMs without one have their root in memory. */
  readonly image?: ImageDisk;
  /** A hardware watchdog; none when left out. */
  readonly watchdog?: boolean;
  /** A graphics adapter and a screen; none when left out. */
  readonly screen?: boolean;
  /** Files in the guest; {{port:NAME}} becomes the number of a host port. */
  readonly files: Readonly<Record<string, string>>;
  /** VMs that must be ready before this one's QEMU starts. */
  readonly after: readonly string[];
  /** Shell command that succeeds as soon as the VM is of use. */
  readonly ready: string;
  /** How long that may take after the start of QEMU, in seconds before scaling. */
  readonly readySeconds: number;
  /** Somebody's Debian machine, with systemd, on a disk of its own (build/debian-vm.ts), in the place of ours. */
  readonly debian?: true;
}

export interface Topology {
  readonly name: string;
  /** TCP ports on the host's loopback by name, and the number that `make run` gives them; tests use free ones. */
  readonly ports: Readonly<Record<string, number>>;
  readonly vms: readonly VmSpec[];
}
