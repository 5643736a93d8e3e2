// SPDX-License-Identifier: Apache-2.0
/** The page Users and keys. */
import { type Signal, useSignal } from "@preact/signals";
import { type KeyView, SCOPES, type Scope, type UserView } from "@scsigate/appliance/api/access";
import { useEffect } from "preact/hooks";
import { call } from "../../core/api.ts";
import * as format from "../../core/format.ts";
import { changePassword, may } from "../../core/session.ts";
import { session } from "../../core/store.ts";
import { strings } from "../../strings.ts";
import { type Action, submits, useAction } from "../action.ts";
import { Ask } from "../ask.tsx";
import { SelectField, TextField } from "../fields.tsx";
import { PageTitle } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";

const ROLES = SCOPES.map((scope) => [scope, strings.userRoles[scope] ?? scope] as const);

export function AccessPage() {
  return (
    <>
      <PageTitle>{strings.access.title}</PageTitle>
      {session.value?.via === "session" && <OwnPassword />}
      {may("admin") ? (
        <>
          <Users />
          <Keys />
        </>
      ) : (
        <p>{strings.needs("admin")}</p>
      )}
    </>
  );
}

function OwnPassword() {
  const action = useAction();
  const current = useSignal("");
  const next = useSignal("");
  const changed = useSignal(false);
  const words = strings.access;
  const save = submits(() => {
    changed.value = false;
    void action
      .run(() => changePassword(current.value, next.value))
      .then((worked) => {
        if (worked) current.value = next.value = "";
        changed.value = worked;
      });
  });
  return (
    <section class="card" aria-labelledby="own-title" data-testid="own-password">
      <h2 id="own-title">{words.own}</h2>
      <ProblemNotice problem={action.problem} />
      <form onSubmit={save}>
        <TextField
          label={words.current}
          type="password"
          autocomplete="current-password"
          required
          value={current.value}
          onInput={(value) => {
            current.value = value;
          }}
        />
        <TextField
          label={words.next}
          hint={strings.setup.passwordHint}
          type="password"
          autocomplete="new-password"
          required
          value={next.value}
          onInput={(value) => {
            next.value = value;
          }}
        />
        <div class="buttons">
          <button type="submit" aria-disabled={action.busy}>
            {words.changeOwn}
          </button>
        </div>
        <p role="status">{changed.value && words.ownChanged}</p>
      </form>
    </section>
  );
}

/** A list of the API, read at first and after each change. */
function useList<T>(path: string, action: Action): { items: Signal<readonly T[]>; change: Change } {
  const items = useSignal<readonly T[]>([]);
  const read = async () => {
    items.value = (await call<readonly T[]>("GET", path)).value;
  };
  useEffect(() => void action.run(read), [path]);
  const change: Change = (work) =>
    action.run(async () => {
      await work();
      await read();
    });
  return { items, change };
}

type Change = (work: () => Promise<unknown>) => Promise<boolean>;

function Users() {
  const action = useAction();
  const { items, change } = useList<UserView>("/api/v1/users", action);
  /** Who is being changed; undefined: a new one. */
  const chosen = useSignal<UserView | undefined>(undefined);
  const one = chosen.value;
  return (
    <section class="card" aria-labelledby="users-title" data-testid="users">
      <h2 id="users-title">{strings.access.users}</h2>
      <ProblemNotice problem={action.problem} />
      <ul class="rows">
        {items.value.map((user) => (
          <li key={user.name} data-testid={`user-${user.name}`}>
            <span>
              <strong>{user.name}</strong> <span class="muted">{user.scope}</span>
            </span>
            <span class="buttons">
              <button
                type="button"
                aria-label={strings.access.changeNamed(user.name)}
                onClick={() => {
                  chosen.value = user;
                }}
              >
                {strings.access.change}
              </button>
              <Remove
                name={user.name}
                what={strings.access.removeUser(user.name)}
                busy={action.busy}
                onRemove={() => change(() => call("DELETE", `/api/v1/users/${encodeURIComponent(user.name)}`))}
              />
            </span>
          </li>
        ))}
      </ul>
      <UserForm
        key={one?.name ?? ""}
        user={one}
        busy={action.busy}
        onCancel={() => {
          chosen.value = undefined;
        }}
        onSave={async (name, scope, password) => {
          const body = { scope, ...(password === "" ? {} : { password }) };
          const worked = await change(() => call("PUT", `/api/v1/users/${encodeURIComponent(name)}`, body));
          if (worked) chosen.value = undefined;
          return worked;
        }}
      />
    </section>
  );
}

