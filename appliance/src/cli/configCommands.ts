// SPDX-License-Identifier: Apache-2.0
/** Commands for settings, and for backups of them. */
import type { ConfigPlan } from "../api/config.ts";
import { isText, SECRET_PATHS } from "../config/schema.ts";
import { asObject, getAt, isObject, type JsonObject } from "../shared/json.ts";
import { type Call, CliError } from "./client.ts";
import {
  type Command,
  type Commands,
  numberOption,
  type Options,
  ok,
  readJson,
  type Said,
  transaction,
  view,
} from "./command.ts";
import { formatPlan } from "./format.ts";

export const configCommands: Commands = {
  "config get": {
    usage: "[SETTING] [--draft]",
    help: "the confirmed document, or one setting of it; with --draft the draft's",
    takes: [0, 1],
    async run([setting], options, { call }) {
      const { json } = ok(await call("GET", options.draft === true ? "/api/v1/config/draft" : "/api/v1/config"));
      if (setting === undefined) return { json, text: JSON.stringify(json, null, 2) };
      const keys = setting.split(".");
      // A setting that is not written down has its default.
      const value = getAt(json, keys) ?? getAt((await call("GET", "/api/v1/config/effective")).json, keys);
      if (value === undefined) throw noSetting(setting);
      return { json: value, text: typeof value === "string" ? value : JSON.stringify(value, null, 2) };
    },
  },
  "config set": {
    usage: "SETTING VALUE [SETTING VALUE ...]",
    help: "into the draft; VALUE is JSON, or a text",
    takes: [2, Number.POSITIVE_INFINITY],
    run: (args, _options, { call }) => editDraft(call, pairs(args)),
  },
  "config unset": {
    usage: "SETTING",
    help: "back to the default, in the draft",
    takes: [1, 1],
    // A document that does not mention a secret keeps it.
    run: ([setting = ""], _options, { call }) => editDraft(call, [[setting, isSecret(setting) ? null : undefined]]),
  },
  "config diff": view("/api/v1/config/draft/plan", "what the draft changes, and what that disturbs", (json) =>
    formatPlan(json as ConfigPlan),
  ),
  "config apply": {
    usage: "[FILE] [--confirm-within SECONDS]",
    help: 'tries the draft, or a document of a file ("-": standard input)',
    takes: [0, 1],
    async run([file], options, world) {
      const confirmSeconds = seconds(options);
      if (file === undefined) {
        return transaction(await world.call("POST", "/api/v1/config/draft/apply", { confirmSeconds }));
      }
      const path = `/api/v1/config?confirmSeconds=${confirmSeconds}`;
      return transaction(await world.call("PUT", path, readJson(world, file), { "If-Match": "*" }));
    },
  },
  "config confirm": decide("confirm", "keeps what is tried"),
  "config rollback": decide("rollback", "gives up what is tried"),
  "config discard": {
    usage: "",
    help: "drops the draft",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      ok(await call("DELETE", "/api/v1/config/draft"));
      return { json: null, text: "The draft is dropped." };
    },
  },
  "config history": view("/api/v1/config/history", "the last confirmed documents", (json) =>
    (json as { revision: number; document: unknown }[])
      .map(({ revision, document }) => `${revision}: ${JSON.stringify(document)}`)
      .join("\n"),
  ),
  "config restore": {
    usage: "VERSION [--preview] [--confirm-within SECONDS]",
    help: "tries a version of the history, or says what it would change",
    takes: [1, 1],
    async run([version = ""], options, { call }) {
      if (!/^[0-9]{1,6}$/.test(version)) {
        throw new CliError(`${version} is no version`, "Give its number: scsigate config history lists them.");
      }
      const path = `/api/v1/config/history/${version}`;
      if (options.preview === true) {
        const { json } = ok(await call("GET", `${path}/plan`));
        return { json, text: formatPlan(json as ConfigPlan) };
      }
      return transaction(await call("POST", `${path}/restore?confirmSeconds=${seconds(options)}`));
    },
  },
  backup: {
    usage: "[--secrets]",
    help: "prints a backup",
    takes: [0, 0],
    async run(_args, options, { call }) {
      const { json } = ok(await call("GET", `/api/v1/backup?secrets=${options.secrets === true}`));
      return { json, text: JSON.stringify(json, null, 2) };
    },
  },
  restore: {
    usage: "FILE [--preview] [--confirm-within SECONDS]",
    help: "tries a backup, or says what it would change",
    takes: [1, 1],
    async run([file = ""], options, world) {
      const backup = readJson(world, file);
      if (options.preview === true) {
        const { json } = ok(await world.call("POST", "/api/v1/restore/plan", backup));
        return { json, text: formatPlan(json as ConfigPlan) };
      }
      return transaction(await world.call("POST", `/api/v1/restore?confirmSeconds=${seconds(options)}`, backup));
    },
  },
};

