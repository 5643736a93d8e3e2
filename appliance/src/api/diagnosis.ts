// SPDX-License-Identifier: Apache-2.0
/** What was looked at, one thing after the other, as GET /api/v1/diagnosis and the connection tests give it. */
import type { Check } from "../../generated/api.d.ts";

export type { Check, ConnectionTest, Diagnosis, DiagnosisCheck } from "../../generated/api.d.ts";
export type CheckState = Check["state"];
