// SPDX-License-Identifier: Apache-2.0
/** Which step of the setup is shown, after the administrator's. */
import { signal } from "@preact/signals";

export const STEPS = ["administrator", "basics", "network", "segment", "telemetry", "summary", "done"] as const;
export type Step = (typeof STEPS)[number];

export const step = signal<Step>("basics");

export function move(by: 1 | -1): void {
  step.value = STEPS[STEPS.indexOf(step.value) + by] ?? step.value;
}
