// SPDX-License-Identifier: Apache-2.0
/**
 * One resolution on disk: numbered files that blocks are appended to, the oldest removed when there are too many. Their order
 * is that of writing, not of time: a clock that was wrong for a while costs no history, and leaves none for ever.
 */
import { mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Block, decodePayload, encodeBlock, splitBlocks } from "./blocks.ts";

/** Files that the budget is spread over; removing one removes a sixteenth of it. */
const FILES = 16;

export interface LevelSize {
  /** Whole level, bytes. */
  budget: number;
  /** How much time a file covers, milliseconds. */
  span: number;
}

export class LevelFiles {
  readonly #folder: string;
  readonly #size: LevelSize;
  #current: { number: number; length: number; firstTime: number } | undefined;

  constructor(folder: string, size: LevelSize) {
    this.#folder = folder;
    this.#size = size;
  }

  /** Writes a block so that it survives a power cut. @throws what the file system says; then it was not written */
  async append(block: Block): Promise<void> {
    const bytes = encodeBlock(block);
    const time = block.times.at(-1) ?? 0;
    await mkdir(this.#folder, { recursive: true });
    const numbers = await this.#numbers();
    this.#current ??= await this.#last(numbers);
    const { budget, span } = this.#size;
    let current = this.#current;
    // Also when the clock jumped.
    const full = current !== undefined && Math.abs(time - current.firstTime) >= span;
    if (current === undefined || full || current.length + bytes.length > budget / FILES) {
      current = { number: (numbers.at(-1) ?? 0) + 1, length: 0, firstTime: time };
      numbers.push(current.number);
    }
    const handle = await open(this.#path(current.number), "a+", 0o644);
    try {
      await handle.truncate(current.length); // what an attempt before left half
      await handle.appendFile(bytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    this.#current = { ...current, length: current.length + bytes.length };
    await this.#evict(numbers);
  }

  /** All blocks with a row between these times, milliseconds since 1970, in the order of writing. */
  async *read(from: number, to: number): AsyncGenerator<Block> {
    for (const number of await this.#numbers()) {
      // Whatever cannot be read is a gap in the chart.
      const file = await readFile(this.#path(number)).catch(() => Buffer.alloc(0));
      for (const payload of splitBlocks(file).payloads) {
        const block = await decodePayload(payload);
        if (block?.times.some((time) => time >= from && time <= to)) yield block;
      }
    }
  }

  /** Removes everything. */
  async forget(): Promise<void> {
    this.#current = undefined;
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The file that is appended to, without what a power cut tore at its end. */
  async #last(numbers: readonly number[]): Promise<{ number: number; length: number; firstTime: number } | undefined> {
    const number = numbers.at(-1);
    if (number === undefined) return undefined;
    const { payloads, length } = splitBlocks(await readFile(this.#path(number)));
    const first = payloads[0] === undefined ? undefined : await decodePayload(payloads[0]);
    return { number, length, firstTime: first?.times.at(-1) ?? 0 };
  }

  async #evict(numbers: readonly number[]): Promise<void> {
    let bytes = 0;
    for (const [index, number] of [...numbers].reverse().entries()) {
      bytes += await stat(this.#path(number)).then(
        ({ size }) => size,
        () => 0,
      );
      if (index >= FILES || bytes > this.#size.budget) await rm(this.#path(number), { force: true });
    }
  }

  async #numbers(): Promise<number[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names
      .filter((name) => /^[0-9]{8}\.sgh$/.test(name))
      .map((name) => Number(name.slice(0, 8)))
      .sort((one, other) => one - other);
  }

  #path(number: number): string {
    return join(this.#folder, `${String(number).padStart(8, "0")}.sgh`);
  }
}
