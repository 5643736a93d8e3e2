// SPDX-License-Identifier: Apache-2.0
/**
 * What comes over the boot partition: scsigate.json is taken over at the first start, the users are forgotten where that
 * was asked for, and the setup token is there for whoever has no console.
 *
 * A power cut in between is fine: a note on disk says that scsigate.json is being taken over, and that it was. The first
 * is done again from the start, the second only lacks the file's removal.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ConfigError } from "../api/status.ts";
import { type Prepared, readPrepared } from "../config/prepared.ts";
import { splitSecrets } from "../config/secrets.ts";
import type { ConfigStore, Opened } from "../config/store.ts";
import type { BootFacts } from "../protocol/messages.ts";
import { diskFs, readJson, removeDurably, writeDurably } from "../shared/durable.ts";
import { type Problem, ScsigateError, toProblem } from "../shared/errors.ts";
import { asObject } from "../shared/json.ts";
import type { AccessStore, StoredUser } from "./access/accessStore.ts";
import { hashPassword } from "./access/password.ts";
import type { Part } from "./environment.ts";
import type { EventBus } from "./eventBus.ts";

type Environment = Part<"clock" | "random" | "log", "data", "boot">;

/** In /data/scsigate. */
export const PREPARED_FILE = "prepared.json";
/** How soon a boot partition that took no change is tried again, milliseconds. */
const RETRY_MS = 60_000;
/** More than these are in the file for it, and not in the state. */
const MAX_SHOWN = 20;

interface Note {
  state: "taking" | "taken";
  /** Of the file. */
  digest: string;
  what: string[];
}

export class FirstStart {
  readonly #environment: Environment;
  readonly #access: AccessStore;
  /** What is wrong with scsigate.json; of interest until somebody owns the gateway. */
  #refused: Problem[] = [];
  /** The boot partition takes no change, and passwords are left there. */
  #left: Problem | undefined;
  /** What the boot partition was told of the token; undefined: nothing yet. */
  #told: string | null | undefined;
  #tellAgainAt = 0;
  #end: (() => void) | undefined;

  constructor(environment: Environment, access: AccessStore) {
    this.#environment = environment;
    this.#access = access;
  }

