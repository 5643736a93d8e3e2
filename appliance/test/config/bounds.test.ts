// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { outOfBounds, tooLongList } from "../../src/config/bounds.ts";
import { configSchema } from "../../src/config/schema.ts";
import { validate } from "../../src/config/validate.ts";
import { asObject, isObject } from "../../src/shared/json.ts";

function complaints(document: unknown): string[] {
  const result = validate(document);
  return result.valid ? [] : result.errors.map(({ path, message }) => `${path}: ${message}`);
}

test("every list of the schema says how long it may be", () => {
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    if (isObject(value) && value["type"] === "array") assert.type(value["maxItems"], "number", path);
    for (const [key, inside] of Object.entries(value)) visit(inside, `${path}/${key}`);
  };
  visit(configSchema, "");
  assert.ok(Object.keys(asObject(configSchema["properties"])).length > 10);
});

test("a list that is too long is the only mistake that is told, before anything is done with its entries", () => {
  const many = (count: number, value: unknown = {}): unknown[] => Array.from({ length: count }, () => value);
  assert.equal(complaints({ version: 1, segments: many(17) }), [
    "/segments: 17 entries are too many: the longest list here has 16",
  ]);
  assert.match(
    complaints({ version: 1, segments: [{ stations: many(64) }] }).join(),
    "/segments/0/stations: 64 entries",
  );
  assert.match(complaints({ version: 1, mqtt: { commands: { allow: many(30_000, "x") } } }).join(), "30000 entries");
  assert.is(tooLongList({ version: 1, segments: many(16) }), undefined);
});

test("what is larger than any configuration is refused as a whole", () => {
  assert.match(complaints({ version: 1, segments: Array(340_000).fill({}) }).join(), "more than 60000 values");
  const deep: unknown = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  assert.match(complaints({ version: 1, x: deep }).join(), "more than 32 levels");
  const [error = ""] = complaints({ version: 1, ["x".repeat(1_000_000)]: 1 });
  assert.match(error, "a name of 1000000 characters");
  assert.ok(error.length < 300);
  assert.is(outOfBounds({ version: 1, a: [[[{}]]] }), undefined);
  assert.is(outOfBounds(undefined), undefined);
});

test("a mistyped setting is still guessed, and many unknown ones are not too many to tell", () => {
  const [first] = validateErrors({ version: 1, hostnam: "x" });
  assert.match(first?.nextStep ?? "", 'Did you mean "hostname"?');
  const surplus = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`x${index}`, 1]));
  assert.ok(validateErrors({ version: 1, ...surplus }).length <= 200);
});

function validateErrors(document: unknown) {
  const result = validate(document);
  return result.valid ? [] : result.errors;
}

test.run();
