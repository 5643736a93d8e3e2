// SPDX-License-Identifier: Apache-2.0
/** Room on the data partition, and whether it takes anything at all. */
import { access, constants, statfs } from "node:fs/promises";
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

/** Whether files can be written there; a file system with errors is made read-only by the kernel. */
export async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Below this, /run may not take what each start of a part writes there, bytes. It is memory, and has a size (docs/image.md). */
const TIGHT_RUN_BYTES = 4 * 1024 * 1024;

export function runProblem(freeBytes: number | null): Problem | undefined {
  if (freeBytes === null || freeBytes >= TIGHT_RUN_BYTES) return undefined;
  return {
    code: "run-full",
    message: `/run, which is memory, has ${Math.floor(freeBytes / 1024)} KiB left`,
    nextStep: "Restart the gateway. If it comes again, `du -a /run` on the console tells what is so large: report it.",
  };
}

export function diskProblem(freeBytes: number | null, writable = true): Problem | undefined {
  if (!writable) {
    return {
      code: "data-unwritable",
      message: "the data partition is read-only: nothing that is set from now on is kept",
      nextStep: "Restart the gateway: that checks the partition. If it stays, make a backup and use another card.",
    };
  }
  if (freeBytes === null || freeBytes >= TIGHT_BYTES) return undefined;
  return {
    code: "data-full",
    message: `the data partition has ${Math.floor(freeBytes / 1024)} KiB left`,
    nextStep: "Remove what is not the gateway's from the data partition, or use a larger card.",
  };
}
