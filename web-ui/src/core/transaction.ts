// SPDX-License-Identifier: Apache-2.0
/**
 * A change of the configuration that is being tried. The gateway keeps it and its deadline, so a reload of the page, or
 * another browser, shows the same countdown.
 */
import { signal } from "@preact/signals";
import type { Transaction } from "@scsigate/appliance/api/config";
import { call } from "./api.ts";

/** Undefined: none that anybody needs to know of. */
export const transaction = signal<Transaction | undefined>(undefined);
/** When it is undone, by the browser's clock, milliseconds. */
export const deadline = signal(0);
/** Grows with each change that was kept or undone: who shows the configuration reads it again. */
export const decided = signal(0);

/** The last one whose end was seen. */
const SEEN = "seen-transaction";

export function isPending(one: Transaction | undefined): boolean {
  return one?.state === "applying" || one?.state === "waiting";
}

export function acceptTransaction(next: Transaction): void {
  const before = transaction.value;
  if (!isPending(next)) {
    const known = before?.id === next.id;
    if (!known && (next.state === "confirmed" || sessionStorage.getItem(SEEN) === next.id)) return;
    if (!known || isPending(before)) decided.value += 1;
  }
  deadline.value = Date.now() + next.secondsLeft * 1000;
  transaction.value = next;
}

/** The end of a change was read. */
export function dismiss(): void {
  const { value } = transaction;
  if (value) sessionStorage.setItem(SEEN, value.id);
  transaction.value = undefined;
}

/** @throws ApiError */
export async function loadTransaction(): Promise<void> {
  const { value } = await call<{ transaction: Transaction | null }>("GET", "/api/v1/config/transaction");
  if (value.transaction) acceptTransaction(value.transaction);
  else transaction.value = undefined;
}

/** Keeps or undoes the change that waits. @throws ApiError */
export async function decide(what: "confirm" | "rollback"): Promise<void> {
  const id = transaction.value?.id;
  acceptTransaction((await call<Transaction>("POST", `/api/v1/config/${what}`, id === undefined ? {} : { id })).value);
}
