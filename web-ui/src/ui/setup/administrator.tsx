// SPDX-License-Identifier: Apache-2.0
/** The setup's first step: the token of the console makes the first administrator. */
import { useSignal } from "@preact/signals";
import { setUp } from "../../core/session.ts";
import { strings } from "../../strings.ts";
import { submits, useAction } from "../action.ts";
import { TextField } from "../fields.tsx";
import { ProblemNotice } from "../problem.tsx";

const words = strings.setup;

export function Administrator() {
  const token = useSignal("");
  const name = useSignal("");
  const password = useSignal("");
  const again = useSignal("");
  const action = useAction();
  const differ = again.value !== "" && again.value !== password.value;
  const submit = submits(() => {
    if (again.value !== password.value) return;
    void action.run(() => setUp(token.value.trim(), name.value, password.value));
  });
  return (
    <form class="card narrow" onSubmit={submit} data-testid="setup-administrator">
      <ProblemNotice problem={action.problem} />
      <TextField
        label={words.token}
        hint={words.tokenHint}
        value={token.value}
        required
        onInput={(value) => {
          token.value = value;
        }}
      />
      <TextField
        label={words.name}
        hint={words.nameHint}
        autocomplete="username"
        value={name.value}
        required
        onInput={(value) => {
          name.value = value;
        }}
      />
      <TextField
        label={words.password}
        hint={words.passwordHint}
        type="password"
        autocomplete="new-password"
        minLength={12}
        value={password.value}
        required
        onInput={(value) => {
          password.value = value;
        }}
      />
      <TextField
        label={words.repeat}
        type="password"
        autocomplete="new-password"
        value={again.value}
        required
        error={differ ? words.differ : undefined}
        onInput={(value) => {
          again.value = value;
        }}
      />
      <button type="submit" class="main" aria-disabled={action.busy}>
        {words.create}
      </button>
    </form>
  );
}
