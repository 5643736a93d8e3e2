// SPDX-License-Identifier: Apache-2.0
/** Parts of the configuration as a form: each edit is checked by the gateway; the bar below says what it comes to. */
import { useSignal } from "@preact/signals";
import type { FirewallRuleHits, Suggestion } from "@scsigate/appliance/api/network";
import { asObject, type JsonObject } from "@scsigate/appliance/json";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { call } from "../core/api.ts";
import { draft, edit, refreshConfiguration, served } from "../core/configuration.ts";
import { labelOf } from "../core/labels.ts";
import { offersFor } from "../core/offers.ts";
import { isOn } from "../core/parts.ts";
import type { PageName } from "../core/router.ts";
import { may } from "../core/session.ts";
import { status } from "../core/store.ts";
import { decided, isPending, transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { firewallForm } from "./firewall.tsx";
import { contextOf, Properties, resolved } from "./form.tsx";
import { ProblemNotice } from "./problem.tsx";

/** Between two looks at what the firewall has counted, milliseconds. */
const HITS_MS = 5000;

/** Parts with settings that name things of the machine: core/offers.ts. */
const OFFERING = ["lan", "storage", "segments"];

interface ConfigFormProps {
  /** Whose parts of the document are shown; simple settings of its top come together under "". */
  page: PageName;
  /** Parts that are open at first; all unless told. */
  open?: readonly string[];
  /** Simple settings that have a place of their own. */
  without?: readonly string[];
  /** What comes below the settings of a part. */
  below?: (key: string, document: JsonObject) => ComponentChildren;
}

export function ConfigForm({ page, open, without = [], below }: ConfigFormProps) {
  const action = useAction();
  const decisions = decided.value;
  useEffect(() => {
    void action.run(refreshConfiguration);
  }, [decisions]);
  const hits = useSignal<readonly FirewallRuleHits[]>([]);
  useEffect(() => {
    if (!isOn(page, "firewall")) return;
    const read = () =>
      void call<FirewallRuleHits[]>("GET", "/api/v1/firewall").then(
        ({ value }) => {
          hits.value = value;
        },
        () => {}, // those from before stay
      );
    read();
    const timer = setInterval(read, HITS_MS);
    return () => clearInterval(timer);
  }, [page]);
  const offered = useSignal<readonly Suggestion[]>([]);
  useEffect(() => {
    if (!OFFERING.some((part) => isOn(page, part))) return;
    call<Suggestion[]>("GET", "/api/v1/config/suggestions").then(
      ({ value }) => {
        offered.value = value;
      },
      () => {}, // everything can be written by hand
    );
  }, [page]);
  const known = served.value;
  if (known === undefined) {
    return (
      <>
        <ProblemNotice problem={action.problem} />
        {action.problem ? (
          <button type="button" onClick={() => action.run(refreshConfiguration)}>
            {strings.readAgain}
          </button>
        ) : (
          <p class="empty">{strings.loading}</p>
        )}
      </>
    );
  }
  const { schema } = known;
  const document = draft.value ?? known.document;
  // What is tried stays as it is: it may become the document that edits start from.
  const context = {
    ...contextOf(schema, isPending(transaction.value) || !may("admin")),
    offers: (path: readonly string[]) => offersFor(path, asObject(document), offered.value),
    ...firewallForm(asObject(document), hits.value, status.peek()?.segments ?? []),
  };
  const entries = Object.entries(asObject(schema["properties"])).map(
    ([key, property]) => [key, resolved(property, schema)] as const,
  );
  const simple = entries.filter(([, { type }]) => type !== "object" && type !== "array").map(([key]) => key);
  const parts = ["", ...entries.map(([key]) => key).filter((key) => !simple.includes(key))].filter((part) =>
    isOn(page, part),
  );
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
  return (
    <>
      {parts.map((part) => (
        <details key={part} class="card" open={open?.includes(part) ?? true} data-testid={`section-${part}`}>
          <summary>
            <h2>{part === "" ? strings.network.general : labelOf(part)}</h2>
          </summary>
          {part === "" ? (
            <div class="fields">{properties(simple.filter((key) => !without.includes(key)))}</div>
          ) : (
            properties([part])
          )}
          {below?.(part, document)}
        </details>
      ))}
    </>
  );
}
