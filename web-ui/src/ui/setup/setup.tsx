// SPDX-License-Identifier: Apache-2.0
/** The page Setup: one step after the other, from the first administrator to the first station. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { draft, refreshConfiguration, served } from "../../core/configuration.ts";
import { may } from "../../core/session.ts";
import { STEPS, type Step, step } from "../../core/steps.ts";
import { session, status } from "../../core/store.ts";
import { decided } from "../../core/transaction.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { Attention } from "../attention.tsx";
import { PageTitle } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";
import { Administrator } from "./administrator.tsx";
import { Basics } from "./basics.tsx";
import { Done } from "./done.tsx";
import { ChooseNetwork } from "./network.tsx";
import { ChooseSegment } from "./segment.tsx";
import { Summary } from "./summary.tsx";
import { ChooseTelemetry } from "./telemetry.tsx";

const words = strings.setup;

export function Setup() {
  const needed = session.value?.setupNeeded ?? true;
  const now = needed ? "administrator" : step.value;
  return (
    <div class="setup">
      <PageTitle>{words.title}</PageTitle>
      <StepTitle key={now} now={now} />
      {needed && status.value && <Attention status={status.value} />}
      {needed && <Administrator />}
      {!needed && !may("admin") && <p>{strings.needs("admin")}</p>}
      {!needed && may("admin") && <Steps now={now} />}
    </div>
  );
}

/** Takes the focus with each step, before anybody can press a key, so that the keyboard and a screen reader go on from there. */
function StepTitle({ now }: { now: Step }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    if (now !== "administrator") heading.current?.focus();
  }, []);
  const number = STEPS.indexOf(now) + 1;
  return (
    <div>
      <progress class="steps" max={STEPS.length} value={number} aria-label={words.progress} />
      <h2 ref={heading} tabIndex={-1}>
        {words.step(number, STEPS.length, words.steps[now])}
      </h2>
    </div>
  );
}

function Steps({ now }: { now: Step }) {
  const action = useAction();
  const decision = decided.value;
  useEffect(() => {
    void action.run(refreshConfiguration);
  }, [decision]);
  const known = served.value;
  if (known === undefined) {
    return action.problem ? <ProblemNotice problem={action.problem} /> : <p class="empty">{strings.loading}</p>;
  }
  const parts = { document: draft.value ?? known.document, schema: known.schema };
  switch (now) {
    case "network":
      return <ChooseNetwork {...parts} />;
    case "segment":
      return <ChooseSegment {...parts} />;
    case "telemetry":
      return <ChooseTelemetry {...parts} />;
    case "summary":
      return <Summary />;
    case "done":
      return <Done />;
    default:
      return <Basics {...parts} />;
  }
}
