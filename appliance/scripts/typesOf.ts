// SPDX-License-Identifier: Apache-2.0
/** TypeScript types of JSON Schemas: what a schema says of a shape is written once. */
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { resolve } from "../src/config/schema.ts";
import { asObject, isObject, type JsonObject } from "../src/shared/json.ts";

/** What says something of a value's shape; what narrows a text or a number has no type. */
const KEYWORDS = [
  ...["type", "const", "enum", "properties", "required", "additionalProperties", "items"],
  ...["oneOf", "anyOf", "description"],
];

/**
 * @param schemas by the names of their types
 * @param root what their references are followed in; each becomes what it refers to, but one of `schemas` its name
 * @param filled whether defaults are filled in: then what has one is always there
 */
export function typesOf(schemas: Record<string, object>, root: JsonObject, filled: boolean): Promise<string> {
  const named = new Set(Object.keys(schemas));

  function plain(raw: unknown): unknown {
    if (Array.isArray(raw)) return raw.map(plain);
    if (!isObject(raw)) return raw;
    const name =
      String(raw["$ref"] ?? "")
        .split("/")
        .at(-1) ?? "";
    if (named.has(name)) return { $ref: `#/definitions/${name}` };
    const schema = resolve(raw, root);
    const result: JsonObject = {};
    for (const keyword of KEYWORDS) {
      const value = schema[keyword];
      if (value === undefined) continue;
      if (keyword === "properties") result[keyword] = mapped(asObject(value), plain);
      else
        result[keyword] = ["items", "oneOf", "anyOf", "additionalProperties"].includes(keyword) ? plain(value) : value;
    }
    // The generator takes a schema that says nothing for an object.
    if (Object.keys(result).every((keyword) => keyword === "description")) return { ...result, tsType: "unknown" };
    const branches = result["oneOf"] ?? result["anyOf"];
    // What stands beside branches would become an intersection: what they share is told of each instead.
    if (Array.isArray(branches)) {
      const whole = (branch: JsonObject) =>
        branch["properties"] === undefined ? branch : { ...branch, required: union(schema, requiredOf(branch)) };
      return { anyOf: branches.map(asObject).map(whole), description: result["description"] };
    }
    if (filled && isObject(schema["properties"])) {
      const sure = Object.entries(schema["properties"]).filter(
        ([, property]) => "default" in resolve(asObject(property), root),
      );
      result["required"] = union(
        schema,
        sure.map(([key]) => key),
      );
    }
    return result;
  }

  const all = {
    type: "object",
    additionalProperties: false,
    required: [...named],
    properties: Object.fromEntries([...named].map((name) => [name, { $ref: `#/definitions/${name}` }])),
    definitions: mapped(schemas as JsonObject, plain),
  };
  return compile(all as JSONSchema, "Schemas", {
    additionalProperties: false,
    bannerComment: "",
    format: false,
    ignoreMinAndMaxItems: true,
  });
}

function requiredOf({ required }: JsonObject): string[] {
  return Array.isArray(required) ? required : [];
}

/** What a schema requires, and more. */
function union(schema: JsonObject, more: readonly string[]): string[] {
  return [...new Set([...requiredOf(schema), ...more])];
}

function mapped(object: JsonObject, change: (value: unknown) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)])) as JsonObject;
}
