// SPDX-License-Identifier: Apache-2.0
/**
 * Brings documents of older forms to the current one, a numbered step at a time. A step is never changed after its
 * release; test/fixtures/released has documents of every released form, and a test takes each of them to the current
 * one.
 */
import { isObject, type JsonObject } from "../shared/json.ts";
import { CURRENT_VERSION } from "./schema.ts";

export interface Migration {
  /** The form that it takes; what it gives has the next number. */
  from: number;
  /** Changes a document in place; "version" is set by the caller. */
  migrate: (document: JsonObject) => void;
}

/** In order, without a gap. Form 1 is the first one. */
export const MIGRATIONS: readonly Migration[] = [];

export interface Migrated {
  document: unknown;
  /** The form that it had, where it was changed. */
  from?: number;
  /** It was written by a newer program. */
  tooNew?: number;
}

/** @param document any JSON value; it is not changed */
export function migrate(document: unknown, migrations = MIGRATIONS, current = CURRENT_VERSION): Migrated {
  if (!isObject(document)) return { document };
  const version = document["version"];
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1) return { document };
  if (version > current) return { document, tooNew: version };
  if (version === current) return { document };
  const copy = structuredClone(document);
  for (let number = version; number < current; number++) {
    const step = migrations.find((migration) => migration.from === number);
    if (step === undefined) return { document }; // validation says that the version is not supported
    step.migrate(copy);
    copy["version"] = number + 1;
  }
  return { document: copy, from: version };
}
