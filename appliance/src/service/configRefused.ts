// SPDX-License-Identifier: Apache-2.0
/** Why a change of the configuration is refused. */
import type { ConfigError } from "../api/status.ts";
import { type ErrorCode, ScsigateError } from "../shared/errors.ts";

/** A change that is not possible, and what to do instead. */
export class ConfigRefused extends ScsigateError {
  readonly errors: readonly ConfigError[];

  constructor(code: ErrorCode, message: string, nextStep: string, errors: readonly ConfigError[] = []) {
    super(code, message, nextStep);
    this.name = "ConfigRefused";
    this.errors = errors;
  }
}

export function busy(): ConfigRefused {
  return new ConfigRefused(
    "config-busy",
    "another change waits for its confirmation",
    "Confirm it or roll it back first.",
  );
}

export function conflict(): ConfigRefused {
  return new ConfigRefused(
    "config-conflict",
    "the configuration was changed in the meantime",
    "Read it again and make the change anew.",
  );
}

export function draftConflict(): ConfigRefused {
  return new ConfigRefused(
    "config-conflict",
    "the configuration was changed since the draft was begun; the draft would undo that",
    "Drop the draft (scsigate config discard, or DELETE /api/v1/config/draft) and make the change anew.",
  );
}

export function gone(revision: number): ConfigRefused {
  return new ConfigRefused(
    "config-gone",
    `version ${revision} is not kept`,
    "Choose one that is: `scsigate config history`, or GET /api/v1/config/history, lists them.",
  );
}

export function unchanged(): ConfigRefused {
  return new ConfigRefused("config-unchanged", "the document changes nothing", "There is nothing to do.");
}

export function tooNewFor(form: number): ConfigRefused {
  return new ConfigRefused(
    "config-invalid",
    `the document has form ${form}, which a newer version has written`,
    "Update the gateway first, or write the document in the form that docs/configuration.md describes.",
  );
}

export function invalid(errors: readonly ConfigError[]): ConfigRefused {
  const count = errors.length === 1 ? "one mistake" : `${errors.length} mistakes`;
  return new ConfigRefused("config-invalid", `the document has ${count}`, "Correct what errors names.", errors);
}

/** @param last the change before, where it was rolled back */
export function notWaiting(id: string | undefined, last: string | undefined): ConfigRefused {
  return new ConfigRefused(
    "config-not-waiting",
    `no ${id === undefined ? "" : "such "}change waits for a confirmation${last === undefined ? "" : `; ${last}`}`,
    "Apply the change again, and confirm it within its time.",
  );
}
