// SPDX-License-Identifier: Apache-2.0
/**
 * Updates of the image: a bundle is received or fetched, checked, written to the slot that does not run, and started.
 * The image that runs is confirmed when it does its job; a start in another slot than the one that was meant is told.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Status } from "../../api/status.ts";
import type { BundleView, ImageView, SlotView, UpdateProgress, UpdateState, UpdateView } from "../../api/update.ts";
import type { ImageState, SlotName } from "../../protocol/messages.ts";
import type { Cancel } from "../../shared/clock.ts";
import { type Problem, ScsigateError, toProblem } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Part } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import type { UpdateEvent } from "../telemetry/events.ts";
import { isOnTrial, SETTLE_MS, standInTheWay } from "./confirmation.ts";
import { download, isWebAddress } from "./download.ts";
import { checkBoard, downgradeOf } from "./policy.ts";
import { BUNDLE_NAME, checkSize, makeIncoming, openIncoming, removeReceived, updateFolder } from "./receive.ts";
import { lastUpdate, readBootId, readRecord, type UpdateRecord, writeRecord } from "./record.ts";

/** After the answer to a request, and before the restart that it asked for, milliseconds. */
const ANSWER_FIRST_MS = 300;
/** Until a confirmation that failed is tried again, milliseconds. */
const CONFIRM_AGAIN_MS = 60_000;

export interface UpdateParts {
  environment: Part<"clock", "data" | "proc", "image" | "reboot">;
  state: GatewayState;
  monitor: Monitor;
  /** Keeps the configuration for the case that the new image does not start. */
  keepConfiguration: () => Promise<void>;
  tell: (event: UpdateEvent) => void;
  log: Logger;
}

export interface InstallOptions {
  allowDowngrade: boolean;
  /** Restarts into it when it is written. */
  restart: boolean;
}

/** A bundle that comes from somewhere. */
export interface Incoming {
  name: string;
  /** Bytes, as far as it was told. */
  size: number | undefined;
  data: AsyncIterable<Buffer>;
  /** Ends it. */
  stop: () => void;
}

/** A bundle that another program has received for us, and what may be done with it. */
export interface Delivery {
  /** Who it is from, for people. */
  source: string;
  /** Puts it where received bundles are, which nobody else uses meanwhile. @param file where */
  moveTo: (file: string) => Promise<void>;
  allowDowngrade: boolean;
  onProgress: (percent: number, step: string) => void;
}

export class Updates {
  readonly #parts: UpdateParts;
  readonly #data: string;
  #image: ImageState | null = null;
  /** Why there is none. */
  #noImage = noImage();
  #record: UpdateRecord | undefined;
  #bootId = "";
  #state: UpdateState = "idle";
  #progress: UpdateProgress | null = null;
  #bundle: BundleView | null = null;
  #problem: Problem | null = null;
  /** Ends what is received. */
  #abort: (() => void) | undefined;
  /** What is under way in the background. */
  #work: Promise<void> = Promise.resolve();
  #unsubscribe: (() => void) | undefined;
  #cancelRestart: Cancel | undefined;
  /** Since when nothing stands in the way of the confirmation, monotonic milliseconds. */
  #goodSince: number | undefined;
  #confirmed = false;
  #nextAttempt = 0;

  constructor(parts: UpdateParts) {
    this.#parts = parts;
    this.#data = parts.environment.paths.data;
  }

