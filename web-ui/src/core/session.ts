// SPDX-License-Identifier: Apache-2.0
/** Who uses the page: login, logout, the first administrator. */
import type { Scope, SessionView } from "@scsigate/appliance/api/access";
import { call } from "./api.ts";
import { live } from "./live.ts";
import { forget, session } from "./store.ts";

const ORDER: readonly Scope[] = ["read", "operate", "admin"];

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
  live.restart();
}

/** @throws ApiError */
export async function logout(): Promise<void> {
  await call("POST", "/api/v1/logout");
  forget();
  live.restart();
}
