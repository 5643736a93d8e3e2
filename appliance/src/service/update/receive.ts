// SPDX-License-Identifier: Apache-2.0
/** Brings a bundle to the disk piece by piece, and no more of it than fits. */
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { readFreeBytes } from "../../observe/disk.ts";
import { errnoOf, ScsigateError } from "../../shared/errors.ts";

/** Longest bundle, bytes: several times an image. */
export const MAX_BUNDLE = 1024 * 1024 * 1024;
/** What settings, events and leases need meanwhile, bytes. */
const RESERVE = 16 * 1024 * 1024;
/** Between two looks at the room that is left, bytes. */
const LOOK_EVERY = 8 * 1024 * 1024;
export const BUNDLE_NAME = "bundle.raucb";

export interface IncomingFile {
  /** Bytes that are there. */
  readonly bytes: number;
  /** @throws ScsigateError update-no-room or update-too-long */
  write(chunk: Buffer): Promise<void>;
  /** Drops what is there and begins anew. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** @param data our folder */
export function updateFolder(data: string): string {
  return join(data, "update");
}

export async function removeReceived(data: string): Promise<void> {
  await rm(join(updateFolder(data), BUNDLE_NAME), { force: true });
}

/** @throws ScsigateError update-too-long or update-no-room for a file of this size @param size undefined while unknown */
export async function checkSize(size: number | undefined, data: string): Promise<void> {
  if (size === undefined) return;
  if (size > MAX_BUNDLE) throw tooLong();
  const free = await readFreeBytes(data);
  if (free !== null && size + RESERVE > free) throw noRoom(size, free);
}

/** Makes the folder for bundles, with none in it. @throws ScsigateError data-unwritable */
export async function makeIncoming(data: string): Promise<void> {
  try {
    await mkdir(updateFolder(data), { recursive: true, mode: 0o700 });
    await removeReceived(data);
  } catch (error) {
    throw unwritable(error);
  }
}

/** @throws ScsigateError data-unwritable */
export async function openIncoming(data: string): Promise<IncomingFile> {
  await makeIncoming(data);
  try {
    return incoming(await open(join(updateFolder(data), BUNDLE_NAME), "wx", 0o600), data);
  } catch (error) {
    throw unwritable(error);
  }
}

function incoming(file: Awaited<ReturnType<typeof open>>, data: string): IncomingFile {
  let bytes = 0;
  let looked = 0;
  return {
    get bytes() {
      return bytes;
    },
    async write(chunk) {
      if (bytes + chunk.length > MAX_BUNDLE) throw tooLong();
      if (bytes - looked > LOOK_EVERY) {
        looked = bytes;
        const free = await readFreeBytes(data);
        if (free !== null && free < RESERVE) throw noRoom(undefined, free);
      }
      try {
        for (let done = 0; done < chunk.length; ) {
          done += (await file.write(chunk, done, chunk.length - done, bytes + done)).bytesWritten;
        }
      } catch (error) {
        throw unwritable(error);
      }
      bytes += chunk.length;
    },
    async restart() {
      await file.truncate(0);
      bytes = 0;
      looked = 0;
    },
    close: () => file.close(),
  };
}

function tooLong(): ScsigateError {
  const limit = MAX_BUNDLE / 1024 / 1024;
  return new ScsigateError("update-too-long", `the file is longer than ${limit} MiB`, "This is no update bundle.");
}

function noRoom(size: number | undefined, free: number): ScsigateError {
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 1024 / 1024)} MiB`;
  const wanted = size === undefined ? "the bundle does not fit" : `the bundle has ${mebibytes(size)}`;
  return new ScsigateError(
    "update-no-room",
    `${wanted}; ${mebibytes(free)} are free on the data partition`,
    "Use a larger card or disk, or remove what is not the gateway's from the data partition.",
  );
}

function unwritable(error: unknown): ScsigateError {
  if (errnoOf(error) === "ENOSPC") return noRoom(undefined, 0);
  const reason = error instanceof Error ? error.message : String(error);
  return new ScsigateError(
    "data-unwritable",
    `the bundle cannot be written: ${reason}`,
    "Check that the data partition is mounted for writing; `df /data` and `dmesg` on the console tell.",
  );
}