  async start(): Promise<void> {
    const { environment, log, state } = this.#parts;
    this.#unsubscribe = state.events.on("status", (status) => this.#look(status));
    state.checks.push(() => this.#fallBackProblem());
    try {
      this.#image = await environment.executor.image.read();
      if (this.#image === null) return;
      this.#bootId = await readBootId(environment.paths.proc);
      this.#record = await readRecord(this.#data);
      await removeReceived(this.#data);
      await this.#judge(this.#image);
      this.#publish();
    } catch (error) {
      const { code, message, nextStep } = toProblem(error);
      this.#noImage = new ScsigateError(code, `the state of the image cannot be read: ${message}`, nextStep);
      log.error({ problem: toProblem(this.#noImage) }, "update");
    }
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#cancelRestart?.();
    this.#abort?.();
    // An installation goes on in the executor.
    if (this.#state !== "installing") await this.#work;
  }

  get view(): UpdateView {
    const image = this.#image;
    return {
      image: image === null ? null : this.#imageView(image),
      state: this.#state,
      progress: this.#progress,
      bundle: this.#bundle,
      problem: image === null ? toProblem(this.#noImage) : this.#problem,
      last: this.#record === undefined ? null : lastUpdate(this.#record),
    };
  }

  /** What runs, as it was read last; null on a machine that was not started from an image. */
  get image(): ImageState | null {
    return this.#image;
  }

  /** Takes a bundle in and checks it. @throws ScsigateError update-..., data-unwritable */
  async receive({ name, size, data, stop }: Incoming): Promise<UpdateView> {
    this.#begin("receiving");
    const source = name.slice(0, 200) || "upload";
    this.#abort = stop;
    const attempt = this.#attempt(async () => {
      await checkSize(size, this.#data);
      await this.#fill(async (file) => {
        const tell = () => this.#tellBytes(file.bytes, size ?? null, source);
        tell();
        try {
          for await (const chunk of data) {
            await file.write(chunk);
            tell();
          }
        } catch (error) {
          throw error instanceof ScsigateError ? error : cutOff();
        }
        if (size !== undefined && file.bytes < size) throw cutOff();
      });
      await this.#check(source);
    });
    this.#work = attempt.catch(() => {});
    await attempt;
    return this.view;
  }

  /** Begins to fetch a bundle. @throws ScsigateError update-busy, update-no-image, update-download-failed */
  fetch(url: string): UpdateView {
    if (!isWebAddress(url)) {
      throw new ScsigateError("update-download-failed", "this is no web address", "Give one with http:// or https://.");
    }
    this.#begin("receiving");
    const source = withoutPassword(url);
    const abort = new AbortController();
    this.#abort = () => abort.abort();
    const { clock } = this.#parts.environment;
    const work = async () => {
      await this.#fill((file) => {
        const onProgress = (bytes: number, total: number | null) => this.#tellBytes(bytes, total, source);
        return download({ url, file, data: this.#data, clock, signal: abort.signal, onProgress });
      });
      await this.#check(source);
    };
    this.#tellBytes(0, null, source);
    this.#work = this.#attempt(work).catch(() => {}); // the state tells
    return this.view;
  }

  /** Begins to install the bundle that is there. @throws ScsigateError update-not-ready, update-not-newer */
  async install({ allowDowngrade, restart }: InstallOptions): Promise<UpdateView> {
    const bundle = this.#bundle;
    if (this.#state !== "ready" || bundle === null) {
      throw new ScsigateError("update-not-ready", "there is no bundle to install", "Send one, or name its address.");
    }
    if (bundle.downgrade !== null && !allowDowngrade) {
      const { code, message, nextStep } = bundle.downgrade;
      throw new ScsigateError(code, message, nextStep);
    }
    this.#state = "installing";
    this.#progress = { bytes: null, totalBytes: null, percent: 0, step: "Getting ready" };
    this.#publish();
    this.#work = this.#attempt(() => this.#install(bundle, restart)).catch(() => {}); // the state tells
    return this.view;
  }

  /**
   * Checks and installs a bundle as any other. One that runs already, or waits for the restart already, is left as it is:
   * whoever sends it twice has missed our answer.
   * @throws ScsigateError update-...
   */
  async deliver(delivery: Delivery): Promise<void> {
    const image = this.#imageOrFail();
    const waits = this.#restState(image) === "ready-to-restart" ? this.#record?.to.version : undefined;
    this.#begin("checking");
    const attempt = this.#attempt(async () => {
      const bundle = await this.#takeDelivery(delivery, image, [image.version, waits]);
      if (bundle === undefined) {
        this.#state = this.#restState(image);
        this.#publish();
        return;
      }
      this.#state = "installing";
      await this.#install(bundle, false, delivery.onProgress);
    });
    this.#work = attempt.catch(() => {});
    await attempt;
  }

  /** Restarts the machine into the image that was installed, or chosen. @throws ScsigateError update-not-ready */
  async restart(): Promise<void> {
    if (this.#state !== "ready-to-restart") {
      throw new ScsigateError("update-not-ready", "nothing waits for a restart", "Install an update first.");
    }
    this.#restartSoon();
  }

  /** Chooses the other slot. @throws ScsigateError update-no-slot */
  async back(restart: boolean): Promise<UpdateView> {
    const image = this.#imageOrFail();
    this.#refuseBusy();
    const { slot } = image;
    const target = other(slot);
    await this.#parts.environment.executor.image.select(target);
    await this.#write("back", "installed", image, target, image.slots[target].version, null);
    await this.#readAgain();
    this.#state = "ready-to-restart";
    this.#problem = null;
    this.#parts.log.warn({ slot: target, version: image.slots[target].version }, "the other slot is started next");
    this.#publish();
    if (restart) this.#restartSoon();
    return this.view;
  }

  /** Stops what is received, drops the bundle, and takes note of how the last update ended. */
  async cancel(): Promise<UpdateView> {
    if (this.#state === "installing") {
      throw new ScsigateError("update-busy", "an update is being installed", "Wait until it has ended.");
    }
    this.#abort?.();
    await this.#work;
    const { log, environment } = this.#parts;
    if (this.#record !== undefined && !this.#record.seen) {
      this.#record = { ...this.#record, seen: true };
      await writeRecord(this.#data, this.#record).catch((error: unknown) =>
        log.error({ problem: toProblem(error) }, "update"),
      );
    }
    await removeReceived(this.#data);
    if (this.#bundle !== null) await environment.executor.image.drop();
    // Who has installed an update and does not want it any more stays with what runs.
    const image = this.#image;
    if (this.#state === "ready-to-restart" && image !== null) {
      this.#cancelRestart?.();
      await environment.executor.image.select(image.slot);
      await this.#readAgain();
      if (this.#record !== undefined) await this.#finish(this.#record, "failed", givenUp());
    }
    this.#state = this.#image === null ? "idle" : this.#restState(this.#image);
    this.#problem = null;
    this.#progress = null;
    this.#bundle = null;
    this.#publish();
    return this.view;
  }

  /** The bundle that waits, installed at once and started: what a message over MQTT may ask for. */
  async installAndRestart(): Promise<void> {
    try {
      if (this.#state === "ready-to-restart") await this.restart();
      else await this.install({ allowDowngrade: false, restart: true });
    } catch (error) {
      const { message } = toProblem(error);
      const version = this.#bundle?.version ?? "unknown";
      this.#parts.tell({ type: "update-failed", version, running: this.#image?.version ?? "unknown", message });
      throw error;
    }
  }

  /** @returns undefined for one of a version that is there @throws ScsigateError update-... */
  async #takeDelivery(
    { source, moveTo, allowDowngrade }: Delivery,
    image: ImageState,
    there: readonly (string | null | undefined)[],
  ): Promise<BundleView | undefined> {
    const { environment, log, tell } = this.#parts;
    let version = "unknown";
    try {
      await makeIncoming(this.#data);
      await moveTo(join(updateFolder(this.#data), BUNDLE_NAME));
      const bundle = await this.#check(source);
      version = bundle.version;
      const isThere = there.includes(version);
      if (!isThere && (bundle.downgrade === null || allowDowngrade)) return bundle;
      this.#bundle = null;
      await environment.executor.image.drop();
      if (!isThere && bundle.downgrade !== null) {
        const { code, message } = bundle.downgrade;
        throw new ScsigateError(code, message, "Offer a newer one, or set update.fleet.allowDowngrade.");
      }
      log.info({ source, version }, "the bundle's version is there already");
      return undefined;
    } catch (error) {
      tell({ type: "update-failed", version, running: image.version, message: toProblem(error).message });
      throw error;
    } finally {
      await removeReceived(this.#data);
    }
  }

  async #install(bundle: BundleView, restart: boolean, onProgress?: Delivery["onProgress"]): Promise<void> {
    const { environment, keepConfiguration, log, tell } = this.#parts;
    const image = this.#imageOrFail();
    const target = other(image.slot);
    try {
      await keepConfiguration();
      await this.#write("update", "installing", image, target, bundle.version, null);
      log.info({ version: bundle.version, slot: target }, "update is installed");
      await environment.executor.image.install((percent, step) => {
        this.#progress = { bytes: null, totalBytes: null, percent, step };
        this.#publish();
        onProgress?.(percent, step);
      });
    } catch (error) {
      const problem = toProblem(error);
      await this.#write("update", "failed", image, target, bundle.version, problem);
      tell({ type: "update-failed", version: bundle.version, running: image.version, message: problem.message });
      throw error;
    }
    await this.#write("update", "installed", image, target, bundle.version, null);
    await this.#readAgain();
    this.#bundle = null;
    this.#progress = null;
    this.#state = "ready-to-restart";
    tell({ type: "update-installed", version: bundle.version, running: image.version });
    this.#publish();
    if (restart) this.#restartSoon();
  }

  /** What the last update came to, by the slot that runs now. */
  async #judge(image: ImageState): Promise<void> {
    const record = this.#record;
    const { log, tell } = this.#parts;
    const { slot, first, version } = image;
    const same = record?.bootId === this.#bootId;
    if (record?.result === "installing" && !isWritten(record, image)) {
      const message = same
        ? "the supervisor started anew while the update was installed"
        : "the gateway was restarted while the update was written";
      const nextStep = "The image that runs was not touched. Install the update again.";
      const problem: Problem = { code: "update-failed", message, nextStep };
      log.error({ problem }, "update");
      await this.#finish(record, "failed", problem);
      this.#state = "failed";
      this.#problem = problem;
      tell({ type: "update-failed", version: record.to.version ?? "unknown", running: version, message });
      return;
    }
    const pending = isPending(record) ? record : undefined;
    if (pending !== undefined && same) {
      // Of a service that ended meanwhile, the executor has gone on with the installation.
      if (pending.result === "installing") await this.#finish(pending, "installed", null);
      this.#state = this.#restState(image);
      return;
    }
    if (pending !== undefined && slot === pending.to.slot) return; // it waits for its confirmation
    if (slot === first && pending === undefined) return;
    if (pending === undefined && record?.result === "fell-back" && record.to.slot === first) return; // told already
    await this.#fellBack(image, pending);
  }

  /** The state while nothing is under way: an image that was installed or chosen before still waits. */
  #restState({ slot, first }: ImageState): UpdateState {
    const record = this.#record;
    const waits = isPending(record) && record.bootId === this.#bootId && record.to.slot === first && first !== slot;
    return waits ? "ready-to-restart" : "idle";
  }

  async #fellBack(image: ImageState, pending: UpdateRecord | undefined): Promise<void> {
    const { log, tell } = this.#parts;
    const to = pending?.to ?? { slot: image.first, version: image.slots[image.first].version };
    const name = to.version ?? `the image in slot ${to.slot}`;
    const message =
      pending?.kind === "update"
        ? `the update to ${name} did not start, or did not run well; ${image.version} runs again`
        : `${name}, in slot ${to.slot}, did not start, or did not run well; ${image.version} runs`;
    const problem: Problem = {
      code: "update-fell-back",
      message,
      nextStep: "Nothing is lost. Install a corrected update; the console of such a start says what went wrong.",
    };
    log.error({ problem }, "update");
    const from = { slot: image.slot, version: image.version };
    const record = pending ?? {
      kind: "update",
      result: "fell-back",
      time: "",
      from,
      to,
      problem,
      bootId: "",
      before: [],
      seen: false,
    };
    await this.#finish(record, "fell-back", problem);
    tell({ type: "update-fell-back", version: to.version ?? "unknown", running: image.version, message });
  }

  #fallBackProblem(): Problem | undefined {
    const record = this.#record;
    return record?.result === "fell-back" && !record.seen ? (record.problem ?? undefined) : undefined;
  }

  /** Once a second. */
  #look(status: Status): void {
    const image = this.#image;
    const { clock } = this.#parts.environment;
    const now = clock.monotonic();
    if (image === null || this.#confirmed || now < this.#nextAttempt) return;
    if (this.#waitingFor(image, status).length > 0) {
      this.#goodSince = undefined;
      return;
    }
    this.#goodSince ??= now;
    if (now - this.#goodSince < SETTLE_MS) return;
    this.#nextAttempt = now + CONFIRM_AGAIN_MS;
    void this.#confirm(image);
  }

  #waitingFor(image: ImageState, status: Status): Problem[] {
    return isOnTrial(image) ? standInTheWay(status, this.#record?.before ?? []) : [];
  }

  async #confirm(image: ImageState): Promise<void> {
    const { environment, log, tell } = this.#parts;
    try {
      await environment.executor.image.confirm();
      this.#confirmed = true;
      await this.#readAgain();
      const record = this.#record;
      if (isPending(record) && record.to.slot === image.slot && record.bootId !== this.#bootId) {
        await this.#finish(record, "confirmed", null);
        tell({ type: "update-confirmed", version: image.version });
      }
      log.info({ slot: image.slot, version: image.version }, "the image runs well");
      this.#publish();
    } catch (error) {
      log.error({ problem: toProblem(error) }, "the image cannot be confirmed");
    }
  }

  #begin(state: UpdateState): void {
    this.#imageOrFail();
    this.#refuseBusy();
    this.#state = state;
    this.#problem = null;
    this.#progress = null;
    this.#bundle = null;
    this.#publish();
  }

  #refuseBusy(): void {
    if (["receiving", "checking", "installing"].includes(this.#state)) {
      throw new ScsigateError(
        "update-busy",
        "an update is under way already",
        "Wait until it has ended, or cancel it.",
      );
    }
  }

  /** What fails is the state from then on, and the caller's. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#problem = toProblem(error);
      this.#state = "failed";
      this.#progress = null;
      this.#bundle = null;
      this.#parts.log.error({ problem: this.#problem }, "update");
      this.#publish();
      throw error;
    } finally {
      this.#abort = undefined;
    }
  }

  async #fill(work: (file: Awaited<ReturnType<typeof openIncoming>>) => Promise<void>): Promise<void> {
    const file = await openIncoming(this.#data);
    try {
      await work(file);
    } catch (error) {
      await rm(join(updateFolder(this.#data), BUNDLE_NAME), { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  async #check(source: string): Promise<BundleView> {
    const image = this.#imageOrFail();
    this.#state = "checking";
    this.#progress = { bytes: null, totalBytes: null, percent: null, step: "Checking the signature" };
    this.#publish();
    const { executor } = this.#parts.environment;
    const bundle = await executor.image.take(BUNDLE_NAME);
    try {
      checkBoard(bundle, image);
    } catch (error) {
      await executor.image.drop();
      throw error;
    }
    const refusal = downgradeOf(bundle, image);
    const { version, description, build } = bundle;
    const view = {
      source,
      version,
      description,
      build,
      downgrade: refusal === undefined ? null : toProblem(refusal),
    };
    this.#bundle = view;
    this.#progress = null;
    this.#state = "ready";
    this.#parts.log.info({ source, version }, "a bundle is ready to be installed");
    this.#publish();
    return view;
  }

  #tellBytes(bytes: number, totalBytes: number | null, source: string): void {
    const percent = totalBytes === null || totalBytes === 0 ? null : Math.floor((bytes / totalBytes) * 100);
    this.#progress = { bytes, totalBytes, percent, step: `Receiving ${source}` };
    this.#publish();
  }

  /** For those who get the state as a whole. */
  #publish(): void {
    const { state } = this.#parts;
    const offered = this.#bundle !== null && this.#bundle.downgrade === null ? this.#bundle.version : null;
    const chosen =
      this.#state === "ready-to-restart" && this.#record?.kind === "update" ? this.#record.to.version : null;
    state.update = {
      version: this.#image?.version ?? null,
      state: this.#state,
      percent: this.#state === "installing" ? (this.#progress?.percent ?? null) : null,
      latestVersion: chosen ?? offered,
    };
    state.events.tell("update");
  }

  async #write(
    kind: "update" | "back",
    result: UpdateRecord["result"],
    image: ImageState,
    slot: SlotName,
    version: string | null,
    problem: Problem | null,
  ): Promise<void> {
    const from = { slot: image.slot, version: image.version };
    const before = this.#parts.monitor.status.health.reasons.map(({ code }) => code);
    const record = { kind, from, to: { slot, version }, before, bootId: this.#bootId, seen: false };
    await this.#finish({ ...record, result, time: "", problem }, result, problem);
  }

  async #finish(record: UpdateRecord, result: UpdateRecord["result"], problem: Problem | null): Promise<void> {
    const { environment, log } = this.#parts;
    const time = new Date(environment.clock.now()).toISOString();
    this.#record = { ...record, result, problem, time, seen: false };
    await writeRecord(this.#data, this.#record).catch((error: unknown) => {
      log.error({ problem: toProblem(error) }, "what the update did cannot be written down");
    });
  }

  async #readAgain(): Promise<void> {
    this.#image = await this.#parts.environment.executor.image.read();
  }

  #restartSoon(): void {
    const { environment, log } = this.#parts;
    this.#cancelRestart = environment.clock.after(ANSWER_FIRST_MS, () => {
      environment.executor.reboot().catch((error: unknown) => {
        log.error({ problem: toProblem(error) }, "the machine could not be restarted");
      });
    });
  }

  #imageOrFail(): ImageState {
    if (this.#image === null) throw this.#noImage;
    return this.#image;
  }

  #imageView(image: ImageState): ImageView {
    const { board, compatible, slot } = image;
    const view = (name: SlotName): SlotView => {
      const { version, mayStart, confirmed } = image.slots[name];
      return { name, version, mayStart, confirmed };
    };
    const waitingFor = this.#confirmed ? [] : this.#waitingFor(image, this.#parts.monitor.status);
    return { board, compatible, running: view(slot), other: view(other(slot)), waitingFor };
  }
}

/** Whether its first start is still to come, or its confirmation. */
function isPending(record: UpdateRecord | undefined): record is UpdateRecord {
  return record !== undefined && ["installing", "installed"].includes(record.result);
}

/** Whether the slot has it whole: the executor notes a version when RAUC is done, and never before. */
function isWritten({ to }: UpdateRecord, { slot, first, slots }: ImageState): boolean {
  return slot === to.slot || (first === to.slot && slots[to.slot].version === to.version);
}

function other(slot: SlotName): SlotName {
  return slot === "A" ? "B" : "A";
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.username = "";
  parsed.password = "";
  parsed.search = ""; // may have a key in it
  return parsed.href;
}

function cutOff(): ScsigateError {
  return new ScsigateError("update-damaged", "the bundle did not arrive whole", "Send it again.");
}

function givenUp(): Problem {
  const nextStep = "Nothing is to be done; what runs stays.";
  return { code: "update-failed", message: "it was given up before the restart", nextStep };
}

function noImage(): ScsigateError {
  return new ScsigateError(
    "update-no-image",
    "this machine does not run the image",
    "Update it with its package manager.",
  );
}
