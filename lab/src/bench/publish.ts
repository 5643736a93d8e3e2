// SPDX-License-Identifier: Apache-2.0
// What both benches do with their outcomes: a table for the terminal, files in build/, and with DOCS=1 in docs/.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { replaceGenerated } from "../generated.ts";
import { buildDir, repoDir } from "../paths.ts";
import { type Conditions, formatTable, type Outcome, toJson, toMarkdown, toSvg } from "./report.ts";

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

export interface Publication {
  /** What make is called with. */
  readonly command: string;
  /** Name of the files in build/. */
  readonly file: string;
  /** File in docs/ that the chart goes to. */
  readonly chart: string;
  readonly docs: boolean;
}

/** Takes the time and the load of this machine when it is made. */
export class Run {
  readonly #started = Date.now();
  readonly #before = loadavg()[0] ?? 0;

  constructor() {
    if (this.#before > 0.5) {
      this.say(`the load of this machine is ${this.#before.toFixed(1)}: what else runs here makes the figures vary`);
    }
  }

  readonly say = (line: string): void => console.log(`[${((Date.now() - this.#started) / 1000).toFixed(0)} s] ${line}`);

  #conditions(guest: string, emulator: string, rounds: number): Conditions {
    const model = cpus()[0]?.model.trim() ?? "?";
    const gigabytes = (totalmem() / 2 ** 30).toFixed(0);
    return {
      date: new Date(this.#started).toISOString(),
      commit: commit(),
      machine: `${model}, ${cpus().length} processors, ${gigabytes} GiB, ${emulator}`,
      guest,
      load: [this.#before, loadavg()[0] ?? 0],
      seconds: (Date.now() - this.#started) / 1000,
      rounds,
    };
  }

  /** @returns exit code */
  publish(
    outcomes: readonly Outcome[],
    { guest, emulator, rounds }: { guest: string; emulator: string; rounds: number },
    { command, file, chart, docs }: Publication,
  ): number {
    const conditions = this.#conditions(guest, emulator, rounds);
    mkdirSync(buildDir, { recursive: true });
    writeFileSync(join(buildDir, `${file}.json`), toJson(outcomes, conditions));
    writeFileSync(join(buildDir, `${file}.svg`), toSvg(outcomes, conditions, `make ${command}`));
    if (docs) {
      const document = join(repoDir, "docs/performance.md");
      const text = toMarkdown(outcomes, conditions);
      writeFileSync(document, replaceGenerated(readFileSync(document, "utf8"), `make ${command} DOCS=1`, text));
      writeFileSync(join(repoDir, "docs", chart), toSvg(outcomes, conditions, `make ${command}`));
    }
    const files = `build/${file}.json, build/${file}.svg${docs ? ", docs/performance.md" : ""}`;
    console.log(`\n${formatTable(outcomes)}\n\n${files}`);
    return outcomes.some((outcome) => "missing" in outcome) ? 1 : 0;
  }
}
