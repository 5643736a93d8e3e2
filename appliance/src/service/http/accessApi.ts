// SPDX-License-Identifier: Apache-2.0
/** The API's routes for logins, users and keys. */
import type { Scope } from "../../api/access.ts";
import type { Clock } from "../../shared/clock.ts";
import { asObject } from "../../shared/json.ts";
import type { Access, LoginResult } from "../access/access.ts";
import { type Answer, json, NOTHING, problem, type Route } from "./router.ts";

const USER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function accessRoutes(access: Access, clock: Clock): Route[] {
  const answerTo = (result: LoginResult, wrong: string): Answer => {
    switch (result.type) {
      case "wrong":
        return problem(401, "login-wrong", wrong, "Check it and try again; after some failures you have to wait.");
      case "wait":
        return problem(429, "login-slow", "too many failed attempts", `Wait ${result.seconds} s.`, {
          headers: { "Retry-After": String(result.seconds) },
        });
      case "busy":
        return problem(503, "login-busy", "too many others log in at this moment", "Try again in a few seconds.", {
          headers: { "Retry-After": "3" },
        });
      case "in": {
        const { user: name, scope } = result.session;
        const view = access.view({ name, scope, via: "session", session: result.session });
        return json(view, 200, { "Set-Cookie": result.cookie });
      }
    }
  };

  return [
    {
      method: "GET",
      path: "/api/v1/session",
      access: "open",
      summary: "Who the caller is, and what they may do",
      answers: { 200: "Session" },
      handler: ({ caller }) => json(access.view(caller)),
    },
    {
      method: "PUT",
      path: "/api/v1/session/password",
      access: "read",
      summary: "Changes the caller's own password; the caller's other sessions end",
      body: "OwnPassword",
      answers: { 200: "Session" },
      handler: async ({ body, caller, address }) => {
        if (caller.via !== "session" || caller.name === null) {
          return problem(
            403,
            "password-none",
            "only who has logged in by a name has a password",
            "Log in first, or use /users.",
          );
        }
        const { current, password } = asObject(body);
        const result = await access.changePassword(caller.name, String(current), String(password), address);
        // Not 401: the session holds.
        return result.type === "wrong"
          ? problem(403, "password-wrong", "this is not your present password", "Check it and try again.")
          : answerTo(result, "");
      },
    },
    {
      method: "POST",
      path: "/api/v1/setup",
      access: "open",
      summary: "Makes the first administrator, with the token that the console shows, and logs in",
      body: "Setup",
      answers: { 200: "Session" },
      handler: async ({ body, address }) => {
        if (!access.setupNeeded) {
          return problem(409, "setup-done", "there is an administrator already", "Log in at /api/v1/login.");
        }
        const { token, name, password } = asObject(body);
        const result = await access.setup(String(token), String(name), String(password), address);
        return answerTo(result, "this is not the token that the console shows");
      },
    },
    {
      method: "GET",
      path: "/api/v1/setup/token",
      access: "admin",
      summary: "What makes the first administrator: as long as there is a token, only the console may ask for it",
      answers: { 200: "SetupToken" },
      handler: () => json({ token: access.store.setupToken ?? null }),
    },
    {
      method: "POST",
      path: "/api/v1/login",
      access: "open",
      summary: "Opens a session and sets its cookie",
      body: "Login",
      answers: { 200: "Session" },
      handler: async ({ body, address }) => {
        const { name, password } = asObject(body);
        return answerTo(await access.login(String(name), String(password), address), "name or password is wrong");
      },
    },
    {
      method: "POST",
      path: "/api/v1/logout",
      access: "read",
      summary: "Ends the session",
      handler: ({ raw }) => ({ ...NOTHING, headers: { ...NOTHING.headers, "Set-Cookie": access.logout(raw) } }),
    },
    {
      method: "GET",
      path: "/api/v1/users",
      access: "admin",
      summary: "All users",
      answers: { 200: "Users" },
      handler: () => json(access.store.users),
    },
    {
      method: "PUT",
      path: "/api/v1/users/{name}",
      access: "admin",
      summary: "Makes a user, or changes one; a changed user's sessions end",
      body: "UserChange",
      answers: { 200: "User" },
      handler: async ({ params, body }) => {
        const name = params["name"] ?? "";
        if (!USER_NAME.test(name)) {
          return problem(422, "body-invalid", "this cannot be a name", "Use letters, digits, dot, hyphen, underscore.");
        }
        const { scope, password } = asObject(body);
        await access.store.setUser(name, scope as Scope, password as string | undefined); // as the schema says
        access.sessions.closeAll(name);
        return json({ name, scope });
      },
    },
    {
      method: "DELETE",
      path: "/api/v1/users/{name}",
      access: "admin",
      summary: "Removes a user and ends their sessions",
      handler: async ({ params }) => {
        const name = params["name"] ?? "";
        if (!(await access.store.removeUser(name))) return absent(`there is no user ${name}`);
        access.sessions.closeAll(name);
        return NOTHING;
      },
    },
    {
      method: "GET",
      path: "/api/v1/keys",
      access: "admin",
      summary: "All API keys, without what they are",
      answers: { 200: "Keys" },
      handler: () => json(access.store.keys),
    },
    {
      method: "POST",
      path: "/api/v1/keys",
      access: "admin",
      summary: "Makes an API key; its text is in this answer only",
      body: "NewKey",
      answers: { 201: "KeyWithSecret" },
      handler: async ({ body }) => {
        const { name, scope } = asObject(body);
        const { key, secret } = await access.store.addKey(String(name), scope as Scope, new Date(clock.now()));
        return json({ ...key, secret }, 201);
      },
    },
    {
      method: "DELETE",
      path: "/api/v1/keys/{id}",
      access: "admin",
      summary: "Removes an API key",
      handler: async ({ params }) => {
        const id = params["id"] ?? "";
        return (await access.store.removeKey(id)) ? NOTHING : absent(`there is no key ${id}`);
      },
    },
  ];
}

function absent(title: string): Answer {
  return problem(404, "not-found", title, "GET the list to see what there is.");
}
