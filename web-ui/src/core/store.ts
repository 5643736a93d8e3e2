// SPDX-License-Identifier: Apache-2.0
/** What the page knows: the last state, how the connection is, and a minute of rates for the charts. */
import { signal } from "@preact/signals";
import type { Rates, Status } from "@scsigate/appliance/api";
import type { SessionView } from "@scsigate/appliance/api/access";
import type { ConnectionState } from "./connection.ts";

/** Samples kept for a chart: a minute. */
export const HISTORY = 60;

/** The gateway sends a state every second, milliseconds. */
const PERIOD_MS = 1000;

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
/** By "lan", "storage" or "segment <name>", one for each second, oldest first; undefined: a gap. */
export const history = signal<ReadonlyMap<string, readonly (Point | undefined)[]>>(new Map());

export function accept(next: Status, now: number): void {
  const missed = Math.max(0, Math.round((now - (lastSeen.value ?? now)) / PERIOD_MS) - 1);
  const traces = new Map<string, readonly (Point | undefined)[]>();
  const add = (key: string, rates: Rates) => {
    const point = { rx: rates.rx_bytes, tx: rates.tx_bytes };
    const old = history.value.get(key) ?? [];
    traces.set(key, [...old, ...between(old.at(-1), point, missed), point].slice(-HISTORY));
  };
  add("lan", next.lan.rates);
  if (next.storage) add("storage", next.storage.rates);
  for (const segment of next.segments) add(`segment ${segment.name}`, segment.rates);
  history.value = traces;
  status.value = next;
  lastSeen.value = now;
}

/** A single state that did not come is no gap: what is at both ends is joined. */
function between(before: Point | undefined, after: Point, missed: number): (Point | undefined)[] {
  if (missed === 1 && before !== undefined) {
    return [{ rx: (before.rx + after.rx) / 2, tx: (before.tx + after.tx) / 2 }];
  }
  return new Array<undefined>(Math.min(missed, HISTORY)).fill(undefined);
}

/** After a logout: nothing stays on the screen. */
export function forget(): void {
  status.value = undefined;
  history.value = new Map();
  lastSeen.value = undefined;
}
