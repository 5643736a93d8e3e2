// SPDX-License-Identifier: Apache-2.0
// Somebody's Debian machine: systemd, systemd-networkd and NetworkManager, a compiler, DKMS and the kernel's headers, on a
// disk. Our packages are installed on it, and the driver that comes over the bus.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabError, messageOf } from "../errors.ts";
import { cacheDir, labDir } from "../paths.ts";
import { exec } from "../process.ts";
import type { VmSpec } from "../topologies/types.ts";
import { programsTree } from "./base.ts";
import { type TreeEntry, writeCpio } from "./cpio.ts";
import { codename } from "./debs.ts";
import { findInTree } from "./elf.ts";
import { hashStrings, hashTree } from "./hash.ts";
import { type Kernel, MODULES, moduleClosure, parseModulesDep } from "./kernel.ts";
import { compile } from "./program.ts";

const PACKAGES = [
  ...["systemd-sysv", "udev", "dbus", "kmod", "procps", "iproute2", "iputils-ping", "netcat-openbsd", "openssl"],
  // what our packages depend on
  ...["nodejs", "adduser", "dkms", "gcc", "make", "nftables", "dnsmasq-base", "udhcpc"],
  ...["network-manager", "curl", "sg3-utils", "xz-utils"],
];
/** Of the disk's own file system, and the driver disk's. */
const HOST_MODULES = ["virtio_pci", "virtio_blk", "ext4", "vfat", "nls_cp437", "nls_ascii", "autofs4"];
const INITRD_MODULES = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic"];

/** The disk of a VM in its run's folder. */
export function debianDisk(dir: string, vm: string): string {
  return join(dir, `${vm}.root`);
}

/** Where this host gets its packages from. */
function sources(): string {
  const folder = "/etc/apt/sources.list.d";
  const more = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return ["/etc/apt/sources.list", ...more.filter((file) => /\.(list|sources)$/.test(file))]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n\n");
}

/** Settings of apt for a network that needs some, a proxy for example. */
async function aptOptions(): Promise<string[]> {
  const { stdout } = await exec("apt-config", ["dump", "--format", '%F "%v";%n', "Acquire::http", "Acquire::https"]);
  const lines = stdout.split("\n").filter((line) => /^Acquire::https?::\S+ ".+";$/.test(line));
  return lines.map((line) => `--aptopt=${line}`);
}

/** Installed packages as an archive; made once for a kernel and a list. */
async function installed(kernel: Kernel): Promise<string> {
  const packages = [...PACKAGES, `linux-headers-${kernel.version}`];
  const file = join(cacheDir, "debian", `packages-${hashStrings(packages)}.tar`);
  if (existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true });
  const paths = ["man", "doc", "locale", "info"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const options = ["--variant=minbase", "--mode=auto", "--format=tar", ...paths, ...(await aptOptions())];
  const partial = `${file}.new`;
  try {
    await exec("mmdebstrap", [...options, `--include=${packages.join(",")}`, await codename(), partial, "-"], {
      input: sources(),
    });
  } catch (error) {
    throw new LabError(
      "package-missing",
      `Could not install Debian packages for a VM: ${messageOf(error)}`,
      "Check that this machine reaches a Debian mirror (apt-get update).",
      error,
    );
  }
  renameSync(partial, file);
  return file;
}

/** lib/modules of the stock kernel, as far as VMs use it, without our modules. */
function copyModules(kernel: Kernel, names: readonly string[], target: string): string[] {
  const source = join(kernel.tree, "lib/modules", kernel.version);
  const files = moduleClosure(parseModulesDep(readFileSync(join(source, "modules.dep"), "utf8")), names);
  const all = ["modules.order", "modules.builtin", "modules.builtin.modinfo", ...files];
  for (const name of all) cpSync(join(source, name), join(target, name));
  return files;
}

async function disk(kernel: Kernel): Promise<string> {
  const packages = await installed(kernel);
  const agent = await compile("lab/agent", "lab-agent");
  const own = join(labDir, "debian");
  const recipe = hashTree(fileURLToPath(import.meta.url));
  const file = join(
    cacheDir,
    "debian",
    `disk-${hashStrings([packages, agent, kernel.version, hashTree(own), recipe])}`,
  );
  if (existsSync(file)) return file;
  const overlay = `${file}.overlay`;
  rmSync(overlay, { recursive: true, force: true });
  cpSync(join(own, "etc"), join(overlay, "etc"), { recursive: true });
  mkdirSync(join(overlay, "usr/sbin"), { recursive: true });
  copyFileSync(agent, join(overlay, "usr/sbin/lab-agent"));
  const tree = join(overlay, "usr/lib/modules", kernel.version);
  copyModules(kernel, [...MODULES, ...HOST_MODULES], tree);
  await exec("depmod", ["-b", join(overlay, "usr"), kernel.version]);
  const root = process.getuid?.() === 0 ? [] : ["fakeroot", "--"];
  const [program = "", ...args] = [...root, join(own, "make-disk"), packages, overlay, file];
  await exec(program, args);
  rmSync(overlay, { recursive: true, force: true });
  return file;
}

/** Needed files come before those that need them. */
function loadOrder(dep: ReadonlyMap<string, readonly string[]>, files: readonly string[]): string[] {
  const order: string[] = [];
  const visit = (file: string): void => {
    for (const need of dep.get(file) ?? []) visit(need);
    if (!order.includes(file)) order.push(file);
  };
  for (const file of files) visit(file);
  return order;
}

/** Writes the initramfs that finds the disk. */
async function initrd(file: string, kernel: Kernel): Promise<void> {
  const source = join(kernel.tree, "lib/modules", kernel.version);
  const dep = parseModulesDep(readFileSync(join(source, "modules.dep"), "utf8"));
  const modules = loadOrder(dep, moduleClosure(dep, INITRD_MODULES));
  const busybox = findInTree(await programsTree({ "busybox-static": ["busybox"] }), "busybox") ?? "";
  const entries: TreeEntry[] = [
    { kind: "file", path: "init", mode: 0o755, source: join(labDir, "debian/init") },
    // Not in bin/, which is a link in other archives.
    { kind: "file", path: "usr/bin/busybox", mode: 0o755, source: busybox },
    { kind: "link", path: "bin", target: "usr/bin" },
    { kind: "dir", path: "dev", mode: 0o755 },
    { kind: "char", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    {
      kind: "file",
      path: "modules.list",
      mode: 0o644,
      source: Buffer.from(modules.map((name) => basename(name)).join("\n")),
    },
    ...modules.map(
      (name): TreeEntry => ({
        ...{ kind: "file", path: `modules/${basename(name)}`, mode: 0o644, source: join(source, name) },
      }),
    ),
  ];
  writeCpio(file, entries);
}

/** The VM's initramfs, and beside it its own copy of the disk. */
export async function buildDebianVm(file: string, vm: VmSpec, kernel: Kernel): Promise<void> {
  await exec("cp", ["--sparse=always", "--reflink=auto", await disk(kernel), debianDisk(dirname(file), vm.name)]);
  await initrd(file, kernel);
}
