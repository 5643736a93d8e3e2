// SPDX-License-Identifier: Apache-2.0
/** Logins of the web page: they outlive the service, and end with the machine. */
import { createHash } from "node:crypto";
import { SCOPES, type Scope } from "../../api/access.ts";
import type { Clock } from "../../shared/clock.ts";
import { asObject } from "../../shared/json.ts";

const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 12 * 3_600_000;
/** The oldest goes when one more comes. */
const MAX_SESSIONS = 64;
/** Use alone is kept no more often than this: it is what an idle session is told by. Milliseconds. */
const KEEP_INTERVAL_MS = 60_000;

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

/** Where sessions are kept for the next service. */
export interface SessionKeeper {
  read(): unknown;
  write(value: unknown): void;
  /** Since the machine started, milliseconds: goes on while the service restarts. */
  uptime(): number;
}

export class Sessions {
  readonly #clock: Clock;
  readonly #keeper: SessionKeeper | undefined;
  #keptAt = Number.NEGATIVE_INFINITY;
  readonly #random: (bytes: number) => Buffer;
  /** By the hash of their cookie: a copy of the memory is no set of keys. */
  readonly #entries = new Map<string, Entry>();

  /** @param keeper absent: sessions end with this object */
  constructor(clock: Clock, random: (bytes: number) => Buffer, keeper?: SessionKeeper) {
    this.#clock = clock;
    this.#random = random;
    this.#keeper = keeper;
  }

  /**
   * Takes over the sessions of an earlier service, as far as they still hold.
   * @param holds whether the user is there, with this scope
   */
  restore(holds: (user: string, scope: Scope) => boolean): void {
    if (this.#keeper === undefined) return;
    const { at, sessions } = asObject(this.#keeper.read());
    const gone = this.#keeper.uptime() - Number(at);
    if (!(gone >= 0) || !Array.isArray(sessions)) return;
    const now = this.#clock.monotonic();
    for (const value of sessions.slice(-MAX_SESSIONS)) {
      const { key, user, scope: word, csrfToken, age, idle } = asObject(value);
      const scope = SCOPES.find((one) => one === word);
      if (typeof key !== "string" || typeof user !== "string" || typeof csrfToken !== "string") continue;
      if (scope === undefined || !(Number(age) >= 0 && Number(idle) >= 0) || !holds(user, scope)) continue;
      const [started, used] = [now - gone - Number(age), now - gone - Number(idle)];
      this.#entries.set(key, { user, scope, csrfToken, started, used });
    }
    this.#expire(now);
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
    this.#keep();
    return { id, session: entry };
  }

  find(id: string): Session | undefined {
    const now = this.#clock.monotonic();
    this.#expire(now);
    const entry = this.#entries.get(digest(id));
    if (entry !== undefined) {
      entry.used = now;
      if (now - this.#keptAt >= KEEP_INTERVAL_MS) this.#keep();
    }
    return entry;
  }

  close(id: string): void {
    if (this.#entries.delete(digest(id))) this.#keep();
  }

  /** Ends all sessions of a user, or all. */
  closeAll(user?: string): void {
    for (const [key, entry] of this.#entries) if (user === undefined || entry.user === user) this.#entries.delete(key);
    this.#keep();
  }

  #keep(): void {
    if (this.#keeper === undefined) return;
    const now = this.#clock.monotonic();
    this.#keptAt = now;
    const sessions = [...this.#entries].map(([key, { user, scope, csrfToken, started, used }]) => ({
      ...{ key, user, scope, csrfToken, age: now - started, idle: now - used },
    }));
    this.#keeper.write({ at: this.#keeper.uptime(), sessions });
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
