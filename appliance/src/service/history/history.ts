// SPDX-License-Identifier: Apache-2.0
/**
 * What stations and segments did in the last seven days: by the second for 15 minutes (in memory), by the minute for a day and
 * by ten minutes for a week (on disk, written every ten minutes to spare the flash). A power cut costs what was not written.
 */
import { join } from "node:path";
import type { Series } from "../../api/stations.ts";
import type { Status } from "../../api/status.ts";
import type { Cancel, Clock } from "../../shared/clock.ts";
import { toProblem } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { EventBus } from "../eventBus.ts";
import type { Monitor } from "../monitor.ts";
import type { Block } from "./blocks.ts";
import { FIELDS, isLatency, type Reading, readSegment, readStation, stationKey, WIDTH } from "./fields.ts";
import { LevelFiles, type LevelSize } from "./files.ts";
import { held, joined } from "./gaps.ts";
import { Level, type Slot } from "./level.ts";
import { Recent } from "./recent.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Between two writings, milliseconds. */
const WRITE_INTERVAL_MS = 10 * MINUTE;
/**
 * Budgets hold a full segment of 63 busy stations (blocks.ts says how rows are stored; a test measures it); with several
 * such segments, history gets shorter instead.
 */
const ON_DISK: { name: string; stepMs: number; size: LevelSize; keepWaiting: number }[] = [
  { name: "minutes", stepMs: MINUTE, size: { budget: 8 * 1024 * 1024, span: 2 * HOUR }, keepWaiting: 120 },
  { name: "ten-minutes", stepMs: 10 * MINUTE, size: { budget: 6 * 1024 * 1024, span: 12 * HOUR }, keepWaiting: 24 },
];
/** A clock that is before this was never set: 2026-01-01. */
const CLOCK_UNSET_BEFORE = Date.UTC(2026, 0, 1);

/** Steps that can be asked for, seconds. */
export const STEPS = { second: 1, minute: 60, tenMinutes: 600 };
/** Most points of a series. */
export const MAX_POINTS = 2000;

interface DiskLevel {
  level: Level;
  files: LevelFiles;
  /** Complete, not written yet; oldest first. */
  waiting: Slot[];
  keepWaiting: number;
}

/** Samples that are further apart leave a gap, milliseconds: the monitor takes one every five seconds at least. */
const MAX_APART_MS = 6000;

export class History {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #events: EventBus;
  readonly #monitor: Pick<Monitor, "latencyClasses">;
  readonly #seconds = new Level(900); // samples come once a second at most; each is to be a row
  readonly #recent = new Recent();
  readonly #onDisk: DiskLevel[];
  /** When the last row of a second came, monotonic milliseconds. */
  #secondAt = Number.POSITIVE_INFINITY;
  #unwatch: (() => void) | undefined;
  #cancel: Cancel | undefined;
  #writing: Promise<void> = Promise.resolve();
  #complained = "";

