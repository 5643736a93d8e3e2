// SPDX-License-Identifier: Apache-2.0
/** What a command of the command line is, and what all of them need. */
import type { Transaction } from "../api/config.ts";
import { errnoOf } from "../shared/errors.ts";
import { asObject, formatPointer } from "../shared/json.ts";
import { type Call, CliError, type Reply, type Upload } from "./client.ts";
import { formatTransaction } from "./format.ts";

export interface CliWorld {
  call: Call;
  upload: Upload;
  /** Waits, milliseconds. */
  pause: (milliseconds: number) => Promise<void>;
  out: (text: string) => void;
  err: (text: string) => void;
  /** A file, or "-" for standard input. */
  read: (path: string) => string;
  /** Writes a file that is not there yet. */
  write: (path: string, data: Buffer) => void;
  /** Whether somebody may have a shell. @throws CliError when not */
  login: (name: string, password: string) => Promise<void>;
  /** Of this program. */
  version: () => string;
}

export const OPTIONS = {
  json: { type: "boolean" },
  draft: { type: "boolean" },
  preview: { type: "boolean" },
  secrets: { type: "boolean" },
  yes: { type: "boolean" },
  "allow-downgrade": { type: "boolean" },
  reboot: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
  lines: { type: "string" },
  seconds: { type: "string" },
  segment: { type: "string" },
  "confirm-within": { type: "string" },
} as const;

export type Options = {
  [name in keyof typeof OPTIONS]?: (typeof OPTIONS)[name]["type"] extends "boolean" ? boolean : string;
};

/** What a command answers with, for --json, and how people read it. */
export interface Said {
  json: unknown;
  text: string;
}

export interface Command {
  /** Its arguments and options, as the usage shows them. */
  usage: string;
  /** What it does, in one line; with line feeds where it is more. */
  help: string;
  /** How many arguments it takes, at least and at most. */
  takes: [number, number];
  run(args: string[], options: Options, world: CliWorld): Promise<Said>;
}

export type Commands = Record<string, Command>;

/** A command that shows what is at a path of the API. */
export function view(path: string, help: string, format: (json: unknown) => string): Command {
  return {
    usage: "",
    help,
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const { json } = ok(await call("GET", path));
      return { json, text: format(json) };
    },
  };
}

export function transaction(reply: Reply): Said {
  const { json } = ok(reply);
  return { json, text: formatTransaction(json as Transaction) };
}

/** The whole number that an option gives, or the usual one. @throws CliError when it is none, or out of range */
export function numberOption(
  options: Options,
  name: "lines" | "seconds" | "confirm-within",
  usual: number,
  [least, most]: [number, number],
): number {
  const text = options[name];
  if (text === undefined) return usual;
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
  const unit = name === "lines" ? "lines" : "seconds";
  throw new CliError(`--${name} takes ${least} to ${most} ${unit}`, `Give it a whole number of ${unit}.`);
}

/** Refuses what cannot be taken back, unless somebody says that it is meant. @throws CliError */
export function sure(options: Options, what: string): void {
  if (options.yes !== true) throw new CliError(`this ${what}`, "Say --yes when that is meant.");
}

export function readText({ read }: CliWorld, file: string): string {
  try {
    return read(file);
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), "Check the file's name.");
  }
}

export function readJson(world: CliWorld, file: string): unknown {
  const text = readText(world, file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`, "Correct it.");
  }
}

/** The reply itself. @throws CliError in the words of the gateway, when it refused */
export function ok(reply: Reply): Reply {
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

/** The file must not be there yet. @throws CliError */
export function save(file: string, body: Buffer, { write }: CliWorld): Said {
  try {
    write(file, body);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw new CliError(`${file} exists already`, "Remove it, or name another one.");
    const message = error instanceof Error ? error.message : String(error);
    throw new CliError(message, "Name a file in a folder that can be written, such as /run.");
  }
  return { json: { file, bytes: body.length }, text: `${file}: ${body.length} bytes` };
}
