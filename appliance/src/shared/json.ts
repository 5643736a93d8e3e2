// SPDX-License-Identifier: Apache-2.0
/** JSON values: pointers into them (RFC 6901), merge patches (RFC 7396), comparison. */

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as an object, or an empty one. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function formatPointer(keys: readonly (string | number)[]): string {
  return keys.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The keys of a pointer; undefined when it is none. */
export function parsePointer(pointer: string): string[] | undefined {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) return undefined;
  return pointer
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What a path of keys leads to; undefined when it leads nowhere. */
export function getAt(value: unknown, keys: readonly string[]): unknown {
  let current = value;
  for (const key of keys) {
    if (Array.isArray(current)) current = /^(0|[1-9][0-9]*)$/.test(key) ? current[Number(key)] : undefined;
    else if (isObject(current) && Object.hasOwn(current, key)) current = current[key];
    else return undefined;
  }
  return current;
}

/** Keys that would reach an object's prototype instead of its content. */
const RESERVED = new Set(["__proto__", "constructor", "prototype"]);

/** Applies a merge patch: objects are merged, null removes, everything else replaces. Neither argument is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return structuredClone(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (RESERVED.has(key)) continue;
    if (value === null) delete result[key];
    else result[key] = mergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value);
  }
  return result;
}

/** The same text for equal values, whatever the order of their keys. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}

/**
 * Where a text stops being JSON, for people. Without a piece of the text, which may be a password: V8's own message has
 * one in it.
 */
export function placeOfError(text: string): string {
  // The longest beginning that only lacks its end; longer ones all have the error in them.
  let [fine, wrong] = [0, text.length];
  if (lacksItsEnd(text)) return "it ends too early";
  while (fine < wrong) {
    const middle = Math.ceil((fine + wrong) / 2);
    if (lacksItsEnd(text.slice(0, middle))) fine = middle;
    else wrong = middle - 1;
  }
  const lines = text.slice(0, fine).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
}

function lacksItsEnd(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const position = / at position ([0-9]+)/.exec(message)?.[1];
    return message.startsWith("Unexpected end") || message.startsWith("Unterminated") || position === `${text.length}`;
  }
}
