// SPDX-License-Identifier: Apache-2.0
/** The change that is being tried: countdown, keep, undo; and how it ended. On every page. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { may } from "../core/session.ts";
import { deadline, decide, dismiss, isPending, loadTransaction, transaction } from "../core/transaction.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { ProblemNotice } from "./problem.tsx";

const TICK_MS = 250;
/** Between two questions for the end of a change whose time is over, milliseconds. */
const ASK_MS = 1000;

export function TransactionBanner() {
  const current = transaction.value;
  const pending = isPending(current);
  const now = useSignal(Date.now());
  const action = useAction();
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
  if (current === undefined) return null;
  const problems = current.problems.length > 0 && (
    <>
      <p>{strings.transaction.problems}</p>
      <ul>
        {current.problems.map(({ message, nextStep }) => (
          <li key={message}>
            {message} {nextStep}
          </li>
        ))}
      </ul>
    </>
  );
  if (!pending) {
    const kept = current.state === "confirmed";
    return (
      <output class={kept ? "notice good" : "notice warn"} data-testid="transaction-end">
        <strong>{kept ? strings.transaction.confirmed : strings.transaction["rolled-back"]}</strong>
        {current.reason !== null && `: ${current.reason}`}
        {problems}
        <button type="button" onClick={dismiss}>
          {strings.transaction.close}
        </button>
      </output>
    );
  }
  const seconds = Math.ceil((deadline.value - now.value) / 1000);
  return (
    <section class="notice warn sticky" aria-labelledby="transaction-title" data-testid="transaction">
      <h2 id="transaction-title">{strings.transaction[current.state === "applying" ? "applying" : "waiting"]}</h2>
      <p data-testid="countdown">{seconds > 0 ? strings.transaction.left(seconds) : strings.transaction.over}</p>
      {problems}
      <p class="small">{strings.transaction.moved}</p>
      <ProblemNotice problem={action.problem} />
      {may("admin") && (
        <div class="buttons">
          <button type="button" class="main" disabled={action.busy} onClick={() => action.run(() => decide("confirm"))}>
            {strings.transaction.keep}
          </button>
          <button type="button" disabled={action.busy} onClick={() => action.run(() => decide("rollback"))}>
            {strings.transaction.undo}
          </button>
        </div>
      )}
    </section>
  );
}
