// SPDX-License-Identifier: Apache-2.0
// The base layer of every VM: programs from Debian packages with the libraries that they need.
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabError } from "../errors.ts";
import { cacheDir } from "../paths.ts";
import { exec } from "../process.ts";
import { readTree, type TreeEntry, writeCpio } from "./cpio.ts";
import { unpackedDebs } from "./debs.ts";
import { findInTree, librariesFor } from "./elf.ts";
import { hashStrings, hashTree } from "./hash.ts";
import { compile } from "./program.ts";

/** Package -> programs from it. busybox fills in what is not here. */
export type Programs = Readonly<Record<string, readonly string[]>>;

/** In every VM: the supervisor's programs, and what one looks around with. */
const BASE_PROGRAMS: Programs = {
  "busybox-static": ["busybox"],
  // Debian's busybox has a shell that prefers its own applets to programs of the same name (ip, ping, modprobe).
  dash: ["dash"],
  iproute2: ["ip", "bridge", "tc", "ss"],
  nftables: ["nft"],
  "dnsmasq-base": ["dnsmasq"],
  bird2: ["bird", "birdcl"],
  "wireguard-tools": ["wg"],
  "avahi-daemon": ["avahi-daemon"],
  chrony: ["chronyd", "chronyc"],
  "dropbear-bin": ["dropbear", "dropbearkey", "dbclient"],
  iperf3: ["iperf3"],
  "iputils-ping": ["ping"],
  ethtool: ["ethtool"],
  kmod: ["kmod"],
  openssl: ["openssl"],
  tcpdump: ["tcpdump"],
};

/** In the image beside that: its disk and its updates (docs/image.md), and what a setting starts. */
const MORE_IMAGE_PROGRAMS: Programs = {
  dmsetup: ["dmsetup"],
  e2fsprogs: ["mke2fs", "e2fsck", "resize2fs"],
  fdisk: ["sfdisk"],
  "util-linux": ["partx"],
  rauc: ["rauc"],
  "dbus-daemon": ["dbus-daemon"],
  snmpd: ["snmpd"],
  lldpd: ["lldpd", "lldpcli"],
};

/** What scenarios use in VMs, and no gateway needs. */
const LAB_PROGRAMS: Programs = {
  bash: ["bash"],
  "isc-dhcp-client": ["dhclient", "dhclient-script"],
  "dhcpcd-base": ["dhcpcd"],
  curl: ["curl"],
  fping: ["fping"],
  "sg3-utils": [
    "sg_raw",
    "sg_inq",
    "sg_vpd",
    "sg_luns",
    "sg_turs",
    "sg_requests",
    "sg_readcap",
    "sg_senddiag",
    "sg_modes",
    "sg_reset",
  ],
  "open-iscsi": ["iscsid", "iscsiadm"],
  usbip: ["usbip"],
};

/** Of the image. */
export const IMAGE_PROGRAMS: Programs = { ...BASE_PROGRAMS, ...MORE_IMAGE_PROGRAMS };

/** Data that the programs read, from the same packages. */
const DATA = ["etc/iproute2", "usr/share/iproute2", "etc/ssl/openssl.cnf", "usr/lib/ssl/openssl.cnf"];

/** Loaded by name at run time, so no program lists them. */
const EXTRA_LIBRARIES = ["libgcc_s.so.1"];

/** Not busybox's. */
const SHELL: TreeEntry = { kind: "link", path: "usr/bin/sh", target: "dash" };

const KMOD_NAMES = ["modprobe", "insmod", "rmmod", "lsmod", "modinfo", "depmod"];

/** Programs that Node itself needs; the same libc as the rest. */
const NODE_LIBRARIES = ["libstdc++.so.6", "libdl.so.2", "libpthread.so.0", "libm.so.6"];

/** Packages with these programs, unpacked, and the libraries that they need. */
export async function programsTree(programs: Programs): Promise<string> {
  return unpackedDebs([...Object.keys(programs), "libstdc++6", "libgcc-s1", "libc6"], { libraries: true });
}

async function busyboxLinks(busybox: string, taken: ReadonlySet<string>): Promise<TreeEntry[]> {
  const { stdout } = await exec(busybox, ["--list-full"]);
  const links: TreeEntry[] = [];
  for (const line of stdout.split("\n")) {
    const path = line.trim();
    const name = path.split("/").at(-1) ?? "";
    if (path === "" || name === "busybox" || taken.has(name)) continue;
    links.push({ kind: "link", path, target: "/usr/bin/busybox" });
  }
  return links;
}

