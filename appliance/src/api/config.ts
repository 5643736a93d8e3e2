// SPDX-License-Identifier: Apache-2.0
/** Types of the API's configuration part. */
import type { Change, EffectNote } from "../config/changes.ts";
import type { Operation } from "../protocol/operations.ts";
import type { Problem } from "../shared/errors.ts";

/** What applying a document would do. */
export interface ConfigPlan {
  changes: Change[];
  /** What the changes disturb, in words. */
  effects: EffectNote[];
  /** What the executor would do that it does not do now. */
  operations: Operation[];
}

export type TransactionState = "applying" | "waiting" | "confirmed" | "rolled-back";

/** A change from being applied until it is confirmed or rolled back. */
export interface Transaction {
  id: string;
  state: TransactionState;
  changes: Change[];
  /** Until it is rolled back by itself; 0 when that is decided. */
  secondsLeft: number;
  /** Since that was decided; null while it is not. */
  secondsAgo: number | null;
  /** Why it was rolled back, else null. */
  reason: string | null;
  /** What the change could not bring about. */
  problems: Problem[];
}

export interface Backup {
  format: "scsigate-backup/1";
  /** Name of the gateway that it is of. */
  hostname: string;
  /** ISO 8601, by the gateway's clock. */
  created: string;
  document: unknown;
  /** By JSON Pointer; absent unless asked for. */
  secrets?: Record<string, string>;
}