function decide(decision: "confirm" | "rollback", help: string): Command {
  return {
    usage: "",
    help,
    takes: [0, 0],
    run: async (_args, _options, { call }) => transaction(await call("POST", `/api/v1/config/${decision}`, {})),
  };
}

function seconds(options: Options): number {
  return numberOption(options, "confirm-within", 120, [10, 3600]);
}

/** Settings with their values, as the command line has them. */
function pairs(args: readonly string[]): [string, unknown][] {
  const last = args.at(-1);
  if (args.length % 2 === 1) {
    throw new CliError(`there is no value for ${last}`, "Give each setting its value: SETTING VALUE SETTING VALUE.");
  }
  return args.flatMap((setting, place) =>
    place % 2 === 1 ? [] : [[setting, valueAs(setting, args[place + 1] ?? "")]],
  );
}

function isSecret(setting: string): boolean {
  return SECRET_PATHS.some((path) => path.join(".") === setting);
}

/** All of the values at once, or none where one of the settings is not there. */
async function editDraft(call: Call, values: readonly (readonly [string, unknown])[]): Promise<Said> {
  const { json: draft } = ok(await call("GET", "/api/v1/config/draft"));
  const { json: effective } = ok(await call("GET", "/api/v1/config/effective"));
  let changed: unknown = { ...asObject(draft) };
  for (const [setting, value] of values) {
    const keys = setting.split(".");
    const base = { ...asObject(changed) };
    // A list that is not written down is the default one: to change an entry of it, all of it must be.
    const [top = ""] = keys;
    const fallback = getAt(effective, [top]);
    if (keys.length > 1 && !Object.hasOwn(base, top) && Array.isArray(fallback)) base[top] = fallback;
    changed = withValue(base, keys, value, setting);
  }
  ok(await call("PUT", "/api/v1/config/draft", changed));
  return { json: changed, text: "In the draft. See: scsigate config diff; then: scsigate config apply" };
}

/**
 * A copy with one value set, or removed where it is undefined. Sections on the way come into being, list entries do
 * not.
 */
function withValue(target: unknown, keys: readonly string[], value: unknown, setting: string): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (Array.isArray(target)) {
    const index = Number(key);
    if (!/^[0-9]+$/.test(key) || index > target.length) throw noSetting(setting);
    if (rest.length === 0 && value === undefined) return target.filter((_, place) => place !== index);
    const next = withValue(target[index], rest, value, setting);
    return index === target.length ? [...target, next] : target.map((item, place) => (place === index ? next : item));
  }
  if (["__proto__", "constructor", "prototype"].includes(key)) throw noSetting(setting);
  const parent: JsonObject = isObject(target) ? { ...target } : {};
  const next = withValue(parent[key], rest, value, setting);
  if (next === undefined) delete parent[key];
  else parent[key] = next;
  return parent;
}

/**
 * true, 5, {"a":1}: JSON. Everything else is a text, so that names need no quotes within quotes. Where the schema wants a text, only
 * null and what is in quotation marks is JSON: a password may look like a number.
 */
function valueAs(setting: string, text: string): unknown {
  if (isText(setting.split(".")) && text !== "null" && !text.startsWith('"')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function noSetting(setting: string): CliError {
  return new CliError(`there is no setting ${setting}`, "docs/configuration.md and `scsigate config get` list them.");
}
