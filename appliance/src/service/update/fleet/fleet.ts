// SPDX-License-Identifier: Apache-2.0
/**
 * Updates from a hawkBit server. rauc-hawkbit-updater asks it, downloads, and tells it how it went; what it wants to have
 * installed comes to us (installer.ts) and goes the way of all updates. It runs with the service's rights, without root,
 * and ends with the service.
 */
import { chmod, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Backoff } from "../../../shared/backoff.ts";
import type { Cancel } from "../../../shared/clock.ts";
import { type Problem, ScsigateError, toProblem } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import type { Part } from "../../environment.ts";
import type { GatewayState } from "../../gatewayState.ts";
import { isOnTrial } from "../confirmation.ts";
import { updateFolder } from "../receive.ts";
import type { Updates } from "../updates.ts";
import { Installer } from "./installer.ts";
import { type FleetSettings, renderHawkbit } from "./settings.ts";
import { type Said, understand } from "./words.ts";

const AGAIN = { firstMs: 1000, longestMs: 300_000 };
/** A failure alone is none: the LAN may still be coming up. */
const FAILURES_TOLD = 2;
/** How long its report to the server may take before the restart, milliseconds. */
const REPORT_MS = 60_000;
const REPORT_POLL_MS = 250;
/** Until a configuration that could not be written is tried again, milliseconds. */
const WRITE_AGAIN_MS = 60_000;

export interface FleetParts {
  environment: Part<"clock" | "lines", "data" | "run">;
  state: GatewayState;
  updates: Pick<Updates, "deliver" | "restart" | "image" | "view">;
  log: Logger;
}

