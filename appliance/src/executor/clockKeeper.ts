// SPDX-License-Identifier: Apache-2.0
/**
 * Most boards have no battery-backed clock: they start in 1970, or where they were built. Until a time server is
 * reached, the clock goes on from the last time that is known: certificates hold, and times in the log do not go back.
 */
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import type { Cancel, Clock } from "../shared/clock.ts";
import type { CommandRunner } from "../shared/commands.ts";
import { toProblem } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";

/** How often the time is written down: little wear for a card, milliseconds. */
const INTERVAL_MS = 3600_000;
/** What the clock may be behind without being set: it was written down at most so long ago, and a restart takes a while. */
const TOLERANCE_MS = 1000;
/** After the year 2100 it is no time, but a damaged file, milliseconds since 1970. */
const LATEST = Date.UTC(2100, 0, 1);

export interface ClockKeeperOptions {
  /** Where the time is written down. */
  file: string;
  /** The program's own file: the time cannot be before it was built. */
  program: string;
  clock: Clock;
  run: CommandRunner;
  log: Logger;
}

export class ClockKeeper {
  readonly #options: ClockKeeperOptions;
  #cancel: Cancel | undefined;
  /** The last note on its way: they go one after the other, so that the newest stays. */
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ClockKeeperOptions) {
    this.#options = options;
  }

  /** Sets the clock forward where it is behind what is known; never back. Never fails: then it is as it is. */
  async start(): Promise<void> {
    const { clock, run, log } = this.#options;
    const known = Math.max(await this.#written(), await this.#built());
    if (clock.now() + TOLERANCE_MS < known) {
      const to = new Date(known).toISOString();
      await run("date", ["-u", "-s", `@${Math.floor(known / 1000)}`]).then(
        () => log.warn({ to }, "the clock was behind: it goes on from the last known time"),
        (error: unknown) => log.error({ problem: toProblem(error) }, "the clock is behind, and cannot be set"),
      );
    }
    await this.#write();
    this.#cancel = clock.every(INTERVAL_MS, () => void this.#write());
  }

  async stop(): Promise<void> {
    this.#cancel?.();
    await this.#write();
  }

  async #written(): Promise<number> {
    const value = Number(await readFile(this.#options.file, "utf8").catch(() => "0"));
    return Number.isFinite(value) && value < LATEST ? value : 0;
  }

  async #built(): Promise<number> {
    const value = await stat(this.#options.program).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    return value < LATEST ? value : 0;
  }

  /** A partition that takes nothing is told of elsewhere. */
  #write(): Promise<void> {
    const { file, clock } = this.#options;
    this.#writing = this.#writing
      .then(() => writeFile(`${file}.new`, `${clock.now()}\n`))
      .then(() => rename(`${file}.new`, file))
      .catch(() => {});
    return this.#writing;
  }
}
