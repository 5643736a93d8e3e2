// SPDX-License-Identifier: Apache-2.0
/** The configuration as it is worked on: the document, what is served beside it, the live check of every edit. */
import { signal } from "@preact/signals";
import type { ConfigPlan, Transaction } from "@scsigate/appliance/api/config";
import { canonical, type JsonObject } from "@scsigate/appliance/json";
import { ApiError, call, problemOf, type ShownProblem } from "./api.ts";
import { type Conflict, merge, withValue } from "./merge.ts";
import { decided, started } from "./transaction.ts";

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
/** Settings that somebody else changed, too, while they were edited here: to be decided before anything is applied. */
export const conflicts = signal<readonly Conflict[]>([]);

/** What was typed into the forms of a choice that are not chosen now, by setting and form. */
export const typed = new Map<string, JsonObject>();

let timer: ReturnType<typeof setTimeout> | undefined;
/** Counts edits: an answer to an earlier one is of no interest. */
let round = 0;
/** The change that the draft is being tried as. */
let tried: string | undefined;
/** The draft was kept: the gateway's document is to be read in its place. */
let kept = false;

decided.subscribe((end) => {
  if (draft.value === undefined) return;
  kept ||= tried !== undefined && end?.id === tried && end.kept;
  tried = undefined;
  plan.value = undefined; // of a document that may be another one now
});

/** Reads everything again; the draft goes. @throws ApiError */
export async function loadConfiguration(): Promise<void> {
  const next = await readConfiguration();
  served.value = next;
  dropDraft();
}

/**
 * Reads everything again. Edits go on top of what somebody else has changed meanwhile; what both have changed is in `conflicts`.
 * @throws ApiError
 */
export async function refreshConfiguration(): Promise<void> {
  if (kept) return loadConfiguration();
  const next = await readConfiguration();
  const [mine, base] = [draft.value, served.value?.document];
  served.value = next;
  if (mine === undefined || base === undefined) return;
  if (canonical(base) !== canonical(next.document)) {
    const merged = merge(base, mine, next.document);
    const open = conflicts.value.filter(({ path }) => !merged.conflicts.some((one) => sameSetting(one.path, path)));
    conflicts.value = [...open, ...merged.conflicts];
    edit(merged.document);
  }
  await checkNow();
}

/** Decides what both have changed: for what is typed here, or for the value of the other one. */
export function decideConflict({ path, theirs }: Conflict, forTheirs: boolean): void {
  conflicts.value = conflicts.value.filter((one) => !sameSetting(one.path, path));
  if (forTheirs && draft.value !== undefined) edit(withValue(draft.value, path, theirs));
}

function sameSetting(one: readonly string[], other: readonly string[]): boolean {
  return one.join("/") === other.join("/");
}

async function readConfiguration(): Promise<Served> {
  const [schema, document, secrets] = await Promise.all([
    call<JsonObject>("GET", "/api/v1/config/schema"),
    call<JsonObject>("GET", "/api/v1/config"),
    call<string[]>("GET", "/api/v1/config/secrets"),
  ]);
  return { schema: schema.value, document: document.value, etag: document.etag, secrets: secrets.value };
}

export function dropDraft(): void {
  clearTimeout(timer);
  round += 1;
  tried = undefined;
  kept = false;
  draft.value = undefined;
  plan.value = undefined;
  refused.value = undefined;
  conflicts.value = [];
  typed.clear();
}

export function edit(document: JsonObject): void {
  if (canonical(document) === canonical(served.value?.document)) {
    dropDraft();
    return;
  }
  draft.value = document;
  plan.value = undefined;
  refused.value = undefined;
  clearTimeout(timer);
  round += 1;
  const mine = round;
  timer = setTimeout(() => void check(document, mine), CHECK_AFTER_MS);
}

/** Checks without waiting for the next key. @returns whether the document can be applied @throws nothing */
export async function checkNow(): Promise<boolean> {
  const { value } = draft;
  if (value === undefined || plan.value !== undefined) return true;
  clearTimeout(timer);
  await check(value, round);
  return plan.value !== undefined;
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

/** Tries the draft, which stays until it is known to be kept. @throws ApiError */
export async function apply(document: JsonObject, etag: string, confirmSeconds: number): Promise<void> {
  const path = `/api/v1/config?confirmSeconds=${confirmSeconds}`;
  const { value } = await call<Transaction>("PUT", path, document, { "If-Match": etag });
  tried = value.id;
  started(value);
}

/** Nothing stays of what somebody worked on. */
export function forgetConfiguration(): void {
  dropDraft();
  served.value = undefined;
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof ApiError && error.problem.code === code;
}
