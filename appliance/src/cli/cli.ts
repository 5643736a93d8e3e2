// SPDX-License-Identifier: Apache-2.0
/** The command line: finds the command, checks what it was given, and prints text for people, or with --json what the API answered. */
import { parseArgs } from "node:util";
import type { Transaction } from "../api/config.ts";
import type { Diagnosis } from "../api/diagnosis.ts";
import type { Status } from "../api/status.ts";
import { nearest } from "../shared/spelling.ts";
import { accessCommands } from "./accessCommands.ts";
import { CliError } from "./client.ts";
import {
  type CliWorld,
  type Command,
  type Commands,
  numberOption,
  OPTIONS,
  type Options,
  ok,
  view,
} from "./command.ts";
import { configCommands } from "./configCommands.ts";
import { formatAdapters, formatDiagnosis, formatLogs, formatStatus } from "./format.ts";
import { stationCommands } from "./stationCommands.ts";
import { systemCommands } from "./systemCommands.ts";

const stateCommands: Commands = {
  status: {
    usage: "",
    help: "the gateway, its segments, what is tried just now, and what is wrong",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      const json = ok(await call("GET", "/api/v1/status")).json as Status;
      const current = ok(await call("GET", "/api/v1/config/transaction")).json as { transaction: Transaction | null };
      return { json, text: formatStatus(json, current.transaction) };
    },
  },
  diagnose: view("/api/v1/diagnosis", "the chain from adapter to LAN, and what to do about a broken link", (json) =>
    formatDiagnosis(json as Diagnosis),
  ),
  adapters: view("/api/v1/adapters", "what can export a segment, and what keeps it from that", formatAdapters),
  logs: {
    usage: "[--lines N]",
    help: "the service's last log lines",
    takes: [0, 0],
    async run(_args, options, { call }) {
      const lines = numberOption(options, "lines", 100, [1, 10_000]);
      const { json } = ok(await call("GET", `/api/v1/logs?lines=${lines}`));
      return { json, text: formatLogs(json) };
    },
  },
};

const COMMANDS: Commands = {
  ...stateCommands,
  ...stationCommands,
  ...configCommands,
  ...accessCommands,
  ...systemCommands,
};

/** Options that each command takes. */
const COMMON = ["json", "help", "version"];
/** Column of the explanations. */
const INDENT = 41;

const USAGE = [
  "Usage: scsigate COMMAND [--json]",
  "",
  ...Object.keys(COMMANDS).map(usageOf),
  "",
  "SETTING is written with dots: mqtt.enabled, segments.0.dhcp.enabled. SCOPE is read, operate or admin.",
  "STATION is a station address, a name, or an IPv4 address. scsigate --version prints this program's version.",
].join("\n");

function usageOf(name: string): string {
  const { usage, help } = COMMANDS[name] as Command;
  const call = `  ${name} ${usage}`.trimEnd();
  const gap = call.length < INDENT ? call.padEnd(INDENT) : `${call}\n${" ".repeat(INDENT)}`;
  return `${gap}${help}`;
}

/** @returns the exit code: 0 done, 1 refused by the gateway or not reachable, 2 wrong arguments */
export async function runCli(argv: string[], world: CliWorld): Promise<number> {
  let options: Options = {};
  try {
    const { values, positionals } = parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
    options = values;
    if (options.version === true) {
      world.out(world.version());
      return 0;
    }
    if (options.help === true || positionals[0] === "help") {
      world.out(positionals.length > 0 && positionals[0] !== "help" ? about(commandOf(positionals).name) : USAGE);
      return 0;
    }
    const { name, args } = commandOf(positionals);
    const command = checked(name, args, options);
    const { json, text } = await command.run(args, options, world);
    world.out(options.json === true ? JSON.stringify(json ?? null) : text);
    return 0;
  } catch (error) {
    return complain(error, options, world);
  }
}

function complain(error: unknown, options: Options, world: CliWorld): number {
  const message = error instanceof Error ? error.message : String(error);
  if (isUsage(error)) {
    world.err(`scsigate: ${message}\n${error instanceof UsageError ? error.nextStep : "scsigate help lists all."}`);
    return 2;
  }
  const nextStep = error instanceof CliError ? error.nextStep : "Report this: it is a defect.";
  const code = error instanceof CliError ? error.code : undefined;
  if (options.json === true) world.err(JSON.stringify({ error: message, code, nextStep }));
  else world.err(`scsigate: ${message}\n${nextStep}`);
  return 1;
}

/** What was typed is no command, or not how it is called. */
class UsageError extends CliError {}

/** Of ours, or of the reader of the options. */
function isUsage(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return error instanceof UsageError || code.startsWith("ERR_PARSE_ARGS");
}

/** The longest command that the words begin with. @throws UsageError when there is none */
function commandOf(words: readonly string[]): { name: string; args: string[] } {
  const [first, second] = words;
  if (first === undefined) throw new UsageError("which command?", USAGE);
  const both = `${first} ${second}`;
  if (second !== undefined && Object.hasOwn(COMMANDS, both)) return { name: both, args: words.slice(2) };
  const names = Object.keys(COMMANDS);
  const group = names.filter((name) => name.startsWith(`${first} `));
  const alone = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (alone !== undefined && (group.length === 0 || words.length - 1 <= alone.takes[1])) {
    return { name: first, args: words.slice(1) };
  }
  if (group.length > 0) {
    const what = second === undefined ? `${first} needs another word` : `${both} is no command`;
    throw new UsageError(what, group.map(usageOf).join("\n"));
  }
  const near = nearest(first, names) ?? nearest(both, names);
  throw new UsageError(
    `there is no command ${first}`,
    near === undefined ? "scsigate help lists all." : `Did you mean this?\n${usageOf(near)}`,
  );
}

/** @throws UsageError when it is not called as it says */
function checked(name: string, args: readonly string[], options: Options): Command {
  const command = COMMANDS[name] as Command;
  const [least, most] = command.takes;
  if (args.length < least) throw new UsageError(`${name} needs more than that`, about(name));
  if (args.length > most) throw new UsageError(`${name} does not take "${args.slice(most).join(" ")}"`, about(name));
  const strange = Object.keys(options).find((one) => !COMMON.includes(one) && !command.usage.includes(`--${one}`));
  if (strange !== undefined) throw new UsageError(`${name} has no option --${strange}`, about(name));
  return command;
}

/** A command, and those that belong to it. */
function about(name: string): string {
  const names = Object.keys(COMMANDS).filter((one) => one === name || one.startsWith(`${name} `));
  return names.map(usageOf).join("\n");
}
