// SPDX-License-Identifier: Apache-2.0
/** Logins of the web page, in memory: they end with the service. */
import { createHash } from "node:crypto";
import type { Scope } from "../../api/access.ts";
import type { Clock } from "../../shared/clock.ts";

const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 12 * 3_600_000;
/** The oldest goes when one more comes. */
const MAX_SESSIONS = 64;

export interface Session {
  user: string;
  scope: Scope;
  /** Goes with every request that changes something: a page of somebody else cannot know it. */
  csrfToken: string;
}

interface Entry extends Session {
  /** Monotonic milliseconds. */
  started: number;
  used: number;
}

export class Sessions {
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Buffer;
  /** By the hash of their cookie: a copy of the memory is no set of keys. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, random: (bytes: number) => Buffer) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @returns the cookie's value, and the session */
  open(user: string, scope: Scope): { id: string; session: Session } {
    const id = this.#random(32).toString("base64url");
    const now = this.#clock.monotonic();
    const entry = { user, scope, csrfToken: this.#random(24).toString("base64url"), started: now, used: now };
    this.#expire(now);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < MAX_SESSIONS) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(digest(id), entry);
    return { id, session: entry };
  }

  find(id: string): Session | undefined {
    const now = this.#clock.monotonic();
    this.#expire(now);
    const entry = this.#entries.get(digest(id));
    if (entry !== undefined) entry.used = now;
    return entry;
  }

  close(id: string): void {
    this.#entries.delete(digest(id));
  }

  /** Ends all sessions of a user, or all. */
  closeAll(user?: string): void {
    for (const [key, entry] of this.#entries) if (user === undefined || entry.user === user) this.#entries.delete(key);
  }

  #expire(now: number): void {
    for (const [key, { started, used }] of this.#entries) {
      if (now - used > IDLE_MS || now - started > LONGEST_MS) this.#entries.delete(key);
    }
  }
}

function digest(id: string): string {
  return createHash("sha256").update(id).digest("base64url");
}
