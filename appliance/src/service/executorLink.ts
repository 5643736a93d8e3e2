// SPDX-License-Identifier: Apache-2.0
/** The service's end of the child-process channel. */
import type {
  BootChange,
  BootFacts,
  CaptureEnd,
  DeviceLatency,
  GivenLine,
  InspectedFile,
  MeshAnswers,
  Reply,
  Request,
  WireguardAnswers,
} from "../protocol/messages.ts";
import type { GroupResult, Plan } from "../protocol/operations.ts";
import type { Cancel, Clock } from "../shared/clock.ts";
import { ScsigateError, toProblem } from "../shared/errors.ts";
import type { CaptureOrder, ExecutorLink, ImageLink, LineName } from "./environment.ts";

/** How long a plan may take, milliseconds: module loading on a slow card, with room to spare. */
const APPLY_TIMEOUT_MS = 180_000;
/** How long reading a few files may take, milliseconds. */
const READ_TIMEOUT_MS = 10_000;
/** The boot partition is mounted, written and synced, on a slow card, milliseconds. */
const BOOT_TIMEOUT_MS = 90_000;
/** How long a recording may take beyond its own time, milliseconds. */
const CAPTURE_GRACE_MS = 10_000;

/** How long a few dozen programs may take, milliseconds. */
const INSPECT_TIMEOUT_MS = 60_000;
/** Longer than the executor itself waits, milliseconds. */
const INSTALL_TIMEOUT_MS = 2_000_000;

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
  readonly #onProgress = new Map<number, (percent: number, step: string) => void>();
  #nextId = 0;

  /** @param send puts a request on the channel */
  constructor(send: (request: Request) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  readonly image: ImageLink = {
    read: async () => {
      const reply = await this.#ask((id) => ({ type: "image", id }), BOOT_TIMEOUT_MS);
      return reply.type === "image" ? reply.image : null;
    },
    take: async (name) => {
      const reply = await this.#ask((id) => ({ type: "takeBundle", id, name }), BOOT_TIMEOUT_MS);
      if (reply.type !== "bundle") throw strange();
      return reply.bundle;
    },
    install: async (onProgress) => {
      const id = this.#nextId;
      this.#onProgress.set(id, onProgress);
      try {
        const reply = await this.#ask((given) => ({ type: "installBundle", id: given }), INSTALL_TIMEOUT_MS);
        if (reply.type !== "installed") throw strange();
        return reply.slot;
      } finally {
        this.#onProgress.delete(id);
      }
    },
    drop: async () => void (await this.#ask((id) => ({ type: "dropBundle", id }), READ_TIMEOUT_MS)),
    confirm: async () => void (await this.#ask((id) => ({ type: "confirmSlot", id }), BOOT_TIMEOUT_MS)),
    select: async (slot) => void (await this.#ask((id) => ({ type: "selectSlot", id, slot }), BOOT_TIMEOUT_MS)),
  };

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

  async readWireguard(): Promise<WireguardAnswers> {
    const reply = await this.#ask((id) => ({ type: "wireguard", id }), READ_TIMEOUT_MS);
    return reply.type === "wireguard" ? reply.answers : { publicKey: null, handshakes: "" };
  }

  async readFirewall(): Promise<string> {
    const reply = await this.#ask((id) => ({ type: "firewallCounters", id }), READ_TIMEOUT_MS);
    return reply.type === "firewallCounters" ? reply.text : "";
  }

  async giveLines(lines: readonly LineName[]): Promise<GivenLine[]> {
    const reply = await this.#ask((id) => ({ type: "gpio", id, lines: [...lines] }), READ_TIMEOUT_MS);
    return reply.type === "gpio" ? reply.lines : [];
  }

  async reboot(): Promise<void> {
    await this.#ask((id) => ({ type: "reboot", id }), APPLY_TIMEOUT_MS);
  }

  async boot(change?: BootChange): Promise<BootFacts> {
    const asked = change === undefined ? {} : { change };
    const reply = await this.#ask((id) => ({ type: "boot", id, ...asked }), BOOT_TIMEOUT_MS);
    return reply.type === "boot" ? reply.facts : { prepared: null, problem: null, recover: false };
  }

  async forget(): Promise<void> {
    await this.#ask((id) => ({ type: "forget", id }), APPLY_TIMEOUT_MS);
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
    void this.#ask((given) => ({ ...order, type: "capture", id: given }), timeoutMs)
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

  /** Tells that the event loop turns. */
  alive(): void {
    this.#send({ type: "alive" });
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
    if (reply.type === "installProgress") {
      this.#onProgress.get(reply.id)?.(reply.percent, reply.step);
      return;
    }
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    this.#pending.delete(reply.id);
    pending.cancelTimeout();
    if (reply.type !== "refused") pending.resolve(reply);
    else pending.reject(new ScsigateError(reply.problem.code, reply.problem.message, reply.problem.nextStep));
  }
}

function strange(): ScsigateError {
  return new ScsigateError("executor-gone", "the executor's answer is not understood", "Restart the supervisor.");
}
