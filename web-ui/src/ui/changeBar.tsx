// SPDX-License-Identifier: Apache-2.0
/** What was edited and is not applied yet: always in view, on every page. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
  apply,
  conflicts,
  decideConflict,
  draft,
  dropDraft,
  isCode,
  plan,
  refreshConfiguration,
  refused,
  served,
} from "../core/configuration.ts";
import { titleOf } from "../core/labels.ts";
import { decided, isPending, transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { Apply } from "./apply.tsx";
import { Plan, Value } from "./plan.tsx";
import { ProblemNotice } from "./problem.tsx";

const words = strings.plan;
/** Where there is room, what would change is open at first. */
const ROOM = "(min-width: 48rem) and (min-height: 45rem)";

export function ChangeBar() {
  const action = useAction();
  const open = useSignal(matchMedia(ROOM).matches);
  const decisions = decided.value;
  const edited = draft.value !== undefined;
  // Somebody may have changed what these edits are of.
  useEffect(() => {
    if (edited) void action.run(refreshConfiguration);
  }, [decisions]);
  const document = draft.value;
  const known = served.value;
  if (document === undefined || known === undefined) return null;
  const waits = isPending(transaction.value);
  const planned = plan.value;
  const undecided = conflicts.value;
  const start = (seconds: number) =>
    action.run(async () => {
      try {
        await apply(document, known.etag, seconds);
      } catch (error) {
        // What the others have is taken in; their change and ours are looked at once more.
        if (isCode(error, "config-conflict")) await refreshConfiguration();
        throw error;
      }
    });
  return (
    <section class="card bar" aria-label={words.title} data-testid="plan">
      <ProblemNotice problem={action.problem} />
      <ProblemNotice problem={refused.value} />
      {undecided.map((conflict) => {
        const name = titleOf(`/${conflict.path.join("/")}`, document, known.document);
        return (
          <div class="notice warn" role="alert" key={name} data-testid="conflict">
            <p>
              <strong>{words.conflict(name)}</strong> <Value value={conflict.theirs} />
            </p>
            <div class="buttons">
              <button type="button" onClick={() => decideConflict(conflict, false)}>
                {words.mine}
              </button>
              <button type="button" onClick={() => decideConflict(conflict, true)}>
                {words.theirs}
              </button>
            </div>
          </div>
        );
      })}
      <div class="buttons">
        <strong data-testid="change-count">
          {planned ? words.count(planned.changes.length) : refused.value ? words.notYet : words.checking}
        </strong>
        <Apply
          label={words.apply}
          disabled={action.busy || undecided.length > 0 || planned === undefined || planned.changes.length === 0}
          onApply={start}
        />
        <button type="button" disabled={waits} onClick={dropDraft}>
          {words.discard}
        </button>
      </div>
      {planned && (
        <details
          open={open.value}
          onToggle={(event) => {
            open.value = event.currentTarget.open;
          }}
        >
          <summary>{words.review}</summary>
          <Plan plan={planned} />
        </details>
      )}
    </section>
  );
}
