// SPDX-License-Identifier: Apache-2.0
/**
 * The configuration on disk, and the change that waits for its confirmation. A power cut between any two steps leaves
 * either the confirmed configuration or, once the decision to confirm it is on disk, the new one.
 *
 *     config.json    the confirmed document, without secrets
 *     secrets.json   its secrets, mode 0600
 *     history/       the last confirmed documents, config.json's own among them
 *     pending.json   a change: "waiting" is dropped at the next start, "committing" is carried through
 *     reset.json     a factory reset that has begun
 *     before-update.json  what held, with its secrets, when the last update was installed, mode 0600
 */
import { join } from "node:path";
import type { ConfigError } from "../api/status.ts";
import { type DurableFs, removeDurably, writeDurably } from "../shared/durable.ts";
import { ScsigateError } from "../shared/errors.ts";
import { asObject, canonical, isObject } from "../shared/json.ts";
import { isDocument, isOfNewerForm, type LoadedConfig, type ReadDocument, readDocument } from "./load.ts";
import { parseSecrets, type Secrets } from "./secrets.ts";
import { defaultConfig, defaultDocument } from "./validate.ts";

/** Confirmed versions that are kept. */
const HISTORY_LENGTH = 5;
const SECRET_MODE = 0o600;
const BEFORE_UPDATE = "before-update.json";

export interface Stored {
  /** Without secrets. */
  document: unknown;
  secrets: Secrets;
  /** Grows with each confirmed change; 0 while there is no document. */
  revision: number;
}

export interface Opened extends Stored {
  loaded: LoadedConfig;
  /** A change that was not confirmed before the restart, and is gone. */
  rolledBack: string | undefined;
}

interface Pending {
  id: string;
  state: "waiting" | "committing";
  document: unknown;
  secrets: Secrets;
  /** For people who look at the file; a restart does not wait for it. */
  deadline: string;
}

export class ConfigStore {
  readonly #folder: string;
  readonly #fs: DurableFs;
  readonly #alsoReset: readonly string[];
  #pending: Pending | undefined;
  #problem: ScsigateError | undefined;
  /** Why secrets.json could not be read. */
  #unreadSecrets: ScsigateError | undefined;

  /**
   * @param folder /data/scsigate
   * @param alsoReset further files there that a factory reset removes
   */
  constructor(folder: string, fs: DurableFs, alsoReset: readonly string[] = []) {
    this.#folder = folder;
    this.#fs = fs;
    this.#alsoReset = alsoReset;
  }

