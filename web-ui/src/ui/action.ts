// SPDX-License-Identifier: Apache-2.0
/** An action with its progress and its failure, for forms and buttons. */
import { useSignal } from "@preact/signals";
import { problemOf, type ShownProblem } from "../core/api.ts";

export interface Action {
  busy: boolean;
  problem: ShownProblem | undefined;
  /**
   * Runs unless it runs already: its button is aria-disabled meanwhile, since a disabled one loses the focus.
   * @returns whether it worked
   */
  run: (work: () => Promise<void>) => Promise<boolean>;
  /** As run(), for what is read again and again: its failure stays until it works, so that it is shown and read out once. */
  poll: (work: () => Promise<void>) => Promise<boolean>;
  fail: (problem: ShownProblem | undefined) => void;
}

export function useAction(): Action {
  const busy = useSignal(false);
  const problem = useSignal<ShownProblem | undefined>(undefined);
  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    if (busy.value) return false;
    busy.value = true;
    try {
      await work();
      problem.value = undefined;
      return true;
    } catch (error) {
      problem.value = problemOf(error);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return {
    busy: busy.value,
    problem: problem.value,
    fail: (found) => {
      problem.value = found;
    },
    run(work) {
      if (!busy.value) problem.value = undefined;
      return attempt(work);
    },
    poll: attempt,
  };
}

/** For onSubmit: the page stays where it is. */
export function submits(work: () => void): (event: Event) => void {
  return (event) => {
    event.preventDefault();
    work();
  };
}
