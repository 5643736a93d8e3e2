// SPDX-License-Identifier: Apache-2.0
/** The service process: forked with dropped rights, started again with back-off when it ends. */
import { type ChildProcess, fork } from "node:child_process";
import type { LogNote, Reply } from "../protocol/messages.ts";
import { Backoff } from "../shared/backoff.ts";
import type { Cancel, Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/log.ts";

export interface ServiceProcessOptions {
  /** The bundle. */
  module: string;
  /** Rights to run with; undefined leaves ours (tests without root). */
  user?: { uid: number; gid: number };
  environment: Record<string, string>;
  execArgv: string[];
  clock: Clock;
  log: Logger;
  /** A message of the service, and the way to answer it. */
  onMessage: (message: unknown, reply: (answer: Reply) => void) => void;
}

const RESTART = { firstMs: 500, longestMs: 30_000 };
/** How long the service may take to say good-bye to its broker, milliseconds. */
const STOP_TIMEOUT_MS = 3000;

/** How long the service may say nothing before it counts as hung: it says something every ALIVE_INTERVAL_MS. Milliseconds. */
const SILENCE_MS = 150_000;
const LOOK_INTERVAL_MS = 10_000;

/** Lines that a service gets again that starts anew. */
const MAX_TOLD = 200;
/** Notes that wait in the channel at most: some 200 KiB. */
const MAX_ON_THE_WAY = 500;

export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  readonly #backoff = new Backoff(RESTART);
  #child: ChildProcess | undefined;
  #cancelRestart: Cancel | undefined;
  #cancelLook: Cancel | undefined;
  #stopping = false;
  /** When the service that runs was started, and when any last said something; monotonic milliseconds. */
  #forkedAt = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  readonly #told: string[] = [];
  /** Notes that the channel has not taken yet. */
  #onTheWay = 0;
  #lost = 0;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
  }

  /** Process id, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether it has said something of late. */
  get works(): boolean {
    return this.#options.clock.monotonic() - this.#heardAt < SILENCE_MS;
  }

  start(): void {
    this.#stopping = false;
    this.#fork();
    this.#cancelLook = this.#options.clock.every(LOOK_INTERVAL_MS, () => this.#look());
  }

  /** One that hangs does not end by itself, and nobody else would notice. */
  #look(): void {
    const { clock, log } = this.#options;
    const silent = clock.monotonic() - Math.max(this.#forkedAt, this.#heardAt);
    if (this.#child === undefined || silent < SILENCE_MS) return;
    log.error({ pid: this.#child.pid, silentMs: Math.round(silent) }, "service hangs and is ended");
    this.#child.kill("SIGKILL");
  }

  /** Ends the service and waits until it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelRestart?.();
    this.#cancelLook?.();
    const child = this.#child;
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(STOP_TIMEOUT_MS, () => child.kill("SIGKILL"));
      child.once("exit", () => {
        cancel();
        resolve();
      });
      child.kill("SIGTERM");
    });
  }

  /** Passes a line of the log on. A service that starts later gets the last ones. */
  tellLog(line: string): void {
    this.#told.push(line);
    if (this.#told.length > MAX_TOLD) this.#told.shift();
    if (this.#onTheWay >= MAX_ON_THE_WAY) this.#lost += 1;
    else this.#send({ type: "log", line });
  }

  /** A service that does not read must not fill our memory: what it has not taken is counted. */
  #send(note: LogNote): void {
    const child = this.#child;
    if (!child?.connected) return;
    this.#onTheWay += 1;
    child.send(note, () => {
      if (this.#child !== child) return;
      this.#onTheWay -= 1;
      if (this.#lost === 0 || this.#onTheWay > 0) return;
      const lost = this.#lost;
      this.#lost = 0;
      this.#options.log.warn({ lost }, "log lines were left out: the service did not read");
    });
  }

  /** The service works: when it has done so for a while, the next failure is the first one again. */
  markReady(): void {
    this.#backoff.works(this.#options.clock.monotonic());
  }

  #fork(): void {
    const { module, user, environment, execArgv, log, onMessage } = this.#options;
    const child = fork(module, [], {
      ...(user ?? {}), // libuv drops the supplementary groups as well
      cwd: "/",
      env: environment,
      execArgv,
      serialization: "json",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    this.#forkedAt = this.#options.clock.monotonic();
    this.#onTheWay = 0;
    for (const line of this.#told) this.#send({ type: "log", line, again: true });
    log.info({ pid: child.pid }, "service started");
    const reply = (answer: Reply) => {
      if (child.connected) child.send(answer, () => {}); // it may have gone in between
    };
    child.on("message", (message) => {
      this.#heardAt = this.#options.clock.monotonic();
      onMessage(message, reply);
    });
    child.once("error", (error) => {
      log.error({ error: error.message }, "service cannot be started");
      this.#ended(child);
    });
    child.once("exit", (code, signal) => {
      if (!this.#stopping) log.error({ code, signal }, "service ended");
      this.#ended(child);
    });
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#stopping) return;
    const wait = this.#backoff.next(this.#options.clock.monotonic());
    this.#options.log.warn({ waitMs: wait }, "service will be restarted");
    this.#cancelRestart = this.#options.clock.after(wait, () => this.#fork());
  }
}
