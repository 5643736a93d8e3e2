// SPDX-License-Identifier: Apache-2.0
// The guest's kernel: image and modules of a Debian package, with our modules, built against its headers, added.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDir, kernelDir } from "../paths.ts";
import { exec } from "../process.ts";
import { readTree, writeCpio } from "./cpio.ts";
import { debugKernel } from "./debug-kernel.ts";
import { hashStrings, hashTree } from "./hash.ts";
import { kernelPair } from "./kernel-pair.ts";

/** Series of the kernel that VMs run: LAB_KERNEL=6.1 (default) or 6.12; or "debug", see debug-kernel.ts. */
export const kernelSeries: string = process.env["LAB_KERNEL"] ?? "6.1";
export const isDebugKernel: boolean = kernelSeries === "debug";

/** Modules that go into every VM, with what they depend on. Drivers of devices are loaded by cold plug, the rest by name. */
export const MODULES: readonly string[] = [
  // the emulated machine
  ...["virtio_pci", "virtio_net", "virtio_console", "virtio-rng", "virtio_blk", "virtio_scsi"],
  // SCSI: adapter of the stations, generic access, and the drivers that tests play with
  ...["scsi_mod", "sg", "sd_mod", "scsi_transport_spi", "sym53c8xx", "scsi_debug", "iscsi_tcp"],
  // the target core and its fabrics
  ...["configfs", "target_core_mod", "tcm_loop", "iscsi_target_mod", "target_core_iblock", "target_core_file"],
  ...["target_core_user", "target_core_pscsi"],
  // an adapter on USB, and the port that it is plugged into: USB over TCP
  ...["vhci_hcd", "cdc_ncm", "cdc_acm"],
  // the hardware watchdog
  "i6300esb",
  // the data partition
  "ext4",
  // networking
  ...["af_packet", "bridge", "veth", "8021q", "dummy", "tun", "macvlan", "ip_gre", "pktgen", "sch_netem", "sch_tbf"],
  ...["sch_fq_codel", "sch_fq", "sch_ingress", "act_mirred", "cls_matchall", "nf_tables", "nf_conntrack", "nf_nat"],
  ...["nft_ct", "nft_chain_nat", "nft_nat", "nft_masq", "nft_redir", "nft_limit", "nft_log", "nft_reject_inet"],
  ...["nft_reject_ipv4", "nft_reject_ipv6", "nft_fib_inet", "nft_objref", "nft_hash", "nft_flow_offload"],
  ...["nft_quota", "nft_numgen", "nft_meta_bridge", "nf_flow_table_inet", "nf_conntrack_bridge", "nf_log_syslog"],
  ...["ifb", "vxlan", "nft_connlimit", "wireguard"],
  // unit tests of our modules, in the debug kernel
  "kunit",
  // checksums and digests that are asked for by name
  ...["crc32c_generic", "crc32c-intel", "crc-t10dif", "crct10dif_common"],
];

export interface Kernel {
  readonly version: string;
  readonly image: string;
  /** Folder that has lib/modules/<version>. */
  readonly tree: string;
  /** What modules are built against. */
  readonly headers: string;
  /** Words for make then. */
  readonly make?: readonly string[];
}

/** The kernel that LAB_KERNEL asks for. */
export function labKernel(): Promise<Kernel> {
  return isDebugKernel ? debugKernel() : stockKernel();
}

/** Image and modules as Debian ships them, with their headers. */
export async function stockKernel(): Promise<Kernel> {
  const { version, tree, headers } = await kernelPair(kernelSeries);
  if (!existsSync(join(tree, "lib/modules", version, "modules.dep"))) await exec("depmod", ["-b", tree, version]);
  return { version, image: join(tree, "boot", `vmlinuz-${version}`), tree, headers };
}

/** modules.dep: module file -> files that it needs. */
export function parseModulesDep(text: string): Map<string, readonly string[]> {
  const map = new Map<string, readonly string[]>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    map.set(
      line.slice(0, colon),
      line
        .slice(colon + 1)
        .split(" ")
        .filter(Boolean),
    );
  }
  return map;
}

/** "kernel/net/8021q/8021q.ko.xz" and "virtio-rng" have one spelling: with underscores, without path and suffix. */
export function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}

/** Files of the named modules and of all that they need. A name that is not there is built in, or of another version. */
export function moduleClosure(dep: ReadonlyMap<string, readonly string[]>, names: readonly string[]): string[] {
  const wanted = new Set(names.map(moduleName));
  const files = new Set<string>();
  for (const [file, needs] of dep) {
    if (!wanted.has(moduleName(file))) continue;
    files.add(file);
    for (const need of needs) files.add(need);
  }
  return [...files].sort();
}

/** Builds kernel/ against the headers. Returns the modules' files; none while kernel/ has no Makefile. */
export async function ourModules(kernel: Kernel): Promise<string[]> {
  return existsSync(join(kernelDir, "Makefile")) ? modulesOf(kernelDir, kernel) : [];
}