const FOLDERS = [
  "proc",
  "sys",
  "dev",
  "run",
  "data",
  "boot",
  "root",
  "mnt",
  "var/empty",
  "var/log",
  "var/lib/misc",
  "etc/init.d",
];

/** Files for the programs, with libraries. */
export async function programEntries(
  tree: string,
  wanted: Programs,
): Promise<{ entries: TreeEntry[]; names: Set<string> }> {
  const entries: TreeEntry[] = [];
  const dynamic: string[] = [];
  const names = new Set<string>();
  for (const [deb, list] of Object.entries(wanted)) {
    for (const name of list) {
      const source = findInTree(tree, name);
      if (source === undefined) {
        throw new LabError(
          "package-missing",
          `Package ${deb} has no program ${name}.`,
          "Correct lab/src/build/base.ts.",
        );
      }
      const dir = /\/sbin\/[^/]+$/.test(source) ? "usr/sbin" : "usr/bin";
      entries.push({ kind: "file", path: `${dir}/${name}`, mode: 0o755, source });
      names.add(name);
      if (name !== "busybox") dynamic.push(source);
    }
  }
  entries.push(...(await librariesFor(tree, dynamic, [...EXTRA_LIBRARIES, ...NODE_LIBRARIES])));
  return { entries, names };
}

/** A root file system with the programs, without anything of ours. */
export async function rootEntries(tree: string, wanted: Programs): Promise<TreeEntry[]> {
  const { entries: programs, names } = await programEntries(tree, wanted);
  const taken = new Set([...names, ...KMOD_NAMES, "sh"]);
  const entries: TreeEntry[] = [
    ...["bin", "sbin", "lib", "lib64"].map((name): TreeEntry => ({ kind: "link", path: name, target: `usr/${name}` })),
    ...FOLDERS.map((path): TreeEntry => ({ kind: "dir", path, mode: 0o755 })),
    { kind: "dir", path: "tmp", mode: 0o1777 },
    { kind: "link", path: "var/run", target: "/run" },
    SHELL,
    ...programs,
  ];
  for (const name of KMOD_NAMES) entries.push({ kind: "link", path: `usr/sbin/${name}`, target: "/usr/bin/kmod" });
  for (const path of DATA) {
    if (existsSync(join(tree, path))) entries.push(...readTree(join(tree, path), path));
  }
  entries.push(...(await busyboxLinks(join(tree, "bin/busybox"), taken)));
  return entries;
}

/** What VMs of the lab need to be driven, on top of a root file system: the command agent and programs of scenarios. */
export async function labEntries(): Promise<TreeEntry[]> {
  const [tree, agent] = await Promise.all([programsTree(LAB_PROGRAMS), compile("lab/agent", "lab-agent")]);
  const { entries } = await programEntries(tree, LAB_PROGRAMS);
  return [...entries, { kind: "file", path: "usr/sbin/lab-agent", mode: 0o755, source: agent }];
}

/** Of the files here that say what a root file system is made of. */
export function recipeHash(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return hashStrings(["base.ts", "cpio.ts", "elf.ts"].map((name) => hashTree(join(here, name))));
}

/** The initramfs archive of VMs that are not gateways; made anew when a package, the agent or this recipe changes. */
export async function baseLayer(): Promise<string> {
  const [tree, lab] = await Promise.all([programsTree(BASE_PROGRAMS), labEntries()]);
  const sources = lab.map((entry) => (entry.kind === "file" ? String(entry.source) : ""));
  const file = join(cacheDir, "layers", `base-${hashStrings([tree, recipeHash(), ...sources])}.cpio`);
  if (existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true });
  const boot: TreeEntry[] = [
    { kind: "char", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "char", path: "dev/null", mode: 0o666, major: 1, minor: 3 },
    { kind: "link", path: "init", target: "/sbin/init" },
  ];
  writeCpio(`${file}.new`, [...(await rootEntries(tree, BASE_PROGRAMS)), ...lab, ...boot]);
  renameSync(`${file}.new`, file);
  return file;
}
