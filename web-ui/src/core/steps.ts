// SPDX-License-Identifier: Apache-2.0
/** Which step of the setup is shown, after the administrator's, and whether it was left half-way. */
import { signal } from "@preact/signals";
import { remember, remembered } from "./remembered.ts";
import { status } from "./store.ts";

export const STEPS = ["administrator", "basics", "network", "segment", "telemetry", "summary", "done"] as const;
export type Step = (typeof STEPS)[number];

const KEY = "setup";

export const step = signal<Step>("basics");
const progress = signal<"begun" | "over" | undefined>(parse(remembered(KEY)));

export function move(by: 1 | -1): void {
  goTo(STEPS[STEPS.indexOf(step.value) + by] ?? step.value);
}

export function goTo(next: Step): void {
  step.value = next;
  note(next === "done" ? "over" : "begun");
}

/** There is an administrator now; all else is still to be set up. */
export function beginSetup(): void {
  goTo("basics");
}

/** Nobody is asked again in this browser. */
export function leaveSetup(): void {
  note("over");
}

/** Begun in this browser and not brought to its end; where this browser knows nothing of it: nobody has set anything. */
export function isHalfway(): boolean {
  return progress.value === undefined ? status.value?.config.source === "defaults" : progress.value === "begun";
}

function note(next: "begun" | "over"): void {
  progress.value = next;
  remember(KEY, next);
}

function parse(text: string | null): "begun" | "over" | undefined {
  return text === "begun" || text === "over" ? text : undefined;
}
