// SPDX-License-Identifier: Apache-2.0
/** A failure: its cause, what to do, and for whoever asks somebody else, its code. */
import type { ShownProblem } from "../core/api.ts";
import { draft, served } from "../core/configuration.ts";
import { sentence } from "../core/format.ts";
import { titleOf } from "../core/labels.ts";
import { strings } from "../strings.ts";

export function ProblemNotice({ problem }: { problem: ShownProblem | undefined }) {
  if (problem === undefined) return null;
  const { code, title, errors, nextStep } = problem;
  return (
    <div class="notice bad" role="alert" data-testid="problem">
      <p>
        <strong>{sentence(title)}</strong> {errors.length === 0 && nextStep}
      </p>
      {errors.length > 0 && (
        <ul>
          {errors.map((error) => (
            <li key={`${error.path} ${error.message}`}>
              <strong>{titleOf(error.path, draft.value, served.value?.document)}:</strong> {error.message}{" "}
              {error.nextStep}
            </li>
          ))}
        </ul>
      )}
      <details class="small">
        <summary>{strings.problem.details}</summary>
        <p class="mono">{[code, ...errors.map(({ path }) => path).filter((path) => path !== "")].join(" ")}</p>
        {errors.length > 0 && <p>{nextStep}</p>}
      </details>
    </div>
  );
}
