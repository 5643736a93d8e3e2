// SPDX-License-Identifier: Apache-2.0
// Runs test suites as processes, shows their output, and sums up.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDebugKernel } from "../build/kernel.ts";
import { kernelDir, labDir, repoDir } from "../paths.ts";
import { addTallies, excerpt, formatTally, judge, NOTHING, readTally, type Tally } from "../tally.ts";
import { scaled } from "../time.ts";
import { disownPid, ownPid } from "../vm/cleanup.ts";
import { runPool } from "./pool.ts";

interface Suite {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Minutes before scaling. */
  readonly minutes: number;
  /** Why it cannot run. */
  readonly missing?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Outcome {
  readonly tally: Tally;
  /** See excerpt(). */
  readonly failures: readonly string[];
}

/** Time for a suite to clean up after it was asked to end. */
const END_MS = 15_000;

/** With `quiet`, the output is shown as a whole when the suite has ended: others run beside it. */
async function runSuite(suite: Suite, quiet: boolean): Promise<Outcome> {
  const title = `\n=== ${suite.name}`;
  if (!quiet) console.log(title);
  if (suite.missing !== undefined) {
    console.log(`${quiet ? `${title}\n` : ""}failed: ${suite.missing}`);
    return { tally: { ...NOTHING, failed: 1 }, failures: [suite.missing] };
  }
  const child = spawn(suite.command, suite.args, {
    cwd: suite.cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...suite.env, FORCE_COLOR: process.stdout.isTTY ? "1" : "0" },
    detached: true,
  });
  const { pid } = child;
  if (pid !== undefined) ownPid(-pid);
  let output = "";
  for (const [stream, target] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    stream.on("data", (data: Buffer) => {
      output += data.toString();
      if (!quiet) target.write(data);
    });
  }
  let late = false;
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (pid !== undefined) process.kill(-pid, name);
    } catch {
      // ended in the meantime
    }
  };
  const limit = setTimeout(
    () => {
      late = true;
      console.error(`\n${suite.name} has not ended after ${suite.minutes} minutes (scaled) and is stopped.`);
      signal("SIGTERM");
      setTimeout(() => signal("SIGKILL"), END_MS).unref();
    },
    scaled(suite.minutes * 60_000),
  );
  const code = await new Promise<number>((resolve) => {
    child.once("error", (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.once("close", (status) => resolve(status ?? 1));
  });
  clearTimeout(limit);
  if (pid !== undefined) disownPid(-pid);
  if (quiet) console.log(`${title}\n${output.trimEnd()}`);
  const { tally, why } = judge(readTally(output), late ? 1 : code, process.env["LAB_NO_SKIPS"] === "1");
  if (why !== undefined) console.log(`${suite.name} failed: ${why}`);
  return { tally, failures: tally.failed === 0 ? [] : [...excerpt(output), ...(why === undefined ? [] : [why])] };
}

interface Result extends Outcome {
  readonly name: string;
  readonly seconds: number;
}

async function timed(suite: Suite, quiet: boolean): Promise<Result> {
  const from = Date.now();
  const outcome = await runSuite(suite, quiet);
  return { name: suite.name, ...outcome, seconds: (Date.now() - from) / 1000 };
}

/** A suite, and how much of the machine it takes: 1 for what waits for half of its time. */
type Job = Suite & { readonly weight: number };

interface Phase {
  /** Weight of what may run side by side. */
  readonly capacity: number;
  readonly jobs: readonly Job[];
}

function sideBySide(suites: readonly Suite[]): Phase {
  return { capacity: suites.length, jobs: suites.map((suite) => ({ ...suite, weight: 1 })) };
}

/**
 * Runs phases one after the other, and the suites of each side by side, as far as they fit: then a suite's output is shown as a
 * whole when it has ended. What failed is repeated at the end; the last line is the sum alone.
 */
async function runPhases(phases: readonly Phase[]): Promise<number> {
  const results: Result[] = [];
  for (const { jobs, capacity } of phases) {
    await runPool(jobs, capacity, async (job) => void results.push(await timed(job, capacity > 1)));
  }
  console.log("");
  for (const { name, tally, seconds } of results) {
    console.log(`${tally.failed === 0 ? "ok    " : "FAILED"} ${name}: ${formatTally(tally)} (${seconds.toFixed(0)} s)`);
  }
  for (const { name, failures } of results.filter(({ tally }) => tally.failed > 0)) {
    console.log(`\n--- ${name}\n${failures.join("\n")}`);
  }
  const sum = results.map((result) => result.tally).reduce(addTallies, NOTHING);
  console.log(`\n${formatTally(sum)}`);
  return sum.failed === 0 && sum.passed > 0 ? 0 : 1;
}

function makefileHas(target: string): boolean {
  const file = join(kernelDir, "Makefile");
  return existsSync(file) && new RegExp(`^${target}\\s*:`, "m").test(readFileSync(file, "utf8"));
}

function kernelHostSuite(): Suite {
  const has = makefileHas("check-host");
  return {
    name: "kernel, on the host",
    command: "make",
    args: ["--no-print-directory", "-C", kernelDir, "check-host"],
    cwd: repoDir,
    minutes: 5,
    ...(has ? {} : { missing: "kernel/Makefile has no target check-host" }),
  };
}

function firmwareHostSuite(): Suite {
  const dir = join(repoDir, "firmware");
  return {
    name: "firmware, on the host",
    command: "make",
    args: ["--no-print-directory", "-C", dir, "check-host"],
    cwd: repoDir,
    minutes: 5,
    ...(existsSync(join(dir, "Makefile")) ? {} : { missing: "firmware/ has no Makefile" }),
  };
}

/** A workspace's tests; `level`: unit or integration, as the names of its files say; left out: it has unit tests only. */
function workspaceSuite(workspace: string, level?: "unit" | "integration"): Suite {
  return {
    name: level === undefined ? workspace : `${workspace}, ${level}`,
    command: "npm",
    args: ["run", "--silent", "-w", workspace, level === undefined ? "test" : `test:${level}`],
    cwd: repoDir,
    minutes: 20,
    ...(existsSync(join(repoDir, workspace, "package.json")) ? {} : { missing: `${workspace} has no package.json` }),
  };
}

/**
 * What comes at random, and long. Twenty power cuts take half an hour; those at the moments that matter are in image and appliance.
 * A hundred rounds of the interleavings are in aha152x.
 */
const BY_THEMSELVES = ["power-cuts", "interleavings"];

/** A scenario of lab/scenarios: one that runs by itself, as a user would. */
function ownScenario(name: string): Suite {
  return scenarioFile(`scenarios/${name}.test.ts`);
}

/** @param path of the file, in lab/ */
function scenarioFile(path: string): Suite {
  const args = ["--import", "tsx", join(labDir, path)];
  const minutes = BY_THEMSELVES.some((name) => path.includes(name)) ? 60 : 25;
  return { name: `lab/${path}`, command: process.execPath, args, cwd: labDir, minutes };
}

/** `make scenario`, and all of them in a row: `make test-scenarios`. */
export async function runOwnScenarios(names: readonly string[]): Promise<number> {
  return runPhases([{ capacity: 1, jobs: names.map((name) => ({ ...ownScenario(name), weight: 1 })) }]);
}

function scenarioSuites(names: readonly string[]): Suite[] {
  const dir = join(labDir, "test");
  return (
    readdirSync(dir)
      .filter((file) => file.endsWith(".test.ts"))
      // these need the debug kernel
      .filter((file) => isDebugKernel || !file.startsWith("debug-"))
      .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
      .sort()
      .map((file) => scenarioFile(`test/${file}`))
  );
}

export async function runScenarios(names: readonly string[]): Promise<number> {
  const suites = scenarioSuites(names);
  if (suites.length === 0) {
    console.error(`No scenario in lab/test has ${names.join(" or ")} in its file name.`);
    return 1;
  }
  return runPhases([{ capacity: 1, jobs: suites.map((suite) => ({ ...suite, weight: 1 })) }]);
}

/** The driver's scenarios on the other kernel that is supported: what the driver meets differs there. */
function on612(suites: readonly Suite[]): Suite[] {
  return suites.map((suite) => ({ ...suite, name: `${suite.name} on 6.12`, env: { LAB_KERNEL: "6.12" } }));
}

/** With more patience: another one runs beside it. */
function beside(suites: readonly Suite[]): Suite[] {
  const env = { LAB_TIMEOUT_SCALE: String(scaled(3)) };
  return suites.map((suite) => ({ ...suite, minutes: 2 * suite.minutes, env: { ...suite.env, ...env } }));
}

/**
 * Scenarios side by side. One keeps about one processor busy, and its VMs take more of it the longer they wait: a third one beside
 * two of them made each take three times as much processor time.
 */
const SCENARIO_CAPACITY = 2;

/** Begun first, as they take longest. */
const LONGEST = ["image.test", "debs", "mesh", "appliance", "faults"];
const ON_612 = ["kernel-trouble", "kernel-features"];
/** It says within which time things are so, and runs alone. */
const ALONE = "cluster";

/** All scenarios, on the kernel that most have; the driver's also on the other one. */
export function scenarioPhase(): Phase {
  const named = (...names: string[]): Suite[] => names.flatMap((name) => scenarioSuites([name]));
  const [alone, longest] = [named(ALONE), named(...LONGEST)];
  const placed = new Set([...alone, ...longest, ...named(...BY_THEMSELVES)].map(({ name }) => name));
  const rest = scenarioSuites([]).filter(({ name }) => !placed.has(name));
  // Of those that run by themselves the smallest; the others show the same, with more hosts.
  const all = [...longest, ...on612(named(...ON_612)), ...rest, ownScenario("grid")];
  return {
    capacity: SCENARIO_CAPACITY,
    jobs: [
      ...alone.map((suite) => ({ ...suite, weight: SCENARIO_CAPACITY })),
      ...beside(all).map((suite) => ({ ...suite, weight: 1 })),
    ],
  };
}

/** Each beside the others. */
function unitPhase(): Phase {
  const workspaces = [
    ...["appliance", "web-ui"].map((workspace) => workspaceSuite(workspace, "unit")),
    ...["lab", "firmware/sim"].map((workspace) => workspaceSuite(workspace)),
  ];
  return sideBySide([kernelHostSuite(), firmwareHostSuite(), ...workspaces]);
}

/** Integration tests wait for more than half of their time. */
export async function runAllTests(): Promise<number> {
  const integration = sideBySide(["appliance", "web-ui"].map((workspace) => workspaceSuite(workspace, "integration")));
  return runPhases([unitPhase(), integration, scenarioPhase()]);
}

/** Unit tests only; `make check` does types and lint itself. */
export async function runCheck(): Promise<number> {
  return runPhases([unitPhase()]);
}
