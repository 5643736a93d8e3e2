// SPDX-License-Identifier: Apache-2.0
// The lab's command line.
import { ownScenarios, surveys } from "../arrangements/all.ts";
import { buildAll } from "../build/all.ts";
import { choices } from "../build/choices.ts";
import { labKernel } from "../build/kernel.ts";
import { debs, driverDisk } from "../build/packages.ts";
import { LabError } from "../errors.ts";
import { adapter } from "../topologies/adapter.ts";
import { topologies } from "../topologies/index.ts";
import type { Topology } from "../topologies/types.ts";
import { execIn, shellIn } from "./attach.ts";
import { makeDisk } from "./disk.ts";
import { runAdapter, runCluster, runInteractive } from "./run.ts";
import { runSbom } from "./sbom.ts";
import { runAllTests, runCheck, runOwnScenarios, runScenarios } from "./tests.ts";
import { runTrace } from "./trace.ts";

const USAGE = `usage: lab COMMAND
  run                   the gateway with its stations, as "make run" shows it
  vm TOPOLOGY           boots a topology to play with (${Object.keys(topologies).join(", ")}) until Ctrl-C
  shell VM              a shell in a VM of what runs now
  exec VM COMMAND...    runs a command there
  build                 what VMs are made of: programs, kernel, our modules, services
  build-kernel          the kernel alone
  disk                  the gateway's disk as a file to flash, and its update bundle, in build/disk
  kernel-headers        the folder with its headers (KDIR= of kernel/Makefile), fetched where it is missing
  sbom                  bill of materials and licences of the image, to build/sbom
  debs                  Debian packages, to build/debs
  driver-disk           the disk with the driver for hosts, to build/driver
  test [NAME...]        scenarios: all, or those whose file name has NAME in it
  scenario NAME...      builds an arrangement of buses and hosts, tries it, draws it; all: every one of them
  scenarios             their names
  trace draw FILE [FIRST-LAST]  a trace of a modelled bus, or some of its connections, as a timing picture (SVG)
  trace compare ONE OTHER       what differs between two of them, times left out
  test-all              every test of the project
  check                 types, format, lint and unit tests; no VM
LAB_KERNEL=6.12 picks the other kernel, LAB_KERNEL=debug one with KASAN and lockdep; LAB_TIMEOUT_SCALE=2 doubles every time limit.`;

function topologyNamed(name: string | undefined): Topology {
  const topology = topologies[name ?? ""];
  if (topology === undefined) {
    const names = Object.keys(topologies).join(", ");
    throw new LabError("usage", `There is no topology "${name ?? ""}".`, `There are: ${names}.`);
  }
  return topology;
}

const runnable = [...ownScenarios, ...surveys];

function scenarioName(name: string): string {
  if (runnable.some((one) => one.name === name)) return name;
  const names = runnable.map((one) => one.name).join(", ");
  throw new LabError("usage", `There is no scenario "${name}".`, `There are: ${names}; all for every one.`);
}

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  choices(); // of this process and all that it starts
  switch (command) {
    case "run":
      return runCluster();
    case "vm":
      return rest[0] === adapter.name ? runAdapter() : runInteractive(topologyNamed(rest[0]));
    case "shell":
      return shellIn(rest[0]);
    case "exec":
      return execIn(
        rest[0],
        rest.slice(1).filter((word, index) => index > 0 || word !== "--"),
      );
    case "build":
      await buildAll();
      return 0;
    case "build-kernel":
      await labKernel();
      return 0;
    case "disk":
      return makeDisk();
    case "kernel-headers":
      console.log((await labKernel()).headers);
      return 0;
    case "sbom":
      await buildAll();
      return runSbom();
    case "debs":
      console.log((await debs()).join("\n"));
      return 0;
    case "driver-disk":
      console.log(await driverDisk());
      return 0;
    case "test":
      await buildAll();
      return runScenarios(rest);
    case "scenarios":
      for (const { name, title } of runnable) console.log(`${name.padEnd(14)}${title}`);
      return 0;
    case "scenario": {
      const names = rest.join() === "all" ? runnable.map(({ name }) => name) : rest.map(scenarioName);
      await buildAll();
      return runOwnScenarios(names);
    }
    case "trace":
      return runTrace(rest);
    case "test-all":
      return runAllTests();
    case "check":
      return runCheck();
    case undefined:
    case "help":
    case "--help":
      console.log(USAGE);
      return 0;
    default:
      throw new LabError("usage", `There is no command "${command}".`, `\n${USAGE}`);
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof LabError ? `\n${error.message}` : error);
    process.exit(1);
  },
);
