// SPDX-License-Identifier: Apache-2.0
/** Parts of the configuration as a form: each edit is checked by the gateway, the diff comes before it is applied. */
import { asObject, type JsonObject } from "@scsigate/appliance/json";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import {
  apply,
  draft,
  dropDraft,
  edit,
  loadConfiguration,
  plan,
  refreshConfiguration,
  refused,
  served,
} from "../core/configuration.ts";
import { may } from "../core/session.ts";
import { decided, isPending, transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { Apply } from "./apply.tsx";
import { labelOf, Properties, resolved } from "./form.tsx";
import { Plan } from "./plan.tsx";
import { ProblemNotice } from "./problem.tsx";

interface ConfigFormProps {
  /** Whether a part of the document belongs here; simple settings of its top come together under "". */
  shows: (key: string) => boolean;
  /** Parts that are open at first. */
  open: readonly string[];
  /** What comes below the settings of a part. */
  below?: (key: string, document: JsonObject) => ComponentChildren;
}

export function ConfigForm({ shows, open, below }: ConfigFormProps) {
  const action = useAction();
  const load = () => action.run(loadConfiguration);
  const decisions = decided.value;
  useEffect(() => {
    void action.run(refreshConfiguration);
  }, [decisions]);
  const known = served.value;
  if (known === undefined) {
    return (
      <>
        <ProblemNotice problem={action.problem} />
        {action.problem ? <ReadAgain onClick={load} /> : <p class="empty">{strings.loading}</p>}
      </>
    );
  }
  const { schema, secrets, etag } = known;
  const document = draft.value ?? known.document;
  const errors = refused.value?.errors ?? [];
  // What is tried stays as it is: it may become the document that edits start from.
  const waits = isPending(transaction.value);
  const context = { root: schema, errors, secrets, disabled: waits || !may("admin") };
  const entries = Object.entries(asObject(schema["properties"])).map(
    ([key, property]) => [key, resolved(property, schema)] as const,
  );
  const simple = entries.filter(([, { type }]) => type !== "object" && type !== "array").map(([key]) => key);
  const parts = ["", ...entries.map(([key]) => key).filter((key) => !simple.includes(key))];
  const properties = (only: readonly string[]) => (
    <Properties
      context={context}
      schema={schema}
      path={[]}
      value={document}
      only={only}
      onChange={(next) => edit(asObject(next))}
    />
  );
  const start = (seconds: number) => action.run(() => apply(document, etag, seconds));
  return (
    <>
      {parts.filter(shows).map((part) => (
        <details key={part} class="card" open={open.includes(part)} data-testid={`section-${part}`}>
          <summary>
            <h2>{part === "" ? strings.network.general : labelOf(part)}</h2>
          </summary>
          {part === "" ? <div class="fields">{properties(simple)}</div> : properties([part])}
          {below?.(part, document)}
        </details>
      ))}
      {may("admin") && (
        <section class="card" aria-labelledby="plan-title" data-testid="plan">
          <h2 id="plan-title">{strings.plan.title}</h2>
          <ProblemNotice problem={refused.value} />
          <ProblemNotice problem={action.problem} />
          {action.problem && <ReadAgain onClick={load} />}
          {draft.value === undefined && <p class="muted">{strings.plan.none}</p>}
          {draft.value !== undefined && !plan.value && !refused.value && <p class="muted">{strings.plan.checking}</p>}
          {plan.value && <Plan plan={plan.value} />}
          <div class="buttons">
            <Apply
              label={strings.plan.apply}
              disabled={action.busy || plan.value === undefined || plan.value.changes.length === 0}
              onApply={start}
            />
            <button type="button" disabled={waits || draft.value === undefined} onClick={dropDraft}>
              {strings.plan.discard}
            </button>
          </div>
        </section>
      )}
    </>
  );
}

function ReadAgain({ onClick }: { onClick: () => void }) {
  return (
    <button type="button" onClick={onClick}>
      {strings.readAgain}
    </button>
  );
}
