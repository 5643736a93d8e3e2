// SPDX-License-Identifier: Apache-2.0
/**
 * The boot partition of an image, as far as people have to do with it: what they have put there before the first start,
 * and what is written there for them. It is read-only but for the moment of a change. Machines without an image have
 * none: their /boot is not ours.
 */
import { constants } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigError } from "../api/status.ts";
import type { BootChange, BootFacts } from "../protocol/messages.ts";
import { removeDurably, writeDurably } from "../shared/durable.ts";
import { errnoOf, type Problem, ScsigateError, toProblem } from "../shared/errors.ts";
import type { ExecutorContext } from "./context.ts";
import { exists } from "./files.ts";

/** In /boot; docs/prepare.md and docs/image.md say what each is. */
const FILES = {
  prepared: "scsigate.json",
  taken: "scsigate-taken.txt",
  errors: "scsigate-errors.txt",
  token: "setup-token.txt",
};
/** What Windows makes of the name when it hides endings. */
const MISNAMED = ["scsigate.json.txt", "scsigate.txt"];
/** An empty file asks for it; the second is what Windows makes of the name. */
const RECOVER = ["recover", "recover.txt"];
/** Longest scsigate.json, bytes: a configuration of full length, users and keys. */
const MAX_PREPARED = 2 * 1024 * 1024;

type Context = Pick<ExecutorContext, "paths" | "run" | "clock" | "log">;

export class BootPartition {
  readonly #context: Context;
  /** Remounting is for one at a time. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Carries out the change, if there is one, and says what is there. @throws ScsigateError boot-unwritable */
  handle(change: BootChange | undefined): Promise<BootFacts> {
    const result = this.#queue.then(async () => {
      if (change !== undefined) await this.#change(change);
      return this.#look();
    });
    this.#queue = result.catch(() => {});
    return result;
  }

  async #look(): Promise<BootFacts> {
    const asked = await readFile(this.#request, "utf8").catch(() => "");
    const facts: BootFacts = { prepared: null, problem: null, recover: asked.trim() === "recover" };
    if (!(await this.#present())) return facts;
    try {
      const found = await readLimited(this.#path(FILES.prepared));
      return { ...facts, prepared: found ?? null, problem: found === undefined ? await this.#misnamed() : null };
    } catch (error) {
      return { ...facts, problem: toProblem(error) };
    }
  }

  async #change(change: BootChange): Promise<void> {
    if (change.kind === "recovered") {
      // Where it came from goes first: after a power cut in between it is done once more, not forgotten.
      if (await this.#present()) for (const name of RECOVER) await this.#put(name, undefined);
      await rm(this.#request, { force: true });
      return;
    }
    if (!(await this.#present())) return;
    switch (change.kind) {
      case "token":
        return this.#put(FILES.token, change.token === null ? undefined : tokenText(change.token));
      case "refused":
        return this.#put(FILES.errors, errorsText(change.errors));
      case "taken":
        return this.#writable(async () => {
          const when = new Date(this.#context.clock.now()).toISOString();
          await writeDurably(this.#path(FILES.taken), takenText(change.what, when));
          await removeDurably(this.#path(FILES.prepared));
          await removeDurably(this.#path(FILES.errors));
        });
    }
  }

  /** Makes a file have this text, or go; one that is so already is left alone. */
  async #put(name: string, text: string | undefined): Promise<void> {
    const path = this.#path(name);
    if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
    await this.#writable(() => (text === undefined ? removeDurably(path) : writeDurably(path, text)));
  }

  /** @throws ScsigateError boot-unwritable */
  async #writable(action: () => Promise<void>): Promise<void> {
    const { run, paths, log } = this.#context;
    const mounted = (await readFile(join(paths.proc, "mounts"), "utf8").catch(() => ""))
      .split("\n")
      .some((line) => line.split(" ")[1] === paths.boot);
    try {
      if (mounted) await run("mount", ["-o", "remount,rw", paths.boot]);
      await action();
    } catch (error) {
      throw new ScsigateError(
        "boot-unwritable",
        `the boot partition does not take the change: ${toProblem(error).message}`,
        "Check the card or disk; `dmesg` on the console tells what it says.",
        { cause: error },
      );
    } finally {
      if (mounted) {
        await run("mount", ["-o", "remount,ro", paths.boot]).catch((error: unknown) =>
          log.error({ problem: toProblem(error) }, "the boot partition stays writable"),
        );
      }
    }
  }

  async #misnamed(): Promise<Problem | null> {
    for (const name of MISNAMED) {
      if (!(await exists(this.#path(name)))) continue;
      return {
        code: "prepared-invalid",
        message: `${name} on the boot partition is not looked at: its name is not ${FILES.prepared}`,
        nextStep: `Name it ${FILES.prepared}; Windows shows the whole name with "File name extensions" on.`,
      };
    }
    return null;
  }

  async #present(): Promise<boolean> {
    return (await exists(this.#context.paths.image)) && (await exists(this.#context.paths.boot));
  }

  #path(name: string): string {
    return join(this.#context.paths.boot, name);
  }

  get #request(): string {
    return join(this.#context.paths.run, "image/request");
  }
}

/** In base64; undefined when there is no such file. @throws ScsigateError prepared-invalid */
async function readLimited(path: string): Promise<string | undefined> {
  const refuse = (message: string) =>
    new ScsigateError("prepared-invalid", `${FILES.prepared} ${message}`, "Put a text file of that name there.");
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw refuse(`cannot be read: ${toProblem(error).message}`);
    },
  );
  if (handle === undefined) return undefined;
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw refuse("is not a file");
    if (found.size > MAX_PREPARED) throw refuse(`has ${found.size} bytes; ${MAX_PREPARED} are the most`);
    return (await handle.readFile()).toString("base64");
  } finally {
    await handle.close();
  }
}

/** As every editor shows it, on Windows as well. */
function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\r\n`).join("");
}

function tokenText(token: string): string {
  return text([
    token,
    "",
    "This is the setup token of the scsigate gateway that was started from this disk. Nobody owns the gateway yet.",
    "Open its page (https:// and its address), and give this token there: that makes the first administrator.",
    "This file goes as soon as there is one.",
  ]);
}

function errorsText(errors: readonly ConfigError[]): string {
  return text([
    `${FILES.prepared} was not taken over. Nothing of it is in use.`,
    ...errors.flatMap(({ path, message, nextStep }) => ["", `${path === "" ? "" : `${path}: `}${message}`, nextStep]),
    "",
    `Then start the gateway again. ${FILES.prepared} may have passwords in it: remove it when it is not wanted any more.`,
  ]);
}

function takenText(what: readonly string[], when: string): string {
  return text([
    `${FILES.prepared} was taken over at ${when}, and removed from here since it may have had passwords in it.`,
    ...what.map((line) => `- ${line}`),
  ]);
}
