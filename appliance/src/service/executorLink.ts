// SPDX-License-Identifier: Apache-2.0
/** The service's end of the child-process channel. */
import type { CaptureEnd, DeviceLatency, InspectedFile, MeshAnswers, Reply, Request } from "../protocol/messages.ts";
import type { GroupResult, Plan } from "../protocol/operations.ts";
import type { Cancel, Clock } from "../shared/clock.ts";
import { ScsigateError, toProblem } from "../shared/errors.ts";
import type { CaptureOrder, ExecutorLink } from "./environment.ts";

/** How long a plan may take, milliseconds: module loading on a slow card, with room to spare. */
const APPLY_TIMEOUT_MS = 180_000;
/** How long reading a few files may take, milliseconds. */
const READ_TIMEOUT_MS = 10_000;
/** How long a recording may take beyond its own time, milliseconds. */
const CAPTURE_GRACE_MS = 10_000;

/** How long a few dozen programs may take, milliseconds. */
const INSPECT_TIMEOUT_MS = 60_000;

interface Pending {
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
  cancelTimeout: Cancel;
}

export class ChannelExecutorLink implements ExecutorLink {
  readonly #send: (request: Request) => void;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  readonly #onData = new Map<number, (data: Buffer) => void>();
  #nextId = 0;

  /** @param send puts a request on the channel */
  constructor(send: (request: Request) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  async apply(plan: Plan): Promise<GroupResult[]> {
    const reply = await this.#ask((id) => ({ type: "apply", id, plan }), APPLY_TIMEOUT_MS);
    return reply.type === "applied" ? reply.groups : [];
  }

  async readLatency(): Promise<DeviceLatency[]> {
    const reply = await this.#ask((id) => ({ type: "latency", id }), READ_TIMEOUT_MS);
    return reply.type === "latency" ? reply.devices : [];
  }

  async readMesh(): Promise<MeshAnswers | null> {
    const reply = await this.#ask((id) => ({ type: "mesh", id }), READ_TIMEOUT_MS);
    return reply.type === "mesh" ? reply.answers : null;
  }

  async reboot(): Promise<void> {
    await this.#ask((id) => ({ type: "reboot", id }), APPLY_TIMEOUT_MS);
  }

  async inspect(): Promise<InspectedFile[]> {
    const reply = await this.#ask((id) => ({ type: "inspect", id }), INSPECT_TIMEOUT_MS);
    return reply.type === "inspected" ? reply.files : [];
  }

  async ping(ip: string, count: number): Promise<string> {
    const reply = await this.#ask((id) => ({ type: "ping", id, ip, count }), READ_TIMEOUT_MS + 1000 * count);
    return reply.type === "ping" ? reply.text : "";
  }

  capture(order: CaptureOrder, onData: (data: Buffer) => void, onEnd: (end: CaptureEnd) => void): () => void {
    const id = this.#nextId;
    this.#onData.set(id, onData);
    const timeoutMs = order.seconds * 1000 + CAPTURE_GRACE_MS;
    void this.#ask((given) => ({ type: "capture", id: given, ...order }), timeoutMs)
      .then(
        (reply): CaptureEnd => (reply.type === "captured" ? reply.end : { reason: "asked" }),
        (error: unknown): CaptureEnd => ({ reason: "failed", message: toProblem(error).message }),
      )
      .then((end) => {
        this.#onData.delete(id);
        onEnd(end);
      });
    return () => this.#send({ type: "stopCapture" });
  }

  ready(): void {
    this.#send({ type: "ready" });
  }

  #ask(request: (id: number) => Request, timeoutMs: number): Promise<Reply> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancelTimeout = this.#clock.after(timeoutMs, () => {
        this.#pending.delete(id);
        reject(new ScsigateError("executor-gone", "the executor does not answer", "Look at the console's log."));
      });
      this.#pending.set(id, { resolve, reject, cancelTimeout });
      this.#send(request(id));
    });
  }

  /** What came over the channel. The executor is the more trusted side: its messages need no schema. */
  receive(reply: Reply): void {
    if (reply.type === "captureData") {
      this.#onData.get(reply.id)?.(Buffer.from(reply.data, "base64"));
      return;
    }
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    this.#pending.delete(reply.id);
    pending.cancelTimeout();
    if (reply.type !== "refused") pending.resolve(reply);
    else pending.reject(new ScsigateError("executor-refused", reply.problem.message, reply.problem.nextStep));
  }
}
