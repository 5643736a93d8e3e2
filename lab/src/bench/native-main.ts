// SPDX-License-Identifier: Apache-2.0
// `make bench-native`: processor time under User Mode Linux, where a processor executes what it does as it does on a real machine.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { modulesOf, ourModules } from "../build/kernel.ts";
import { umlKernel } from "../build/uml-kernel.ts";
import { LabError } from "../errors.ts";
import { repoDir } from "../paths.ts";
import { outcomesOf, parseResult } from "./native.ts";
import { Run } from "./publish.ts";

const USAGE = `usage: make bench-native [ROUNDS=N] [DOCS=1]
  ROUNDS   how often everything is measured, 7 by default
  DOCS=1   puts the result into docs/performance.md and docs/performance-native.svg`;

const BENCH = join(repoDir, "bench/native");
/** A guest that says nothing for that long hangs, milliseconds. */
const SILENCE = 120_000;

/** Runs bench/native/guest to its end, with words for its environment. @returns its log */
async function boot(image: string, environment: readonly string[]): Promise<string[]> {
  const root = ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro"];
  const console = ["con=null", "con0=null,fd:1", "quiet", "loglevel=7"];
  const args = ["mem=512M", ...root, ...console, `init=${join(BENCH, "guest")}`, ...environment];
  const uml = spawn(image, args, { stdio: ["ignore", "pipe", "inherit"] });
  const log: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => uml.kill("SIGKILL"), SILENCE);
  };
  alive();
  const ended = new Promise<void>((resolve, reject) => {
    uml.once("error", reject);
    uml.once("close", () => resolve());
  });
  createInterface({ input: uml.stdout }).on("line", (line) => {
    alive();
    log.push(line);
  });
  await ended;
  clearTimeout(timer);
  return log;
}

function readOptions(): { rounds: number; docs: boolean } {
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "7" }, docs: { type: "boolean", default: false } },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new LabError("usage", "ROUNDS is no number.", `\n${USAGE}`);
  return { rounds, docs: values.docs };
}

async function main(): Promise<number> {
  const { rounds, docs } = readOptions();
  if (process.arch !== "x64") throw new LabError("usage", "User Mode Linux is for x86-64 hosts.", "Use one.");
  const run = new Run();
  run.say("User Mode Linux, and modules for it ...");
  const kernel = await umlKernel();
  const [driver] = await ourModules(kernel);
  const [load] = await modulesOf(BENCH, kernel);
  run.say(`${rounds} rounds ...`);
  const log = await boot(kernel.image, [
    `BENCH_UML=${kernel.tree}`,
    `BENCH_DRIVER=${dirname(driver ?? "")}`,
    `BENCH_LOAD=${load}`,
    `BENCH_ROUNDS=${rounds}`,
  ]);
  if (!log.some((line) => line.includes("bench-native: over"))) {
    throw new LabError("vm-command-failed", `The guest did not come to its end:\n${log.slice(-20).join("\n")}`, "");
  }
  const measurements = log.flatMap((line) => parseResult(line) ?? []);
  return run.publish(
    outcomesOf(measurements),
    { guest: `Linux ${kernel.version}, 1 processor`, emulator: "User Mode Linux", rounds },
    { command: "bench-native", file: "bench-native", chart: "performance-native.svg", docs },
  );
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof LabError ? `\n${error.message}` : error);
    process.exit(1);
  },
);
