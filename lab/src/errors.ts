// SPDX-License-Identifier: Apache-2.0
// Errors of the lab: what happened, and what to do next.

export type LabErrorCode =
  | "host-tool-missing"
  | "package-missing"
  | "library-missing"
  | "kernel-missing"
  | "command-failed"
  | "command-timeout"
  | "port-taken"
  | "vm-exited"
  | "vm-not-ready"
  | "vm-agent"
  | "vm-command-failed"
  | "kernel-complaint"
  | "usage"
  | "not-built"
  | "condition-timeout";

export class LabError extends Error {
  readonly code: LabErrorCode;
  /** What the reader can do about it, as a sentence. */
  readonly next: string;

  constructor(code: LabErrorCode, message: string, next: string, cause?: unknown) {
    super(`${message} ${next}`, cause === undefined ? undefined : { cause });
    this.name = "LabError";
    this.code = code;
    this.next = next;
  }
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The same without what to do next, and without its last full stop: to be quoted in another message. */
export function reasonOf(error: unknown): string {
  const text = messageOf(error);
  const reason = error instanceof LabError ? text.slice(0, -error.next.length).trimEnd() : text;
  return reason.replace(/\.$/, "");
}
