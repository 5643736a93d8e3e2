// SPDX-License-Identifier: Apache-2.0
/** Room on the data partition. */
import { statfs } from "node:fs/promises";
import type { Problem } from "../api/status.ts";

/** Below this a change of the configuration, which is written before the old one goes, may not fit, bytes. */
const TIGHT_BYTES = 4 * 1024 * 1024;

/** Bytes that we may still write; null when it cannot be told. */
export async function readFreeBytes(folder: string): Promise<number | null> {
  return statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => null,
  );
}

export function diskProblem(freeBytes: number | null): Problem | undefined {
  if (freeBytes === null || freeBytes >= TIGHT_BYTES) return undefined;
  return {
    code: "data-full",
    message: `the data partition has ${Math.floor(freeBytes / 1024)} KiB left`,
    nextStep: "Remove what is not the gateway's from the data partition, or use a larger card.",
  };
}
