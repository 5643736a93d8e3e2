// SPDX-License-Identifier: Apache-2.0
// Waiting. Every limit scales with LAB_TIMEOUT_SCALE, for machines slower than the one that the limits were set on.
import { setTimeout as delay } from "node:timers/promises";
import { LabError, messageOf } from "./errors.ts";

export const timeoutScale: number = Math.max(Number(process.env["LAB_TIMEOUT_SCALE"] ?? "1") || 1, 0.1);

export function scaled(ms: number): number {
  return Math.round(ms * timeoutScale);
}

export function sleep(ms: number): Promise<void> {
  return delay(ms);
}

export interface WaitOptions {
  /** Milliseconds, before scaling. */
  readonly timeout: number;
  readonly interval?: number;
}

/** Calls `probe` until it gives something other than undefined or false. What it throws counts as "not yet". */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const deadline = Date.now() + scaled(options.timeout);
  let last = "";
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      if (error instanceof LabError && (error.code === "kernel-complaint" || error.code === "vm-exited")) throw error;
      last = ` Last failure: ${messageOf(error)}`;
    }
    if (Date.now() >= deadline) {
      throw new LabError(
        "condition-timeout",
        `Waited ${scaled(options.timeout)} ms for ${what}, in vain.${last}`,
        "On a slow machine set LAB_TIMEOUT_SCALE=2 or more; otherwise look into the logs.",
      );
    }
    await sleep(options.interval ?? 200);
  }
}
