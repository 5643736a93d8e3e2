// SPDX-License-Identifier: Apache-2.0
// Parallel computation with MPI (Open MPI, as Debian has it) over two SCSI buses. What orterun starts its daemons with stands for ssh, and
// gives each host its own name; all that they say to each other goes over the network, by TCP.
import { mpi } from "../src/arrangements/all.ts";
import { forDocs, writeDown } from "../src/arrangements/report.ts";
import { topologyOf } from "../src/arrangements/scenario.ts";
import { ArrangementRig } from "../src/rigs/arrangement.ts";
import { FarmRig, LAN, MASTER } from "../src/rigs/farm.ts";
import { scenario } from "../src/scenario.ts";

const RSH = "/run/mpi/rsh";
const STARTER = `#!/bin/sh
host=$1; shift
exec ip netns exec \${host%${LAN}} unshare -u sh -c "hostname $host; $*"
`;
const SUBNETS = { scsi: "10.143.0.0/16", lan: "10.200.0.0/24" } as const;

/** Also alone it is a process of MPI's: what its start costs is in both. */
function command(picture: string, names: readonly string[], suffix: string): string {
  const subnet = suffix === LAN ? SUBNETS.lan : SUBNETS.scsi;
  const settings = {
    plm_rsh_agent: RSH,
    pml: "ob1",
    btl: "tcp,self",
    btl_tcp_if_include: subnet,
    oob_tcp_if_include: subnet,
  };
  const mca = Object.entries(settings).map(([name, value]) => `--mca ${name} ${value}`);
  const hosts = [MASTER + suffix, ...names].join(",");
  const start = `orterun --allow-run-as-root ${mca.join(" ")} --host ${hosts} farm ${picture}`;
  return `unshare -u sh -c 'hostname ${MASTER}${suffix}; exec ${start}'`;
}

let farm: FarmRig;

const tests = scenario(mpi.name, topologyOf(mpi, { layers: ["mpi"] }), {
  prepare: async (bench) => {
    farm = new FarmRig(new ArrangementRig(bench.vm("loop"), mpi), command);
    await farm.setUp();
    await farm.rig.vm.writeFile(RSH, STARTER);
    await farm.rig.vm.ok(`chmod +x ${RSH}`);
  },
});

tests.test("hosts on both buses draw one picture, as one host does alone", () => farm.drawDeep());

tests.test("a picture that is mostly to be carried, on SCSI and on Ethernet", () => farm.drawWide(async () => {}));

tests.test("what was measured is written down", async () => {
  console.log(
    `  ${writeDown(
      mpi,
      farm.measured,
      forDocs(() => farm.part()),
    )}`,
  );
});

tests.run();
