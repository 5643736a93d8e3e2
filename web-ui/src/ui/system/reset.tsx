// SPDX-License-Identifier: Apache-2.0
/** The page Factory reset: says what goes, and wants it typed. */
import { useSignal } from "@preact/signals";
import { call } from "../../core/api.ts";
import { go } from "../../core/router.ts";
import { may } from "../../core/session.ts";
import { strings } from "../../strings.ts";
import { submits, useAction } from "../action.ts";
import { TextField } from "../fields.tsx";
import { PageTitle } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";

export function ResetPage() {
  const typed = useSignal("");
  const action = useAction();
  const { words } = strings.reset;
  const submit = submits(() => {
    void action.run(async () => {
      await call("POST", "/api/v1/factory-reset", { confirm: typed.value });
      go("overview");
      // It has a new certificate, too: only for a page that is loaded does the browser ask whether to go on.
      location.reload();
    });
  });
  return (
    <>
      <PageTitle>{strings.reset.title}</PageTitle>
      {may("admin") ? (
        <form class="card" onSubmit={submit}>
          <p>{strings.reset.what}</p>
          <ProblemNotice problem={action.problem} />
          <TextField
            label={strings.reset.type(words)}
            value={typed.value}
            onInput={(value) => {
              typed.value = value;
            }}
          />
          <div class="buttons">
            <button type="submit" class="danger" disabled={typed.value !== words} aria-disabled={action.busy}>
              {strings.reset.submit}
            </button>
          </div>
        </form>
      ) : (
        <p>{strings.needs("admin")}</p>
      )}
    </>
  );
}
