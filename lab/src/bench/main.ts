// SPDX-License-Identifier: Apache-2.0
// `make bench`: measures, prints a table, writes build/bench.json and build/bench.svg; with --docs also into docs/.
import { parseArgs } from "node:util";
import { emulator, qemuVersion } from "../build/qemu.ts";
import { LabError, messageOf } from "../errors.ts";
import { withVm } from "../scenario.ts";
import { loop } from "../topologies/loop.ts";
import type { Topology } from "../topologies/types.ts";
import type { Vm } from "../vm/vm.ts";
import { measureCable } from "./cable.ts";
import { groups, setting, specs, specsOf } from "./figures.ts";
import { Run } from "./publish.ts";
import type { Outcome } from "./report.ts";
import { measureSupervisor, supervisorSpecs } from "./supervisor.ts";
import { installTool } from "./tool.ts";

/** Groups with VMs of their own. */
const OTHERS: readonly string[] = ["cable", "supervisor"];

const USAGE = `usage: make bench [ONLY=GROUP,...] [ROUNDS=N] [DOCS=1]
  ONLY     ${[...Object.keys(groups), ...OTHERS].join(", ")}; all by default
  ROUNDS   how often everything is measured, 5 by default
  DOCS=1   puts the result into docs/performance.md and docs/performance.svg`;

/** 63 stations hold 32 MiB in receive memory alone. */
const bench: Topology = {
  ...loop,
  name: "bench",
  vms: loop.vms.map((vm) => ({ ...vm, name: "bench", memoryMiB: 1024 })),
};

interface Options {
  readonly only: readonly string[];
  readonly rounds: number;
  readonly docs: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: "" },
      rounds: { type: "string", default: "5" },
      docs: { type: "boolean", default: false },
    },
  });
  const only = values.only.split(",").filter(Boolean);
  const rounds = Number(values.rounds);
  const unknown = only.find((name) => !OTHERS.includes(name) && groups[name] === undefined);
  if (unknown !== undefined) throw new LabError("usage", `There is no group "${unknown}".`, `\n${USAGE}`);
  if (!Number.isInteger(rounds) || rounds < 1) throw new LabError("usage", "ROUNDS is no number.", `\n${USAGE}`);
  return { only, rounds, docs: values.docs };
}

async function measureBoot(vm: Vm, { only, rounds }: Options, { say }: Run): Promise<Outcome[]> {
  await installTool(vm);
  const where = await setting(vm, rounds);
  const outcomes: Outcome[] = [];
  for (const [name, measure] of Object.entries(groups)) {
    if (only.length > 0 && !only.includes(name)) continue;
    say(`${name} ...`);
    try {
      outcomes.push(...(await measure(where)));
    } catch (error) {
      const missing = messageOf(error);
      console.error(missing);
      outcomes.push(...(specsOf[name] ?? []).map((spec) => ({ ...spec, missing: missing.split("\n")[0] ?? missing })));
    }
  }
  return outcomes;
}

async function measureAll(options: Options, run: Run): Promise<{ outcomes: Outcome[]; guest: string }> {
  const { say } = run;
  const outcomes: Outcome[] = [];
  let guest = "";
  if (options.only.length === 0 || options.only.some((name) => !OTHERS.includes(name))) {
    await withVm({ topology: bench, say, parallel: true }, async (vm) => {
      const clock = await vm.ok("cat /sys/devices/system/clocksource/clocksource0/current_clocksource");
      guest = `Linux ${await vm.ok("uname -r")}, ${vm.spec.cpus} processors, clock ${clock}`;
      outcomes.push(...(await measureBoot(vm, options, run)));
    });
  }
  if (options.only.length === 0 || options.only.includes("cable")) {
    say("cable ...");
    try {
      outcomes.push({ ...specs.cable, ...(await measureCable(options.rounds, say)) });
    } catch (error) {
      const missing = messageOf(error);
      console.error(missing);
      outcomes.push({ ...specs.cable, missing: missing.split("\n")[0] ?? missing });
    }
  }
  if (options.only.length === 0 || options.only.includes("supervisor")) {
    say("supervisor ...");
    try {
      outcomes.push(...(await measureSupervisor(options.rounds, say)));
    } catch (error) {
      const missing = messageOf(error);
      console.error(missing);
      const reason = missing.split("\n")[0] ?? missing;
      outcomes.push(...Object.values(supervisorSpecs).map((spec) => ({ ...spec, missing: reason })));
    }
  }
  const order = Object.values({ ...specs, ...supervisorSpecs }).map((spec): string => spec.name);
  outcomes.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  return { outcomes, guest };
}

async function main(): Promise<number> {
  const options = readOptions();
  const run = new Run();
  const { outcomes, guest } = await measureAll(options, run);
  const qemu = await qemuVersion(await emulator());
  return run.publish(
    outcomes,
    { guest, emulator: `QEMU ${qemu} without KVM`, rounds: options.rounds },
    { command: "bench", chart: "performance.svg", docs: options.docs },
  );
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof LabError ? `\n${error.message}` : error);
    process.exit(1);
  },
);
