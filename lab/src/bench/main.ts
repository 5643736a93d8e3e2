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
import { firmwareSpecs, LATENCY, measureFirmware } from "./firmware.ts";
import { measureParallel } from "./parallel.ts";
import { Run } from "./publish.ts";
import type { Outcome } from "./report.ts";
import type { FigureSpec } from "./stats.ts";
import { measureSupervisor, supervisorSpecs } from "./supervisor.ts";
import { installTool } from "./tool.ts";

/** The last three have VMs of their own. */
const VM_GROUPS: readonly string[] = [...Object.keys(groups), "cable", "parallel", "supervisor"];
/** Without a VM, and with a report of its own. */
const FIRMWARE = "firmware";
const GROUPS = [...VM_GROUPS, FIRMWARE];

const USAGE = `usage: make bench [ONLY=GROUP,...] [ROUNDS=N] [DOCS=1]
  ONLY     ${GROUPS.join(", ")}; all by default
  ROUNDS   how often everything is measured, 5 by default
  DOCS=1   puts the result into docs/performance.md and its charts`;

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
  const unknown = only.find((name) => !GROUPS.includes(name));
  if (unknown !== undefined) throw new LabError("usage", `There is no group "${unknown}".`, `\n${USAGE}`);
  if (!Number.isInteger(rounds) || rounds < 1) throw new LabError("usage", "ROUNDS is no number.", `\n${USAGE}`);
  return { only, rounds, docs: values.docs };
}

const wants = ({ only }: Options, name: string): boolean => only.length === 0 || only.includes(name);

/** What fails is told, and its figures are missing. */
async function attempt(figures: readonly FigureSpec[], measure: () => Promise<Outcome[]>): Promise<Outcome[]> {
  try {
    return await measure();
  } catch (error) {
    const missing = messageOf(error);
    console.error(missing);
    return figures.map((spec) => ({ ...spec, missing: missing.split("\n")[0] ?? missing }));
  }
}

async function measureBoot(vm: Vm, options: Options, { say }: Run): Promise<Outcome[]> {
  await installTool(vm);
  const where = await setting(vm, options.rounds);
  const outcomes: Outcome[] = [];
  for (const [name, measure] of Object.entries(groups)) {
    if (!wants(options, name)) continue;
    say(`${name} ...`);
    outcomes.push(...(await attempt(specsOf[name] ?? [], () => measure(where))));
  }
  return outcomes;
}

async function measureVms(options: Options, run: Run): Promise<{ outcomes: Outcome[]; guest: string }> {
  const { say } = run;
  const { rounds } = options;
  const outcomes: Outcome[] = [];
  let guest = "";
  if (Object.keys(groups).some((name) => wants(options, name))) {
    await withVm({ topology: bench, say, parallel: true }, async (vm) => {
      const clock = await vm.ok("cat /sys/devices/system/clocksource/clocksource0/current_clocksource");
      guest = `Linux ${await vm.ok("uname -r")}, ${vm.spec.cpus} processors, clock ${clock}`;
      outcomes.push(...(await measureBoot(vm, options, run)));
    });
  }
  if (wants(options, "cable")) {
    say("cable ...");
    const measure = async () => [{ ...specs.cable, ...(await measureCable(rounds, say)) }];
    outcomes.push(...(await attempt([specs.cable], measure)));
  }
  if (wants(options, "parallel")) {
    say("parallel ...");
    const measure = () =>
      withVm({ topology: bench, say, parallel: true }, async (vm) => [
        { ...specs.parallel, ...(await measureParallel(vm, rounds, say)) },
      ]);
    outcomes.push(...(await attempt([specs.parallel], measure)));
  }
  if (wants(options, "supervisor")) {
    say("supervisor ...");
    outcomes.push(...(await attempt(Object.values(supervisorSpecs), () => measureSupervisor(rounds, say))));
  }
  const order = Object.values({ ...specs, ...supervisorSpecs }).map((spec): string => spec.name);
  outcomes.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  return { outcomes, guest };
}

/** @returns exit code */
async function benchFirmware({ docs }: Options): Promise<number> {
  const run = new Run();
  const outcomes = await attempt(Object.values(firmwareSpecs), measureFirmware);
  const guest = `the adapter's firmware; an initiator that answers each edge after ${LATENCY} ns; time is the emulated chip's`;
  return run.publish(
    outcomes,
    { guest, emulator: "rp2040js", rounds: 1 },
    { command: "bench ONLY=firmware", file: "bench-firmware", chart: "performance-firmware.svg", docs },
  );
}

/** @returns exit code */
async function benchVms(options: Options): Promise<number> {
  const run = new Run();
  const { outcomes, guest } = await measureVms(options, run);
  const qemu = await qemuVersion(await emulator());
  return run.publish(
    outcomes,
    { guest, emulator: `QEMU ${qemu} without KVM`, rounds: options.rounds },
    { command: "bench", file: "bench", chart: "performance.svg", docs: options.docs },
  );
}

async function main(): Promise<number> {
  const options = readOptions();
  let code = 0;
  if (VM_GROUPS.some((name) => wants(options, name))) code |= await benchVms(options);
  if (wants(options, FIRMWARE)) code |= await benchFirmware(options);
  return code;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof LabError ? `\n${error.message}` : error);
    process.exit(1);
  },
);
