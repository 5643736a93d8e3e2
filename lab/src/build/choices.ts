// SPDX-License-Identifier: Apache-2.0
// What is chosen once for a whole run: the kernel with its headers, the versions of Debian's packages. The first process that asks
// decides; all others of the same `make` or `lab` command take its answer, whatever is upgraded on this machine meanwhile.
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../errors.ts";
import { cacheDir } from "../paths.ts";
import { hashStrings } from "./hash.ts";

/** Answers of a run that is that old are removed when another run begins, milliseconds: no run lasts a week. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

export interface Question<T> {
  /** For people, as the beginning of a sentence: "The kernel 6.1". */
  readonly what: string;
  /** All that the answer hangs on, except for what the archive has. */
  readonly key: readonly string[];
  /** Asks the archive, and fetches what it names. */
  decide(): Promise<T>;
  /** What an answer names is still there. */
  usable(answer: T): boolean;
}

function read<T>(file: string, usable: (answer: T) => boolean): T | undefined {
  try {
    const answer = JSON.parse(readFileSync(file, "utf8")) as T;
    return usable(answer) ? answer : undefined;
  } catch {
    return undefined; // nobody has answered yet
  }
}

export class Choices {
  readonly #run: string;
  readonly #last: string;
  readonly #say: (line: string) => void;

  /** Answers of this run are in `run`, the last ones of any run in `last`. */
  constructor(run: string, last: string, say: (line: string) => void) {
    this.#run = run;
    this.#last = last;
    this.#say = say;
  }

  async answer<T>(question: Question<T>): Promise<T> {
    const name = `${hashStrings(question.key)}.json`;
    const usable = (answer: T): boolean => question.usable(answer);
    const before = read(join(this.#run, name), usable);
    if (before !== undefined) return before;
    let mine: T;
    try {
      mine = await question.decide();
    } catch (error) {
      const cached = read(join(this.#last, name), usable);
      if (cached === undefined) throw error;
      const [reason] = reasonOf(error).split("\n");
      this.#say(`${question.what} is taken from build/cache: the archive did not give it (${reason}).`);
      mine = cached;
    }
    return this.#record(name, mine, usable);
  }

  /** The first answer wins: of two processes that decided at the same time, both go on with the same one. */
  #record<T>(name: string, mine: T, usable: (answer: T) => boolean): T {
    for (const dir of [this.#run, this.#last]) mkdirSync(dir, { recursive: true });
    const fresh = join(this.#run, `${name}.${process.pid}`);
    const file = join(this.#run, name);
    writeFileSync(fresh, `${JSON.stringify(mine)}\n`);
    try {
      linkSync(fresh, file);
      rmSync(fresh);
    } catch {
      const other = read(file, usable);
      if (other !== undefined) {
        rmSync(fresh);
        return other;
      }
      renameSync(fresh, file); // the other answer's files are gone
    }
    const copy = join(this.#last, `${name}.${process.pid}`);
    writeFileSync(copy, `${JSON.stringify(mine)}\n`);
    renameSync(copy, join(this.#last, name));
    return mine;
  }
}

const choicesDir = join(cacheDir, "choices");

/** The folder of this run, which child processes inherit; the Makefile sets it for all commands of one `make`. */
function runDir(): string {
  const inherited = process.env["LAB_CHOICES"];
  if (inherited !== undefined && inherited !== "") return inherited;
  const dir = join(choicesDir, `${Date.now()}-${process.pid}`);
  process.env["LAB_CHOICES"] = dir;
  return dir;
}

function removeOld(current: string): void {
  mkdirSync(choicesDir, { recursive: true });
  for (const name of readdirSync(choicesDir)) {
    const dir = join(choicesDir, name);
    if (name === "last" || dir === current) continue;
    if (Date.now() - (statSync(dir, { throwIfNoEntry: false })?.mtimeMs ?? 0) > KEPT_MS) {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

let shared: Choices | undefined;

/** Those of this run. */
export function choices(): Choices {
  if (shared === undefined) {
    const run = runDir();
    removeOld(run);
    shared = new Choices(run, join(choicesDir, "last"), (line) => console.error(line));
  }
  return shared;
}
