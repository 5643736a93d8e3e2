// SPDX-License-Identifier: Apache-2.0
/** The executor's side of updates: one thing at a time, and the deadline of a slot that was never confirmed. */
import type { Reply, Request } from "../../protocol/messages.ts";
import type { Cancel } from "../../shared/clock.ts";
import { readJson } from "../../shared/durable.ts";
import { ScsigateError, toProblem } from "../../shared/errors.ts";
import { asObject } from "../../shared/json.ts";
import type { ExecutorContext } from "../context.ts";
import { dropBundle, takeBundle } from "./bundle.ts";
import { installBundle } from "./install.ts";
import { confirmSlot, isUsable, otherSlot, readImage, rememberRunning, selectSlot } from "./slots.ts";

/**
 * How long after its start a slot that has never run well may take to be confirmed, seconds, where there is one to go
 * back to. An image may have another figure ("confirmWithinSeconds" of image.json), for tests.
 */
const CONFIRM_WITHIN_S = 300;

export type UpdateRequest = Extract<
  Request,
  { type: "image" | "takeBundle" | "installBundle" | "dropBundle" | "confirmSlot" | "selectSlot" }
>;

const TYPES: readonly string[] = [
  "image",
  "takeBundle",
  "installBundle",
  "dropBundle",
  "confirmSlot",
  "selectSlot",
] satisfies UpdateRequest["type"][];

export function isUpdateRequest(request: Request): request is UpdateRequest {
  return TYPES.includes(request.type);
}

export class Updater {
  readonly #context: ExecutorContext;
  /** What is under way, for people. */
  #busy = false;
  /** Of the bundle that was taken over. */
  #version = "unknown";
  #cancelDeadline: Cancel | undefined;

  constructor(context: ExecutorContext) {
    this.#context = context;
  }

  /** Whether the slot that is written would be left half. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * On a slot that has never run well beside one that has, the machine restarts when nobody confirms it in time; after
   * three such starts the boot loader takes the other one.
   * @param reboot restarts the machine
   */
  async start(reboot: () => Promise<void>): Promise<void> {
    const { clock, log, paths } = this.#context;
    // Of a bundle that was left nobody knows any more what it was. A disk that takes nothing does not matter here.
    await dropBundle(this.#context).catch(() => {});
    await rememberRunning(this.#context).catch(() => {});
    try {
      const image = await readImage(this.#context);
      if (image === null) return;
      const { slot, version, slots } = image;
      log.info({ slot, version, confirmed: slots[slot].confirmed, first: image.first }, "image");
      if (slots[slot].confirmed || !isUsable(slots[otherSlot(slot)])) return;
      const { confirmWithinSeconds } = asObject(await readJson(paths.image));
      const seconds = typeof confirmWithinSeconds === "number" ? confirmWithinSeconds : CONFIRM_WITHIN_S;
      log.warn({ slot, version, seconds }, "this image has never run well: it is given up if it does not");
      this.#cancelDeadline = clock.after(seconds * 1000, () => {
        log.error({ slot, version, tries: slots[slot].tries }, "the image did not run well in time");
        void reboot();
      });
    } catch (error) {
      log.error({ problem: toProblem(error) }, "the state of the image cannot be read");
    }
  }

  stop(): void {
    this.#cancelDeadline?.();
  }

  async handle(request: UpdateRequest, reply: (answer: Reply) => void): Promise<void> {
    const { id } = request;
    try {
      reply(await this.#perform(request, reply));
    } catch (error) {
      const problem = toProblem(error);
      this.#context.log.error({ request: request.type, problem }, "update");
      reply({ type: "refused", id, problem });
    }
  }

  async #perform(request: UpdateRequest, reply: (answer: Reply) => void): Promise<Reply> {
    const { id } = request;
    const context = this.#context;
    switch (request.type) {
      case "image":
        return { type: "image", id, image: await readImage(context) };
      case "takeBundle":
        return this.#alone(async () => {
          const bundle = await takeBundle(request.name, context);
          this.#version = bundle.version;
          return { type: "bundle", id, bundle };
        });
      case "installBundle":
        return this.#alone(async () => {
          const tell = (progress: { percent: number; step: string }) =>
            reply({ type: "installProgress", id, ...progress });
          return { type: "installed", id, slot: await installBundle(this.#version, tell, context) };
        });
      case "dropBundle":
        return this.#alone(async () => {
          await dropBundle(context);
          return { type: "done", id };
        });
      case "confirmSlot":
        await confirmSlot(context);
        this.#cancelDeadline?.();
        context.log.info("this image runs well: it is confirmed");
        return { type: "done", id };
      case "selectSlot":
        return this.#alone(async () => {
          await selectSlot(request.slot, context);
          return { type: "done", id };
        });
    }
  }

  async #alone<T>(action: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new ScsigateError("update-busy", "an update is under way", "Wait until it has ended.");
    this.#busy = true;
    try {
      return await action();
    } finally {
      this.#busy = false;
    }
  }
}
