// SPDX-License-Identifier: Apache-2.0
/** What the page knows: the last state, how the connection is, and a minute of rates for the charts. */
import { signal } from "@preact/signals";
import type { Rates, Status } from "@scsigate/appliance/api";
import type { SessionView } from "@scsigate/appliance/api/access";
import type { ConnectionState } from "./connection.ts";

/** Samples kept for a chart: a minute. */
export const HISTORY = 60;

/** The gateway sends every second; after a longer gap a chart starts anew, milliseconds. */
const GAP_MS = 3000;

export interface Point {
  /** Bytes a second. */
  rx: number;
  tx: number;
}

/** Undefined until the gateway has answered for the first time. */
export const session = signal<SessionView | undefined>(undefined);
export const status = signal<Status | undefined>(undefined);
export const connection = signal<ConnectionState>("connecting");
/** When the last state arrived, by the browser's clock. */
export const lastSeen = signal<number | undefined>(undefined);
/** By "lan", "storage" or "segment <name>", oldest first. */
export const history = signal<ReadonlyMap<string, readonly Point[]>>(new Map());

export function accept(next: Status, now: number): void {
  const old = now - (lastSeen.value ?? now) > GAP_MS ? new Map<string, readonly Point[]>() : history.value;
  const traces = new Map<string, readonly Point[]>();
  const add = (key: string, rates: Rates) => {
    const point = { rx: rates.rx_bytes, tx: rates.tx_bytes };
    traces.set(key, [...(old.get(key) ?? []), point].slice(-HISTORY));
  };
  add("lan", next.lan.rates);
  if (next.storage) add("storage", next.storage.rates);
  for (const segment of next.segments) add(`segment ${segment.name}`, segment.rates);
  history.value = traces;
  status.value = next;
  lastSeen.value = now;
}

/** After a logout: nothing stays on the screen. */
export function forget(): void {
  status.value = undefined;
  history.value = new Map();
  lastSeen.value = undefined;
}
