// SPDX-License-Identifier: Apache-2.0
/** The setup's summary: what would change, and applying it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { apply, draft, dropDraft, isCode, plan, served } from "../../core/configuration.ts";
import { goTo, move } from "../../core/steps.ts";
import { status } from "../../core/store.ts";
import { decided, isPending, transaction } from "../../core/transaction.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { Apply } from "../apply.tsx";
import { Plan } from "../plan.tsx";
import { ProblemNotice } from "../problem.tsx";
import { addresses, modeOf, partOf } from "./addresses.ts";
import { RouteNotice } from "./routeNotice.tsx";

const words = strings.setup;

export function Summary() {
  const action = useAction();
  const known = served.value;
  const decisions = decided.value;
  const first = useSignal(decisions);
  useEffect(() => {
    if (decisions === first.value) return;
    if (transaction.value?.state === "confirmed") goTo("done");
    else first.value = decisions;
  }, [decisions]);
  const document = draft.value;
  const start = (seconds: number) =>
    action.run(async () => {
      try {
        if (document !== undefined && known !== undefined) await apply(document, known.etag, seconds);
      } catch (error) {
        if (!isCode(error, "config-unchanged")) throw error;
        goTo("done");
      }
    });
  const mode = modeOf(document ?? known?.document ?? {});
  const unchanged = document === undefined || plan.value?.changes.length === 0;
  return (
    <section class="card" data-testid="setup-summary">
      <ProblemNotice problem={action.problem} />
      <p>
        <strong>{strings.modes[mode]}</strong>: {addresses(mode, partOf(document ?? known?.document ?? {}))}
      </p>
      {mode === "routed" && <RouteNotice segment={status.value?.segments[0]} />}
      {unchanged ? <p>{words.same}</p> : plan.value && <Plan plan={plan.value} />}
      {unchanged ? (
        <button
          type="button"
          class="main"
          onClick={() => {
            dropDraft();
            goTo("done");
          }}
        >
          {words.finish}
        </button>
      ) : (
        <Apply label={strings.plan.apply} disabled={action.busy || plan.value === undefined} onApply={start} />
      )}
      <button type="button" disabled={isPending(transaction.value)} onClick={() => move(-1)}>
        {words.back}
      </button>
    </section>
  );
}