interface UserFormProps {
  user: UserView | undefined;
  busy: boolean;
  onSave: (name: string, scope: Scope, password: string) => Promise<boolean>;
  onCancel: () => void;
}

function UserForm({ user, busy, onSave, onCancel }: UserFormProps) {
  const name = useSignal(user?.name ?? "");
  const scope = useSignal<string>(user?.scope ?? "read");
  const password = useSignal("");
  const save = submits(() => {
    void onSave(name.value, scope.value as Scope, password.value).then((worked) => {
      if (worked) name.value = password.value = "";
    });
  });
  return (
    <form onSubmit={save} class="inner" data-testid="user-form">
      <h3>{user ? strings.access.changeUser(user.name) : strings.access.newUser}</h3>
      {!user && (
        <TextField
          label={strings.access.name}
          value={name.value}
          required
          onInput={(value) => {
            name.value = value;
          }}
        />
      )}
      <SelectField
        label={strings.access.role}
        value={scope.value}
        options={ROLES}
        onInput={(value) => {
          scope.value = value;
        }}
      />
      <TextField
        label={user ? strings.access.newPassword : strings.access.password}
        hint={strings.setup.passwordHint}
        type="password"
        autocomplete="new-password"
        required={!user}
        value={password.value}
        onInput={(value) => {
          password.value = value;
        }}
      />
      <div class="buttons">
        <button type="submit" aria-disabled={busy}>
          {strings.access.save}
        </button>
        {user && (
          <button type="button" onClick={onCancel}>
            {strings.cancel}
          </button>
        )}
      </div>
    </form>
  );
}

function Keys() {
  const action = useAction();
  const { items, change } = useList<KeyView>("/api/v1/keys", action);
  const name = useSignal("");
  const scope = useSignal<string>("read");
  const made = useSignal<{ name: string; secret: string } | undefined>(undefined);
  const make = submits(() => {
    void change(async () => {
      const body = { name: name.value, scope: scope.value };
      made.value = (await call<KeyView & { secret: string }>("POST", "/api/v1/keys", body)).value;
      name.value = "";
    });
  });
  return (
    <section class="card" aria-labelledby="keys-title" data-testid="keys">
      <h2 id="keys-title">{strings.access.keys}</h2>
      <ProblemNotice problem={action.problem} />
      {made.value && (
        <output class="notice good" data-testid="key-secret">
          {strings.access.secret(made.value.name)} <code class="mono">{made.value.secret}</code>
        </output>
      )}
      {items.value.length === 0 && <p class="muted">{strings.access.noKeys}</p>}
      <ul class="rows">
        {items.value.map((key) => (
          <li key={key.id}>
            <span>
              <strong>{key.name}</strong>{" "}
              <span class="muted">
                {key.scope}, {format.moment(key.created)}
              </span>
            </span>
            <Remove
              name={key.name}
              what={strings.access.removeKey(key.name)}
              busy={action.busy}
              onRemove={() => change(() => call("DELETE", `/api/v1/keys/${encodeURIComponent(key.id)}`))}
            />
          </li>
        ))}
      </ul>
      <form onSubmit={make} class="inner">
        <h3>{strings.access.newKey}</h3>
        <TextField
          label={strings.access.name}
          value={name.value}
          required
          onInput={(value) => {
            name.value = value;
          }}
        />
        <SelectField
          label={strings.access.role}
          value={scope.value}
          options={ROLES}
          onInput={(value) => {
            scope.value = value;
          }}
        />
        <div class="buttons">
          <button type="submit" aria-disabled={action.busy}>
            {strings.access.make}
          </button>
        </div>
      </form>
    </section>
  );
}

function Remove({ name, what, busy, onRemove }: RemoveProps) {
  const { remove, removeNamed } = strings.access;
  return <Ask label={remove} name={removeNamed(name)} what={what} disabled={busy} onYes={onRemove} />;
}

interface RemoveProps {
  name: string;
  what: string;
  busy: boolean;
  onRemove: () => void;
}
