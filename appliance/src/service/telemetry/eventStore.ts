// SPDX-License-Identifier: Apache-2.0
/**
 * Events until the broker has them. While it is away they are on disk as well, a line each, so that a restart or power cut
 * keeps them. There is room for so many; then the oldest go, and are counted.
 */
import { appendFile, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writeDurably } from "../../shared/durable.ts";

/** A week without a broker on a calm segment; a file of some 300 KiB at most. */
const MAX_EVENTS = 1000;
/** Lines in the file before it is written anew without those that went. */
const MAX_LINES = 2 * MAX_EVENTS;

/** What is published, and the name by which a receiver knows it again. */
export interface StoredEvent extends Record<string, unknown> {
  id: string;
}

export class EventStore {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #events: StoredEvent[] = [];
  #lost = 0;
  /** Lines of the file, 0 when there is none. */
  #lines = 0;
  #keeping = false;
  /** The file has what was delivered in the meantime. */
  #stale = false;
  #work: Promise<void> = Promise.resolve();

  /** @param onError told of a write that failed; events are then in memory only. Undefined: it works again. */
  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  get size(): number {
    return this.#events.length;
  }

  /** Events that did not fit, or that the broker refused, and nobody was told of. */
  get lost(): number {
    return this.#lost;
  }

  /** Reads what an earlier run left; lines that a power cut spoiled are skipped. */
  async open(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch(() => "");
    const lines = text.split("\n").filter((line) => line !== "");
    this.#lines = lines.length;
    const events: StoredEvent[] = [];
    for (const line of lines) {
      const value = parse(line);
      if (value === undefined) continue;
      if (typeof value["lost"] === "number") this.#lost += value["lost"];
      else if (typeof value["id"] === "string") events.push(value as StoredEvent);
    }
    this.#events = [...events, ...this.#events];
    this.#trim();
  }

  add(event: StoredEvent): void {
    this.#events.push(event);
    this.#trim();
    if (this.#keeping) this.#append([event]);
  }

  /** The broker is away: from now on events are on disk. */
  keep(): void {
    if (this.#keeping && !this.#stale) return;
    this.#keeping = true;
    if (this.#events.length > 0 || this.#lost > 0) this.#rewrite();
  }

  /** The oldest ones. */
  first(count: number): readonly StoredEvent[] {
    return this.#events.slice(0, count);
  }

  /** The broker has these. */
  delivered(ids: ReadonlySet<string>): void {
    this.#events = this.#events.filter((event) => !ids.has(event.id));
    this.#settle();
  }

  /** The broker will not have these, however often they are sent: they are lost. */
  refused(ids: ReadonlySet<string>): void {
    const before = this.#events.length;
    this.#events = this.#events.filter((event) => !ids.has(event.id));
    this.#lost += before - this.#events.length;
    this.#settle();
  }

  /** Somebody was told that so many are lost. */
  lossTold(count: number): void {
    this.#lost = Math.max(0, this.#lost - count);
    this.#settle();
  }

  /** Writes what is to be kept, and waits until all is written. */
  async close(): Promise<void> {
    this.keep();
    await this.#work;
  }

  /** Once all is delivered, the file goes; before that, a restart delivers some twice, under the same id. */
  #settle(): void {
    this.#stale = this.#lines > 0;
    if (this.#events.length > 0 || this.#lost > 0) return;
    this.#keeping = false;
    this.#stale = false;
    if (this.#lines === 0) return;
    this.#lines = 0;
    this.#write(() => rm(this.#path, { force: true }));
  }

  #trim(): void {
    const excess = this.#events.length - MAX_EVENTS;
    if (excess <= 0) return;
    this.#events.splice(0, excess);
    this.#lost += excess;
  }

  #append(events: readonly StoredEvent[]): void {
    if (this.#lines + events.length > MAX_LINES) {
      this.#rewrite();
      return;
    }
    this.#lines += events.length;
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join("");
    this.#write(async () => {
      await mkdir(dirname(this.#path), { recursive: true });
      await appendFile(this.#path, text);
      const file = await open(this.#path, "r");
      await file.datasync().finally(() => file.close());
    });
  }

  #rewrite(): void {
    this.#stale = false;
    const lines = [...(this.#lost > 0 ? [{ lost: this.#lost }] : []), ...this.#events];
    this.#lines = lines.length;
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    this.#write(() => writeDurably(this.#path, text));
  }

  #write(action: () => Promise<void>): void {
    this.#work = this.#work.then(action).then(
      () => this.#onError(undefined),
      (error: unknown) => this.#onError(error),
    );
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
