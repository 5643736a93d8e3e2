// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel's log as lines of ours, so that it can be read without a console. Of what was said before we started, only
 * what is wrong; afterwards all but debugging, and no more than a broken adapter should be able to fill the log with.
 */
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Cancel, Clock } from "../shared/clock.ts";
import { errnoOf } from "../shared/errors.ts";

/** Reads records; a test has its own. */
export interface KernelRecords {
  /** The next record; undefined: none yet; "lost": the kernel has overwritten some. */
  next(): string | "lost" | undefined;
  close(): void;
}

export interface KernelLogOptions {
  /** @throws what the system says */
  open: () => KernelRecords;
  /** /proc */
  proc: string;
  clock: Clock;
  /** Takes a JSON line. */
  write: (line: string) => void;
}

/** pino's levels, by the kernel's. */
const LEVELS = ["fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug"] as const;
const WARNING = 4;
const DEBUG = 7;
/** Longest record, bytes: PRINTK_MESSAGE_MAX of the kernel. */
const MAX_RECORD = 8192;
/** Longest message that is kept, characters. */
const MAX_MESSAGE = 1000;
/** With every second look at the clock. */
const POLL_MS = 2000;
/** Records that one look takes at most: the executor has more to do. */
const MAX_AT_ONCE = 2000;
/** Lines that may come at once, and how many a second afterwards. */
const RATE = { burst: 100, perSecond: 10 };

export class KernelLog {
  readonly #options: KernelLogOptions;
  #records: KernelRecords | undefined;
  #cancel: Cancel | undefined;
  #tokens = RATE.burst;
  #leftOut = 0;
  #past = true;

  constructor(options: KernelLogOptions) {
    this.#options = options;
  }

  /** @throws what the system says, where the kernel's log may not be read */
  start(): void {
    this.#records = this.#options.open();
    this.#cancel = this.#options.clock.every(POLL_MS, () => this.poll());
    this.poll();
  }

  stop(): void {
    this.#cancel?.();
    this.#records?.close();
    this.#records = undefined;
  }

  /** One look at what is new. */
  poll(): void {
    this.#tokens = Math.min(RATE.burst, this.#tokens + (RATE.perSecond * POLL_MS) / 1000);
    const past = this.#past;
    const found: string[] = [];
    while (found.length < MAX_AT_ONCE) {
      const record = this.#records?.next();
      if (record === undefined) {
        this.#past = false;
        break;
      }
      if (record === "lost") this.#leftOut += 1;
      else found.push(record);
    }
    if (found.length > 0) {
      const booted = this.#bootedAt();
      for (const record of found) this.#take(record, past, booted);
    }
    if (this.#leftOut === 0 || this.#tokens < 1) return;
    this.#write("warn", this.#options.clock.now(), `${this.#leftOut} or more lines of the kernel were left out`);
    this.#leftOut = 0;
  }

  /** @param past whether it was said before we started */
  #take(text: string, past: boolean, booted: number): void {
    const record = parseRecord(text);
    if (record === undefined || record.level >= DEBUG || (past && record.level > WARNING)) return;
    if (this.#tokens < 1) {
      this.#leftOut += 1;
      return;
    }
    this.#tokens -= 1;
    this.#write(LEVELS[record.level] ?? "info", booted + record.microseconds / 1000, record.message);
  }

  #write(level: string, at: number, msg: string): void {
    this.#options.write(JSON.stringify({ level, time: new Date(at).toISOString(), process: "kernel", msg }));
  }

  /** Milliseconds since 1970, by the present clock. */
  #bootedAt(): number {
    const { proc, clock } = this.#options;
    const uptime = Number(readFileSync(join(proc, "uptime"), "utf8").split(" ")[0]);
    return clock.now() - uptime * 1000;
  }
}

export interface KernelRecord {
  /** 0 to 7, as in linux/kern_levels.h. */
  level: number;
  /** Since the kernel started. */
  microseconds: number;
  message: string;
}

/**
 * @param text a record of /dev/kmsg: "priority,sequence,microseconds,flags;message", then lines about the device
 * @returns undefined for what other programs wrote there, and for what is no record
 */
export function parseRecord(text: string): KernelRecord | undefined {
  const match = /^([0-9]{1,10}),[0-9]+,([0-9]{1,16}),[^;]*;([^\n]*)/.exec(text);
  if (!match) return undefined;
  const [, priority = "", microseconds = "", message = ""] = match;
  if (Number(priority) >> 3 !== 0) return undefined;
  return { level: Number(priority) & 7, microseconds: Number(microseconds), message: message.slice(0, MAX_MESSAGE) };
}

/** @param path /dev/kmsg: each read gives one record */
export function openRecords(path: string): KernelRecords {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(MAX_RECORD);
  return {
    next() {
      try {
        const length = readSync(fd, buffer, 0, buffer.length, null);
        return length === 0 ? undefined : buffer.toString("utf8", 0, length);
      } catch (error) {
        // EPIPE: overwritten before we came; the next read goes on with the oldest there is.
        return errnoOf(error) === "EPIPE" ? "lost" : undefined;
      }
    },
    close: () => closeSync(fd),
  };
}
