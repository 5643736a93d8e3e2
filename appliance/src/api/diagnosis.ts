// SPDX-License-Identifier: Apache-2.0
/** What was looked at, one thing after the other, as GET /api/v1/diagnosis and the connection tests give it. */

/** unknown: not looked at, or it cannot be. off: not wanted by the configuration. */
export type CheckState = "good" | "warn" | "bad" | "unknown" | "off";

export interface Check {
  /** For programs; stable. */
  id: string;
  title: string;
  state: CheckState;
  /** What was seen. */
  measured: string;
  /** One sentence; null where there is nothing to do. */
  nextStep: string | null;
}

export interface DiagnosisCheck extends Check {
  /** The segment that it is about; null: the gateway as a whole. */
  segment: string | null;
}

export interface Diagnosis {
  /** Milliseconds since 1970 by the gateway's clock. */
  time: number;
  /** The worst of all checks; unknown and off do not count. */
  state: "good" | "warn" | "bad";
  /** From the adapter to the LAN, in the order of a packet's way. */
  checks: DiagnosisCheck[];
}

/** A connection that was tried. */
export interface ConnectionTest {
  ok: boolean;
  /** As far as it came. */
  checks: Check[];
}
