// SPDX-License-Identifier: Apache-2.0
/**
 * Passwords and keys of the configuration are kept in a file of their own. A document that comes in may carry them; the
 * one that is stored, shown, exported and kept as history does not.
 */
import { formatPointer, getAt, isObject, type JsonObject } from "../shared/json.ts";
import { SECRET_PATHS } from "./schema.ts";

/** Secret values by JSON Pointer. */
export type Secrets = Readonly<Record<string, string>>;

/**
 * Parts a document from its secrets.
 * @param before secrets that hold where the document says nothing; a null in the document removes one.
 */
export function splitSecrets(
  document: unknown,
  before: Secrets,
  paths = SECRET_PATHS,
): { document: unknown; secrets: Secrets } {
  const rest: unknown = structuredClone(document);
  const secrets: Record<string, string> = { ...before };
  for (const path of paths) {
    const parent = getAt(rest, path.slice(0, -1));
    const key = path.at(-1) ?? "";
    if (!isObject(parent) || !Object.hasOwn(parent, key)) continue;
    const value = parent[key];
    if (value === null) delete secrets[formatPointer(path)];
    else if (typeof value === "string") secrets[formatPointer(path)] = value;
    else continue; // stays, for the validation to complain about
    delete parent[key];
  }
  return { document: rest, secrets };
}

/** The document as the gateway's parts see it: with its secrets. */
export function joinSecrets(document: unknown, secrets: Secrets, paths = SECRET_PATHS): unknown {
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
