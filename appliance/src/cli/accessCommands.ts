// SPDX-License-Identifier: Apache-2.0
/** Commands for users and API keys. */
import type { KeyView, UserView } from "../api/access.ts";
import { asObject } from "../shared/json.ts";
import { type Commands, ok, readText, view } from "./command.ts";
import { table } from "./format.ts";

export const accessCommands: Commands = {
  users: view("/api/v1/users", "who may log in, and what each may do", (json) =>
    table([["NAME", "SCOPE"], ...(json as UserView[]).map(({ name, scope }) => [name, scope])]),
  ),
  "user set": {
    usage: "NAME SCOPE",
    help: "makes a user or changes one; the password comes from standard input",
    takes: [2, 2],
    async run([name = "", scope = ""], _options, world) {
      const password = readText(world, "-").replace(/\r?\n$/, "");
      const body = { scope, ...(password === "" ? {} : { password }) };
      const { json } = ok(await world.call("PUT", `/api/v1/users/${encodeURIComponent(name)}`, body));
      return { json, text: `${name} may ${scope}.` };
    },
  },
  "user remove": {
    usage: "NAME",
    help: "takes somebody's login away, at once",
    takes: [1, 1],
    async run([name = ""], _options, { call }) {
      ok(await call("DELETE", `/api/v1/users/${encodeURIComponent(name)}`));
      return { json: null, text: `${name} may not log in any more.` };
    },
  },
  keys: view("/api/v1/keys", "API keys, without what they are", (json) =>
    table([
      ["ID", "NAME", "SCOPE", "CREATED"],
      ...(json as KeyView[]).map(({ id, name, scope, created }) => [id, name, scope, created]),
    ]),
  ),
  "key add": {
    usage: "NAME SCOPE",
    help: "makes an API key and prints it, this once",
    takes: [2, 2],
    async run([name = "", scope = ""], _options, { call }) {
      const { json } = ok(await call("POST", "/api/v1/keys", { name, scope }));
      return { json, text: String(asObject(json)["secret"]) };
    },
  },
  "key remove": {
    usage: "ID",
    help: "makes an API key worthless, at once",
    takes: [1, 1],
    async run([id = ""], _options, { call }) {
      ok(await call("DELETE", `/api/v1/keys/${encodeURIComponent(id)}`));
      return { json: null, text: `The key ${id} is no more.` };
    },
  },
};
