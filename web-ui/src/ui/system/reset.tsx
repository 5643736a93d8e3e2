// SPDX-License-Identifier: Apache-2.0
/** The page Factory reset: says what goes and where the page will be, and wants it typed. */
import { useSignal } from "@preact/signals";
import type { ResetOutlook } from "@scsigate/appliance/api/reset";
import { useEffect } from "preact/hooks";
import { call, problemOf } from "../../core/api.ts";
import { go } from "../../core/router.ts";
import { may } from "../../core/session.ts";
import { strings } from "../../strings.ts";
import { submits, useAction } from "../action.ts";
import { TextField } from "../fields.tsx";
import { PageTitle } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";

export function ResetPage() {
  const typed = useSignal("");
  const outlook = useSignal<ResetOutlook | undefined>(undefined);
  const done = useSignal(false);
  const action = useAction();
  const { words } = strings.reset;
  useEffect(() => {
    if (!may("admin")) return;
    void action.run(async () => {
      outlook.value = (await call<ResetOutlook>("GET", "/api/v1/factory-reset")).value;
    });
  }, []);
  const submit = submits(() => {
    void action.run(async () => {
      const moves = outlook.value?.stays === false;
      await call("POST", "/api/v1/factory-reset", { confirm: typed.value }).catch((error: unknown) => {
        // The answer may find its way no more.
        const lost = [strings.noAnswer.code, strings.slowAnswer.code].includes(problemOf(error).code);
        if (!moves || !lost) throw error;
      });
      if (moves) {
        done.value = true;
        return;
      }
      go("overview");
      // It has a new certificate, too: only for a page that is loaded does the browser ask whether to go on.
      location.reload();
    });
  });
  if (done.value && outlook.value !== undefined) {
    return (
      <>
        <PageTitle>{strings.reset.title}</PageTitle>
        <section class="card" role="status" data-testid="reset-done">
          <p>{strings.reset.done}</p>
          <Afterwards outlook={outlook.value} />
        </section>
      </>
    );
  }
  return (
    <>
      <PageTitle>{strings.reset.title}</PageTitle>
      {may("admin") ? (
        <form class="card" onSubmit={submit}>
          <p>{strings.reset.what}</p>
          {outlook.value !== undefined && <Afterwards outlook={outlook.value} />}
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

/** Where the page will be, and what one gets in with. */
function Afterwards({ outlook: { interface: name, mac, urls, localUrl, stays } }: { outlook: ResetOutlook }) {
  const words = strings.reset;
  const links = [...urls, ...(localUrl === null ? [] : [localUrl])];
  return (
    <div data-testid="reset-outlook">
      {stays === false && <p class="notice warn">{words.moves}</p>}
      <p>{name === null ? words.anywhere : words.lan(name, mac ?? "")}</p>
      {links.length > 0 && (
        <ul>
          {links.map((link) => (
            <li key={link}>
              <a href={link}>{link}</a>
            </li>
          ))}
        </ul>
      )}
      <p>{words.token}</p>
    </div>
  );
}
