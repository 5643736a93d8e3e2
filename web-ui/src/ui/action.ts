// SPDX-License-Identifier: Apache-2.0
/** An action with its progress and its failure, for forms and buttons. */
import { useSignal } from "@preact/signals";
import { problemOf, type ShownProblem } from "../core/api.ts";

export interface Action {
  busy: boolean;
  problem: ShownProblem | undefined;
  /** Runs unless it runs already. @returns whether it worked */
  run: (work: () => Promise<void>) => Promise<boolean>;
  fail: (problem: ShownProblem | undefined) => void;
}

export function useAction(): Action {
  const busy = useSignal(false);
  const problem = useSignal<ShownProblem | undefined>(undefined);
  return {
    busy: busy.value,
    problem: problem.value,
    fail: (found) => {
      problem.value = found;
    },
    async run(work) {
      if (busy.value) return false;
      busy.value = true;
      problem.value = undefined;
      try {
        await work();
        return true;
      } catch (error) {
        problem.value = problemOf(error);
        return false;
      } finally {
        busy.value = false;
      }
    },
  };
}

/** For onSubmit: the page stays where it is. */
export function submits(work: () => void): (event: Event) => void {
  return (event) => {
    event.preventDefault();
    work();
  };
}
