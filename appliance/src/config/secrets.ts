// SPDX-License-Identifier: Apache-2.0
/**
 * Passwords and keys of the configuration are kept in a file of their own. A document that comes in may carry them; the
 * one that is stored, shown, exported and kept as history does not.
 */
import { formatPointer, getAt, isObject, type JsonObject } from "../shared/json.ts";
import { SECRET_PATHS } from "./schema.ts";

/** Secret values by JSON Pointer. */
export type Secrets = Readonly<Record<string, string>>;

/** What a document says of secrets, by JSON Pointer: a text sets one, null removes one. */
export type SecretChanges = Readonly<Record<string, string | null>>;

/** Parts a document from what it says of secrets. */
export function takeSecrets(document: unknown, paths = SECRET_PATHS): { document: unknown; changes: SecretChanges } {
  const rest: unknown = structuredClone(document);
  const changes: Record<string, string | null> = {};
  for (const path of paths) {
    const parent = getAt(rest, path.slice(0, -1));
    const key = path.at(-1) ?? "";
    if (!isObject(parent) || !Object.hasOwn(parent, key)) continue;
    const value = parent[key];
    if (value !== null && typeof value !== "string") continue; // stays, for the validation to complain about
    changes[formatPointer(path)] = value;
    delete parent[key];
  }
  return { document: rest, changes };
}

/**
 * Parts a document from its secrets.
 * @param before secrets that hold where the document says nothing; a null in the document removes one.
 */
export function splitSecrets(
  document: unknown,
  before: Secrets,
  paths = SECRET_PATHS,
): { document: unknown; secrets: Secrets } {
  const { document: rest, changes } = takeSecrets(document, paths);
  return { document: rest, secrets: parseSecrets({ ...before, ...changes }) };
}

/** The document as the gateway's parts see it: with its secrets. The reverse of takeSecrets, too. */
export function joinSecrets(document: unknown, secrets: SecretChanges, paths = SECRET_PATHS): unknown {
  const whole: unknown = structuredClone(document);
  for (const path of paths) {
    const value = secrets[formatPointer(path)];
    if (value === undefined || !isObject(whole)) continue;
    let parent: JsonObject = whole;
    for (const key of path.slice(0, -1)) {
      const next = parent[key];
      parent[key] = isObject(next) ? next : {};
      parent = parent[key] as JsonObject;
    }
    parent[path.at(-1) ?? ""] = value;
  }
  return whole;
}

/** Only what a secrets file may contain; everything else is left out. */
export function parseSecrets(value: unknown): Secrets {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
