// SPDX-License-Identifier: Apache-2.0
/**
 * How much of a value is looked at, whoever sends it. A megabyte of JSON can be a list of 300,000 segments, each of which would get
 * its defaults, or an object of 100,000 levels: what takes memory or time out of proportion is refused before anything else is done.
 */
import type { ConfigError } from "../api/status.ts";
import { formatPointer, isObject, type JsonObject } from "../shared/json.ts";
import { below, configSchema } from "./schema.ts";

/** Levels below the whole. The configuration has eight. */
const MAX_DEPTH = 32;
/** Values in all. The largest configuration that the schema allows has fewer than 30,000. */
const MAX_VALUES = 60_000;
/** Characters. The longest name of a setting has 24. */
const MAX_KEY = 128;
/** Characters of a path that is told. */
const LONGEST_PATH = 200;

/** @returns why this is more than anybody means; undefined for all that is in bounds */
export function outOfBounds(value: unknown): ConfigError | undefined {
  let left = MAX_VALUES;
  const visit = (inside: unknown, path: readonly string[]): ConfigError | undefined => {
    if (--left < 0) return tooMuch([], `more than ${MAX_VALUES} values`);
    if (typeof inside !== "object" || inside === null) return undefined;
    if (path.length >= MAX_DEPTH) return tooMuch(path, `more than ${MAX_DEPTH} levels`);
    for (const key in inside) {
      if (key.length > MAX_KEY) return tooMuch(path, `a name of ${key.length} characters`);
      const found = visit((inside as JsonObject)[key], [...path, key]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(value, []);
}

/** @returns the first list of a document that is longer than the schema allows; only for what is in bounds otherwise */
export function tooLongList(document: unknown): ConfigError | undefined {
  const visit = (value: unknown, path: readonly string[], schemas: readonly JsonObject[]): ConfigError | undefined => {
    if (Array.isArray(value)) {
      const limits = schemas.map(({ maxItems }) => maxItems).filter((limit) => typeof limit === "number");
      const limit = Math.max(...limits);
      if (limits.length > 0 && value.length > limit) {
        const message = `${value.length} entries are too many: the longest list here has ${limit}`;
        return { path: formatPointer(path), message, nextStep: "Leave out what is not needed." };
      }
    }
    if (!Array.isArray(value) && !isObject(value)) return undefined;
    for (const [key, inside] of Object.entries(value)) {
      const found = visit(inside, [...path, key], below(schemas, key));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(document, [], [configSchema]);
}

function tooMuch(path: readonly string[], what: string): ConfigError {
  const message = `the document has ${what}: that is more than it can have`;
  return { path: formatPointer(path).slice(0, LONGEST_PATH), message, nextStep: "Send a configuration." };
}
