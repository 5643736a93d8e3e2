// SPDX-License-Identifier: Apache-2.0
/** A failure: its cause, what to do, and for whoever asks somebody else, its code. */
import type { ShownProblem } from "../core/api.ts";
import { draft, served } from "../core/configuration.ts";
import { sentence } from "../core/format.ts";
import { titleOf } from "../core/labels.ts";
import { said } from "../core/said.ts";
import { strings } from "../strings.ts";

export function ProblemNotice({ problem }: { problem: ShownProblem | undefined }) {
  if (problem === undefined) return null;
  const { code, title, errors, nextStep } = problem;
  return (
    <div class="notice bad" role="alert" data-testid="problem">
      <p>
        <strong>{sentence(said(title))}</strong> {errors.length === 0 && said(nextStep)}
      </p>
      {errors.length > 0 && (
        <ul>
          {errors.map((error) => (
            <li key={`${error.path} ${error.message}`}>
              <strong>{titleOf(error.path, draft.value, served.value?.document)}:</strong> {said(error.message)}{" "}
              {said(error.nextStep)}
            </li>
          ))}
        </ul>
      )}
      <details class="small">
        <summary>{strings.problem.details}</summary>
        <p class="mono">{[code, ...errors.map(({ path }) => path).filter((path) => path !== "")].join(" ")}</p>
        {errors.length > 0 && <p>{said(nextStep)}</p>}
      </details>
    </div>
  );
}