  /** What is wrong, as long as it is. */
  get problems(): Problem[] {
    return [
      ...(this.#access.setupToken === undefined ? [] : this.#refused),
      ...(this.#left === undefined ? [] : [this.#left]),
    ];
  }

  /**
   * Before anything else starts. Never fails: what cannot be done is a problem.
   * @returns the configuration that holds from now on
   */
  async run(store: ConfigStore, opened: Opened): Promise<Opened> {
    const { executor, log, paths } = this.#environment;
    try {
      const facts = await executor.boot();
      if (facts.recover) await this.#recover();
      const note = parseNote(await readJson(this.#note));
      if (facts.prepared !== null) return await this.#prepared(facts.prepared, note, store, opened);
      if (note !== undefined) await removeDurably(join(paths.data, PREPARED_FILE));
      if (isNew(opened, this.#access)) this.#explain(facts);
    } catch (error) {
      log.error({ problem: toProblem(error) }, "the boot partition");
    }
    return opened;
  }

  /** Keeps the boot partition's copy of the setup token as it is. */
  start(events: EventBus): void {
    this.#end = events.on("status", () => void this.#tell());
    void this.#tell();
  }

  stop(): void {
    this.#end?.();
  }

  get #note(): string {
    return join(this.#environment.paths.data, PREPARED_FILE);
  }

  /** The configuration stays; whoever can start the machine with another disk could do as much. */
  async #recover(): Promise<void> {
    await this.#access.forget();
    await this.#environment.executor.boot({ kind: "recovered" });
    this.#environment.log.warn("users and keys were forgotten, as it was asked for at the start");
  }

  async #prepared(text: string, note: Note | undefined, store: ConfigStore, opened: Opened): Promise<Opened> {
    const data = Buffer.from(text, "base64");
    const digest = createHash("sha256").update(data).digest("base64url");
    if (note?.state === "taken" && note.digest === digest) {
      await this.#tidy(note.what);
      return opened;
    }
    if (note?.state !== "taking" && !isNew(opened, this.#access)) {
      await this.#refuse([
        {
          path: "",
          message: "this gateway has been set up already",
          nextStep: "Remove the file; or reset the gateway (a file named reset), which then takes it over.",
        },
      ]);
      return opened;
    }
    const result = readPrepared(data);
    if (!result.valid) {
      await this.#refuse(result.errors);
      return opened;
    }
    try {
      return await this.#take(result.prepared, digest, store, opened);
    } catch (error) {
      const { message, nextStep } = toProblem(error);
      await store.discard().catch(() => {});
      await this.#refuse([{ path: "", message, nextStep }]);
      return opened;
    }
  }

  async #take(prepared: Prepared, digest: string, store: ConfigStore, opened: Opened): Promise<Opened> {
    const { random, clock, log } = this.#environment;
    const { document, users } = prepared;
    const what = describe(prepared);
    await this.#write({ state: "taking", digest, what });
    if (document !== undefined) {
      const { document: rest, secrets } = splitSecrets(document, {});
      await store.stage(random(6).toString("hex"), rest, secrets, new Date(clock.now()));
      await store.commit();
    }
    if (users.length > 0) {
      const hashed: StoredUser[] = [];
      for (const { name, scope, password, passwordHash } of users) {
        hashed.push({ name, scope, hash: passwordHash ?? (await hashPassword(password ?? "", random)) });
      }
      await this.#access.take(hashed);
    }
    await this.#write({ state: "taken", digest, what });
    log.info({ what }, "scsigate.json was taken over");
    await this.#tidy(what);
    return document === undefined ? opened : store.open();
  }

  /** The file goes: it may have passwords in it. */
  async #tidy(what: string[]): Promise<void> {
    try {
      await this.#environment.executor.boot({ kind: "taken", what });
      await removeDurably(this.#note);
    } catch (error) {
      const message = `scsigate.json was taken over, and is still on the boot partition: ${toProblem(error).message}`;
      const nextStep = "Remove it from the card or disk by hand: it may have passwords in it.";
      this.#left = toProblem(new ScsigateError("boot-unwritable", message, nextStep));
      this.#environment.log.error({ problem: this.#left }, "scsigate.json");
    }
  }

  /** Told of on the page, on the console, in the log, and beside the file. */
  async #refuse(errors: readonly ConfigError[]): Promise<void> {
    const { executor, log } = this.#environment;
    const lines = errors.map(({ path, message, nextStep }) => ({
      path: line(path),
      message: line(message),
      nextStep: line(nextStep),
    }));
    this.#refused = lines.slice(0, MAX_SHOWN).map(({ path, message, nextStep }) => ({
      code: "prepared-invalid",
      message: `scsigate.json was not taken over: ${path === "" ? "" : `${path}: `}${message}`,
      nextStep,
    }));
    for (const problem of this.#refused) log.error({ problem }, "scsigate.json");
    await executor.boot({ kind: "refused", errors: lines.slice(0, 100) }).catch((error: unknown) => {
      log.error({ problem: toProblem(error) }, "the boot partition");
    });
  }

  #explain({ problem }: BootFacts): void {
    if (problem === null) return;
    this.#refused = [problem];
    this.#environment.log.error({ problem }, "scsigate.json");
  }

  async #tell(): Promise<void> {
    const { executor, clock, log } = this.#environment;
    const token = this.#access.setupToken ?? null;
    if (token === this.#told || clock.monotonic() < this.#tellAgainAt) return;
    this.#tellAgainAt = clock.monotonic() + RETRY_MS;
    try {
      await executor.boot({ kind: "token", token });
      this.#told = token;
      this.#tellAgainAt = 0;
    } catch (error) {
      log.warn({ problem: toProblem(error) }, "the setup token is not on the boot partition");
    }
  }

  #write(note: Note): Promise<void> {
    return writeDurably(this.#note, `${JSON.stringify(note)}\n`, 0o644, diskFs).catch((error: unknown) => {
      const message = `the data partition does not take it: ${toProblem(error).message}`;
      throw new ScsigateError("data-unwritable", message, "Check the card or disk, then start the gateway again.");
    });
  }
}

/** Nobody has set it up. */
function isNew({ revision, loaded }: Opened, access: AccessStore): boolean {
  return access.setupToken !== undefined && revision === 0 && loaded.errors.length === 0;
}

function describe({ document, users, sshKeys }: Prepared): string[] {
  return [
    ...(document === undefined ? [] : ["the configuration"]),
    ...users.map(({ name, scope }) => `user ${name}, who may ${scope}`),
    ...(sshKeys === 0 ? [] : [`${sshKeys} SSH ${sshKeys === 1 ? "key" : "keys"}`]),
  ];
}

/** For files that people read: no control characters, and an end. */
function line(text: string): string {
  return [...text]
    .map((letter) => (letter < " " || letter === "\u007f" ? " " : letter))
    .join("")
    .slice(0, 900);
}

function parseNote(value: unknown): Note | undefined {
  const { state, digest, what } = asObject(value);
  if ((state !== "taking" && state !== "taken") || typeof digest !== "string") return undefined;
  return { state, digest, what: Array.isArray(what) ? what.map(String) : [] };
}
