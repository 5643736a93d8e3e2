// SPDX-License-Identifier: Apache-2.0
/** The change that is being tried: countdown, keep, undo; and how it ended. On every page. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import * as format from "../core/format.ts";
import { said, told } from "../core/said.ts";
import { may } from "../core/session.ts";
import {
  deadline,
  decide,
  dismiss,
  endedAt,
  isPending,
  loadTransaction,
  own,
  transaction,
} from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { ProblemNotice } from "./problem.tsx";

const TICK_MS = 250;
/** Between two questions for the end of a change whose time is over, milliseconds. */
const ASK_MS = 1000;

/** Of one change: another one gets a banner of its own. */
export function TransactionBanner() {
  const current = transaction.value;
  const pending = isPending(current);
  const now = useSignal(Date.now());
  const action = useAction();
  const section = useRef<HTMLElement>(null);
  const title = useRef<HTMLHeadingElement>(null);
  const started = pending && own.value === current?.id;
  // While this renders, what was shown before is still there.
  const focused = section.current?.contains(document.activeElement) === true;
  useEffect(() => {
    if (!pending) return;
    let asked = Date.now();
    const timer = setInterval(() => {
      now.value = Date.now();
      if (now.value < deadline.value || now.value - asked < ASK_MS) return;
      asked = now.value;
      loadTransaction().catch(() => {}); // the connection's own notice says that nobody answers
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [pending]);
  useLayoutEffect(() => {
    if (started) title.current?.focus();
  }, [started]);
  // The buttons are gone: the keyboard goes on from the top.
  useLayoutEffect(() => {
    if (!pending && focused) focusPage();
  }, [pending]);
  if (current === undefined) return null;
  const problems = current.problems.length > 0 && (
    <>
      <p>{strings.transaction.problems}</p>
      <ul>
        {current.problems.map((problem) => (
          <li key={problem.message}>{told(problem)}</li>
        ))}
      </ul>
    </>
  );
  if (!pending) {
    const kept = current.state === "confirmed";
    return (
      <output class={kept ? "notice good" : "notice warn"} data-testid="transaction-end">
        <strong>{kept ? strings.transaction.confirmed : strings.transaction["rolled-back"]}</strong>
        {current.reason !== null && `: ${said(current.reason)}`}{" "}
        <span class="small muted">{format.moment(endedAt.value)}</span>
        {problems}
        <button
          type="button"
          onClick={() => {
            dismiss();
            focusPage();
          }}
        >
          {strings.transaction.close}
        </button>
      </output>
    );
  }
  const seconds = Math.ceil((deadline.value - now.value) / 1000);
  return (
    <section ref={section} class="notice warn sticky" aria-labelledby="transaction-title" data-testid="transaction">
      {/* Read out once; the seconds below are not. */}
      <div role="alert">
        <h2 ref={title} tabIndex={-1} id="transaction-title">
          {strings.transaction[current.state === "applying" ? "applying" : "waiting"]}
        </h2>
      </div>
      <p data-testid="countdown">{seconds > 0 ? strings.transaction.left(seconds) : strings.transaction.over}</p>
      {problems}
      <p class="small">{strings.transaction.moved}</p>
      <ProblemNotice problem={action.problem} />
      {may("admin") && (
        <div class="buttons">
          <button
            type="button"
            class="main"
            aria-disabled={action.busy}
            onClick={() => action.run(() => decide("confirm"))}
          >
            {strings.transaction.keep}
          </button>
          <button type="button" aria-disabled={action.busy} onClick={() => action.run(() => decide("rollback"))}>
            {strings.transaction.undo}
          </button>
        </div>
      )}
    </section>
  );
}

function focusPage(): void {
  document.getElementById("page-title")?.focus();
}