export class Fleet {
  readonly #parts: FleetParts;
  readonly #installer: Installer;
  readonly #backoff = new Backoff(AGAIN);
  /** Where it downloads to, and its configuration. */
  readonly #bundle: string;
  readonly #file: string;
  #unsubscribe: (() => void)[] = [];
  #key = "";
  #settings: FleetSettings | undefined;
  #stopProgram: (() => void) | undefined;
  #cancelRestart: Cancel | undefined;
  #problem: Problem | undefined;
  #failures = 0;
  /** One change after the other. */
  #work: Promise<void> = Promise.resolve();
  /** An installation, until the server knows how it went. */
  #underWay: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    const { run, data } = parts.environment.paths;
    this.#bundle = join(updateFolder(data), "fleet.raucb");
    this.#file = join(run, "fleet.conf");
    this.#installer = new Installer(join(run, "fleet.bus"), (file, onProgress) => this.#install(file, onProgress));
  }

  start(): void {
    const { state } = this.#parts;
    state.checks.push(() => this.#problem);
    const configure = () => this.#configure();
    this.#unsubscribe = (["config", "identity", "update"] as const).map((name) => state.events.on(name, configure));
    this.#configure();
  }

  /** When what was changed last holds. */
  get changed(): Promise<void> {
    return this.#work;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#work;
    await this.#end();
  }

  /** At start, and when something has changed that it runs with. */
  #configure(): void {
    const { environment, state, updates, log } = this.#parts;
    const { fleet } = state.config.config.update;
    const controllerId = fleet.controllerId ?? state.identity?.id;
    const { enabled, server } = fleet;
    const image = updates.image;
    const { board = "", compatible = "", version = "" } = image ?? {};
    // On trial, the other slot has the image to go back to: nothing is to be written there.
    const settled = image !== null && !isOnTrial(image);
    const ready = enabled && server !== undefined && controllerId !== undefined && settled;
    const settings = ready
      ? { config: { ...fleet, server }, controllerId, image: { board, compatible, version } }
      : undefined;
    const key = JSON.stringify([enabled, settings]);
    if (key === this.#key) return;
    this.#key = key;
    const problem = enabled && image === null ? (updates.view.problem ?? undefined) : undefined;
    this.#work = this.#work
      .then(() => this.#change(settings, problem))
      .catch((error: unknown) => {
        this.#problem = stopped(toProblem(error).message);
        log.error({ problem: this.#problem }, "fleet");
        this.#cancelRestart = environment.clock.after(WRITE_AGAIN_MS, () => {
          this.#key = "";
          this.#configure();
        });
      });
  }

  /** @param problem why there are no settings, where that is one */
  async #change(settings: FleetSettings | undefined, problem: Problem | undefined): Promise<void> {
    await this.#underWay; // the program is to report it first
    if (this.#stopped) return;
    await this.#end();
    this.#settings = settings;
    this.#problem = problem;
    if (settings === undefined) {
      await rm(this.#bundle, { force: true });
      return;
    }
    await mkdir(updateFolder(this.#parts.environment.paths.data), { recursive: true, mode: 0o700 });
    await rm(this.#file, { force: true });
    await writeFile(this.#file, renderHawkbit(settings, this.#bundle), { mode: 0o600, flag: "wx" });
    await this.#installer.start();
    this.#parts.log.info({ server: settings.config.server, controllerId: settings.controllerId }, "fleet");
    this.#run(settings);
  }

  async #end(): Promise<void> {
    this.#cancelRestart?.();
    this.#stopProgram?.();
    this.#stopProgram = undefined;
    this.#installer.stop();
    this.#backoff.reset();
    this.#failures = 0;
    this.#problem = undefined;
    await rm(this.#file, { force: true });
  }

  #run(settings: FleetSettings): void {
    const { environment, log } = this.#parts;
    const lines = {
      onLine: (line: string) => this.#take(understand(line), settings),
      onEnd: (error: Error) => {
        const wait = this.#backoff.next();
        this.#problem = stopped(error.message);
        log.warn({ problem: this.#problem, waitMs: wait }, "fleet");
        this.#cancelRestart = environment.clock.after(wait, () => this.#run(settings));
      },
    };
    const start = environment.lines;
    this.#stopProgram = start("rauc-hawkbit-updater", ["-c", this.#file], lines, {
      environment: { DBUS_SYSTEM_BUS_ADDRESS: this.#installer.address },
      errors: true,
    });
  }

  #take(said: Said | undefined, { config }: FleetSettings): void {
    const { log } = this.#parts;
    switch (said?.kind) {
      case "reached":
        if (this.#problem !== undefined) log.info({ server: config.server }, "the fleet's server answers again");
        this.#problem = undefined;
        this.#failures = 0;
        this.#backoff.reset();
        break;
      case "refused":
        this.#tell(refused(config.server));
        break;
      case "unreached":
        this.#failures += 1;
        if (this.#failures >= FAILURES_TOLD) this.#tell(unreached(config.server, said.reason));
        break;
      case "warning":
        log.warn({ text: said.text }, "fleet");
        break;
    }
  }

  #tell(problem: Problem): void {
    const news = this.#problem?.message !== problem.message;
    this.#problem = problem;
    if (news) this.#parts.log.warn({ problem }, "fleet");
  }

  #install(file: string, onProgress: (percent: number, step: string) => void): Promise<void> {
    const { updates, log } = this.#parts;
    const settings = this.#settings;
    const done = this.#deliver(file, settings, onProgress);
    this.#underWay = done.catch(() => {}).then(() => this.#reported()); // whoever asked is told
    void this.#underWay
      .then(async () => {
        const waits = updates.view.state === "ready-to-restart" && !this.#stopped;
        if (settings?.config.restart && waits) await updates.restart();
      })
      .catch((error: unknown) => log.error({ problem: toProblem(error) }, "no restart after the update"));
    return done;
  }

  async #deliver(
    file: string,
    settings: FleetSettings | undefined,
    onProgress: (percent: number, step: string) => void,
  ): Promise<void> {
    if (settings === undefined || file !== this.#bundle) {
      const nextStep = "Report this with a support bundle.";
      throw new ScsigateError("update-failed", "the fleet's program names a file that is not its own", nextStep);
    }
    const { server, allowDowngrade } = settings.config;
    await this.#parts.updates.deliver({
      source: server,
      moveTo: async (target) => {
        await rename(file, target);
        await chmod(target, 0o600);
        // It removes its file when it has told the server: by that we know.
        await writeFile(file, "");
      },
      allowDowngrade,
      onProgress,
    });
  }

  /** When the program has told the server, or has had the time for it. */
  async #reported(): Promise<void> {
    const { clock } = this.#parts.environment;
    const end = clock.monotonic() + REPORT_MS;
    while (
      !this.#stopped &&
      clock.monotonic() < end &&
      (await stat(this.#bundle).catch(() => undefined)) !== undefined
    ) {
      await new Promise<void>((resolve) => clock.after(REPORT_POLL_MS, resolve));
    }
  }
}

function unreached(server: string, reason: string): Problem {
  return {
    code: "fleet-unreachable",
    message: `the fleet's server ${server} does not answer: ${reason}`,
    nextStep: "Check that it runs, and update.fleet.server, tenant and verify.",
  };
}

function refused(server: string): Problem {
  return {
    code: "fleet-refused",
    message: `the fleet's server ${server} does not take the token`,
    nextStep:
      "Compare controllerId and token with the target there, and see that the server takes this kind of token (authentication settings of the tenant).",
  };
}

function stopped(reason: string): Problem {
  return {
    code: "fleet-stopped",
    message: `the program that asks the fleet's server does not run: ${reason}`,
    nextStep:
      "The log has its last words. An image without rauc-hawkbit-updater cannot do this: set update.fleet.enabled to false.",
  };
}
