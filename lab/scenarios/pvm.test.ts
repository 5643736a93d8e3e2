// SPDX-License-Identifier: Apache-2.0
// The article's last use: parallel computation. PVM, as Debian has it, over two SCSI buses. What it starts its daemons with stands for
// rsh; all that they say to each other goes over the network.
import { pvm } from "../src/arrangements/all.ts";
import { forDocs, writeDown } from "../src/arrangements/report.ts";
import { topologyOf } from "../src/arrangements/scenario.ts";
import { ArrangementRig } from "../src/rigs/arrangement.ts";
import { FarmRig, LAN, MASTER, WORKERS } from "../src/rigs/farm.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";

const RUN = "/run/pvm";

const RSH = `#!/bin/sh
host=$1; shift
[ "$1" = -l ] && shift 2
export PVM_TMP=${RUN}/$host
exec ip netns exec \${host%${LAN}} sh -c "$*"
`;
const ENVIRONMENT = `PVM_ALLOW_ROOT=1 PVM_ROOT=/usr/lib/pvm3 PVM_RSH=${RUN}/rsh`;

let farm: FarmRig;

/** PVM's daemons, on one of the two networks. */
async function startPvm(suffix: string): Promise<void> {
  const { vm } = farm.rig;
  const names = [MASTER, ...WORKERS].map((host) => host + suffix);
  const lines = names.map((name) => `${name} dx=/usr/bin/pvmd ep=/usr/bin\n`).join("");
  await vm.writeFile(`${RUN}/hostfile`, lines);
  // A daemon writes into no log that is there already.
  const folders = names.map((name) => `${RUN}/${name}`).join(" ");
  await vm.ok(`killall pvmd; while pidof pvmd; do sleep 0.1; done; rm -rf ${folders}; mkdir -p ${folders}`);
  const daemon = `env ${ENVIRONMENT} PVM_TMP=${RUN}/${MASTER}${suffix} pvmd -n${MASTER}${suffix} ${RUN}/hostfile`;
  vm.start(`exec ip netns exec ${MASTER} ${daemon} >${RUN}/log 2>&1`);
  const ready = `cat ${names.map((name) => `${RUN}/${name}/pvml.0`).join(" ")} | grep -c ready`;
  await waitFor("all of PVM's daemons", async () => Number((await vm.run(ready)).stdout) === names.length, {
    timeout: 60_000,
  });
}

const topology = topologyOf(pvm, {
  layers: ["pvm"],
  // PVM asks for the port of rexec even where it uses rsh.
  files: { "/etc/services": "exec 512/tcp\n" },
});

const tests = scenario(pvm.name, topology, {
  prepare: async (bench) => {
    farm = new FarmRig(
      new ArrangementRig(bench.vm("loop"), pvm),
      (picture, names, suffix) =>
        `env ${ENVIRONMENT} PVM_TMP=${RUN}/${MASTER}${suffix} farm ${picture} ${names.join(" ")}`,
    );
    await farm.setUp();
    await farm.rig.vm.writeFile(`${RUN}/rsh`, RSH);
    await farm.rig.vm.ok(`chmod +x ${RUN}/rsh`);
    await startPvm("");
  },
});

tests.test("hosts on both buses draw one picture, as one host does alone", () => farm.drawDeep());

tests.test("a picture that is mostly to be carried, on SCSI and on Ethernet", () => farm.drawWide(() => startPvm(LAN)));

tests.test("what was measured is written down", async () => {
  console.log(
    `  ${writeDown(
      pvm,
      farm.measured,
      forDocs(() => farm.part()),
    )}`,
  );
});

tests.run();
