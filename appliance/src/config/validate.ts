// SPDX-License-Identifier: Apache-2.0
/** Checks a configuration document: the schema first, then what a schema cannot say. */
import { type SchemaError, validateConfig } from "#config-validator";
import type { ConfigError } from "../api/status.ts";
import { checkMeaning } from "./meaning.ts";
import type { Config } from "./types.ts";

export type Validation = { valid: true; config: Config } | { valid: false; errors: ConfigError[] };

/**
 * @param document any JSON value; it is not changed.
 * @returns the document with defaults filled in, or everything that is wrong with it.
 */
export function validate(document: unknown): Validation {
  const copy: unknown = structuredClone(document);
  if (!validateConfig(copy)) {
    return { valid: false, errors: distinct((validateConfig.errors ?? []).map(explain)) };
  }
  const config = copy as Config; // what the schema accepts has this type: test/config/validate.test.ts
  const errors = checkMeaning(config);
  return errors.length === 0 ? { valid: true, config } : { valid: false, errors };
}

/** The document that holds when there is none. */
export function defaultConfig(): Config {
  const result = validate({ version: 1 });
  if (!result.valid) throw new Error(`the defaults are invalid: ${JSON.stringify(result.errors)}`);
  return result.config;
}

/** One schema error in words that say where, what, and what to do next. */
function explain(error: SchemaError): ConfigError {
  const schema = error.parentSchema ?? {};
  const path = error.instancePath;
  switch (error.keyword) {
    case "required": {
      const key = String(error.params["missingProperty"]);
      return { path, message: `${key} is missing`, nextStep: `Add "${key}".${describe(schema, key)}` };
    }
    case "additionalProperties": {
      const key = String(error.params["additionalProperty"]);
      const known = Object.keys(asRecord(schema["properties"]));
      const near = known.find((name) => distance(name.toLowerCase(), key.toLowerCase()) <= 2);
      const nextStep =
        near === undefined ? `Remove it; known here: ${known.join(", ")}.` : `Did you mean "${near}"? Else remove it.`;
      return { path: `${path}/${escapePointer(key)}`, message: `${key} is not a setting`, nextStep };
    }
    case "discriminator": {
      const tag = String(error.params["tag"]);
      const allowed = alternatives(schema, tag);
      return {
        path: `${path}/${tag}`,
        message: `${JSON.stringify(error.params["tagValue"])} is none of: ${allowed.join(", ")}`,
        nextStep: `Set "${tag}" to one of: ${allowed.join(", ")}.`,
      };
    }
    case "enum":
    case "const": {
      const allowed =
        error.keyword === "enum" ? (error.params["allowedValues"] as unknown[]) : [error.params["allowedValue"]];
      const list = allowed.map((value) => JSON.stringify(value)).join(", ");
      return { path, message: `${show(error.data)} is not allowed`, nextStep: `Use ${list}.` };
    }
    default: {
      const value = schema["secret"] === true ? "the secret" : show(error.data);
      return { path, message: `${value} ${error.message ?? "is not valid"}`, nextStep: hint(schema) };
    }
  }
}

function hint(schema: Record<string, unknown>): string {
  const description = typeof schema["description"] === "string" ? schema["description"] : "See docs/configuration.md.";
  const examples = Array.isArray(schema["examples"]) ? schema["examples"] : [];
  return examples.length === 0
    ? description
    : `${description} Example: ${examples.map((e) => JSON.stringify(e)).join(" or ")}.`;
}

function describe(schema: Record<string, unknown>, key: string): string {
  const text = asRecord(asRecord(schema["properties"])[key])["description"];
  return typeof text === "string" ? ` ${text}` : "";
}

function alternatives(schema: Record<string, unknown>, tag: string): string[] {
  const branches = Array.isArray(schema["oneOf"]) ? schema["oneOf"] : [];
  return branches.map((branch) => String(asRecord(asRecord(asRecord(branch)["properties"])[tag])["const"]));
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** A value as it stands in the document, cut to what fits a line. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function distinct(errors: ConfigError[]): ConfigError[] {
  const seen = new Map(errors.map((error) => [`${error.path} ${error.message}`, error]));
  return [...seen.values()];
}

/** Edits (insert, remove, replace) between two words; for guessing what a mistyped key was meant to be. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
