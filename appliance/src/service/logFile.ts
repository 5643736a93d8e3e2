// SPDX-License-Identifier: Apache-2.0
/**
 * The log's last lines on the data partition, so that they outlive a restart of the machine. Flash wears: they are
 * written when the service ends, soon after something went wrong, and else once an hour.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cancel, Clock } from "../shared/clock.ts";
import { type DurableFs, writeDurably } from "../shared/durable.ts";
import { toProblem } from "../shared/errors.ts";
import { asObject } from "../shared/json.ts";
import type { Logger } from "../shared/log.ts";
import type { LogBuffer } from "../shared/logBuffer.ts";

/** In /data/scsigate. */
export const LOG_FILE = "log.json";
/** Lines that are kept, and their characters in all. */
const MAX_LINES = 300;
const MAX_CHARACTERS = 128 * 1024;
/** Between two looks whether there is something to write, milliseconds. */
const LOOK_MS = 60_000;
/** At least between two writes because of something that went wrong, and because of anything. */
const TROUBLE_MS = 600_000;
const CALM_MS = 3_600_000;

export interface LogFileOptions {
  /** /data/scsigate */
  data: string;
  /** /proc */
  proc: string;
  fs: DurableFs;
  clock: Clock;
  logs: LogBuffer;
  log: Logger;
}

export class LogFile {
  readonly #options: LogFileOptions;
  readonly #path: string;
  #boot = "";
  #writtenAt = 0;
  #fresh = false;
  #trouble = false;
  /** Of the first line that may be kept, after a factory reset. */
  #after: string | undefined;
  #stops: Cancel[] = [];

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#path = join(options.data, LOG_FILE);
  }

  /** Puts the lines of before in front of those that there are. */
  async start(): Promise<void> {
    const { proc, fs, clock, logs } = this.#options;
    this.#boot = (await readFile(join(proc, "sys/kernel/random/boot_id"), "utf8").catch(() => "")).trim();
    const { boot, lines } = parse(await fs.read(this.#path).catch(() => undefined));
    // Of a machine that did not restart, the executor and the kernel are told again by the executor.
    const same = boot === this.#boot && boot !== "";
    logs.putBefore(lines.filter((line) => !same || line["process"] === "service").map((line) => JSON.stringify(line)));
    this.#writtenAt = clock.monotonic();
    const watch = logs.onLine((line) => {
      this.#fresh = true;
      if (/"level":"(warn|error|fatal)"/.test(line)) this.#trouble = true;
    });
    this.#stops = [watch, clock.every(LOOK_MS, () => void this.#look())];
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops) stop();
    if (this.#fresh) await this.#write();
  }

  /** A factory reset: what was said until now is not kept, here and in the file, which somebody else removes. */
  forget(): void {
    this.#after = this.#options.logs.last(1)[0]?.cursor;
    this.#fresh = false;
    this.#trouble = false;
  }

  async #look(): Promise<void> {
    const passed = this.#options.clock.monotonic() - this.#writtenAt;
    if (this.#fresh && passed >= (this.#trouble ? TROUBLE_MS : CALM_MS)) await this.#write();
  }

  async #write(): Promise<void> {
    const { clock, logs, fs, log } = this.#options;
    this.#writtenAt = clock.monotonic();
    this.#fresh = false;
    this.#trouble = false;
    const lines: object[] = [];
    let room = MAX_CHARACTERS;
    for (const { cursor: _cursor, ...line } of logs.last(MAX_LINES, this.#after).reverse()) {
      room -= JSON.stringify(line).length;
      if (room < 0) break;
      lines.unshift(line);
    }
    const content = `${JSON.stringify({ boot: this.#boot, lines })}\n`;
    await writeDurably(this.#path, content, 0o600, fs).catch((error: unknown) =>
      log.debug({ problem: toProblem(error) }, "the log cannot be kept"),
    );
  }
}

function parse(text: string | undefined): { boot: string; lines: Record<string, unknown>[] } {
  try {
    const { boot, lines } = asObject(JSON.parse(text ?? "{}"));
    return {
      boot: typeof boot === "string" ? boot : "",
      lines: (Array.isArray(lines) ? lines.slice(-MAX_LINES) : []).map(asObject),
    };
  } catch {
    return { boot: "", lines: [] };
  }
}
