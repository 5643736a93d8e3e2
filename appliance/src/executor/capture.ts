// SPDX-License-Identifier: Apache-2.0
/**
 * Records a station's packets with tcpdump, which gives up root by itself once its socket is open. Nothing of it is kept here:
 * what is recorded goes to the service as it comes, at most 8 MiB of it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CaptureData, CapturedReply, CaptureEnd, RefusedReply, RequestOf } from "../protocol/messages.ts";
import type { Cancel } from "../shared/clock.ts";
import { ScsigateError, toProblem } from "../shared/errors.ts";
import type { ExecutorContext } from "./context.ts";

/** Longest part of a packet that is recorded, bytes: a packet of a segment is at most 64 KiB. */
const SNAP_LENGTH = 65_535;
/** Who tcpdump goes on as. */
const USER = "nobody";

type Answer = CaptureData | CapturedReply | RefusedReply;

export class Captures {
  readonly #context: ExecutorContext;
  #stop: ((reason: "asked") => void) | undefined;

  constructor(context: ExecutorContext) {
    this.#context = context;
  }

  /** @param reply gets data as it comes, then the end */
  start({ id, segment, address, seconds, maxBytes }: RequestOf<"capture">, reply: (answer: Answer) => void): void {
    if (this.#stop !== undefined) {
      const error = new ScsigateError("capture-busy", "another capture runs", "Wait for its end, or stop it.");
      reply({ type: "refused", id, problem: toProblem(error) });
      return;
    }
    const { stream, clock, log, paths } = this.#context;
    if (!existsSync(join(paths.sys, "class/net", segment, "ipscsi"))) {
      // The service must not hear what passes on the LAN or to the storage.
      const error = new ScsigateError("segment-missing", `${segment} is no segment's interface`, "Name a segment.");
      reply({ type: "refused", id, problem: toProblem(error) });
      return;
    }
    let left = maxBytes;
    let reason: "time" | "size" | "asked" | undefined;
    let cancel: Cancel | undefined;
    const end = (why: "time" | "size" | "asked") => {
      reason ??= why;
      kill();
    };
    const args = [
      "-i",
      segment,
      "-Z",
      USER,
      "-n",
      "-U",
      "-s",
      String(SNAP_LENGTH),
      "-w",
      "-",
      "ether",
      "host",
      address,
    ];
    const kill = stream("tcpdump", args, {
      onData: (data) => {
        // What comes after the limit is dropped here; the service cuts off the packet that was begun.
        const part = data.subarray(0, left);
        left -= part.length;
        if (part.length > 0) reply({ type: "captureData", id, data: part.toString("base64") });
        if (left === 0) end("size");
      },
      onEnd: (code, words) => {
        cancel?.();
        this.#stop = undefined;
        const failed: CaptureEnd = { reason: "failed", message: words || `tcpdump ended with ${code}` };
        reply({ type: "captured", id, end: reason === undefined ? failed : { reason } });
        log.info({ segment, address, reason: reason ?? words }, "capture ended");
      },
    });
    this.#stop = end;
    cancel = clock.after(seconds * 1000, () => end("time"));
    log.info({ segment, address, seconds, maxBytes }, "capture started");
  }

  /** Ends the one that runs, if one does. */
  stop(): void {
    this.#stop?.("asked");
  }
}
