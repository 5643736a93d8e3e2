// SPDX-License-Identifier: Apache-2.0
/**
 * The configuration while the gateway runs. A change is a transaction: planned, written down, tried, and then either
 * confirmed within its time or rolled back. So a change that cuts its owner off undoes itself, and so does one that a
 * restart interrupted.
 */
import { createHmac } from "node:crypto";
import type { Change, ConfigPlan, Transaction, TransactionState } from "../api/config.ts";
import type { ConfigError } from "../api/status.ts";
import { changesBetween, effectNotes } from "../config/changes.ts";
import type { LoadedConfig } from "../config/load.ts";
import { migrate } from "../config/migrations.ts";
import { SECRET_PATHS } from "../config/schema.ts";
import { joinSecrets, type Secrets, splitSecrets } from "../config/secrets.ts";
import type { ConfigStore, Stored } from "../config/store.ts";
import type { Config } from "../config/types.ts";
import { defaultConfig, defaultDocument, validate } from "../config/validate.ts";
import type { Operation } from "../protocol/operations.ts";
import type { Cancel, Clock } from "../shared/clock.ts";
import { type Problem, toProblem } from "../shared/errors.ts";
import { asObject, canonical, getAt } from "../shared/json.ts";
import type { Logger } from "../shared/log.ts";
import { busy, conflict, draftConflict, gone, invalid, notWaiting, tooNewFor, unchanged } from "./configRefused.ts";
import { Draft } from "./draft.ts";
import type { GatewayState } from "./gatewayState.ts";
import { withShortLeases } from "./shortLeases.ts";

/** How long a change waits for its confirmation, seconds. */
export const CONFIRM_SECONDS = { shortest: 10, longest: 3600, usual: 120 };
/** The answer to the request goes out before its own connection may be cut, milliseconds. */
const ANSWER_FIRST_MS = 200;

/** What the configuration needs of the rest of the service. */
export interface ConfigurationHooks {
  /**
   * Makes a configuration hold. Returns what could not be done.
   * @param tried whether somebody has to confirm it
   */
  activate(config: Config, tried: boolean): Promise<Problem[]>;
  /** What of a configuration that is valid in itself does not fit this machine as it is now. */
  check(config: Config): Promise<ConfigError[]>;
  /** What the executor would do for a configuration that it does not do now. */
  preview(config: Config): Promise<Operation[]>;
}

interface Running {
  id: string;
  state: TransactionState;
  changes: Change[];
  /** Monotonic milliseconds. */
  deadline: number;
  /** When it was confirmed or rolled back, monotonic milliseconds; undefined while it waits. */
  ended: number | undefined;
  reason: string | null;
  problems: Problem[];
  /** Nobody has to decide on it, so nobody is told. */
  quiet: boolean;
  /** What holds once it is confirmed. */
  loaded: LoadedConfig;
}

/** Makes a document of the confirmed one. Must not change its argument. */
export type Edit = (document: unknown) => unknown;

interface Checked {
  document: unknown;
  secrets: Secrets;
  config: Config;
  changes: Change[];
}

export class Configuration {
  readonly #store: ConfigStore;
  readonly #state: GatewayState;
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Buffer;
  readonly #log: Logger;
  readonly #etagKey: Buffer;
  #hooks: ConfigurationHooks | undefined;
  #stored: Stored;
  #confirmed: LoadedConfig;
  #draft: Draft | undefined;
  #transaction: Running | undefined;
  #cancelDeadline: Cancel | undefined;
  #cancelActivation: Cancel | undefined;
  #activated: Promise<void> = Promise.resolve();
  #endActivation: (() => void) | undefined;
  /** Changes of the disk and of the machine, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    store: ConfigStore,
    opened: Stored & { loaded: LoadedConfig; rolledBack: string | undefined },
    state: GatewayState,
    environment: { clock: Clock; random: (bytes: number) => Buffer; log: Logger },
  ) {
    this.#store = store;
    this.#stored = opened;
    this.#confirmed = opened.loaded;
    this.#state = state;
    this.#clock = environment.clock;
    this.#random = environment.random;
    this.#log = environment.log;
    this.#etagKey = environment.random(16);
    if (opened.rolledBack !== undefined) {
      const reason = "the gateway restarted before the change was confirmed";
      this.#transaction = {
        id: opened.rolledBack,
        state: "rolled-back",
        changes: [],
        deadline: 0,
        ended: this.#clock.monotonic(),
        reason,
        loaded: opened.loaded,
        problems: [],
        quiet: false,
      };
      this.#log.warn({ id: opened.rolledBack }, reason);
    }
  }

  start(hooks: ConfigurationHooks): void {
    this.#hooks = hooks;
  }

  /** A change that still waits is rolled back by the next start: nobody may be there to do it now. */
  async stop(): Promise<void> {
    this.#cancelDeadline?.();
    this.#cancelActivation?.();
    await this.#queue;
  }

