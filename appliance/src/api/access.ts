// SPDX-License-Identifier: Apache-2.0
/** The API's part that says who may do what: scopes, and types of its answers. */
export type { Key as KeyView, Session as SessionView, User as UserView } from "../../generated/api.d.ts";

/** read: look at everything but secrets. operate: read, and do what changes no setting. admin: everything. */
export const SCOPES = ["read", "operate", "admin"] as const;
export type Scope = (typeof SCOPES)[number];
