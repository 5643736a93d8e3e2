// SPDX-License-Identifier: Apache-2.0
/** The one capture that there is: it is kept in memory until it is fetched, replaced or a while old. */
import type { CaptureView } from "../../api/stations.ts";
import type { Cancel, Clock } from "../../shared/clock.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { CaptureOrder, ExecutorLink } from "../environment.ts";
import { PcapCounter } from "./pcap.ts";

/** How long a capture is kept after its end, milliseconds. */
const KEEP_MS = 600_000;

interface Kept {
  id: string;
  order: CaptureOrder;
  /** Monotonic milliseconds. */
  startedAt: number;
  endedAt: number | undefined;
  state: CaptureView["state"];
  reason: string | null;
  parts: Buffer[];
  pcap: PcapCounter;
  stop: () => void;
}

export class CaptureSlot {
  readonly #executor: Pick<ExecutorLink, "capture">;
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Buffer;
  #kept: Kept | undefined;
  #cancel: Cancel | undefined;

  constructor(executor: Pick<ExecutorLink, "capture">, clock: Clock, random: (bytes: number) => Buffer) {
    this.#executor = executor;
    this.#clock = clock;
    this.#random = random;
  }

  stop(): void {
    this.#cancel?.();
    const kept = this.#kept;
    this.#kept = undefined; // before its end, which would set the timer again
    kept?.stop();
  }

  get view(): CaptureView | null {
    const kept = this.#kept;
    if (kept === undefined) return null;
    const { id, order, startedAt, endedAt, state, reason, pcap } = kept;
    const { segment, address, seconds, maxBytes } = order;
    const elapsedSeconds = Math.round(((endedAt ?? this.#clock.monotonic()) - startedAt) / 100) / 10;
    const { bytes, packets } = pcap;
    return { id, segment, address, state, seconds, maxBytes, elapsedSeconds, bytes, packets, reason };
  }

  /** What was recorded, whole packets only. @param id undefined: whatever is kept @throws ScsigateError capture-missing */
  file(id: string | undefined): { name: string; content: Buffer } {
    const kept = this.#keptAs(id);
    if (kept === undefined || kept.state === "running" || kept.pcap.bytes === 0) {
      const nextStep = kept?.state === "running" ? "Wait for its end, or stop it." : "Start one.";
      throw new ScsigateError("capture-missing", "there is no finished capture", nextStep);
    }
    const { segment, address } = kept.order;
    const content = Buffer.concat(kept.parts).subarray(0, kept.pcap.bytes);
    return { name: `scsigate-${segment}-${address.replaceAll(":", "")}.pcap`, content };
  }

  /** @throws ScsigateError capture-busy */
  start(order: CaptureOrder): CaptureView {
    if (this.#kept?.state === "running") {
      throw new ScsigateError("capture-busy", "another capture runs", "Wait for its end, or stop it.");
    }
    const kept: Kept = {
      id: this.#random(6).toString("hex"),
      order,
      startedAt: this.#clock.monotonic(),
      endedAt: undefined,
      state: "running",
      reason: null,
      parts: [],
      pcap: new PcapCounter(),
      stop: () => {},
    };
    this.#kept = kept;
    this.#cancel?.();
    kept.stop = this.#executor.capture(
      order,
      (data) => {
        kept.parts.push(data);
        kept.pcap.add(data);
      },
      (end) => {
        kept.endedAt = this.#clock.monotonic();
        kept.state = end.reason === "failed" ? "failed" : "done";
        kept.reason = end.reason === "failed" ? end.message : end.reason;
        if (this.#kept !== kept) return;
        this.#cancel = this.#clock.after(KEEP_MS, () => this.discard());
      },
    );
    const view = this.view;
    if (view === null) throw new Error("the capture is gone");
    return view;
  }

  /**
   * Ends the one that runs; what it has recorded stays. Else drops what is kept.
   * @param id undefined: whatever is kept @throws ScsigateError capture-missing
   */
  discard(id?: string): void {
    const kept = this.#keptAs(id);
    if (kept?.state === "running") kept.stop();
    else this.#kept = undefined;
  }

  /** Somebody else may have started another one in the place of the one that is meant. */
  #keptAs(id: string | undefined): Kept | undefined {
    if (id === undefined || this.#kept?.id === id) return this.#kept;
    const nextStep = "GET /api/v1/capture tells of the one that there is.";
    throw new ScsigateError("capture-missing", "this capture is no longer there", nextStep);
  }
}
