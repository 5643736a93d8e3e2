// SPDX-License-Identifier: Apache-2.0
/** The configuration as it is worked on: the document, what is served beside it, the live check of every edit. */
import { signal } from "@preact/signals";
import type { ConfigPlan, Transaction } from "@scsigate/appliance/api/config";
import { canonical, type JsonObject } from "@scsigate/appliance/json";
import { ApiError, call, problemOf, type ShownProblem } from "./api.ts";
import { acceptTransaction } from "./transaction.ts";

/** After the last key, before the gateway is asked, milliseconds. */
const CHECK_AFTER_MS = 350;

export interface Served {
  schema: JsonObject;
  document: JsonObject;
  etag: string;
  /** Pointers of secrets that are set. */
  secrets: readonly string[];
}

export const served = signal<Served | undefined>(undefined);
/** What the user makes of the document. It outlives the page, so that a look elsewhere loses nothing. */
export const draft = signal<JsonObject | undefined>(undefined);
/** What the draft would do; undefined while that is not known. */
export const plan = signal<ConfigPlan | undefined>(undefined);
/** What is wrong with the draft. */
export const refused = signal<ShownProblem | undefined>(undefined);

let timer: ReturnType<typeof setTimeout> | undefined;
/** Counts edits: an answer to an earlier one is of no interest. */
let round = 0;

/** Reads everything again; the draft goes. @throws ApiError */
export async function loadConfiguration(): Promise<void> {
  const [schema, document, secrets] = await Promise.all([
    call<JsonObject>("GET", "/api/v1/config/schema"),
    call<JsonObject>("GET", "/api/v1/config"),
    call<string[]>("GET", "/api/v1/config/secrets"),
  ]);
  served.value = { schema: schema.value, document: document.value, etag: document.etag, secrets: secrets.value };
  dropDraft();
}

export function dropDraft(): void {
  clearTimeout(timer);
  round += 1;
  draft.value = undefined;
  plan.value = undefined;
  refused.value = undefined;
}

export function edit(document: JsonObject): void {
  if (canonical(document) === canonical(served.value?.document)) {
    dropDraft();
    return;
  }
  draft.value = document;
  plan.value = undefined;
  clearTimeout(timer);
  round += 1;
  const mine = round;
  timer = setTimeout(() => void check(document, mine), CHECK_AFTER_MS);
}

/** The gateway's own validation: the page needs no second one that could differ. */
async function check(document: JsonObject, mine: number): Promise<void> {
  try {
    const { value } = await call<ConfigPlan>("POST", "/api/v1/config/plan", document);
    if (mine !== round) return;
    plan.value = value;
    refused.value = undefined;
  } catch (error) {
    if (mine === round) refused.value = problemOf(error);
  }
}

/** Tries a document. @throws ApiError */
export async function apply(document: JsonObject, etag: string, confirmSeconds: number): Promise<void> {
  const path = `/api/v1/config?confirmSeconds=${confirmSeconds}`;
  acceptTransaction((await call<Transaction>("PUT", path, document, { "If-Match": etag })).value);
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof ApiError && error.problem.code === code;
}
