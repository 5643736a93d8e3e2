// SPDX-License-Identifier: Apache-2.0
/** Checks a configuration document: the schema first, then what a schema cannot say. */
import { type SchemaError, validateConfig } from "#config-validator";
import type { ConfigError } from "../api/status.ts";
import { machine } from "../shared/machine.ts";
import { nearest } from "../shared/spelling.ts";
import { outOfBounds, tooLongList } from "./bounds.ts";
import { checkMeaning } from "./meaning.ts";
import type { Config } from "./types.ts";

/** Nobody reads more of them at once. */
const MAX_ERRORS = 200;

export type Validation = { valid: true; config: Config } | { valid: false; errors: ConfigError[] };

/**
 * @param document any JSON value; it is not changed.
 * @returns the document with defaults filled in, or everything that is wrong with it.
 */
export function validate(document: unknown): Validation {
  const beyond = outOfBounds(document) ?? tooLongList(document);
  if (beyond !== undefined) return { valid: false, errors: [beyond] };
  const copy: unknown = structuredClone(document);
  if (!validateConfig(copy)) {
    return { valid: false, errors: explainAll(validateConfig.errors ?? []) };
  }
  const config = copy as Config; // what the schema accepts has this type: test/config/validate.test.ts
  const errors = checkMeaning(config);
  return errors.length === 0 ? { valid: true, config } : { valid: false, errors };
}

/**
 * A guest takes nothing until it is told to, and neither the ports that a host's own web server has. On what it is given
 * later, SSH goes on.
 */
const GUEST_DOCUMENT = {
  version: 1,
  segments: [],
  http: { port: 8080, httpsPort: 8443, publicHttpsPort: 8443 },
  firewall: { rules: [{ name: "ssh", action: "accept", from: "lan", to: "gateway", protocol: "tcp", ports: ["22"] }] },
};

/** What there is before anybody has set anything. */
export function defaultDocument(guest: boolean = machine.guest): unknown {
  return guest ? structuredClone(GUEST_DOCUMENT) : { version: 1 };
}

/** What holds when there is no document. */
export function defaultConfig(guest: boolean = machine.guest): Config {
  const result = validate(defaultDocument(guest));
  if (!result.valid) throw new Error(`the defaults are invalid: ${JSON.stringify(result.errors)}`);
  return result.config;
}

/** What a schema's errors mean for whoever wrote the document. */
export function explainAll(errors: readonly SchemaError[]): ConfigError[] {
  return distinct(errors.slice(0, MAX_ERRORS).map(explain));
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
      const near = nearest(key, known);
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
      return { path, message: `${value} ${complaint(error)}`, nextStep: hint(schema) };
    }
  }
}

const KINDS: Record<string, string> = {
  integer: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "a section with settings",
};

/** What is wrong with a value, in words for who wrote it; the pattern itself says nothing to most. */
function complaint({ keyword, params, message }: SchemaError): string {
  const limit = Number(params["limit"]);
  switch (keyword) {
    case "pattern":
      return "does not have the right form";
    case "type":
      return `is not ${KINDS[String(params["type"])] ?? String(params["type"])}`;
    case "minimum":
      return `is too small: ${limit} is the least`;
    case "maximum":
      return `is too large: ${limit} is the most`;
    case "minLength":
      return limit === 1 ? "is empty" : `is too short: it takes ${limit} characters`;
    case "maxLength":
      return `is too long: ${limit} characters are the most`;
    case "minItems":
      return limit === 1 ? "is empty: it takes an entry" : `is too short: it takes ${limit} entries`;
    case "maxItems":
      return `is too long: ${limit} entries are the most`;
    case "uniqueItems":
      return "has an entry twice";
    default:
      return message ?? "is not valid";
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
