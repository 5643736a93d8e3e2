// SPDX-License-Identifier: Apache-2.0
/**
 * An archive for whoever helps. What is secret is not in it; names and addresses are, for without them nobody can help.
 * No part of it should have a secret in the first place; all of it is searched for them nevertheless.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { toProblem } from "../shared/errors.ts";
import type { LogBuffer } from "../shared/logBuffer.ts";
import { makeTar } from "../shared/tar.ts";
import type { Configuration } from "./configuration.ts";
import type { Diagnosis } from "./diagnosis/diagnosis.ts";
import type { Part } from "./environment.ts";
import type { GatewayState } from "./gatewayState.ts";
import type { Monitor } from "./monitor.ts";

/** All that the buffer has. */
const LINES = 500;
/** Shorter ones could be a part of anything; they are kept out by never being put in, characters. */
const MIN_SECRET = 4;
/** A line of a key that is long enough to be told from other text, characters. */
const MIN_LINE = 16;
const HIDDEN = "(secret)";

export interface SupportArchive {
  /** For the file. */
  name: string;
  /** A .tar.gz. */
  data: Buffer;
}

export interface SupportParts {
  environment: Part<"clock", never, "inspect">;
  state: GatewayState;
  monitor: Monitor;
  configuration: Configuration;
  diagnosis: Diagnosis;
  logs: LogBuffer;
  /** Everything that must not be in it. */
  secrets: () => string[];
}

export async function makeSupportArchive(parts: SupportParts): Promise<SupportArchive> {
  const { environment, state, monitor, configuration, diagnosis, logs, secrets } = parts;
  const { clock, executor } = environment;
  const now = clock.now();
  const created = new Date(now).toISOString();
  const [machine, findings] = await Promise.all([
    executor.inspect().catch((error: unknown) => [{ name: "missing.txt", content: `${toProblem(error).message}\n` }]),
    diagnosis.run().catch((error: unknown) => toProblem(error)),
  ]);
  const hide = redactor(secrets());
  const files: [string, string][] = [
    ["about.json", pretty({ format: "scsigate-support/1", created, ...state.version })],
    ["status.json", pretty(await monitor.fresh())],
    ["adapters.json", pretty(monitor.adapters())],
    ["config.json", pretty(configuration.document)],
    ["secrets-set.json", pretty(configuration.secretNames)],
    ["transaction.json", pretty(configuration.transaction ?? null)],
    ["diagnosis.json", pretty(findings)],
    [
      "log.jsonl",
      logs
        .last(LINES)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(""),
    ],
    ...machine.map(({ name, content }): [string, string] => [`machine/${name}`, content]),
  ];
  const folder = `scsigate-support-${created.slice(0, 10)}`;
  const tar = makeTar(
    files.map(([name, text]) => ({ name: `${folder}/${name}`, content: Buffer.from(hide(text)) })),
    now,
  );
  return { name: `${folder}.tar.gz`, data: await promisify(gzip)(tar) };
}

/** @returns what replaces secrets, as they are and as JSON writes them, also line by line */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = secrets.flatMap((secret) => [
    ...(secret.trim().length >= MIN_SECRET ? [secret.trim(), JSON.stringify(secret.trim()).slice(1, -1)] : []),
    ...secret.split("\n").filter((line) => line.length >= MIN_LINE && !line.startsWith("-----")),
  ]);
  // The longest first: a part of one may be another one.
  const all = [...new Set(forms)].sort((one, other) => other.length - one.length);
  return (text) => all.reduce((rest, form) => rest.replaceAll(form, HIDDEN), text);
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
