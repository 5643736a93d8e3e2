// SPDX-License-Identifier: Apache-2.0
/** Results of checks. What is green needs no next step; what is red or amber has one. */
import type { Check } from "../../api/diagnosis.ts";

export type Verdict = Pick<Check, "state" | "measured" | "nextStep">;

export function good(measured: string): Verdict {
  return { state: "good", measured, nextStep: null };
}

export function warn(measured: string, nextStep: string): Verdict {
  return { state: "warn", measured, nextStep };
}

export function bad(measured: string, nextStep: string): Verdict {
  return { state: "bad", measured, nextStep };
}

export function unknown(measured: string): Verdict {
  return { state: "unknown", measured, nextStep: null };
}

export function off(measured: string): Verdict {
  return { state: "off", measured, nextStep: null };
}
