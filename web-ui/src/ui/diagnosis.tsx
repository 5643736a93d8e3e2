// SPDX-License-Identifier: Apache-2.0
/** The page Diagnosis: the way of a packet from the adapter to the LAN, link by link. */
import { useSignal } from "@preact/signals";
import type { Diagnosis, DiagnosisCheck } from "@scsigate/appliance/api/diagnosis";
import { useEffect } from "preact/hooks";
import { call } from "../core/api.ts";
import * as format from "../core/format.ts";
import { said } from "../core/said.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { Checks } from "./checks.tsx";
import { PageTitle } from "./parts.tsx";
import { ProblemNotice } from "./problem.tsx";

const words = strings.diagnosis;

export function DiagnosisPage() {
  const found = useSignal<Diagnosis | undefined>(undefined);
  const action = useAction();
  const look = () =>
    void action.run(async () => {
      found.value = (await call<Diagnosis>("GET", "/api/v1/diagnosis")).value;
    });
  useEffect(look, []);
  const { value } = found;
  const chains = new Map<string | null, DiagnosisCheck[]>();
  for (const check of value?.checks ?? []) chains.set(check.segment, [...(chains.get(check.segment) ?? []), check]);
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      <p class="muted">{words.intro}</p>
      <ProblemNotice problem={action.problem} />
      <div aria-live="polite">
        {value === undefined ? (
          <p class="empty">{action.busy ? words.looking : ""}</p>
        ) : (
          <p class={`notice ${value.state}`} data-testid="diagnosis-summary">
            <span>
              <strong>{words.summary[value.state]}</strong> {firstBroken(value)}
            </span>
            <span class="small">{words.at(format.moment(value.time))}</span>
          </p>
        )}
      </div>
      <div>
        <button type="button" aria-disabled={action.busy} onClick={look}>
          {action.busy ? words.looking : words.again}
        </button>
      </div>
      <div class="columns">
        {[...chains].map(([segment, checks]) => {
          const title = segment === null ? words.gateway : strings.segment.title(segment);
          return (
            <section key={segment} class="card" aria-label={title} data-testid={`chain-${segment ?? "gateway"}`}>
              <h2>{title}</h2>
              <Checks checks={checks} label={title} />
            </section>
          );
        })}
      </div>
    </>
  );
}

/** Red before amber. */
function firstBroken({ state, checks }: Diagnosis): string {
  const first = state === "good" ? undefined : checks.find((check) => check.state === state);
  if (first === undefined) return "";
  const title = strings.checkTitles[first.id] ?? said(first.title);
  return words.first(first.segment === null ? title : `${first.segment}, ${title}`);
}
