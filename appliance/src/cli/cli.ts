// SPDX-License-Identifier: Apache-2.0
/** Commands, their arguments, and what they print: text for people, or with --json what the API answered. */
import { parseArgs } from "node:util";
import type { ConfigPlan, Transaction } from "../api/config.ts";
import type { Diagnosis } from "../api/diagnosis.ts";
import { SECRET_PATHS } from "../config/schema.ts";
import { errnoOf } from "../shared/errors.ts";
import { asObject, formatPointer, getAt, isObject, type JsonObject } from "../shared/json.ts";
import { type Call, CliError, type Reply } from "./client.ts";
import {
  formatAdapters,
  formatCertificate,
  formatDiagnosis,
  formatLogs,
  formatPeers,
  formatPlan,
  formatStatus,
  formatTransaction,
} from "./format.ts";

export interface CliWorld {
  call: Call;
  out: (text: string) => void;
  err: (text: string) => void;
  /** A file, or "-" for standard input. */
  read: (path: string) => string;
  /** Writes a file that is not there yet. */
  write: (path: string, data: Buffer) => void;
}

const USAGE = `Usage: scsigate COMMAND [--json]

  status                                 the gateway, its segments, and what is wrong
  peers                                  all stations
  diagnose                               the chain from adapter to LAN, and what to do about a broken link
  adapters                               what can export a segment, and what keeps it from that
  logs [--lines N]                       the service's last log lines
  config get [SETTING]                   the confirmed document, or one setting of it; with --draft the draft's
  config set SETTING VALUE [SETTING VALUE ...]
                                         into the draft; VALUE is JSON, or a text
  config unset SETTING                   back to the default, in the draft
  config diff                            what the draft changes, and what that disturbs
  config apply [FILE] [--confirm-within SECONDS]
                                         tries the draft, or a document of a file ("-": standard input)
  config confirm | rollback              keeps or gives up what is tried
  config discard                         drops the draft
  config history                         the last confirmed documents
  backup [--secrets]                     prints a backup
  restore FILE [--preview] [--confirm-within SECONDS]
                                         tries a backup, or says what it would change
  certificate                            the page's certificate, and how long it holds
  certificate pem                        prints it
  certificate set CERTIFICATE KEY        replaces it by those of two PEM files, at once
  certificate regenerate                 makes a new key and a self-signed certificate
  support [FILE]                         writes what helps to find a fault, without secrets, as a .tar.gz
  restart --yes                          starts the supervisor anew; forwarding goes on
  reboot --yes                           restarts the machine
  user set NAME SCOPE                    makes a user or changes one; the password comes from standard input
  reset --yes                            factory reset

SETTING is written with dots: mqtt.enabled, segments.0.dhcp.enabled. SCOPE is read, operate or admin.`;

const OPTIONS = {
  json: { type: "boolean" },
  draft: { type: "boolean" },
  preview: { type: "boolean" },
  secrets: { type: "boolean" },
  yes: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  lines: { type: "string" },
  "confirm-within": { type: "string" },
} as const;

type Options = ReturnType<typeof parse>["values"];

interface Command {
  /** What it answers with, for --json, and how people read it. */
  run(args: string[], options: Options, world: CliWorld): Promise<{ json: unknown; text: string }>;
  /** How many arguments it takes, at least and at most. */
  takes: [number, number];
}

function parse(args: string[]) {
  return parseArgs({ args, options: OPTIONS, allowPositionals: true });
}

/** @returns the exit code: 0 done, 1 refused by the gateway or not reachable, 2 wrong arguments */
export async function runCli(argv: string[], world: CliWorld): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    world.err(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  const { values: options, positionals } = parsed;
  if (options.help === true || positionals[0] === "help") {
    world.out(USAGE);
    return 0;
  }
  const [first = "", second = ""] = positionals;
  const words = first === "config" || first === "user" || `${first} ${second}` in COMMANDS ? 2 : 1;
  const name = positionals.slice(0, words).join(" ");
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const args = positionals.slice(words);
  if (command === undefined || args.length < command.takes[0] || args.length > command.takes[1]) {
    world.err(USAGE);
    return 2;
  }
  try {
    const { json, text } = await command.run(args, options, world);
    world.out(options.json === true ? JSON.stringify(json ?? null) : text);
    return 0;
  } catch (error) {
    const nextStep = error instanceof CliError ? error.nextStep : "Report this: it is a defect.";
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof CliError ? error.code : undefined;
    if (options.json === true) world.err(JSON.stringify({ error: message, code, nextStep }));
    else world.err(`scsigate: ${message}\n${nextStep}`);
    return 1;
  }
}

