// SPDX-License-Identifier: Apache-2.0
/** Who uses the page: login, logout, the first administrator. */
import { effect } from "@preact/signals";
import type { Scope, SessionView } from "@scsigate/appliance/api/access";
import { call } from "./api.ts";
import { forgetConfiguration } from "./configuration.ts";
import { live } from "./live.ts";
import { beginSetup, step } from "./steps.ts";
import { forget, session } from "./store.ts";
import { transaction } from "./transaction.ts";

const ORDER: readonly Scope[] = ["read", "operate", "admin"];

/** Whose work is on the page; null: nobody's, before there is an administrator. */
let owner: string | null | undefined;

effect(() => {
  const known = session.value;
  // A session that ended by itself leaves the work to its owner, who can log in again.
  if (known === undefined || (known.user === null && !known.setupNeeded)) return;
  if (owner !== undefined && owner !== known.user) forgetWork();
  owner = known.user;
});

/** Whether the user may do what needs this scope. */
export function may(scope: Scope): boolean {
  const own = session.value?.scope;
  return own !== undefined && own !== null && ORDER.indexOf(own) >= ORDER.indexOf(scope);
}

/** @throws ApiError */
export async function login(name: string, password: string): Promise<void> {
  session.value = (await call<SessionView>("POST", "/api/v1/login", { name, password })).value;
  live.restart();
}

/** Makes the first administrator and logs in. @throws ApiError */
export async function setUp(token: string, name: string, password: string): Promise<void> {
  session.value = (await call<SessionView>("POST", "/api/v1/setup", { token, name, password })).value;
  beginSetup();
  live.restart();
}

/** Changes the user's own password; this session goes on, the others end. @throws ApiError */
export async function changePassword(current: string, password: string): Promise<void> {
  session.value = (await call<SessionView>("PUT", "/api/v1/session/password", { current, password })).value;
  live.restart();
}

/** @throws ApiError */
export async function logout(): Promise<void> {
  await call("POST", "/api/v1/logout");
  forget();
  forgetWork();
  live.restart();
}

/** Edits may have secrets in them, which the next user is not to see. */
function forgetWork(): void {
  forgetConfiguration();
  transaction.value = undefined;
  step.value = "basics";
}
