// SPDX-License-Identifier: Apache-2.0
/**
 * The errors that a user may see. Each has a code for programs, a message that says what happened, and the next step
 * that a person can take.
 */
import type { Reason } from "../../generated/api.d.ts";

/** Codes are stable: they appear in the API, in events and in documentation. */
export const ERROR_CODES = [
  "access-invalid",
  "access-unreadable",
  "adapter-absent",
  "adapter-boot-loader",
  "adapter-broken",
  "adapter-missing",
  "adapter-old",
  "adapter-refused",
  "adapter-silent",
  "adapter-unreachable",
  "adapter-unusable",
  "adapter-update-failed",
  "adapter-update-refused",
  "adapter-wrong",
  "board-hot",
  "boot-unwritable",
  "broker-unreachable",
  "capture-busy",
  "capture-failed",
  "capture-missing",
  "certificate-ends",
  "certificate-unsaved",
  "certificate-invalid",
  "clock-wrong",
  "command-failed",
  "command-missing",
  "config-busy",
  "config-conflict",
  "config-gone",
  "config-invalid",
  "config-not-waiting",
  "config-unchanged",
  "config-unreadable",
  "data-full",
  "data-unwritable",
  "driver-disk-missing",
  "encryption-silent",
  "encryption-unusable",
  "executor-gone",
  "executor-refused",
  "fabric-failed",
  "fleet-refused",
  "fleet-stopped",
  "fleet-unreachable",
  "gpio-unusable",
  "initiator-twice",
  "interface-missing",
  "interface-taken",
  "lan-no-address",
  "lan-no-carrier",
  "lan-no-prefix",
  "lan-router-gone",
  "log-server-unreachable",
  "mesh-down",
  "mesh-key-missing",
  "mesh-peer-unreached",
  "mesh-subnet-taken",
  "module-missing",
  "name-server-silent",
  "no-free-subnet",
  "operation-failed",
  "prepared-invalid",
  "firewall-failed",
  "forwarding-off",
  "port-taken",
  "segment-overlaps-lan",
  "reset-storm",
  "segment-missing",
  "segment-no-address",
  "segment-not-configured",
  "segment-not-exported",
  "segment-not-in-lan",
  "route-unusable",
  "run-full",
  "ssh-unusable",
  "station-change-invalid",
  "station-flapping",
  "station-is-yours",
  "station-no-address",
  "station-no-server",
  "station-unknown",
  "stations-gone",
  "stations-unreachable",
  "range-invalid",
  "tls-key-failed",
  "update-busy",
  "update-damaged",
  "update-download-failed",
  "update-failed",
  "update-fell-back",
  "update-no-bundle",
  "update-no-image",
  "update-no-room",
  "update-no-slot",
  "update-not-newer",
  "update-not-ready",
  "update-not-trusted",
  "update-too-long",
  "update-wrong-board",
  "user-missing",
  "zone-missing",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Base of every error that the supervisor raises on purpose. */
export class ScsigateError extends Error {
  readonly code: ErrorCode;
  /** What the reader can do about it, one sentence. */
  readonly nextStep: string;

  constructor(code: ErrorCode, message: string, nextStep: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "ScsigateError";
    this.code = code;
    this.nextStep = nextStep;
  }
}

/** The form in which a problem crosses the process boundary and the API. */
export type Problem = Reason;

/** Turns anything thrown into a Problem; an unforeseen error keeps its message and points at the log. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ScsigateError) return { code: error.code, message: error.message, nextStep: error.nextStep };
  const message = error instanceof Error ? error.message : String(error);
  return { code: "operation-failed", message, nextStep: "Look at the log on the console; report it if it stays." };
}

/** The errno name of a Node file system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}
