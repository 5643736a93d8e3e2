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

/** Package -> programs that go into every VM. busybox fills in what is not here. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  "busybox-static": ["busybox"],
  // Debian's busybox has a shell that prefers its own applets to programs of the same name (ip, ping, modprobe).
  dash: ["dash"],
  bash: ["bash"],
  iproute2: ["ip", "bridge", "tc", "ss"],
  nftables: ["nft"],
  "dnsmasq-base": ["dnsmasq"],
  "isc-dhcp-client": ["dhclient", "dhclient-script"],
  bird2: ["bird", "birdcl"],
  chrony: ["chronyd", "chronyc"],
  iperf3: ["iperf3"],
  "iputils-ping": ["ping"],
  curl: ["curl"],
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
  ethtool: ["ethtool"],
  "open-iscsi": ["iscsid", "iscsiadm"],
  kmod: ["kmod"],
  openssl: ["openssl"],
  tcpdump: ["tcpdump"],
};

/** Data that the programs read, from the same packages. */
const DATA = ["etc/iproute2", "usr/share/iproute2", "etc/ssl/openssl.cnf", "usr/lib/ssl/openssl.cnf"];

/** Loaded by name at run time, so no program lists them. */
const EXTRA_LIBRARIES = ["libgcc_s.so.1"];

/** Not busybox's. */
const SHELL: TreeEntry = { kind: "link", path: "usr/bin/sh", target: "dash" };

const KMOD_NAMES = ["modprobe", "insmod", "rmmod", "lsmod", "modinfo", "depmod"];

/** Programs that Node itself needs; the same libc as the rest. */
const NODE_LIBRARIES = ["libstdc++.so.6", "libdl.so.2", "libpthread.so.0", "libm.so.6"];

export async function baseTree(): Promise<string> {
  return unpackedDebs([...Object.keys(PROGRAMS), "libstdc++6", "libgcc-s1", "libc6"], { libraries: true });
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

async function collect(tree: string, agent: string): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [
    ...["bin", "sbin", "lib", "lib64"].map((name): TreeEntry => ({ kind: "link", path: name, target: `usr/${name}` })),
    ...["proc", "sys", "dev", "run", "data", "root", "mnt", "var/log", "var/lib/misc", "etc/init.d"].map(
      (path): TreeEntry => ({ kind: "dir", path, mode: 0o755 }),
    ),
    { kind: "dir", path: "tmp", mode: 0o1777 },
    { kind: "link", path: "var/run", target: "/run" },
    { kind: "char", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "char", path: "dev/null", mode: 0o666, major: 1, minor: 3 },
    { kind: "file", path: "usr/sbin/lab-agent", mode: 0o755, source: agent },
    { kind: "link", path: "init", target: "/sbin/init" },
    SHELL,
  ];
  const programs: string[] = [];
  const names = new Set<string>([...KMOD_NAMES, "sh"]);
  for (const [deb, list] of Object.entries(PROGRAMS)) {
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
      if (name !== "busybox") programs.push(source);
    }
  }
  for (const name of KMOD_NAMES) entries.push({ kind: "link", path: `usr/sbin/${name}`, target: "/usr/bin/kmod" });
  for (const path of DATA) {
    if (existsSync(join(tree, path))) entries.push(...readTree(join(tree, path), path));
  }
  entries.push(...(await busyboxLinks(join(tree, "bin/busybox"), names)));
  entries.push(...(await librariesFor(tree, programs, [...EXTRA_LIBRARIES, ...NODE_LIBRARIES])));
  return entries;
}

/** The archive; made anew when a package, the agent or this recipe changes. */
export async function baseLayer(): Promise<string> {
  const [tree, agent] = await Promise.all([baseTree(), compile("lab/agent", "lab-agent")]);
  const recipes = ["base.ts", "cpio.ts", "elf.ts"].map((name) =>
    hashTree(join(dirname(fileURLToPath(import.meta.url)), name)),
  );
  const file = join(cacheDir, "layers", `base-${hashStrings([tree, agent, ...recipes])}.cpio`);
  if (existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true });
  writeCpio(`${file}.new`, await collect(tree, agent));
  renameSync(`${file}.new`, file);
  return file;
}
