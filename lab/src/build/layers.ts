// SPDX-License-Identifier: Apache-2.0
// What single topologies have in their VMs beside the base: programs from Debian packages, and modules of the kernel.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Programs, programEntries, programsTree } from "./base.ts";
import type { TreeEntry } from "./cpio.ts";
import { unpackedDebs } from "./debs.ts";
import { labKernel, moduleClosure, parseModulesDep } from "./kernel.ts";
import { compile } from "./program.ts";

interface LayerParts {
  readonly programs: Programs;
  /** `depmod` in the VM makes them known. */
  readonly modules?: readonly string[];
  /** Programs of ours. */
  readonly own?: () => Promise<TreeEntry[]>;
}

/** lab/farm, which needs PVM's library. */
async function farm(): Promise<TreeEntry[]> {
  const tree = await unpackedDebs(["pvm-dev", "libtirpc-dev"], { libraries: false });
  const library = join(tree, "usr/lib/x86_64-linux-gnu");
  const source = await compile("lab/farm", "farm", {
    flags: ["-isystem", join(tree, "usr/include")],
    link: [join(library, "libpvm3.a"), join(library, "libtirpc.a")],
  });
  return [{ kind: "file", path: "usr/bin/farm", mode: 0o755, source }];
}

const LAYERS = {
  adapters: {
    programs: { iproute2: ["rdma"] },
    modules: [
      ...["vmw_pvscsi", "mptsas", "megaraid_sas", "am53c974"],
      ...["fcoe", "tcm_fc", "rdma_rxe", "crc32_generic", "ib_srp", "ib_srpt", "ib_iser", "ib_isert"],
    ],
  },
  ftp: { programs: { vsftpd: ["vsftpd"], lftp: ["lftp"] } },
  nfs: {
    programs: {
      "nfs-kernel-server": ["rpc.nfsd", "rpc.mountd", "exportfs"],
      "nfs-common": ["mount.nfs"],
      "util-linux": ["flock"],
    },
    modules: ["nfsd", "nfs", "nfsv4"],
  },
  pvm: { programs: { pvm: ["pvmd"] }, own: farm },
} as const satisfies Readonly<Record<string, LayerParts>>;

export type DebianLayer = keyof typeof LAYERS;

/** Files of a layer, for the root of a VM. */
export async function debianLayer(name: DebianLayer): Promise<TreeEntry[]> {
  const { programs, modules = [], own }: LayerParts = LAYERS[name];
  const { entries } = await programEntries(await programsTree(programs), programs);
  return [...entries, ...(await moduleEntries(modules)), ...((await own?.()) ?? [])];
}

async function moduleEntries(names: readonly string[]): Promise<TreeEntry[]> {
  if (names.length === 0) return [];
  const { tree, version } = await labKernel();
  const folder = join("lib/modules", version);
  const dep = parseModulesDep(readFileSync(join(tree, folder, "modules.dep"), "utf8"));
  return moduleClosure(dep, names).map((file) => ({
    kind: "file",
    path: join("usr", folder, file),
    mode: 0o644,
    source: join(tree, folder, file),
  }));
}
