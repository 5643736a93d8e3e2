// SPDX-License-Identifier: Apache-2.0
/**
 * A file system in memory that loses power after a given number of steps, and forgets as much as a real one may: what
 * was not synced is gone, or there, or there with nothing in it.
 */
import { dirname } from "node:path";
import type { DurableFs } from "../../src/shared/durable.ts";

export class PowerCut extends Error {}

/** What happens to changes that were not synced. */
export const OUTCOMES = ["lost", "kept", "names without content"] as const;
export type Outcome = (typeof OUTCOMES)[number];

interface Inode {
  content: string;
  /** What survives; undefined: nothing was synced yet. */
  synced: string | undefined;
}

export class PowerCutFs implements DurableFs {
  #live = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #folders = new Set<string>(["/", "/data"]);
  #durableFolders = new Set<string>(["/", "/data"]);
  readonly modes = new Map<string, number>();
  /** Steps that changed something, since the last start. */
  steps = 0;
  #cutAfter = Number.POSITIVE_INFINITY;
  /** The power was cut. */
  #off = false;
  /** Set: every write fails with this, as on a full disk. */
  failure: Error | undefined;
  /** Reads of these paths, and what is done to these folders (sync), fail. */
  readonly broken = new Set<string>();

  /** Lets so many more steps happen. */
  cutAfter(steps: number): void {
    this.steps = 0;
    this.#cutAfter = steps;
  }

  /** The power comes back. */
  restart(outcome: Outcome): void {
    this.#off = false;
    this.steps = 0;
    this.#cutAfter = Number.POSITIVE_INFINITY;
    if (outcome === "lost") {
      this.#folders = new Set(this.#durableFolders);
      this.#live = new Map([...this.#durable].filter(([path]) => this.#folders.has(dirname(path))));
    }
    for (const [path, inode] of this.#live) {
      const content = outcome === "kept" ? inode.content : (inode.synced ?? "");
      this.#live.set(path, { content, synced: content });
    }
    this.#durable = new Map(this.#live);
    this.#durableFolders = new Set(this.#folders);
  }

  /** Damages a file behind everybody's back. */
  corrupt(path: string, content: string): void {
    const inode = { content, synced: content };
    this.#live.set(path, inode);
    this.#durable.set(path, inode);
  }

  async read(path: string): Promise<string | undefined> {
    if (this.#off) throw new PowerCut("no program runs without power");
    if (this.broken.has(path)) throw new Error(`EIO: ${path}`);
    return this.#live.get(path)?.content;
  }

  async list(path: string): Promise<string[]> {
    const names = [...this.#live.keys()].filter((name) => dirname(name) === path);
    return names.map((name) => name.slice(path.length + 1)).sort();
  }

  async mkdir(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    this.#step();
    this.#folders.add(path);
  }

  async write(path: string, content: string, mode: number): Promise<void> {
    this.#step();
    if (!this.#folders.has(dirname(path))) throw new Error(`ENOENT: ${path}`);
    this.#live.set(path, { content, synced: undefined });
    this.modes.set(path, mode);
  }

  async sync(path: string): Promise<void> {
    if (this.broken.has(path)) throw new Error(`EIO: ${path}`);
    this.#step();
    const inode = this.#live.get(path);
    if (inode !== undefined) {
      inode.synced = inode.content;
      return;
    }
    if (!this.#folders.has(path)) throw new Error(`ENOENT: ${path}`);
    for (const name of [...this.#durable.keys()]) if (dirname(name) === path) this.#durable.delete(name);
    for (const [name, file] of this.#live) if (dirname(name) === path) this.#durable.set(name, file);
    for (const folder of this.#folders) if (dirname(folder) === path) this.#durableFolders.add(folder);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step();
    const inode = this.#live.get(from);
    if (inode === undefined) throw new Error(`ENOENT: ${from}`);
    this.#live.delete(from);
    this.#live.set(to, inode);
    this.modes.set(to, this.modes.get(from) ?? 0);
  }

  async remove(path: string): Promise<void> {
    this.#step();
    this.#live.delete(path);
  }

  #step(): void {
    if (this.steps >= this.#cutAfter) {
      this.#off = true;
      throw new PowerCut(`power cut after ${this.steps} steps`);
    }
    if (this.failure !== undefined) throw this.failure;
    this.steps += 1;
  }
}
