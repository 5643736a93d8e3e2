// SPDX-License-Identifier: Apache-2.0
/**
 * A change of the configuration that is being tried. The gateway keeps it and its deadline, so a reload of the page, or
 * another browser, shows the same countdown.
 */
import { signal } from "@preact/signals";
import type { Transaction } from "@scsigate/appliance/api/config";
import { strings } from "../strings.ts";
import { ApiError, call } from "./api.ts";

/** Undefined: none that anybody needs to know of. */
export const transaction = signal<Transaction | undefined>(undefined);
/** When it is undone, by the browser's clock, milliseconds. */
export const deadline = signal(0);
/** When it ended, by the browser's clock, milliseconds. */
export const endedAt = signal(0);
/** Id of the last change that was started on this page. */
export const own = signal<string | undefined>(undefined);

export interface Decision {
  id: string;
  kept: boolean;
}

/** The last change that ended, watched or not: who shows the configuration reads it again. */
export const decided = signal<Decision | undefined>(undefined);

/** The last one whose end was seen. */
const SEEN = "seen-transaction";
/** An end that was not watched is news for as long as a change can wait at most, seconds. */
const NEWS_SECONDS = 3600;

export function isPending(one: Transaction | undefined): boolean {
  return one?.state === "applying" || one?.state === "waiting";
}

export function acceptTransaction(next: Transaction): void {
  const before = transaction.value;
  const ended = !isPending(next);
  if (!ended || before?.id === next.id || isNews(next)) {
    deadline.value = Date.now() + next.secondsLeft * 1000;
    endedAt.value = Date.now() - (next.secondsAgo ?? 0) * 1000;
    transaction.value = next;
  } else if (isPending(before)) {
    transaction.value = undefined; // it ended while nobody could tell this page, and others came after it
  }
  if (ended && decided.value?.id !== next.id) decided.value = { id: next.id, kept: next.state === "confirmed" };
}

/** Takes in a change that was started here. */
export function started(next: Transaction): void {
  own.value = next.id;
  acceptTransaction(next);
}

function isNews({ id, state, secondsAgo }: Transaction): boolean {
  return state === "rolled-back" && (secondsAgo ?? 0) <= NEWS_SECONDS && sessionStorage.getItem(SEEN) !== id;
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
  if (value.transaction) {
    acceptTransaction(value.transaction);
    return;
  }
  const before = transaction.value;
  transaction.value = undefined;
  // The gateway started anew, which undoes what waits.
  if (before !== undefined && isPending(before)) decided.value = { id: before.id, kept: false };
}

/** How often a decision is sent again whose connection was cut, and after how long. */
const AGAIN = { times: 5, pauseMs: 1000 };

/**
 * Keeps or undoes the change that waits. A change of the firewall cuts all connections when it holds, and what was under way on them
 * does not count: it is sent again.
 * @throws ApiError
 */
export async function decide(what: "confirm" | "rollback"): Promise<void> {
  const id = transaction.value?.id;
  const body = id === undefined ? {} : { id };
  for (let left = AGAIN.times; ; left--) {
    try {
      acceptTransaction((await call<Transaction>("POST", `/api/v1/config/${what}`, body)).value);
      return;
    } catch (error) {
      const cut = error instanceof ApiError && error.problem.code === strings.noAnswer.code;
      if (!cut || left === 0) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN.pauseMs));
    // It may have counted nevertheless.
    await loadTransaction().catch(() => {});
    if (transaction.value?.id !== id || !isPending(transaction.value)) return;
  }
}