  /**
   * Finishes or undoes what a restart interrupted, and reads. Never throws: a gateway without its disk still forwards.
   */
  async open(): Promise<Opened> {
    const attempt = async (action: () => Promise<void>): Promise<void> => {
      await action().catch((error: unknown) => {
        this.#problem = unwritable(error);
      });
    };
    if ((await this.#read("reset.json")) !== undefined) await attempt(() => this.#finishReset());
    const pending = parsePending(await this.#read("pending.json"));
    let rolledBack: string | undefined;
    if (pending?.state === "committing") {
      this.#pending = pending;
      await attempt(() => this.#finishCommit());
    } else if ((await this.#read("pending.json")) !== undefined) {
      rolledBack = pending?.id ?? "unknown";
      await attempt(() => removeDurably(this.#path("pending.json"), this.#fs));
    }
    const opened = await this.#load();
    const unfinished = this.#pending;
    if (unfinished !== undefined) {
      // Confirmed, but the disk does not take it: it holds all the same.
      const text = JSON.stringify(unfinished.document);
      const read = readDocument(text, unfinished.secrets);
      if (isDocument(read)) return { ...read, revision: opened.revision + 1, rolledBack };
    }
    const { adopt, ...stored } = opened;
    this.#problem ??= this.#unreadSecrets;
    if (adopt && this.#unreadSecrets === undefined) {
      await attempt(() => this.#write(stored, stored.revision));
    }
    return { ...stored, rolledBack };
  }

  /** What could not be read or written, until a change is written whole; what holds, holds nevertheless. */
  get problem(): ScsigateError | undefined {
    return this.#problem;
  }

  /** Writes a change down that is about to be tried. @throws ScsigateError data-unwritable; then nothing has changed */
  async stage(id: string, document: unknown, secrets: Secrets, deadline: Date): Promise<void> {
    await this.#retryCommit();
    if (this.#unreadSecrets !== undefined) throw this.#unreadSecrets;
    const pending: Pending = { id, state: "waiting", document, secrets, deadline: deadline.toISOString() };
    await this.#guard(() => this.#writePending(pending));
    this.#pending = pending;
  }

  /** The tried change becomes the configuration. @throws ScsigateError data-unwritable; then it still waits */
  async commit(): Promise<Stored> {
    const pending = this.#pending;
    if (pending === undefined) throw new Error("nothing is staged");
    try {
      await this.#writePending({ ...pending, state: "committing" });
    } catch (error) {
      if (!(await this.#wouldHold(pending))) throw unwritable(error);
    }
    this.#pending = { ...pending, state: "committing" };
    const { document, secrets } = pending;
    const revision = await this.#revisionFor(document);
    // From here on the change holds. What fails now is done again with the next change, or at the next start.
    await this.#finishCommit().catch((error: unknown) => {
      this.#problem = unwritable(error);
    });
    return { document, secrets, revision };
  }

  /**
   * Whether the next start would make a change hold whose commit has failed half-way (the name was there, and did not become durable).
   * Where the disk still takes anything, it waits again; where it does not, the change holds now as it would then.
   */
  async #wouldHold(pending: Pending): Promise<boolean> {
    const commits = async () => parsePending(await this.#read("pending.json"))?.state === "committing";
    if (!(await commits())) return false;
    await this.#writePending(pending).catch(() => {});
    return commits();
  }

  /** Forgets the tried change. @throws ScsigateError data-unwritable; it is then forgotten at the next start */
  async discard(): Promise<void> {
    this.#pending = undefined;
    await this.#guard(() => removeDurably(this.#path("pending.json"), this.#fs));
  }

  /** Numbers of the versions that are kept, oldest first. */
  async #revisions(): Promise<number[]> {
    const names = await this.#fs.list(this.#path("history")).catch(() => []);
    return names.filter((name) => /^[0-9]{6}\.json$/.test(name)).map((name) => Number(name.slice(0, 6)));
  }

  /** Kept versions, newest first. */
  async history(): Promise<{ revision: number; document: unknown }[]> {
    const versions: { revision: number; document: unknown }[] = [];
    for (const revision of (await this.#revisions()).reverse()) {
      const read = readDocument((await this.#read(historyName(revision))) ?? "", {});
      if (isDocument(read)) versions.push({ revision, document: read.document });
    }
    return versions;
  }

  /**
   * Keeps what holds for the case that an update does not start: the new program may bring the document to a form that
   * the present one does not know. @throws ScsigateError data-unwritable
   */
  async keepBeforeUpdate({ document, secrets }: { document: unknown; secrets: Secrets }): Promise<void> {
    const text = `${JSON.stringify({ document, secrets })}\n`;
    await this.#guard(() => writeDurably(this.#path(BEFORE_UPDATE), text, SECRET_MODE, this.#fs));
  }

  /** Removes everything that the owner has set. What identifies the box stays. */
  async reset(): Promise<void> {
    await this.#guard(async () => {
      await writeDurably(this.#path("reset.json"), "{}\n", 0o644, this.#fs);
      await this.#finishReset();
    });
    this.#pending = undefined;
  }

  async #finishReset(): Promise<void> {
    const history = (await this.#revisions()).map(historyName);
    // The history first: without config.json, its newest version would be taken for the last good one.
    const names = [...history, "pending.json", "secrets.json", BEFORE_UPDATE, "config.json", ...this.#alsoReset];
    for (const name of names) await this.#fs.remove(this.#path(name));
    if (history.length > 0) await this.#fs.sync(this.#path("history"));
    await this.#fs.sync(this.#folder);
    await removeDurably(this.#path("reset.json"), this.#fs);
  }

  async #retryCommit(): Promise<void> {
    if (this.#pending?.state === "committing") await this.#guard(() => this.#finishCommit());
  }

  /** Every step may be done twice. */
  async #finishCommit(): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    await this.#write(pending, await this.#revisionFor(pending.document));
    await removeDurably(this.#path("pending.json"), this.#fs);
    this.#pending = undefined;
    this.#problem = undefined;
  }

  /** The newest version's number when that is this document (a repeated step, or other secrets), else the next one. */
  async #revisionFor(document: unknown): Promise<number> {
    const newest = (await this.#revisions()).at(-1) ?? 0;
    const kept = newest === 0 ? undefined : await this.#read(historyName(newest));
    return kept === render(document) ? newest : newest + 1;
  }

  /**
   * The confirmed configuration, whole: secrets, history, document; in this order, so that the document never lacks its
   * secrets.
   */
  async #write(stored: { document: unknown; secrets: Secrets }, revision: number): Promise<void> {
    const { document, secrets } = stored;
    if (canonical(secrets) !== canonical(await this.#secrets())) {
      const text = `${JSON.stringify(secrets)}\n`;
      await writeDurably(this.#path("secrets.json"), text, SECRET_MODE, this.#fs);
    }
    const text = render(document);
    await writeDurably(this.#path(historyName(revision)), text, 0o644, this.#fs);
    if ((await this.#read("config.json")) !== text) {
      await writeDurably(this.#path("config.json"), text, 0o644, this.#fs);
    }
    const old = (await this.#revisions()).slice(0, -HISTORY_LENGTH);
    for (const number of old) await this.#fs.remove(this.#path(historyName(number)));
  }

  /** config.json, or what stands in for it. */
  async #load(): Promise<Stored & { loaded: LoadedConfig; adopt: boolean }> {
    const secrets = await this.#secrets();
    const newest = (await this.#revisions()).at(-1) ?? 0;
    const found = await this.#fs.read(this.#path("config.json")).catch((error: unknown) => asError(error));
    if (found === undefined && newest === 0) {
      const loaded: LoadedConfig = { config: defaultConfig(), source: "defaults", errors: [] };
      return { document: defaultDocument(), secrets, revision: 0, loaded, adopt: false };
    }
    const read = typeof found === "string" ? readDocument(found, secrets) : (found ?? missing());
    if (isDocument(read)) {
      // Somebody wrote the file by hand, or it had an older form: from now on it is a version like the others.
      const same = canonical(await this.#document(newest)) === canonical(read.document);
      const adopt = read.rewritten || (!same && read.loaded.errors.length === 0);
      return { ...read, revision: adopt && !same ? newest + 1 : newest, adopt };
    }
    const beforeUpdate = typeof found === "string" && isOfNewerForm(found) ? await this.#beforeUpdate() : undefined;
    if (beforeUpdate !== undefined) return { ...beforeUpdate, revision: newest, adopt: false };
    for (const { revision, document } of await this.history()) {
      const kept = readDocument(JSON.stringify(document), secrets);
      if (!isDocument(kept) || kept.loaded.errors.length > 0) continue;
      const loaded: LoadedConfig = { ...kept.loaded, source: "history", errors: [restored(read, revision)] };
      return { ...kept, revision, loaded, adopt: false };
    }
    const loaded: LoadedConfig = { config: defaultConfig(), source: "defaults", errors: [read] };
    return { document: defaultDocument(), secrets, revision: newest, loaded, adopt: false };
  }

  /** What was confirmed before the update, for a program that does not know the form which that has left. */
  async #beforeUpdate(): Promise<ReadDocument | undefined> {
    const kept = asObject(parse(await this.#read(BEFORE_UPDATE)));
    const read = readDocument(JSON.stringify(kept["document"] ?? null), parseSecrets(asObject(kept["secrets"])));
    if (!isDocument(read) || read.loaded.errors.length > 0) return undefined;
    return { ...read, loaded: { ...read.loaded, source: "history" } };
  }

  async #document(revision: number): Promise<unknown> {
    const read: ReadDocument | ConfigError = readDocument((await this.#read(historyName(revision))) ?? "", {});
    return isDocument(read) ? read.document : undefined;
  }

  /** None where they cannot be read; then nothing is written either, since that would be without them. */
  async #secrets(): Promise<Secrets> {
    try {
      return parseSecrets(parse(await this.#fs.read(this.#path("secrets.json"))));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#unreadSecrets = new ScsigateError(
        "data-unwritable",
        `the secrets could not be read, and a change would lose them: ${reason}`,
        "Restart the gateway. If it stays, the disk is failing: restore a backup with secrets, or reset the gateway.",
        { cause: error },
      );
      return {};
    }
  }

  #writePending(pending: Pending): Promise<void> {
    return writeDurably(this.#path("pending.json"), `${JSON.stringify(pending)}\n`, SECRET_MODE, this.#fs);
  }

  /** Undefined when it is absent or unreadable. */
  #read(name: string): Promise<string | undefined> {
    return this.#fs.read(this.#path(name)).catch(() => undefined);
  }

  async #guard(action: () => Promise<void>): Promise<void> {
    await action().catch((error: unknown) => {
      throw unwritable(error);
    });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function historyName(revision: number): string {
  return `history/${String(revision).padStart(6, "0")}.json`;
}

function render(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/** Undefined for a file that a power cut left damaged: then it was not durable yet, and nothing depends on it. */
function parsePending(text: string | undefined): Pending | undefined {
  const value = parse(text);
  if (!isObject(value) || typeof value["id"] !== "string" || !isObject(value["document"])) return undefined;
  return {
    id: value["id"],
    state: value["state"] === "committing" ? "committing" : "waiting",
    document: value["document"],
    secrets: parseSecrets(asObject(value["secrets"])),
    deadline: String(value["deadline"] ?? ""),
  };
}

function missing(): ConfigError {
  return { path: "", message: "config.json is missing", nextStep: "Apply a configuration anew, or reset the gateway." };
}

function asError(error: unknown): ConfigError {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    path: "",
    message: `config.json cannot be read: ${reason}`,
    nextStep: "Check the file's owner and mode, and the data partition.",
  };
}

function restored(error: ConfigError, revision: number): ConfigError {
  const message = `${error.message}; version ${revision}, the last good one, is used`;
  return { path: "", message, nextStep: "Look at the settings, then apply them again: that writes the file anew." };
}

function unwritable(error: unknown): ScsigateError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ScsigateError(
    "data-unwritable",
    `the data partition does not take the change: ${reason}`,
    "Check that the partition is mounted for writing and has room; `df /data` and `dmesg` on the console tell.",
    { cause: error },
  );
}