  /** The confirmed document, without secrets. */
  get document(): unknown {
    return this.#stored.document;
  }

  get revision(): number {
    return this.#stored.revision;
  }

  /** Pointers of the secrets that are set. */
  get secretNames(): string[] {
    return Object.keys(this.#stored.secrets).sort();
  }

  /** The secrets themselves, those of a change that is tried among them: for keeping them out of something. */
  get secretValues(): string[] {
    const tried = SECRET_PATHS.map((path) => getAt(this.#state.config.config, path));
    return [...Object.values(this.#stored.secrets), ...tried].filter((value) => typeof value === "string");
  }

  /** Changes with the document and with its secrets, and tells nothing about them. */
  get etag(): string {
    const text = canonical([this.#stored.document, this.#stored.secrets, this.#stored.revision]);
    return `"${createHmac("sha256", this.#etagKey).update(text).digest("base64url").slice(0, 22)}"`;
  }

  /** The last change: the one that waits, or how it ended. */
  get transaction(): Transaction | null {
    const { id, state, changes, reason, problems } = this.#transaction ?? {};
    if (id === undefined || state === undefined || changes === undefined) return null;
    const left = this.#pending ? Math.max(0, (this.#transaction?.deadline ?? 0) - this.#clock.monotonic()) : 0;
    const ended = this.#transaction?.ended;
    return {
      id,
      state,
      changes,
      secondsLeft: Math.ceil(left / 1000),
      secondsAgo: ended === undefined ? null : Math.floor((this.#clock.monotonic() - ended) / 1000),
      reason: reason ?? null,
      problems: problems ?? [],
    };
  }

  /** Resolves when the machine follows the configuration that is tried, or another one has taken its place. */
  get activated(): Promise<void> {
    return this.#activated;
  }

  history(): Promise<{ revision: number; document: unknown }[]> {
    return this.#store.history();
  }

  /** The document of a kept version: as all that do not mention them, it leaves secrets as they are. @throws ConfigRefused config-gone */
  async version(revision: number): Promise<unknown> {
    const kept = (await this.history()).find((version) => version.revision === revision);
    if (kept === undefined) throw gone(revision);
    return kept.document;
  }

  /** The document with its secrets: for a backup that was asked to have them. */
  exportSecrets(): Record<string, string> {
    return { ...this.#stored.secrets };
  }

  /** The draft that somebody works on, or the confirmed document. */
  get draft(): unknown {
    return (this.#draft ?? this.#stored).document;
  }

  /** @param document undefined drops the draft */
  setDraft(document: unknown): void {
    this.#draft = document === undefined ? undefined : new Draft(document, this.#draft, this.etag);
  }

  /** @throws ConfigRefused config-invalid, with everything that is wrong */
  async plan(document: unknown): Promise<ConfigPlan> {
    const { config, changes } = this.#check(document);
    await this.#fits(config);
    const operations = (await this.#hooks?.preview(config)) ?? [];
    return { changes, effects: effectNotes(changes), operations };
  }

  planDraft(): Promise<ConfigPlan> {
    return this.plan(this.#wholeDraft);
  }

  /**
   * Tries a document in place of the confirmed one.
   * @param etag of the document that the change was made from; undefined when the caller does not care
   * @throws ConfigRefused
   */
  apply(document: unknown, confirmSeconds = CONFIRM_SECONDS.usual, etag?: string): Promise<Transaction> {
    return this.change(() => document, confirmSeconds, etag);
  }

  /** Tries a change of the confirmed document. @param etag as of apply() @throws ConfigRefused */
  change(edit: Edit, confirmSeconds: number, etag: string | undefined): Promise<Transaction> {
    return this.#exclusive(async () => {
      if (this.#pending) throw busy();
      if (etag !== undefined && etag !== "*" && etag !== this.etag) throw conflict();
      return this.#try(edit(this.document), confirmSeconds);
    });
  }

  /**
   * Makes a change of the confirmed document hold without waiting for a confirmation: for what cannot cut its owner off.
   * @param edit gets the document that the change before it has left
   * @returns false when there was nothing to change
   * @throws ConfigRefused
   */
  applyAtOnce(edit: Edit): Promise<boolean> {
    return this.#exclusive(async () => {
      const document = edit(this.document);
      if (this.#check(document).changes.length === 0) return false;
      if (this.#pending) throw busy();
      const { id } = await this.#try(document, CONFIRM_SECONDS.shortest, true);
      await this.#confirm(id);
      return true;
    });
  }

  /** @throws ConfigRefused */
  applyDraft(confirmSeconds: number): Promise<Transaction> {
    return this.#exclusive(async () => {
      if (this.#pending) throw busy();
      const draft = this.#draft;
      if (draft !== undefined && draft.base !== this.etag) throw draftConflict();
      const transaction = await this.#try(this.#wholeDraft, confirmSeconds);
      if (this.#draft === draft) this.#draft = undefined;
      return transaction;
    });
  }

  /** Keeps the change that waits. @throws ConfigRefused config-not-waiting */
  confirm(id?: string): Promise<Transaction> {
    return this.#exclusive(() => this.#confirm(id));
  }

  /** Gives up the change that waits. @throws ConfigRefused config-not-waiting */
  rollback(id?: string, reason = "it was rolled back on request"): Promise<Transaction> {
    return this.#exclusive(() => this.#undo(this.#waiting(id), reason));
  }

  /** Keeps what holds for the case that an update does not start. @throws ScsigateError data-unwritable */
  keepBeforeUpdate(): Promise<void> {
    return this.#exclusive(() => this.#store.keepBeforeUpdate(this.#stored));
  }

  /** Factory reset of everything that the store knows. */
  reset(): Promise<void> {
    return this.#exclusive(async () => {
      if (this.#pending && this.#transaction) await this.#undo(this.#transaction, "the gateway was reset");
      await this.#store.reset();
      this.#stored = { document: defaultDocument(), secrets: {}, revision: 0 };
      this.#confirmed = { config: defaultConfig(), source: "defaults", errors: [] };
      this.#draft = undefined;
      this.#log.warn("factory reset");
      this.#use(this.#confirmed);
    });
  }

  get #pending(): boolean {
    return this.#transaction?.state === "applying" || this.#transaction?.state === "waiting";
  }

  /** With what it says of secrets. */
  get #wholeDraft(): unknown {
    return this.#draft === undefined ? this.document : this.#draft.whole;
  }

  async #try(document: unknown, confirmSeconds: number, quiet = false): Promise<Transaction> {
    const { document: rest, secrets, config, changes } = this.#check(document);
    const same = canonical(rest) === canonical(this.#stored.document);
    if (same && changes.length === 0 && this.#confirmed.source === "file") throw unchanged();
    // What needs no confirmation has nothing to do with the machine.
    if (!quiet) await this.#fits(config);
    const id = this.#random(6).toString("hex");
    await this.#store.stage(id, rest, secrets, new Date(this.#clock.now() + confirmSeconds * 1000));
    const deadline = this.#clock.monotonic() + confirmSeconds * 1000;
    const loaded: LoadedConfig = { config, source: "file", errors: [] };
    const transaction: Running = {
      id,
      state: "applying",
      changes,
      deadline,
      ended: undefined,
      reason: null,
      problems: [],
      quiet,
      loaded,
    };
    this.#transaction = transaction;
    this.#cancelDeadline = this.#clock.after(confirmSeconds * 1000, () => {
      void this.#exclusive(() => this.#undo(transaction, "it was not confirmed in time"));
    });
    this.#log.info({ id, confirmSeconds, paths: changes.map((change) => change.path) }, "configuration tried");
    const short = quiet ? config : withShortLeases(config, this.#confirmed.config);
    this.#use(short === config ? loaded : { ...loaded, config: short }, transaction);
    return this.#tell();
  }

  async #confirm(id: string | undefined): Promise<Transaction> {
    const transaction = this.#waiting(id);
    this.#stored = await this.#store.commit();
    this.#cancelDeadline?.();
    this.#confirmed = transaction.loaded;
    transaction.state = "confirmed";
    transaction.ended = this.#clock.monotonic();
    this.#log.info({ id: transaction.id, revision: this.#stored.revision }, "configuration confirmed");
    if (this.#state.config !== this.#confirmed) this.#use(this.#confirmed); // leases have their length again
    return this.#tell();
  }

  #check(document: unknown): Checked {
    const { document: current, tooNew } = migrate(document);
    if (tooNew !== undefined) throw tooNewFor(tooNew);
    const { document: rest, secrets } = splitSecrets(current, this.#stored.secrets);
    const result = validate(joinSecrets(rest, secrets));
    if (!result.valid) throw invalid(result.errors);
    const changes = changesBetween(this.#confirmed.config, result.config);
    return { document: asObject(rest), secrets, config: result.config, changes };
  }

  /** @throws ConfigRefused config-invalid */
  async #fits(config: Config): Promise<void> {
    const errors = (await this.#hooks?.check(config)) ?? [];
    if (errors.length > 0) throw invalid(errors);
  }

  #waiting(id: string | undefined): Running {
    const transaction = this.#transaction;
    if (!this.#pending || transaction === undefined || (id !== undefined && id !== transaction.id)) {
      const undone =
        transaction?.state === "rolled-back" ? `the last one was rolled back: ${transaction.reason}` : undefined;
      throw notWaiting(id, undone);
    }
    return transaction;
  }

  async #undo(transaction: Running, reason: string): Promise<Transaction> {
    if (this.#transaction !== transaction || !this.#pending) return this.#tell();
    this.#cancelDeadline?.();
    transaction.state = "rolled-back";
    transaction.ended = this.#clock.monotonic();
    transaction.reason = reason;
    this.#log.warn({ id: transaction.id, reason }, "configuration rolled back");
    await this.#store.discard().catch((error: unknown) => {
      this.#log.error({ problem: toProblem(error) }, "the change is still on disk; the next start drops it");
    });
    this.#use(this.#confirmed);
    return this.#tell();
  }

  /**
   * From now on this is what the gateway does. The machine follows shortly, after everything that was to be done
   * before.
   */
  #use(loaded: LoadedConfig, transaction?: Running): void {
    this.#state.config = loaded;
    this.#cancelActivation?.();
    this.#endActivation?.();
    this.#activated = new Promise((resolve) => {
      this.#endActivation = resolve;
      this.#cancelActivation = this.#clock.after(ANSWER_FIRST_MS, () => {
        void this.#activate(loaded.config, transaction)
          .catch((error: unknown) => {
            this.#log.error({ problem: toProblem(error) }, "configuration could not be applied");
          })
          .finally(() => {
            this.#state.events.tell("config");
            resolve();
          });
      });
    });
  }

  async #activate(config: Config, transaction: Running | undefined): Promise<void> {
    const tried = transaction !== undefined && !transaction.quiet;
    const problems = (await this.#hooks?.activate(config, tried)) ?? [];
    if (transaction === undefined || transaction !== this.#transaction) return;
    transaction.problems = problems;
    if (transaction.state === "applying") transaction.state = "waiting";
    this.#tell();
  }

  #tell(): Transaction {
    const view = this.transaction;
    if (view === null) throw new Error("there is no transaction");
    if (this.#transaction?.quiet !== true) this.#state.events.tell("transaction", view);
    return view;
  }

  #exclusive<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => {});
    return result;
  }
}
