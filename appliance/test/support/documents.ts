// SPDX-License-Identifier: Apache-2.0
/** Values of a JSON Schema's form: what somebody could write who knows nothing but the form. */
import fc, { type Arbitrary } from "fast-check";
import { configSchema, resolve } from "../../src/config/schema.ts";
import { asObject, type JsonObject } from "../../src/shared/json.ts";

/** Of each list, at most so many. */
const MOST = 3;

export function arbitraryOf(raw: JsonObject): Arbitrary<unknown> {
  const schema = resolve(raw);
  if ("const" in schema) return fc.constant(schema["const"]);
  if (Array.isArray(schema["enum"])) return fc.constantFrom(...schema["enum"]);
  if (Array.isArray(schema["oneOf"])) {
    const required = strings(schema["required"]);
    const branches = schema["oneOf"].map(asObject);
    return fc.oneof(
      ...branches.map((one) => arbitraryOf({ ...one, required: [...required, ...strings(one["required"])] })),
    );
  }
  switch (schema["type"]) {
    case "boolean":
      return fc.boolean();
    case "integer":
      return integer(schema);
    case "string":
      return text(schema);
    case "array":
      return list(schema);
    default:
      return object(schema);
  }
}

function object(schema: JsonObject): Arbitrary<unknown> {
  const properties = Object.entries(asObject(schema["properties"]));
  const model = Object.fromEntries(properties.map(([key, property]) => [key, arbitraryOf(asObject(property))]));
  return fc.record(model, { requiredKeys: strings(schema["required"]), noNullPrototype: true });
}

function list({ items, minItems = 0, maxItems = MOST, uniqueItems }: JsonObject): Arbitrary<unknown> {
  const limits = {
    minLength: Number(minItems),
    maxLength: Math.max(Number(minItems), Math.min(Number(maxItems), MOST)),
  };
  const one = arbitraryOf(asObject(items));
  return uniqueItems === true ? fc.uniqueArray(one, { ...limits, selector: JSON.stringify }) : fc.array(one, limits);
}

function integer({ minimum = 0, maximum = 100_000, default: usual }: JsonObject): Arbitrary<unknown> {
  const any = fc.integer({ min: Number(minimum), max: Number(maximum) });
  return usual === undefined ? any : fc.oneof(any, fc.constant(usual));
}

function text(schema: JsonObject): Arbitrary<unknown> {
  const { pattern, maxLength = 200, minLength = 0, examples, default: usual } = schema;
  const known = [...strings(examples), ...strings([usual])];
  // What the generator of texts by pattern does not know: what must not follow.
  const any =
    typeof pattern !== "string"
      ? fc.string({ maxLength: Math.min(20, Number(maxLength)) })
      : fc.stringMatching(new RegExp(pattern.replaceAll(/\(\?!.*?\)/g, "")), { maxLength: Number(maxLength) });
  const fits = (value: string) =>
    value.length >= Number(minLength) &&
    value.length <= Number(maxLength) &&
    (typeof pattern !== "string" || new RegExp(pattern, "u").test(value));
  return known.length === 0 ? any.filter(fits) : fc.oneof(fc.constantFrom(...known), any.filter(fits));
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** A document with a few of its parts as somebody might write them, the others as in `base`. */
export function documents(base: JsonObject): Arbitrary<JsonObject> {
  const properties = Object.entries(asObject(configSchema["properties"])).filter(([key]) => key !== "version");
  const parts = properties.map(([key, property]) =>
    arbitraryOf(asObject(property)).map((value) => [key, value] as const),
  );
  return fc
    .array(fc.oneof(...parts), { minLength: 1, maxLength: 3 })
    .map((changes) => ({ ...base, ...Object.fromEntries(changes) }));
}
