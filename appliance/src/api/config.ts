// SPDX-License-Identifier: Apache-2.0
/** Types of the API's configuration part. */
import type { Plan, Transaction } from "../../generated/api.d.ts";
import type { Operation } from "../protocol/operations.ts";

export type { Backup, Change, EffectNote, Transaction } from "../../generated/api.d.ts";
export type TransactionState = Transaction["state"];

/** What applying a document would do; operations: what the executor would do that it does not do now. */
export type ConfigPlan = Omit<Plan, "operations"> & { operations: Operation[] };
