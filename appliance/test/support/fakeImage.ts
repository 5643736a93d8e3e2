// SPDX-License-Identifier: Apache-2.0
/** An image with two slots behind the executor's link: what it is asked is done to its state, as a real machine would. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BundleInfo, ImageState, SlotName } from "../../src/protocol/messages.ts";
import type { ImageLink } from "../../src/service/environment.ts";
import { type ErrorCode, ScsigateError } from "../../src/shared/errors.ts";

export type { ImageState } from "../../src/protocol/messages.ts";

export const COMPATIBLE = "scsigate-x86_64-debian";

/** Version 1.0.0 in slot A, which has run well; nothing in B. */
export function freshImage(): ImageState {
  return {
    board: "x86_64",
    compatible: COMPATIBLE,
    version: "1.0.0",
    slot: "A",
    first: "A",
    slots: {
      A: { version: "1.0.0", mayStart: true, confirmed: true, tries: 1 },
      B: { version: null, mayStart: false, confirmed: false, tries: 0 },
    },
  };
}

/** Why something is refused. */
export function refusal(code: ErrorCode, message: string, nextStep: string): ScsigateError {
  return new ScsigateError(code, message, nextStep);
}

export class FakeImage implements ImageLink {
  state: ImageState | null;
  /** What the next bundle says of itself, or why it is refused. */
  bundle: BundleInfo | ScsigateError = { compatible: COMPATIBLE, version: "1.1.0", description: "", build: "" };
  /** Why the next installation fails. */
  failure: ScsigateError | undefined;
  /** Lets an installation end. */
  proceed: Promise<void> = Promise.resolve();
  readonly asked: string[] = [];
  readonly #data: () => string;
  #taken = false;

  /** @param data the service's folder */
  constructor(data: () => string, state: ImageState | null = freshImage()) {
    this.#data = data;
    this.state = state;
  }

  async read(): Promise<ImageState | null> {
    return structuredClone(this.state);
  }

  async take(name: string): Promise<BundleInfo> {
    this.asked.push("take");
    const file = join(this.#data(), "update", name);
    if (!existsSync(file)) throw new ScsigateError("update-failed", "nothing was received", "Send it again.");
    rmSync(file);
    if (this.bundle instanceof ScsigateError) throw this.bundle;
    this.#taken = true;
    return this.bundle;
  }

  async install(onProgress: (percent: number, step: string) => void): Promise<SlotName> {
    this.asked.push("install");
    if (!this.#taken || this.state === null || this.bundle instanceof ScsigateError)
      throw new Error("nothing to install");
    onProgress(60, "Updating slots");
    await this.proceed;
    const slot = this.state.slot === "A" ? "B" : "A";
    this.state.slots[slot] = { version: null, mayStart: false, confirmed: false, tries: 0 };
    if (this.failure !== undefined) throw this.failure;
    this.state.slots[slot] = { version: this.bundle.version, mayStart: true, confirmed: false, tries: 0 };
    this.state.first = slot;
    this.#taken = false;
    return slot;
  }

  async drop(): Promise<void> {
    this.asked.push("drop");
    this.#taken = false;
  }

  async confirm(): Promise<void> {
    this.asked.push("confirm");
    if (this.state === null) throw new Error("no image");
    Object.assign(this.state.slots[this.state.slot], { confirmed: true, tries: 0 });
  }

  async select(slot: SlotName): Promise<void> {
    this.asked.push(`select ${slot}`);
    if (this.state === null) throw new Error("no image");
    if (slot !== this.state.slot && !this.state.slots[slot].confirmed) {
      throw new ScsigateError("update-no-slot", `slot ${slot} has never run well`, "Install an update instead.");
    }
    this.state.first = slot;
  }

  /** What the boot loader does: the first choice, or after three starts in vain the other one. */
  boot(runsWell = true): void {
    const { state } = this;
    if (state === null) return;
    if (!runsWell) state.slots[state.first].tries = 3;
    const other = state.first === "A" ? "B" : "A";
    state.slot = runsWell ? state.first : other;
    state.version = state.slots[state.slot].version ?? "unknown";
    if (runsWell) state.slots[state.slot].tries += 1;
  }
}
