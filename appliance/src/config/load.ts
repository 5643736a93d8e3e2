// SPDX-License-Identifier: Apache-2.0
/**
 * From the document's text to a configuration. A gateway must stay reachable whatever is in it: of an invalid document,
 * every part that is valid is used, and the rest falls back to defaults (for a segment: it is left out, so nothing is
 * exported by mistake).
 */
import type { ConfigError } from "../api/status.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import { withoutMark } from "../shared/text.ts";
import { migrate } from "./migrations.ts";
import { joinSecrets, type Secrets, splitSecrets } from "./secrets.ts";
import type { Config } from "./types.ts";
import { defaultConfig, validate } from "./validate.ts";

export interface LoadedConfig {
  /** What the gateway runs with. */
  config: Config;
  source: "file" | "history" | "defaults";
  /** Empty when the document is valid, or absent. */
  errors: ConfigError[];
}

/** A document that could be read. */
export interface ReadDocument {
  loaded: LoadedConfig;
  /** In the current form, without secrets. */
  document: unknown;
  secrets: Secrets;
  /** Differs from the text: it had an older form, or secrets in it. */
  rewritten: boolean;
}

/** Longest document that is read, bytes: 16 segments with 63 initiators each stay below. */
export const MAX_DOCUMENT = 1024 * 1024;

/** @returns the document, or why the text is none */
export function readDocument(text: string, secrets: Secrets): ReadDocument | ConfigError {
  if (Buffer.byteLength(text) > MAX_DOCUMENT) return lost("the document is longer than 1 MiB");
  let value: unknown;
  try {
    value = JSON.parse(withoutMark(text));
  } catch (error) {
    return lost(`this is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value)) return lost("the document is not an object");
  const migrated = migrate(value);
  if (migrated.tooNew !== undefined) return lost(`the document has form ${migrated.tooNew}, of a newer version`);
  const split = splitSecrets(migrated.document, secrets);
  const rewritten = migrated.from !== undefined || JSON.stringify(split.document) !== JSON.stringify(migrated.document);
  return { ...split, rewritten, loaded: salvage(joinSecrets(split.document, split.secrets)) };
}

/** Whether a newer program has written it, in a form that this one does not know. */
export function isOfNewerForm(text: string): boolean {
  try {
    return migrate(JSON.parse(withoutMark(text))).tooNew !== undefined;
  } catch {
    return false;
  }
}

export function isDocument(result: ReadDocument | ConfigError): result is ReadDocument {
  return "loaded" in result;
}

/** The document as far as it is valid; the errors of all that is not. */
export function salvage(document: unknown): LoadedConfig {
  const first = validate(document);
  if (first.valid) return { config: first.config, source: "file", errors: [] };
  const remaining: unknown = structuredClone(document);
  if (isObject(remaining)) {
    // Each round removes at least one part, so it ends; 64 rounds are 16 segments and all sections with room to spare.
    for (let round = 0; round < 64; round++) {
      const result = validate(remaining);
      if (result.valid) return { config: result.config, source: "file", errors: first.errors };
      const paths = result.errors.map((error) => error.path);
      if (!removeParts(remaining, paths)) break;
    }
  }
  return { config: defaultConfig(), source: "defaults", errors: first.errors };
}

/** Removes the sections, or single segments, that the paths point into. False when there is nothing to remove. */
function removeParts(document: JsonObject, paths: string[]): boolean {
  let removed = false;
  const segments = document["segments"];
  const badSegments = new Set<number>();
  for (const path of paths) {
    const [, section = "", index = ""] = path.split("/");
    if (section === "segments" && Array.isArray(segments) && /^[0-9]+$/.test(index)) badSegments.add(Number(index));
    else if (section !== "" && section !== "version" && section in document) {
      // An invalid list of segments must not turn into the default segment.
      if (section === "segments") document["segments"] = Array.isArray(segments) ? segments.slice(0, 16) : [];
      else delete document[section];
      removed = true;
    }
  }
  if (Array.isArray(segments) && badSegments.size > 0) {
    document["segments"] = segments.filter((_, index) => !badSegments.has(index));
    removed = true;
  }
  if (paths.some((path) => path.startsWith("/encryption"))) removeTunnels(document);
  return removed;
}

/** What was to be encrypted, or may have been, does not go in the clear. */
function removeTunnels(document: JsonObject): void {
  const { mesh, segments } = document;
  if (isObject(mesh)) delete mesh["peers"];
  if (Array.isArray(segments)) {
    document["segments"] = segments.filter((segment) => !isObject(segment) || segment["extend"] === undefined);
  }
}

function lost(message: string): ConfigError {
  return { path: "", message, nextStep: "Correct the file, restore a backup, or apply a configuration anew." };
}