const COMMANDS: Partial<Record<string, Command>> = {
  status: view("/api/v1/status", formatStatus),
  diagnose: view("/api/v1/diagnosis", (json) => formatDiagnosis(json as Diagnosis)),
  peers: view("/api/v1/peers", formatPeers),
  adapters: view("/api/v1/adapters", formatAdapters),
  logs: {
    takes: [0, 0],
    async run(_args, options, { call }) {
      const { json } = ok(await call("GET", `/api/v1/logs?lines=${Number(options.lines ?? 100)}`));
      return { json, text: formatLogs(json) };
    },
  },
  "config get": {
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
    takes: [2, Number.POSITIVE_INFINITY],
    run: (args, _options, { call }) => editDraft(call, pairs(args)),
  },
  "config unset": {
    takes: [1, 1],
    // A document that does not mention a secret keeps it.
    run: ([setting = ""], _options, { call }) => editDraft(call, [[setting, isSecret(setting) ? null : undefined]]),
  },
  "config diff": view("/api/v1/config/draft/plan", (json) => formatPlan(json as ConfigPlan)),
  "config apply": {
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
  "config confirm": decide("confirm"),
  "config rollback": decide("rollback"),
  "config discard": {
    takes: [0, 0],
    async run(_args, _options, { call }) {
      ok(await call("DELETE", "/api/v1/config/draft"));
      return { json: null, text: "The draft is dropped." };
    },
  },
  "config history": view("/api/v1/config/history", (json) =>
    (json as { revision: number; document: unknown }[])
      .map(({ revision, document }) => `${revision}: ${JSON.stringify(document)}`)
      .join("\n"),
  ),
  backup: {
    takes: [0, 0],
    async run(_args, options, { call }) {
      const { json } = ok(await call("GET", `/api/v1/backup?secrets=${options.secrets === true}`));
      return { json, text: JSON.stringify(json, null, 2) };
    },
  },
  restore: {
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
  certificate: view("/api/v1/system/certificate", formatCertificate),
  "certificate pem": {
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const pem = ok(await call("GET", "/api/v1/system/certificate/pem")).body.toString();
      return { json: { pem }, text: pem.trimEnd() };
    },
  },
  "certificate set": {
    takes: [2, 2],
    async run([certificate = "", key = ""], _options, world) {
      const body = { certificate: readText(world, certificate), key: readText(world, key) };
      const { json } = ok(await world.call("PUT", "/api/v1/system/certificate", body));
      return { json, text: formatCertificate(json) };
    },
  },
  "certificate regenerate": {
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const { json } = ok(await call("POST", "/api/v1/system/certificate/regenerate"));
      return { json, text: formatCertificate(json) };
    },
  },
  support: {
    takes: [0, 1],
    async run([file = "scsigate-support.tar.gz"], _options, world) {
      const { body } = ok(await world.call("GET", "/api/v1/system/support"));
      try {
        world.write(file, body);
      } catch (error) {
        if (errnoOf(error) === "EEXIST")
          throw new CliError(`${file} exists already`, "Remove it, or name another one.");
        const message = error instanceof Error ? error.message : String(error);
        throw new CliError(message, "Name a file in a folder that can be written, such as /run/support.tar.gz.");
      }
      return { json: { file, bytes: body.length }, text: `${file}: ${body.length} bytes` };
    },
  },
  restart: {
    takes: [0, 0],
    async run(_args, options, { call }) {
      if (options.yes !== true) throw new CliError("this starts the supervisor anew", "Say --yes when that is meant.");
      ok(await call("POST", "/api/v1/system/restart"));
      return { json: null, text: "The supervisor starts anew." };
    },
  },
  reboot: {
    takes: [0, 0],
    async run(_args, options, { call }) {
      if (options.yes !== true) throw new CliError("this cuts all stations off", "Say --yes when that is meant.");
      ok(await call("POST", "/api/v1/system/reboot"));
      return { json: null, text: "The machine restarts." };
    },
  },
  "user set": {
    takes: [2, 2],
    async run([name = "", scope = ""], _options, world) {
      const password = world.read("-").replace(/\r?\n$/, "");
      const body = { scope, ...(password === "" ? {} : { password }) };
      const { json } = ok(await world.call("PUT", `/api/v1/users/${encodeURIComponent(name)}`, body));
      return { json, text: `${name} may ${scope}.` };
    },
  },
  reset: {
    takes: [0, 0],
    async run(_args, options, { call }) {
      if (options.yes !== true) throw new CliError("this erases everything", "Say --yes when that is meant.");
      ok(await call("POST", "/api/v1/factory-reset", { confirm: "erase everything" }));
      return { json: null, text: "Everything is erased. The console shows a new setup token." };
    },
  },
};

