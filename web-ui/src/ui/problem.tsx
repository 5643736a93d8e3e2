// SPDX-License-Identifier: Apache-2.0
/** A failure: its code, its cause, and what to do. */
import type { ShownProblem } from "../core/api.ts";
import { strings } from "../strings.ts";

export function ProblemNotice({ problem }: { problem: ShownProblem | undefined }) {
  if (problem === undefined) return null;
  return (
    <div class="notice bad" role="alert" data-testid="problem">
      <p>
        <strong>{problem.title}</strong> <span class="mono small">{problem.code}</span>
      </p>
      {problem.errors.length > 0 && (
        <ul>
          {problem.errors.map(({ path, message, nextStep }) => (
            <li key={`${path} ${message}`}>
              <span class="mono">{path}</span> {message} {nextStep}
            </li>
          ))}
        </ul>
      )}
      <p>
        {strings.problem.next} {problem.nextStep}
      </p>
    </div>
  );
}