  /** @param data the service's own folder */
  constructor(events: EventBus, monitor: Pick<Monitor, "latencyClasses">, data: string, clock: Clock, log: Logger) {
    this.#events = events;
    this.#monitor = monitor;
    this.#folder = join(data, "measurements");
    this.#clock = clock;
    this.#log = log;
    this.#onDisk = ON_DISK.map(({ name, stepMs, size, keepWaiting }) => ({
      level: new Level(stepMs),
      files: new LevelFiles(join(this.#folder, name), size),
      waiting: [],
      keepWaiting,
    }));
  }

  start(): void {
    this.#unwatch = this.#events.on("status", (status) => this.#sample(status));
    this.#cancel = this.#clock.every(WRITE_INTERVAL_MS, () => void this.flush());
  }

  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#cancel?.();
    await this.flush();
  }

  /** Writes what is complete. What cannot be written is tried again, as long as it is kept. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Removes everything: a factory reset. */
  async forget(): Promise<void> {
    await this.#writing;
    for (const level of this.#onDisk) {
      level.waiting = [];
      await level.files.forget();
    }
  }

  /**
   * @param key a segment's name, or stationKey()
   * @param from, to milliseconds since 1970 by the gateway's clock
   * @param step seconds; the next finer resolution that has it is used, and its rows are put together: means of rates, the
   * worst of latencies
   */
  async series(key: string, from: number, to: number, step: number): Promise<Series> {
    const stepMs = step * 1000;
    const first = Math.floor(from / stepMs);
    const slots = Math.max(1, Math.floor(to / stepMs) - first + 1);
    const sums = new Float64Array(slots * WIDTH);
    const counts = new Uint32Array(slots * WIDTH);
    const add = (time: number, value: (field: number) => number): void => {
      // A row is of the time before its end.
      const slot = Math.floor((time - 1) / stepMs) - first;
      if (slot < 0 || slot >= slots) return;
      for (let field = 0; field < WIDTH; field++) {
        const one = value(field);
        if (Number.isNaN(one)) continue;
        const place = slot * WIDTH + field;
        const count = counts[place] ?? 0;
        const sum = sums[place] ?? 0;
        const worst = isLatency(FIELDS[field] ?? "");
        sums[place] = worst ? Math.max(sum, one) : sum + one;
        counts[place] = worst ? 1 : count + 1;
      }
    };
    await this.#rows(key, from, to + stepMs, step, add);
    const fine = step < STEPS.minute;
    const times = Array.from({ length: slots }, (_, slot) => (first + slot) * stepMs);
    const series = Object.fromEntries(
      FIELDS.flatMap((field, index) => {
        const values = times.map((_, slot) => {
          const count = counts[slot * WIDTH + index] ?? 0;
          return count === 0 ? null : rounded((sums[slot * WIDTH + index] ?? 0) / count);
        });
        if (values.every((value) => value === null)) return [];
        return [[field, isLatency(field) && fine ? held(values) : joined(values, fine ? 2 : 1)]];
      }),
    );
    return { from, to, step, times, series };
  }

  async #rows(
    key: string,
    from: number,
    to: number,
    step: number,
    add: (time: number, value: (field: number) => number) => void,
  ): Promise<void> {
    const offset = this.#offset;
    if (step < STEPS.minute) {
      for (const { at, row } of this.#recent.rows(key, from - offset, to - offset)) {
        add(at + offset, (field) => row[field] ?? Number.NaN);
      }
      return;
    }
    const level = this.#onDisk[step < STEPS.tenMinutes ? 0 : 1];
    if (level === undefined) return;
    await this.#writing; // so that nothing is missing or there twice
    const { waiting, files } = level;
    for (const { at, rows } of [...waiting]) {
      const row = rows.get(key);
      if (row !== undefined) add(at + offset, (field) => row[field] ?? Number.NaN);
    }
    for await (const { times, keys, fields, values } of files.read(from, to)) {
      const place = keys.indexOf(key);
      if (place < 0) continue;
      const columns = FIELDS.map((field) => fields.indexOf(field));
      for (const [index, time] of times.entries()) {
        if (time < from || time > to) continue;
        const start = (index * keys.length + place) * fields.length;
        add(time, (field) => {
          const column = columns[field] ?? -1;
          return column < 0 ? Number.NaN : (values[start + column] ?? Number.NaN);
        });
      }
    }
  }

  /** From monotonic time to the clock's, as it is now: rows that were taken before the clock was set are put right. */
  get #offset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  #sample({ segments }: Status): void {
    const at = this.#clock.monotonic();
    const classes = this.#monitor.latencyClasses;
    const readings = new Map<string, Reading>();
    for (const segment of segments) {
      if (segment.present) readings.set(segment.name, readSegment(segment, at, classes));
      for (const station of segment.stations) {
        readings.set(stationKey(segment.name, station.address), readStation(station, at, classes));
      }
    }
    const second = this.#seconds.add(readings, at);
    if (second !== undefined) {
      // While nobody looks on, samples are seconds apart: then a row is of each of these seconds.
      const apart = Math.min(at - this.#secondAt, MAX_APART_MS);
      for (let back = 0; back === 0 || back < apart - 500; back += 1000) {
        this.#recent.add({ at: at - back, rows: second.rows });
      }
      this.#secondAt = at;
    }
    for (const { level, waiting, keepWaiting } of this.#onDisk) {
      const slot = level.add(readings, at);
      if (slot === undefined) continue;
      waiting.push(slot);
      if (waiting.length > keepWaiting) waiting.shift();
    }
  }

  async #write(): Promise<void> {
    // Nobody could find them again under a wrong time.
    if (this.#clock.now() < CLOCK_UNSET_BEFORE) return;
    try {
      for (const disk of this.#onDisk) {
        const slots = [...disk.waiting];
        if (slots.length === 0) continue;
        await disk.files.append(blockOf(slots, this.#offset));
        disk.waiting = disk.waiting.filter((slot) => !slots.includes(slot));
      }
      this.#complained = "";
    } catch (error) {
      const problem = toProblem(error);
      if (problem.message !== this.#complained) this.#log.warn({ problem }, "history cannot be written");
      this.#complained = problem.message;
    }
  }
}

function blockOf(slots: readonly Slot[], offset: number): Block {
  const keys = [...new Set(slots.flatMap(({ rows }) => [...rows.keys()]))];
  const values = new Float32Array(slots.length * keys.length * WIDTH).fill(Number.NaN);
  for (const [index, { rows }] of slots.entries()) {
    for (const [place, key] of keys.entries()) {
      const row = rows.get(key);
      if (row !== undefined) values.set(row, (index * keys.length + place) * WIDTH);
    }
  }
  const times = slots.map(({ at }) => Math.round(at + offset));
  return { times, keys, fields: [...FIELDS], values };
}

/** Four digits are enough for a chart. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
