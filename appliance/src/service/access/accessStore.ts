// SPDX-License-Identifier: Apache-2.0
/**
 * Users, API keys and the setup token: one small file, mode 0600, with hashes only, apart from the token that the
 * console shows anyway.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { type KeyView, SCOPES, type Scope, type UserView } from "../../api/access.ts";
import { type DurableFs, writeDurably } from "../../shared/durable.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { asObject } from "../../shared/json.ts";
import { hashPassword, verifyPassword } from "./password.ts";

/** In /data/scsigate. */
export const ACCESS_FILE = "access.json";
const MAX_USERS = 32;
const MAX_KEYS = 64;
/** Without letters that look alike: people type it. 20 letters of 31 are 99 bits. */
const TOKEN_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const TOKEN_GROUPS = 5;

/** A user as the file has it. */
export interface StoredUser extends UserView {
  hash: string;
}

interface Key extends KeyView {
  hash: string;
}

interface Content {
  users: StoredUser[];
  keys: Key[];
  setupToken: string | undefined;
}

export class AccessStore {
  readonly #path: string;
  readonly #fs: DurableFs;
  readonly #random: (bytes: number) => Buffer;
  #content: Content = { users: [], keys: [], setupToken: undefined };
  /** The file is there, and could not be read: what it has in it is not to be written over. */
  #unread = false;
  #problem: ScsigateError | undefined;
  /** Changes one after the other: each starts from what the one before has left. */
  #queue: Promise<unknown> = Promise.resolve();

  /** @param data /data/scsigate */
  constructor(data: string, fs: DurableFs, random: (bytes: number) => Buffer) {
    this.#path = join(data, ACCESS_FILE);
    this.#fs = fs;
    this.#random = random;
  }

  /**
   * Reads; where nobody is an administrator, there is a setup token afterwards. @throws ScsigateError data-unwritable;
   * access-unreadable: nobody gets in and nothing is changed until the file can be read, which every login and change tries again
   */
  async open(): Promise<void> {
    this.#unread = true;
    await this.#read();
  }

