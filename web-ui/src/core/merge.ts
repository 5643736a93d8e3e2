// SPDX-License-Identifier: Apache-2.0
/** Brings two sets of changes to one document together. */
import { canonical, isObject, type JsonObject } from "@scsigate/appliance/json";

/** A setting that both have changed, to different values. */
export interface Conflict {
  path: readonly string[];
  /** Undefined: they took it out. */
  theirs: unknown;
}

export interface Merged {
  document: JsonObject;
  conflicts: Conflict[];
}

/**
 * What `mine` makes of `base`, on top of what `theirs` makes of it. Where both have changed the same setting to different values, mine
 * stays and is told. Lists are compared entry by entry as long as none was added or removed, else as a whole.
 */
export function merge(base: JsonObject, mine: JsonObject, theirs: JsonObject): Merged {
  const conflicts: Conflict[] = [];
  const document = mergeValue(base, mine, theirs, [], conflicts);
  return { document: isObject(document) ? document : mine, conflicts };
}

function mergeValue(base: unknown, mine: unknown, theirs: unknown, path: string[], conflicts: Conflict[]): unknown {
  if (same(mine, base)) return theirs;
  if (same(theirs, base) || same(mine, theirs)) return mine;
  if (isObject(mine) && isObject(theirs)) {
    const before = isObject(base) ? base : {};
    const keys = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
    const entries = [...keys].map(
      (key) => [key, mergeValue(before[key], mine[key], theirs[key], [...path, key], conflicts)] as const,
    );
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
  if (isList(base) && isList(mine) && isList(theirs) && mine.length === base.length && theirs.length === base.length) {
    return mine.map((entry, at) => mergeValue(base[at], entry, theirs[at], [...path, String(at)], conflicts));
  }
  conflicts.push({ path, theirs });
  return mine;
}

function same(one: unknown, other: unknown): boolean {
  if (one === undefined || other === undefined) return one === other;
  return canonical(one) === canonical(other);
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

/** A copy with one value set, or taken out where it is undefined. */
export function withValue(document: JsonObject, path: readonly string[], value: unknown): JsonObject {
  const next = setAt(document, path, value);
  return isObject(next) ? next : {};
}

function setAt(target: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (isList(target)) {
    const index = Number(key);
    if (rest.length === 0 && value === undefined) return target.filter((_entry, at) => at !== index);
    return target.map((entry, at) => (at === index ? setAt(entry, rest, value) : entry));
  }
  const { [key]: before, ...others } = isObject(target) ? target : {};
  const next = setAt(before, rest, value);
  return next === undefined ? others : { ...others, [key]: next };
}
