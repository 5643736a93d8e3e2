// SPDX-License-Identifier: Apache-2.0
/**
 * scsigate.json: what an image is prepared with before its first start. People write it with whatever editor they have,
 * so the marks that editors put at the beginning, and their line ends, are fine.
 */
import { validatePrepared } from "#prepare-validator";
import type { Scope } from "../api/access.ts";
import type { ConfigError } from "../api/status.ts";
import { asObject, isObject, type JsonObject, placeOfError } from "../shared/json.ts";
import { decodeText } from "../shared/text.ts";
import { migrate } from "./migrations.ts";
import { explainAll, validate } from "./validate.ts";

export interface PreparedUser {
  name: string;
  scope: Scope;
  /** One of these two. */
  password?: string;
  passwordHash?: string;
}

export interface Prepared {
  /** The configuration document, with its secrets; undefined: it says nothing of it. */
  document: JsonObject | undefined;
  users: PreparedUser[];
  /** How many SSH keys came beside the document's own. */
  sshKeys: number;
}

export type PreparedResult = { valid: true; prepared: Prepared } | { valid: false; errors: ConfigError[] };

/** @returns everything in it, or everything that is wrong with it: nothing of it holds then */
export function readPrepared(data: Buffer): PreparedResult {
  const text = decodeText(data);
  if (text === undefined) {
    return refused("this is not a text in UTF-8", "Save it as UTF-8: editors offer that when a file is saved.");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refused(
      `this is not JSON: ${placeOfError(text)}`,
      "Look there, and just before: often a comma is missing, or one too many.",
    );
  }
  if (!isObject(value)) return refused("this is not an object", 'Write { "version": 1, ... }.');
  const copy = structuredClone(value);
  const errors: ConfigError[] = [];
  const formed = validatePrepared(copy);
  if (!formed) errors.push(...explainAll(validatePrepared.errors ?? []));
  else errors.push(...checkUsers(copy["users"] as PreparedUser[])); // as the schema has it
  const keys = formed ? (copy["sshKeys"] as string[]) : []; // the same
  const document = documentOf(copy["config"], keys);
  if (document !== undefined) errors.push(...checkDocument(document));
  if (errors.length > 0) return { valid: false, errors };
  return { valid: true, prepared: { document, users: copy["users"] as PreparedUser[], sshKeys: keys.length } };
}

/** With the SSH keys that stand beside it. */
function documentOf(config: unknown, keys: readonly unknown[]): JsonObject | undefined {
  if (config !== undefined && !isObject(config)) return undefined; // it is told of already
  const migrated = migrate(config).document;
  if (keys.length === 0) return isObject(migrated) ? migrated : undefined;
  const base = isObject(migrated) ? migrated : { version: 1 };
  const ssh = asObject(base["ssh"]);
  const own = Array.isArray(ssh["keys"]) ? ssh["keys"] : [];
  return { ...base, ssh: { enabled: true, ...ssh, keys: [...new Set([...own, ...keys])] } };
}

function checkDocument(document: JsonObject): ConfigError[] {
  const { tooNew } = migrate(document);
  if (tooNew !== undefined) {
    const message = `the document has form ${tooNew}, of a newer version`;
    return [{ path: "/config/version", message, nextStep: "Use a newer image, or write the document in form 1." }];
  }
  const result = validate(document);
  if (result.valid) return [];
  return result.errors.map((error) => ({ ...error, path: `/config${error.path}` }));
}

function checkUsers(users: readonly PreparedUser[]): ConfigError[] {
  const errors: ConfigError[] = [];
  const tell = (path: string, message: string, nextStep: string) => errors.push({ path, message, nextStep });
  users.forEach(({ name, password, passwordHash }, index) => {
    const path = `/users/${index}`;
    if (password !== undefined && passwordHash !== undefined) {
      tell(path, "there is a password and a hash as well", 'Leave "password" or "passwordHash" out.');
    }
    if (password === undefined && passwordHash === undefined) {
      tell(
        path,
        "there is no password",
        'Add "password", or "passwordHash" with what `scsigate hash-password` prints.',
      );
    }
    if (users.findIndex((user) => user.name === name) < index) {
      tell(`${path}/name`, `${name} is there twice`, "Give each user a name of their own.");
    }
  });
  if (users.length > 0 && !users.some(({ scope }) => scope === "admin")) {
    tell("/users", "there would be no administrator", 'Give one of them "scope": "admin".');
  }
  return errors;
}

function refused(message: string, nextStep: string): PreparedResult {
  return { valid: false, errors: [{ path: "", message, nextStep }] };
}
