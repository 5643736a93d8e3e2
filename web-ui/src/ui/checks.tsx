// SPDX-License-Identifier: Apache-2.0
/** Checks that build on each other, as a chain: what was measured, and what to do where it is broken. */
import type { Check, CheckState } from "@scsigate/appliance/api/diagnosis";
import { inZone } from "../core/format.ts";
import { said } from "../core/said.ts";
import { strings } from "../strings.ts";
import { Pill, type Tone } from "./parts.tsx";

const TONES: Record<CheckState, Tone> = { good: "good", warn: "warn", bad: "bad", unknown: "plain", off: "plain" };
const MARKS: Record<CheckState, string> = { good: "✓", warn: "!", bad: "✕", unknown: "?", off: "–" };

export function Checks({ checks, label }: { checks: readonly Check[]; label: string }) {
  return (
    <ol class="chain" aria-label={label}>
      {checks.map(({ id, title, state, measured, nextStep }) => (
        <li key={id} class={state} data-testid={`check-${id}`}>
          <span class="mark" aria-hidden="true">
            {MARKS[state]}
          </span>
          <div class="link">
            <p class="link-title">
              <strong>{strings.checkTitles[id] ?? said(title)}</strong>{" "}
              <Pill tone={TONES[state]}>{strings.checks[state]}</Pill>
            </p>
            <p class="muted small">{inZone(said(measured))}</p>
            {nextStep !== null && (
              <p class="next">
                {strings.problem.next} {said(nextStep)}
              </p>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}
