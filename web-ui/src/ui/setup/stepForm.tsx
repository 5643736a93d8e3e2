// SPDX-License-Identifier: Apache-2.0
/** A step that edits the document: its errors, forward and back. */
import type { ComponentChildren } from "preact";
import { checkNow, refused } from "../../core/configuration.ts";
import { told } from "../../core/said.ts";
import { move, STEPS, step } from "../../core/steps.ts";
import { strings } from "../../strings.ts";
import { submits, useAction } from "../action.ts";
import { ProblemNotice } from "../problem.tsx";

export function StepForm({ children }: { children: ComponentChildren }) {
  const action = useAction();
  const submit = submits(
    () =>
      void action.run(async () => {
        if (await checkNow()) move(1);
      }),
  );
  const first = STEPS.indexOf(step.value) === 1;
  return (
    <form class="card" onSubmit={submit} noValidate data-testid={`setup-${step.value}`}>
      {children}
      <ProblemNotice problem={action.problem ?? refused.value} />
      <div class="buttons">
        <button type="submit" class="main" aria-disabled={action.busy}>
          {strings.setup.next}
        </button>
        {!first && (
          <button type="button" onClick={() => move(-1)}>
            {strings.setup.back}
          </button>
        )}
      </div>
    </form>
  );
}

/** What is wrong with one setting. */
export function errorAt(path: string): string | undefined {
  const found = (refused.value?.errors ?? []).filter((error) => error.path === path);
  return found.length === 0 ? undefined : found.map(told).join(" ");
}