/** Builds the modules of a folder against the headers. Returns their files. */
export async function modulesOf(folder: string, { version, headers, make = [] }: Kernel): Promise<string[]> {
  // Neither what a build leaves behind nor the tests that run on the host, except for their vectors.
  const generated =
    /^\/?(tests\/host\/(?!vectors\.txt$)|testing\/|patches\/)|(^|\/)(\.[^/]*|[^/]*\.(o|ko|mod|mod\.c|a)|Module\.symvers|modules\.order)$/;
  const key = hashStrings(["4", version, headers, hashTree(folder, (path) => generated.test(path))]);
  const dir = join(cacheDir, "our-modules", key);
  const listed = (): string[] =>
    readdirSync(dir)
      .filter((name) => name.endsWith(".ko"))
      .map((name) => join(dir, name));
  if (existsSync(dir)) return listed();
  // A copy, so that a build for one kernel leaves nothing in the source folder that another build would trip over; of this
  // process alone, as scenarios for the same kernel start side by side.
  const work = join(cacheDir, "kernel-build", `${version}.${process.pid}`);
  const partial = `${dir}.${process.pid}`;
  for (const path of [work, partial]) rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(work), { recursive: true });
  cpSync(folder, work, { recursive: true, filter: (source) => !generated.test(source.slice(folder.length)) });
  // Messages of the kernel's own checks name the source file: not where this checkout lies.
  await exec("make", ["-C", headers, `M=${work}`, ...make, `KCFLAGS=-ffile-prefix-map=${work}/=`, "modules"]);
  mkdirSync(partial, { recursive: true });
  for (const name of readdirSync(work).filter((file) => file.endsWith(".ko"))) {
    cpSync(join(work, name), join(partial, name));
    // The build id is a hash that also covers where this was built, which a reproducible module must not tell.
    await exec("strip", ["--strip-debug", "--remove-section=.note.gnu.build-id", join(partial, name)]);
  }
  rmSync(work, { recursive: true });
  if (existsSync(dir))
    rmSync(partial, { recursive: true }); // another process was faster
  else renameSync(partial, dir);
  return listed();
}

/** Folders of modules that the image has as a whole: a gateway is on whatever hardware its owner has. */
const IMAGE_FOLDERS: readonly string[] = [
  ...["arch", "crypto", "lib", "fs/ext4", "fs/fat", "fs/nls", "fs/squashfs", "fs/overlayfs", "fs/erofs", "fs/isofs"],
  ...[
    "net/netfilter",
    "net/ipv4",
    "net/ipv6",
    "net/bridge",
    "net/8021q",
    "net/sched",
    "net/llc",
    "net/802",
    "net/packet",
  ],
  ...[
    "drivers/scsi",
    "drivers/message",
    "drivers/target",
    "drivers/ata",
    "drivers/nvme",
    "drivers/block",
    "drivers/mmc",
  ],
  ...["drivers/usb/host", "drivers/usb/storage", "drivers/usb/serial", "drivers/usb/class", "drivers/usb/core"],
  ...[
    "drivers/net/ethernet",
    "drivers/net/usb",
    "drivers/net/phy",
    "drivers/net/mdio",
    "drivers/infiniband",
    "drivers/firewire",
  ],
  ...[
    "drivers/virtio",
    "drivers/watchdog",
    "drivers/hid",
    "drivers/input/keyboard",
    "drivers/input/serio",
    "drivers/gpio",
  ],
  ...["drivers/rtc", "drivers/thermal", "drivers/hwmon", "drivers/leds", "drivers/char/hw_random", "drivers/pcmcia"],
];
/** Single ones beside them. */
const IMAGE_MODULES: readonly string[] = ["dm_mod", "dm_verity", "dm_bufio", "loop", "configfs"];

/** The folder with lib/modules of one kernel: the needed part of Debian's modules, and ours in extra/. */
export async function modulesTree(kernel: Kernel, forWhat: "lab" | "image"): Promise<string> {
  const ours = await ourModules(kernel);
  const recipe = hashTree(fileURLToPath(import.meta.url));
  const tree = join(cacheDir, "modules", hashStrings([forWhat, kernel.version, kernel.tree, recipe, ...ours]));
  if (existsSync(tree)) return tree;
  const source = join(kernel.tree, "lib/modules", kernel.version);
  const partial = `${tree}.${process.pid}`;
  const target = join(partial, "lib/modules", kernel.version);
  rmSync(partial, { recursive: true, force: true });
  const dep = parseModulesDep(readFileSync(join(source, "modules.dep"), "utf8"));
  const folders = IMAGE_FOLDERS.map((folder) => `kernel/${folder}/`);
  const whole = [...dep.keys()].filter((file) => folders.some((folder) => file.startsWith(folder)));
  const names = forWhat === "lab" ? MODULES : [...MODULES, ...IMAGE_MODULES, ...whole];
  for (const name of moduleClosure(dep, names)) cpSync(join(source, name), join(target, name));
  for (const name of ["modules.order", "modules.builtin", "modules.builtin.modinfo"]) {
    cpSync(join(source, name), join(target, name));
  }
  for (const module of ours) cpSync(module, join(target, "extra", basename(module)));
  await exec("depmod", ["-b", partial, kernel.version]);
  rmSync(tree, { recursive: true, force: true });
  renameSync(partial, tree);
  return tree;
}

/** The archive with the modules of VMs that are not gateways. */
export async function modulesLayer(kernel: Kernel): Promise<string> {
  const tree = await modulesTree(kernel, "lab");
  const file = join(cacheDir, "layers", `modules-${kernel.version}-${basename(tree)}.cpio`);
  if (existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true });
  writeCpio(`${file}.new`, readTree(tree));
  renameSync(`${file}.new`, file);
  return file;
}
