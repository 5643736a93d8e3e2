// SPDX-License-Identifier: Apache-2.0
// `make bench`: measures, prints a table, writes build/bench.json and build/bench.svg; with --docs also into docs/.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LabError, messageOf } from "../errors.ts";
import { replaceGenerated } from "../generated.ts";
import { buildDir, repoDir } from "../paths.ts";
import { withVm } from "../scenario.ts";
import { loop } from "../topologies/loop.ts";
import type { Topology } from "../topologies/types.ts";
import type { Vm } from "../vm/vm.ts";
import { measureCable } from "./cable.ts";
import { groups, setting, specs, specsOf } from "./figures.ts";
import { type Conditions, formatTable, type Outcome, toJson, toMarkdown, toSvg } from "./report.ts";
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

const started = Date.now();
const say = (line: string): void => console.log(`[${((Date.now() - started) / 1000).toFixed(0)} s] ${line}`);

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

function output(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { cwd: repoDir, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

function commit(): string {
  const name = output("git", ["describe", "--always", "--dirty", "--abbrev=12"]);
  return name === "" ? "unknown" : name;
}

function machine(): string {
  const qemu = /version ([0-9.]+)/.exec(output("qemu-system-x86_64", ["--version"]))?.[1] ?? "?";
  const model = cpus()[0]?.model.trim() ?? "?";
  return `${model}, ${cpus().length} processors, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, QEMU ${qemu} without KVM`;
}

async function measureBoot(vm: Vm, { only, rounds }: Options): Promise<Outcome[]> {
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

async function measureAll(options: Options): Promise<{ outcomes: Outcome[]; guest: string }> {
  const outcomes: Outcome[] = [];
  let guest = "";
  if (options.only.length === 0 || options.only.some((name) => !OTHERS.includes(name))) {
    await withVm({ topology: bench, say, parallel: true }, async (vm) => {
      const clock = await vm.ok("cat /sys/devices/system/clocksource/clocksource0/current_clocksource");
      guest = `Linux ${await vm.ok("uname -r")}, ${vm.spec.cpus} processors, clock ${clock}`;
      outcomes.push(...(await measureBoot(vm, options)));
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
  const date = new Date().toISOString();
  const before = loadavg()[0] ?? 0;
  if (before > 0.5) say(`the load of this machine is ${before.toFixed(1)}: what else runs here makes the figures vary`);
  const { outcomes, guest } = await measureAll(options);
  const conditions: Conditions = {
    date,
    commit: commit(),
    machine: machine(),
    guest,
    load: [before, loadavg()[0] ?? 0],
    seconds: (Date.now() - started) / 1000,
    rounds: options.rounds,
  };
  mkdirSync(buildDir, { recursive: true });
  writeFileSync(join(buildDir, "bench.json"), toJson(outcomes, conditions));
  writeFileSync(join(buildDir, "bench.svg"), toSvg(outcomes, conditions));
  if (options.docs) {
    const document = join(repoDir, "docs/performance.md");
    writeFileSync(
      document,
      replaceGenerated(readFileSync(document, "utf8"), "make bench DOCS=1", toMarkdown(outcomes, conditions)),
    );
    writeFileSync(join(repoDir, "docs/performance.svg"), toSvg(outcomes, conditions));
  }
  console.log(
    `\n${formatTable(outcomes)}\n\nbuild/bench.json, build/bench.svg${options.docs ? ", docs/performance.md" : ""}`,
  );
  return outcomes.some((outcome) => "missing" in outcome) ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof LabError ? `\n${error.message}` : error);
    process.exit(1);
  },
);
