// SPDX-License-Identifier: Apache-2.0
/** Types of the API's part that says who may do what. */

/** read: look at everything but secrets. operate: read, and do what changes no setting. admin: everything. */
export const SCOPES = ["read", "operate", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** GET /api/v1/session, and the answer to a login. */
export interface SessionView {
  /** Name of the user or key; null without a login. */
  user: string | null;
  /** What the caller may do; null: nothing but to log in. */
  scope: Scope | null;
  /** session, key, console (the gateway's own command line), or none. */
  via: "session" | "key" | "console" | "none";
  /** For the header X-CSRF-Token; null unless via is session. */
  csrfToken: string | null;
  /** No administrator exists yet: POST /api/v1/setup with the token that the console shows. */
  setupNeeded: boolean;
}

export interface UserView {
  name: string;
  scope: Scope;
}

export interface KeyView {
  id: string;
  name: string;
  scope: Scope;
  /** ISO 8601, by the gateway's clock. */
  created: string;
}
