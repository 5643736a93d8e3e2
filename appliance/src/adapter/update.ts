// SPDX-License-Identifier: Apache-2.0
/**
 * One update of an adapter's program, from the first byte to the confirmation (firmware/README.md, Update). Whatever ends it
 * early, the adapter goes on with the program that it had.
 */
import type { AdapterUpdate } from "../api/status.ts";
import type { Clock } from "../shared/clock.ts";
import { type Problem, ScsigateError, toProblem } from "../shared/errors.ts";
import type { AdapterImage } from "./image.ts";
import type { ManagementLink } from "./link.ts";
import { REQUESTS, UPDATE_DATA_LAYOUT, UPDATE_STATE_LAYOUT, UPDATE_STATE_SIZE } from "./messages.ts";

/** A program that nobody confirms is given up after 60 s; then the one before has to be heard again. */
const RETURN_MS = 90_000;

export class UpdateJob {
  readonly #image: AdapterImage;
  readonly #clock: Clock;
  #state: AdapterUpdate["state"] = "writing";
  #written = 0;
  #problem: Problem | null = null;
  /** That the adapter's program was in before. */
  #slot: number | undefined;
  #until = Number.POSITIVE_INFINITY;

  constructor(image: AdapterImage, clock: Clock) {
    this.#image = image;
    this.#clock = clock;
  }

  get view(): AdapterUpdate {
    const percent = Math.floor((100 * this.#written) / this.#image.program.length);
    return { state: this.#state, percent, problem: this.#problem };
  }

  get underWay(): boolean {
    return this.#state === "writing" || this.#state === "restarting";
  }

  /**
   * The next step, with an adapter that answers. Its failure is the update's, and not thrown.
   * @returns whether the adapter restarts now
   */
  async step(link: ManagementLink): Promise<boolean> {
    try {
      if (this.#state === "writing") {
        await this.#write(link);
        return true;
      }
      if (this.#state === "restarting") await this.#confirm(link);
    } catch (error) {
      // On its way back it may well not answer yet.
      if (this.#state === "writing") this.#fail(toProblem(error));
    }
    this.#late();
    return false;
  }

  /** The adapter could not be spoken to. It may be on its way back. */
  missed(problem: Problem): void {
    if (this.#state === "writing") this.#fail(problem);
    this.#late();
  }

  #late(): void {
    if (this.#state !== "restarting" || this.#clock.monotonic() < this.#until) return;
    this.#fail({
      code: "adapter-update-failed",
      message: "the adapter has not come back with its new firmware",
      nextStep: "It goes on with the one before. If it does not answer at all, unplug it and plug it in again.",
    });
  }

  async #write(link: ManagementLink): Promise<void> {
    const { header, program } = this.#image;
    const { offset, data } = UPDATE_DATA_LAYOUT;
    this.#slot = (await updateState(link))[UPDATE_STATE_LAYOUT.slot.at];
    await link.request(REQUESTS.UPDATE_BEGIN, header);
    for (this.#written = 0; this.#written < program.length; ) {
      const part = program.subarray(this.#written, this.#written + data.size);
      const payload = Buffer.alloc(data.at + part.length);
      payload.writeUInt32BE(this.#written, offset.at);
      part.copy(payload, data.at);
      await link.request(REQUESTS.UPDATE_DATA, payload);
      this.#written += part.length;
    }
    await link.request(REQUESTS.UPDATE_TRY);
    this.#state = "restarting";
    this.#until = this.#clock.monotonic() + RETURN_MS;
  }

  async #confirm(link: ManagementLink): Promise<void> {
    const answer = await updateState(link);
    const { slot, trial, fellBack } = UPDATE_STATE_LAYOUT;
    if (answer[fellBack.at] !== 0) {
      this.#fail({
        code: "adapter-update-failed",
        message: "the adapter's new firmware did not run, and the one before is back",
        nextStep: "Report it, with a support bundle; the adapter works as before.",
      });
      return;
    }
    // Still the old one: it has not restarted yet.
    if (answer[slot.at] === this.#slot) return;
    // Confirmed already, where only the answer was lost.
    if (answer[trial.at] !== 0) await link.request(REQUESTS.UPDATE_CONFIRM, this.#image.header);
    this.#state = "done";
  }

  #fail(problem: Problem): void {
    this.#state = "failed";
    this.#problem = problem;
  }
}

/** @throws ScsigateError adapter-wrong */
async function updateState(link: ManagementLink): Promise<Buffer> {
  const answer = await link.request(REQUESTS.UPDATE_STATE);
  if (answer.length >= UPDATE_STATE_SIZE) return answer;
  const nextStep = "Put the UF2 file onto it, once (docs/adapter.md).";
  throw new ScsigateError("adapter-wrong", "the adapter says in another form how far an update is", nextStep);
}
