// SPDX-License-Identifier: Apache-2.0
/** Login; what page was asked for comes up afterwards. */
import { useSignal } from "@preact/signals";
import { login } from "../core/session.ts";
import { strings } from "../strings.ts";
import { submits, useAction } from "./action.ts";
import { TextField } from "./fields.tsx";
import { ProblemNotice } from "./problem.tsx";

export function Login() {
  const name = useSignal("");
  const password = useSignal("");
  const action = useAction();
  const submit = submits(() => void action.run(() => login(name.value, password.value)));
  return (
    <form class="card narrow" onSubmit={submit} aria-labelledby="page-title" data-testid="login">
      <h1 id="page-title">{strings.login.title}</h1>
      <ProblemNotice problem={action.problem} />
      <TextField
        label={strings.login.name}
        value={name.value}
        autocomplete="username"
        required
        onInput={(value) => {
          name.value = value;
        }}
      />
      <TextField
        label={strings.login.password}
        type="password"
        value={password.value}
        autocomplete="current-password"
        required
        onInput={(value) => {
          password.value = value;
        }}
      />
      <button type="submit" class="main" aria-disabled={action.busy}>
        {strings.login.submit}
      </button>
      <p class="small muted">{strings.login.lostPassword}</p>
    </form>
  );
}
