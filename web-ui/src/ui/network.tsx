// SPDX-License-Identifier: Apache-2.0
/** The page Network: the configuration as a form, what a change would do, and applying it. */
import { asObject, type JsonObject } from "@scsigate/appliance/json";
import { useEffect } from "preact/hooks";
import { apply, draft, dropDraft, edit, loadConfiguration, plan, refused, served } from "../core/configuration.ts";
import { may } from "../core/session.ts";
import { decided } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { Apply } from "./apply.tsx";
import { labelOf, Properties, resolved } from "./form.tsx";
import { PageTitle } from "./parts.tsx";
import { Plan } from "./plan.tsx";
import { ProblemNotice } from "./problem.tsx";

/** Sections that are open at first. */
const OPEN = ["", "lan", "segments"];

export function Network() {
  const action = useAction();
  const load = () => action.run(loadConfiguration);
  const decisions = decided.value;
  useEffect(() => {
    if (draft.value === undefined) void load();
  }, [decisions]);
  const known = served.value;
  if (known === undefined) {
    return (
      <>
        <PageTitle>{strings.network.title}</PageTitle>
        <ProblemNotice problem={action.problem} />
        {action.problem ? <ReadAgain onClick={load} /> : <p class="empty">{strings.loading}</p>}
      </>
    );
  }
  const document = draft.value ?? known.document;
  const start = (seconds: number) =>
    action.run(async () => {
      await apply(document, known.etag, seconds);
      dropDraft();
    });
  return (
    <>
      <PageTitle>{strings.network.title}</PageTitle>
      <p class="muted">{may("admin") ? strings.network.intro : strings.network.readOnly}</p>
      <Sections schema={known.schema} document={document} secrets={known.secrets} />
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
            <button type="button" disabled={draft.value === undefined} onClick={dropDraft}>
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

interface SectionsProps {
  schema: JsonObject;
  document: JsonObject;
  secrets: readonly string[];
}

/** Settings at the top of the document come first, then a section for each of its parts. */
function Sections({ schema, document, secrets }: SectionsProps) {
  const errors = refused.value?.errors ?? [];
  const context = { root: schema, errors, secrets, disabled: !may("admin") };
  const entries = Object.entries(asObject(schema["properties"])).map(
    ([key, property]) => [key, resolved(property, schema)] as const,
  );
  const simple = entries.filter(([, { type }]) => type !== "object" && type !== "array").map(([key]) => key);
  const parts = entries.map(([key]) => key).filter((key) => !simple.includes(key));
  const section = (name: string, keys: readonly string[]) => (
    <details key={name} class="card" open={OPEN.includes(name)} data-testid={`section-${name}`}>
      <summary>
        <h2>{name === "" ? strings.network.general : labelOf(name)}</h2>
      </summary>
      <Properties
        context={context}
        schema={schema}
        path={[]}
        value={document}
        only={keys}
        onChange={(next) => edit(asObject(next))}
      />
    </details>
  );
  return (
    <>
      {section("", simple)}
      {parts.map((key) => section(key, [key]))}
    </>
  );
}
