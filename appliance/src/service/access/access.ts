// SPDX-License-Identifier: Apache-2.0
/** Who a request is from, and what it may do. */
import type { IncomingMessage } from "node:http";
import { SCOPES, type Scope, type SessionView } from "../../api/access.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { Throttle } from "../../shared/throttle.ts";
import type { AccessStore } from "./accessStore.ts";
import { LoginLimiter } from "./loginLimiter.ts";
import { passwordsBusy } from "./password.ts";
import { type Session, type SessionKeeper, Sessions } from "./sessions.ts";

/** __Host-: only over TLS, only for this host, for all paths. Browsers see to it. */
const COOKIE = "__Host-scsigate";

export interface Caller {
  name: string | null;
  scope: Scope | null;
  via: SessionView["via"];
  session?: Session;
}

/** The gateway's own command line: whoever may open its socket is root, or as good as that. */
export const CONSOLE: Caller = { name: "console", scope: "admin", via: "console" };

export type LoginResult =
  | { type: "in"; cookie: string; session: Session }
  | { type: "wrong" }
  | { type: "busy" }
  | { type: "wait"; seconds: number };

const KEY = /^[A-Za-z0-9_-]{1,200}$/;

export class Access {
  readonly store: AccessStore;
  readonly sessions: Sessions;
  readonly #limiter: LoginLimiter;
  readonly #log: Logger;
  readonly #failures: Throttle;

  /** @param store open already: sessions of users that it does not have end */
  constructor(
    store: AccessStore,
    clock: Clock,
    random: (bytes: number) => Buffer,
    log: Logger,
    keeper?: SessionKeeper,
  ) {
    this.store = store;
    this.sessions = new Sessions(clock, random, keeper);
    this.sessions.restore((name, scope) => store.users.some((user) => user.name === name && user.scope === scope));
    this.#limiter = new LoginLimiter(clock);
    this.#log = log;
    this.#failures = new Throttle(clock, log);
  }

  get setupNeeded(): boolean {
    return this.store.setupToken !== undefined;
  }

  /**
   * Until there is an administrator, everybody may look, and nobody may change anything. A key that is sent must be right; other
   * kinds of Authorization are for a proxy in between.
   */
  identify(request: IncomingMessage): Caller {
    const bearer = /^Bearer\b *(.*)$/i.exec(request.headers.authorization ?? "")?.[1]?.trim();
    if (bearer !== undefined) {
      const key = KEY.test(bearer) ? this.store.findKey(bearer) : undefined;
      if (key !== undefined) return { name: key.name, scope: key.scope, via: "key" };
      return { name: null, scope: null, via: "none" };
    }
    const session = this.sessions.find(cookieOf(request) ?? "");
    if (session !== undefined) return { name: session.user, scope: session.scope, via: "session", session };
    return { name: null, scope: this.setupNeeded ? "read" : null, via: "none" };
  }

  view(caller: Caller): SessionView {
    const { name, scope, via, session } = caller;
    return { user: name, scope, via, csrfToken: session?.csrfToken ?? null, setupNeeded: this.setupNeeded };
  }

  /** @param address of the client, for the rate limit */
  async login(name: string, password: string, address: string): Promise<LoginResult> {
    const seconds = this.#limiter.waitSeconds(address, name);
    if (seconds > 0) return { type: "wait", seconds };
    if (passwordsBusy()) return { type: "busy" };
    // Counted before it is checked: many attempts at once must not all slip through.
    this.#limiter.failed(address, name);
    const opened = await this.store.login(name, password, (user) => this.#open(user.name, user.scope));
    if (opened === undefined) {
      this.#failures.write("warn", address, { user: name, address }, "login failed");
      return { type: "wrong" };
    }
    this.#limiter.succeeded(address, name);
    this.#log.info({ user: name, address }, "login");
    return opened;
  }

  /**
   * A user's own change of their password. Sessions elsewhere end, this one goes on under another cookie.
   * @param address of the client, for the rate limit
   */
  async changePassword(user: string, current: string, next: string, address: string): Promise<LoginResult> {
    const result = await this.login(user, current, address);
    if (result.type !== "in") return result;
    const { scope } = result.session;
    await this.store.setUser(user, scope, next);
    this.sessions.closeAll(user);
    this.#log.info({ user, address }, "password changed");
    return this.#open(user, scope);
  }

  /** The first administrator, by the token that the console shows. */
  async setup(token: string, name: string, password: string, address: string): Promise<LoginResult> {
    // By address only: nobody guesses the token, and nobody is to keep the owner from using it.
    const seconds = this.#limiter.waitSeconds(address);
    if (seconds > 0) return { type: "wait", seconds };
    this.#limiter.failed(address);
    if (!(await this.store.setUp(token, name, password))) return { type: "wrong" };
    this.#limiter.succeeded(address, name);
    this.#log.info({ user: name, address }, "first administrator");
    return this.#open(name, "admin");
  }

  logout(request: IncomingMessage): string {
    this.sessions.close(cookieOf(request) ?? "");
    return `${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`;
  }

  #open(name: string, scope: Scope): LoginResult {
    const { id, session } = this.sessions.open(name, scope);
    return { type: "in", cookie: `${COOKIE}=${id}; Path=/; Secure; HttpOnly; SameSite=Strict`, session };
  }
}

export function mayDo(scope: Scope | null, needed: Scope): boolean {
  return scope !== null && SCOPES.indexOf(scope) >= SCOPES.indexOf(needed);
}

function cookieOf(request: IncomingMessage): string | undefined {
  for (const part of (request.headers.cookie ?? "").split(";")) {
    const [name, value] = part.trim().split("=");
    if (name === COOKIE) return value;
  }
  return undefined;
}