function view(path: string, format: (json: unknown) => string): Command {
  return {
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const { json } = ok(await call("GET", path));
      return { json, text: format(json) };
    },
  };
}

function decide(decision: "confirm" | "rollback"): Command {
  return {
    takes: [0, 0],
    run: async (_args, _options, { call }) => transaction(await call("POST", `/api/v1/config/${decision}`, {})),
  };
}

function transaction(reply: Reply): { json: unknown; text: string } {
  const { json } = ok(reply);
  return { json, text: formatTransaction(json as Transaction) };
}

/** Settings with their values, as the command line has them. */
function pairs(args: readonly string[]): [string, unknown][] {
  const last = args.at(-1);
  if (args.length % 2 === 1) {
    throw new CliError(`there is no value for ${last}`, "Give each setting its value: SETTING VALUE SETTING VALUE.");
  }
  return args.flatMap((setting, place) => (place % 2 === 1 ? [] : [[setting, literal(args[place + 1] ?? "")]]));
}

function isSecret(setting: string): boolean {
  return SECRET_PATHS.some((path) => path.join(".") === setting);
}

/** All of the values at once, or none where one of the settings is not there. */
async function editDraft(
  call: Call,
  values: readonly (readonly [string, unknown])[],
): Promise<{ json: unknown; text: string }> {
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

/** true, 5, {"a":1}: JSON. Everything else is a text, so that names need no quotes within quotes. */
function literal(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function seconds(options: Options): number {
  const value = Number(options["confirm-within"] ?? 120);
  if (Number.isInteger(value) && value >= 10 && value <= 3600) return value;
  throw new CliError("--confirm-within takes 10 to 3600 seconds", "Give it a whole number of seconds.");
}

function readText({ read }: CliWorld, file: string): string {
  try {
    return read(file);
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), "Check the file's name.");
  }
}

function readJson(world: CliWorld, file: string): unknown {
  const text = readText(world, file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`, "Correct it.");
  }
}

function ok(reply: Reply): Reply {
  if (reply.status < 400) return reply;
  const { title, nextStep, code, errors } = asObject(reply.json);
  const list = Array.isArray(errors) ? errors.map(asObject) : [];
  const lines = list.map(
    ({ path, message, nextStep: hint }) =>
      `\n  ${String(path) || formatPointer([])}: ${String(message)}${hint === undefined ? "" : `. ${String(hint)}`}`,
  );
  const message = `${String(title ?? `status ${reply.status}`)}${lines.join("")}`;
  throw new CliError(message, String(nextStep ?? ""), typeof code === "string" ? code : undefined);
}

function noSetting(setting: string): CliError {
  return new CliError(`there is no setting ${setting}`, "docs/configuration.md and `scsigate config get` list them.");
}
