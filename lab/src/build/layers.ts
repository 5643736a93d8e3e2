// SPDX-License-Identifier: Apache-2.0
// What single topologies have in their VMs beside the base: programs from Debian packages, and modules of the kernel.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Programs, programEntries, programsTree } from "./base.ts";
import { readTree, type TreeEntry } from "./cpio.ts";
import { unpackedDebs } from "./debs.ts";
import { librariesFor } from "./elf.ts";
import { labKernel, moduleClosure, parseModulesDep } from "./kernel.ts";
import { compile } from "./program.ts";

interface LayerParts {
  readonly programs: Programs;
  /** `depmod` in the VM makes them known. */
  readonly modules?: readonly string[];
  /** Programs of ours. */
  readonly own?: () => Promise<TreeEntry[]>;
}

const FARM = "lab/farm";
const LIBRARIES = "usr/lib/x86_64-linux-gnu";

function farmEntry(source: string): TreeEntry {
  return { kind: "file", path: "usr/bin/farm", mode: 0o755, source };
}

async function farmOfPvm(): Promise<TreeEntry[]> {
  const tree = await unpackedDebs(["pvm-dev", "libtirpc-dev"], { libraries: false });
  const link = ["libpvm3.a", "libtirpc.a"].map((library) => join(tree, LIBRARIES, library));
  return [
    farmEntry(await compile(FARM, "farm", { part: "pvm", flags: ["-isystem", join(tree, "usr/include")], link })),
  ];
}

/** Plug-ins for networks that no VM has. */
const FOR_ADAPTERS = /_(openib|ofi|psm2?|ucx)\.so$/;

/** Open MPI is there as a shared library, and loads plug-ins of its own and of PMIx. */
async function farmOfMpi(): Promise<TreeEntry[]> {
  const tree = await unpackedDebs(["libopenmpi-dev", "openmpi-common", "libc6"], { libraries: true });
  const source = await compile(FARM, "farm", {
    part: "mpi",
    flags: ["-isystem", join(tree, LIBRARIES, "openmpi/include")],
    link: [join(tree, LIBRARIES, "libmpi.so.40"), "-Wl,--allow-shlib-undefined"],
    shared: true,
  });
  const folders = [join(LIBRARIES, "openmpi/lib/openmpi3"), join(LIBRARIES, "pmix2"), "usr/share/openmpi"];
  const entries = folders
    .flatMap((folder) => readTree(join(tree, folder), folder))
    .filter(({ path }) => !FOR_ADAPTERS.test(path));
  const plugins = entries.flatMap((entry) =>
    entry.kind === "file" && entry.path.endsWith(".so") ? [join(tree, entry.path)] : [],
  );
  return [farmEntry(source), ...entries, ...(await librariesFor(tree, [source, ...plugins]))];
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
  mpi: { programs: { "openmpi-bin": ["orterun", "orted"] }, own: farmOfMpi },
  pvm: { programs: { pvm: ["pvmd"] }, own: farmOfPvm },
  search: { programs: { htdig: ["htdig", "htpurge", "htsearch"], wrk: ["wrk"] } },
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
