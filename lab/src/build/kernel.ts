// SPDX-License-Identifier: Apache-2.0
// The guest's kernel: image and modules of the Debian package that belongs to the installed headers, with our modules added.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabError } from "../errors.ts";
import { cacheDir, kernelDir } from "../paths.ts";
import { exec } from "../process.ts";
import { readTree, writeCpio } from "./cpio.ts";
import { unpackedDebs } from "./debs.ts";
import { debugKernel } from "./debug-kernel.ts";
import { hashStrings, hashTree } from "./hash.ts";

/** Series of the kernel that VMs run: LAB_KERNEL=6.1 (default) or 6.12; or "debug", see debug-kernel.ts. */
export const kernelSeries: string = process.env["LAB_KERNEL"] ?? "6.1";
export const isDebugKernel: boolean = kernelSeries === "debug";

/** Modules that go into every VM, with what they depend on. Drivers of devices are loaded by cold plug, the rest by name. */
const MODULES: readonly string[] = [
  // the emulated machine
  ...["virtio_pci", "virtio_net", "virtio_console", "virtio-rng", "virtio_blk", "virtio_scsi"],
  // SCSI: adapter of the stations, generic access, and the drivers that tests play with
  ...["scsi_mod", "sg", "sd_mod", "sym53c8xx", "scsi_debug", "iscsi_tcp"],
  // the target core and its fabrics
  ...["configfs", "target_core_mod", "tcm_loop", "iscsi_target_mod", "target_core_iblock", "target_core_file"],
  ...["target_core_user", "target_core_pscsi"],
  // the data partition
  "ext4",
  // networking
  ...["af_packet", "bridge", "veth", "8021q", "dummy", "tun", "macvlan", "ip_gre", "pktgen", "sch_netem", "sch_tbf"],
  ...["sch_fq_codel", "sch_fq", "sch_ingress", "act_mirred", "cls_matchall", "nf_tables", "nf_conntrack", "nf_nat"],
  ...["nft_ct", "nft_chain_nat", "nft_nat", "nft_masq", "nft_redir", "nft_limit", "nft_log", "nft_reject_inet"],
  ...["nft_reject_ipv4", "nft_reject_ipv6", "nft_fib_inet", "nft_objref", "nft_hash", "nft_flow_offload"],
  ...["nft_quota", "nft_numgen", "nft_meta_bridge", "nf_flow_table_inet", "nf_conntrack_bridge", "nf_log_syslog"],
  ...["ifb", "vxlan", "nft_connlimit"],
  // unit tests of our modules, in the debug kernel
  "kunit",
  // checksums and digests that are asked for by name
  ...["crc32c_generic", "crc32c-intel", "crc-t10dif", "crct10dif_common"],
];

/** Version of the newest installed headers of a series, for example "6.1.0-56-amd64". */
export function newestHeaders(names: readonly string[], series: string): string | undefined {
  const numbers = (name: string): number[] => (name.match(/\d+/g) ?? []).map(Number);
  const prefix = `linux-headers-${series}.`;
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith("-amd64") && !name.includes("-rt-"))
    .sort((a, b) => {
      const [left, right] = [numbers(a), numbers(b)];
      for (let i = 0; i < Math.max(left.length, right.length); i++) {
        const difference = (left[i] ?? 0) - (right[i] ?? 0);
        if (difference !== 0) return difference;
      }
      return 0;
    })
    .at(-1)
    ?.slice("linux-headers-".length);
}

export function headersVersion(series: string = kernelSeries): string {
  const version = newestHeaders(existsSync("/usr/src") ? readdirSync("/usr/src") : [], series);
  if (version === undefined) {
    throw new LabError(
      "headers-missing",
      `No headers of a ${series} kernel for amd64 are installed in /usr/src.`,
      "Run `make install`; it installs what lab/host/packages.list names.",
    );
  }
  return version;
}

export function headersDir(version: string): string {
  return `/usr/src/linux-headers-${version}`;
}

export interface Kernel {
  readonly version: string;
  readonly image: string;
  /** Folder that has lib/modules/<version>. */
  readonly tree: string;
  /** What modules are built against. */
  readonly headers: string;
}

/** The kernel that LAB_KERNEL asks for. */
export function labKernel(): Promise<Kernel> {
  return isDebugKernel ? debugKernel() : stockKernel();
}

/** Image and modules as Debian ships them. */
export async function stockKernel(version: string = headersVersion()): Promise<Kernel> {
  const tree = await unpackedDebs([`linux-image-${version}`], { libraries: false });
  if (!existsSync(join(tree, "lib/modules", version, "modules.dep"))) await exec("depmod", ["-b", tree, version]);
  return { version, image: join(tree, "boot", `vmlinuz-${version}`), tree, headers: headersDir(version) };
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
export async function ourModules({ version, headers }: Kernel): Promise<string[]> {
  if (!existsSync(join(kernelDir, "Makefile"))) return [];
  // Neither what a build leaves behind nor the tests that run on the host, except for their vectors.
  const generated =
    /^\/?tests\/host\/(?!vectors\.txt$)|(^|\/)(\.[^/]*|[^/]*\.(o|ko|mod|mod\.c|a)|Module\.symvers|modules\.order)$/;
  const key = hashStrings([version, headers, hashTree(kernelDir, (path) => generated.test(path))]);
  const dir = join(cacheDir, "our-modules", key);
  const listed = (): string[] =>
    readdirSync(dir)
      .filter((name) => name.endsWith(".ko"))
      .map((name) => join(dir, name));
  if (existsSync(dir)) return listed();
  // A copy, so that a build for one kernel leaves nothing in the source folder that another build would trip over.
  const work = join(cacheDir, "kernel-build", version);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(dirname(work), { recursive: true });
  cpSync(kernelDir, work, { recursive: true, filter: (source) => !generated.test(source.slice(kernelDir.length)) });
  await exec("make", ["-C", work, `KDIR=${headers}`]);
  const partial = `${dir}.new`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  for (const name of readdirSync(work).filter((file) => file.endsWith(".ko"))) {
    cpSync(join(work, name), join(partial, name));
    await exec("strip", ["--strip-debug", join(partial, name)]);
  }
  renameSync(partial, dir);
  return listed();
}

/** The archive with lib/modules of one kernel: the needed part of Debian's modules, and ours in extra/. */
export async function modulesLayer(kernel: Kernel): Promise<string> {
  const ours = await ourModules(kernel);
  const recipe = hashTree(fileURLToPath(import.meta.url));
  const key = hashStrings([kernel.version, kernel.tree, recipe, ...ours]);
  const file = join(cacheDir, "layers", `modules-${kernel.version}-${key}.cpio`);
  if (existsSync(file)) return file;
  const source = join(kernel.tree, "lib/modules", kernel.version);
  const tree = join(cacheDir, "modules", key);
  const target = join(tree, "lib/modules", kernel.version);
  rmSync(tree, { recursive: true, force: true });
  const dep = parseModulesDep(readFileSync(join(source, "modules.dep"), "utf8"));
  for (const name of moduleClosure(dep, MODULES)) cpSync(join(source, name), join(target, name));
  for (const name of ["modules.order", "modules.builtin", "modules.builtin.modinfo"]) {
    cpSync(join(source, name), join(target, name));
  }
  for (const module of ours) cpSync(module, join(target, "extra", basename(module)));
  await exec("depmod", ["-b", tree, kernel.version]);
  mkdirSync(dirname(file), { recursive: true });
  writeCpio(`${file}.new`, readTree(tree));
  renameSync(`${file}.new`, file);
  rmSync(tree, { recursive: true, force: true });
  return file;
}
