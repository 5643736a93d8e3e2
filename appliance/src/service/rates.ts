// SPDX-License-Identifier: Apache-2.0
/** Rates from two readings of growing counters. */
import type { LinkCounters, Rates } from "../api/status.ts";

export const ZERO_RATES: Rates = { rx_packets: 0, rx_bytes: 0, tx_packets: 0, tx_bytes: 0 };
const KEYS = Object.keys(ZERO_RATES) as (keyof Rates)[];

interface Sample {
  counters: LinkCounters;
  /** Monotonic milliseconds. */
  at: number;
}

export class RateMeter {
  readonly #samples = new Map<string, Sample>();

  /**
   * @param key names what is measured
   * @param at monotonic milliseconds
   * @returns per second since the last reading with this key; zero for the first, and after a counter went back (it was reset).
   */
  update(key: string, counters: LinkCounters, at: number): Rates {
    const before = this.#samples.get(key);
    this.#samples.set(key, { counters, at });
    if (before === undefined || at <= before.at) return ZERO_RATES;
    const seconds = (at - before.at) / 1000;
    const rates = { ...ZERO_RATES };
    for (const name of KEYS) {
      const difference = counters[name] - before.counters[name];
      if (difference > 0) rates[name] = Math.round(difference / seconds);
    }
    return rates;
  }

  /** Forgets what was not read at this time: stations come and go. */
  forgetOlderThan(at: number): void {
    for (const [key, sample] of this.#samples) if (sample.at < at) this.#samples.delete(key);
  }
}

interface Batch {
  packets: number;
  commands: number;
  ratio: number | null;
}

/** Packets for each command: what containers and offload gain. */
export class BatchMeter {
  readonly #last = new Map<string, Batch>();

  /** @returns over what ended since the reading before; the value before when nothing did, null at first. */
  update(key: string, packets: number, commands: number): number | null {
    const before = this.#last.get(key);
    const ended = commands - (before?.commands ?? commands);
    const moved = packets - (before?.packets ?? packets);
    const counts = ended > 0 && moved >= 0;
    const ratio = counts ? Math.round((moved / ended) * 100) / 100 : (before?.ratio ?? null);
    this.#last.set(key, { packets, commands, ratio });
    return ratio;
  }

  keepOnly(keys: { has(key: string): boolean }): void {
    for (const key of this.#last.keys()) if (!keys.has(key)) this.#last.delete(key);
  }
}
