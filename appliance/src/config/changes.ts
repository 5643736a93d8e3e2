// SPDX-License-Identifier: Apache-2.0
/** What differs between two documents, in words that a person decides by. */

import type { Change, EffectNote } from "../api/config.ts";
import { canonical, formatPointer, isObject } from "../shared/json.ts";
import { EFFECTS, effectsAt, SECRET_PATHS } from "./schema.ts";

const HIDDEN = "(secret)";

/** @param before, after documents with defaults filled in, so that a default that is written out is no change */
export function changesBetween(before: unknown, after: unknown): Change[] {
  const changes: Change[] = [];
  compare(before, after, [], changes);
  return changes;
}

export function effectNotes(changes: readonly Change[]): EffectNote[] {
  const effects = new Set(changes.flatMap((change) => change.effects));
  return [...effects].sort().map((effect) => ({ effect, what: EFFECTS[effect] }));
}

function compare(before: unknown, after: unknown, path: string[], changes: Change[]): void {
  if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(before[key], after[key], [...path, key], changes);
    }
    return;
  }
  // Lists of named things (segments, rules) are compared one by one as long as none was added or removed.
  if (isList(before) && isList(after) && before.length === after.length && after.some(isObject)) {
    after.forEach((item, index) => {
      compare(before[index], item, [...path, String(index)], changes);
    });
    return;
  }
  if (canonical(before) === canonical(after) && (before === undefined) === (after === undefined)) return;
  const hide = (value: unknown) => (isSecret(path) ? HIDDEN : withoutSecrets(value, path));
  changes.push({
    path: formatPointer(path),
    ...(before === undefined ? {} : { before: hide(before) }),
    ...(after === undefined ? {} : { after: hide(after) }),
    effects: effectsAt(path),
  });
}

/** A whole section that came or went may have secrets inside. */
function withoutSecrets(value: unknown, path: readonly string[]): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const here = [...path, key];
      return [key, isSecret(here) ? HIDDEN : withoutSecrets(item, here)];
    }),
  );
}

function isSecret(path: readonly string[]): boolean {
  return SECRET_PATHS.some((secret) => secret.length === path.length && secret.every((key, i) => key === path[i]));
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}