  async #read(): Promise<void> {
    if (!this.#unread) return;
    let text: string | undefined;
    try {
      text = await this.#fs.read(this.#path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#problem = new ScsigateError(
        "access-unreadable",
        `users and keys cannot be read, so nobody can log in: ${reason}`,
        'Log in again in a moment. If it stays, the disk is failing: "recover" in the boot menu makes a new administrator.',
      );
      throw this.#problem;
    }
    this.#problem = undefined;
    this.#content = parse(text);
    this.#unread = false;
    await this.#ensureToken();
  }

  /** Reads, and changes nothing: for looking at it from outside of the service. */
  async look(): Promise<void> {
    this.#content = parse(await this.#fs.read(this.#path));
  }

  /** After a factory reset has removed the file, and where the owner has lost the password. */
  forget(): Promise<void> {
    this.#unread = false;
    return this.#inTurn(async () => {
      this.#content = { users: [], keys: [], setupToken: undefined };
      await this.#ensureToken();
    });
  }

  /** Why the file could not be read or written the last time; undefined: it could. */
  get problem(): ScsigateError | undefined {
    return this.#problem;
  }

  /** Set until the first administrator exists. */
  get setupToken(): string | undefined {
    return this.#content.setupToken;
  }

  get users(): UserView[] {
    return this.#content.users.map(({ name, scope }) => ({ name, scope }));
  }

  get keys(): KeyView[] {
    return this.#content.keys.map(({ id, name, scope, created }) => ({ id, name, scope, created }));
  }

  /**
   * @param open is called with the user when the password is right, and with nothing in between: who is removed, or gets
   * another password, while the password is looked at, is not let in
   */
  async login<T>(name: string, password: string, open: (user: UserView) => T): Promise<T | undefined> {
    if (this.#unread) await this.#inTurn(async () => {});
    const hash = this.#userOf(name)?.hash;
    if (!(await verifyPassword(password, hash))) return undefined;
    const user = this.#userOf(name);
    return user === undefined || user.hash !== hash ? undefined : open({ name, scope: user.scope });
  }

  /** Makes the first administrator. False when the token is wrong, or was used meanwhile. */
  setUp(token: string, name: string, password: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const expected = this.#content.setupToken;
      if (expected === undefined || !same(digest(normalise(token)), digest(normalise(expected)))) return false;
      await this.#setUser(name, "admin", password);
      return true;
    });
  }

  /** Creates a user, or gives one another password or scope. The first administrator ends the setup. */
  setUser(name: string, scope: Scope, password: string | undefined): Promise<void> {
    return this.#inTurn(() => this.#setUser(name, scope, password));
  }

  /** Users that come with their hashes, in the place of those that there are. */
  take(users: readonly StoredUser[]): Promise<void> {
    return this.#inTurn(() =>
      this.#save({ ...this.#content, users: mustHaveAdmin([...users]), setupToken: undefined }),
    );
  }

  /** False when there is no such user. */
  removeUser(name: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const users = this.#content.users.filter((user) => user.name !== name);
      if (users.length === this.#content.users.length) return false;
      await this.#save({ ...this.#content, users: mustHaveAdmin(users) });
      return true;
    });
  }

  /** @returns the key's text, which is shown this once and not kept */
  addKey(name: string, scope: Scope, now: Date): Promise<{ key: KeyView; secret: string }> {
    return this.#inTurn(async () => {
      if (this.#content.keys.length >= MAX_KEYS) throw full("keys", MAX_KEYS);
      const id = this.#random(6).toString("hex");
      const secret = `sg_${id}_${this.#random(32).toString("base64url")}`;
      const key = { id, name, scope, created: now.toISOString() };
      await this.#save({ ...this.#content, keys: [...this.#content.keys, { ...key, hash: digest(secret) }] });
      return { key, secret };
    });
  }

  /** False when there is no such key. */
  removeKey(id: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const keys = this.#content.keys.filter((key) => key.id !== id);
      if (keys.length === this.#content.keys.length) return false;
      await this.#save({ ...this.#content, keys });
      return true;
    });
  }

  findKey(secret: string): KeyView | undefined {
    const hash = digest(secret);
    return this.#content.keys.find((key) => same(key.hash, hash));
  }

  #userOf(name: string): StoredUser | undefined {
    return this.#content.users.find((user) => user.name === name);
  }

  async #setUser(name: string, scope: Scope, password: string | undefined): Promise<void> {
    const hash = password === undefined ? this.#userOf(name)?.hash : await hashPassword(password, this.#random);
    if (hash === undefined) {
      throw new ScsigateError("access-invalid", `${name} has no password yet`, 'Send "password" as well.');
    }
    const users = [...this.#content.users.filter((user) => user.name !== name), { name, scope, hash }];
    if (users.length > MAX_USERS) throw full("users", MAX_USERS);
    await this.#save({ ...this.#content, users: mustHaveAdmin(users), setupToken: undefined });
  }

  async #ensureToken(): Promise<void> {
    if (this.#content.users.length > 0 || this.#content.setupToken !== undefined) return;
    const bytes = [...this.#random(TOKEN_GROUPS * 4)];
    const letters = bytes.map((byte) => TOKEN_LETTERS[byte % TOKEN_LETTERS.length]).join("");
    const setupToken = (letters.match(/.{4}/g) ?? []).join("-");
    this.#content = { ...this.#content, setupToken }; // holds even if the disk does not take it
    await this.#save(this.#content);
  }

  async #save(content: Content): Promise<void> {
    try {
      await writeDurably(this.#path, `${JSON.stringify(content)}\n`, 0o600, this.#fs);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#problem = new ScsigateError(
        "data-unwritable",
        `users and keys cannot be written: ${reason}`,
        "Look at `df /data`.",
      );
      throw this.#problem;
    }
    this.#problem = undefined;
    this.#content = content;
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      await this.#read();
      return change();
    });
    this.#queue = result.catch(() => {});
    return result;
  }
}

/** Nobody is to lock everybody out, themselves included. */
function mustHaveAdmin(users: StoredUser[]): StoredUser[] {
  if (users.some((user) => user.scope === "admin")) return users;
  throw new ScsigateError(
    "access-invalid",
    "there would be no administrator left",
    "Make another user an administrator first.",
  );
}

function full(what: "users" | "keys", limit: number): ScsigateError {
  return new ScsigateError("access-invalid", `there are ${limit} ${what} already`, "Remove one that is not used.");
}

function parse(text: string | undefined): Content {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    // Absent or damaged: without users, the console's token lets the owner in again.
  }
  const { users, keys, setupToken } = asObject(value);
  const list = (items: unknown) => (Array.isArray(items) ? items.map(asObject) : []);
  const isScope = (scope: unknown): scope is Scope => SCOPES.some((known) => known === scope);
  const content: Content = { users: [], keys: [], setupToken: undefined };
  for (const { name, scope, hash } of list(users)) {
    if (typeof name === "string" && isScope(scope) && typeof hash === "string")
      content.users.push({ name, scope, hash });
  }
  for (const { id, name, scope, created, hash } of list(keys)) {
    if (typeof id !== "string" || typeof name !== "string" || !isScope(scope) || typeof hash !== "string") continue;
    content.keys.push({ id, name, scope, created: String(created), hash });
  }
  if (typeof setupToken === "string" && content.users.length === 0) content.setupToken = setupToken;
  return content;
}

/** However it was typed. */
function normalise(token: string): string {
  return token.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function same(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
