// SPDX-License-Identifier: Apache-2.0
/**
 * Slows down guessing. After a few failures, an address waits longer and longer, and so does an account. Nobody can lock
 * the owner out by failing on purpose: an account's wait stays short, and is not for an address that has logged in to it
 * before.
 */
import type { Clock } from "../../shared/clock.ts";

const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = { address: 15 * 60_000, account: 10_000 };
/** Failures are forgotten after this time without another, milliseconds. */
const MEMORY_MS = 30 * 60_000;
/** Addresses and accounts that are remembered; the oldest go first. */
const MAX_ENTRIES = 1024;

interface Entry {
  failures: number;
  /** Monotonic milliseconds. */
  last: number;
  until: number;
}

export class LoginLimiter {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** Addresses with the accounts that they have logged in to. */
  readonly #known = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds until another attempt is allowed; 0: now. @param account absent: only the address counts */
  waitSeconds(address: string, account?: string): number {
    const now = this.#clock.monotonic();
    const keys = [`address ${address}`];
    if (account !== undefined && !this.#known.has(pair(address, account))) keys.push(`account ${account}`);
    const ends = keys.map((key) => this.#entries.get(key)?.until ?? 0);
    return Math.max(0, Math.ceil((Math.max(...ends) - now) / 1000));
  }

  failed(address: string, account?: string): void {
    this.#count(`address ${address}`, LONGEST_WAIT_MS.address);
    if (account !== undefined) this.#count(`account ${account}`, LONGEST_WAIT_MS.account);
  }

  succeeded(address: string, account: string): void {
    this.#entries.delete(`address ${address}`);
    this.#entries.delete(`account ${account}`);
    this.#known.delete(pair(address, account)); // to the end of the set: the newest
    this.#known.add(pair(address, account));
    forgetOldest(this.#known);
  }

  #count(key: string, longest: number): void {
    const now = this.#clock.monotonic();
    const before = this.#entries.get(key);
    const failures = before !== undefined && now - before.last < MEMORY_MS ? before.failures + 1 : 1;
    const over = failures - FREE_FAILURES;
    const wait = over <= 0 ? 0 : Math.min(longest, FIRST_WAIT_MS * 2 ** Math.min(over - 1, 20));
    this.#entries.delete(key); // to the end of the map: the newest
    this.#entries.set(key, { failures, last: now, until: now + wait });
    forgetOldest(this.#entries);
  }
}

function pair(address: string, account: string): string {
  return `${address} ${account}`;
}

function forgetOldest(entries: Map<string, unknown> | Set<string>): void {
  for (const oldest of entries.keys()) {
    if (entries.size <= MAX_ENTRIES) break;
    entries.delete(oldest);
  }
}
