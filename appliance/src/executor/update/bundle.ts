// SPDX-License-Identifier: Apache-2.0
/**
 * An update bundle from the service: it is moved out of the service's reach before anything is read of it. RAUC checks
 * its signature, and while it installs, every block (the format "verity"), so that whoever still has the file open gains
 * nothing.
 */
import { constants } from "node:fs";
import { chmod, chown, type FileHandle, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BundleInfo } from "../../protocol/messages.ts";
import { errnoOf, ScsigateError } from "../../shared/errors.ts";
import { asObject } from "../../shared/json.ts";
import type { ExecutorContext } from "../context.ts";
import { currentSlot, noImage, updateFolder } from "./slots.ts";

/** Reading a signature from a slow card, milliseconds. */
const INFO_TIMEOUT_MS = 60_000;
/** How a squashfs begins, which a bundle is. */
const SQUASHFS = "hsqs";

export function bundleFile(context: ExecutorContext): string {
  return join(updateFolder(context), "bundle.raucb");
}

/** @throws ScsigateError update-... when it is none that could be installed; then it is gone */
export async function takeBundle(name: string, context: ExecutorContext): Promise<BundleInfo> {
  if ((await currentSlot(context)) === undefined) throw noImage();
  await mkdir(updateFolder(context), { recursive: true, mode: 0o700 });
  await moveIn(name, context);
  try {
    return await readInfo(context);
  } catch (error) {
    await dropBundle(context);
    throw error;
  }
}

export async function dropBundle(context: ExecutorContext): Promise<void> {
  await rm(bundleFile(context), { recursive: true, force: true });
}

/**
 * The folder is opened once, and only if it is one: the service, whose it is, may put a link to somewhere else in its
 * place at any time. A rename never follows the link that the file itself may be.
 */
async function moveIn(name: string, context: ExecutorContext): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  let folder: FileHandle;
  try {
    folder = await open(join(context.paths.data, "scsigate/update"), flags);
  } catch (error) {
    throw missing(errnoOf(error) ?? String(error));
  }
  const target = bundleFile(context);
  try {
    await rename(`/proc/self/fd/${folder.fd}/${name}`, target);
  } catch (error) {
    throw missing(errnoOf(error) ?? String(error));
  } finally {
    await folder.close();
  }
  const is = await lstat(target);
  if (!is.isFile() || is.nlink !== 1) {
    await dropBundle(context);
    throw missing("it is not a file of its own");
  }
  await chmod(target, 0o600);
  if (process.getuid?.() === 0) await chown(target, 0, 0);
}

async function readInfo(context: ExecutorContext): Promise<BundleInfo> {
  const file = bundleFile(context);
  const whole = (await beginning(file)) === SQUASHFS;
  let text: string;
  try {
    text = await context.run("rauc", ["info", "--output-format=json", file], { timeoutMs: INFO_TIMEOUT_MS });
  } catch (error) {
    throw explain(error instanceof Error ? error.message : String(error), whole);
  }
  const said = asObject(JSON.parse(text));
  const field = (name: string): string => (typeof said[name] === "string" ? said[name] : "");
  return {
    compatible: field("compatible"),
    version: field("version"),
    description: field("description"),
    build: field("build"),
  };
}

async function beginning(file: string): Promise<string> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SQUASHFS.length), 0, SQUASHFS.length, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * RAUC's words in the user's.
 * @param words what it printed, or its LastError
 * @param begins whether the file begins as a bundle does
 */
export function explain(words: string, begins: boolean): ScsigateError {
  const reason = lastWords(words);
  if (/certificate has expired|not yet valid/i.test(reason)) {
    return new ScsigateError(
      "update-not-trusted",
      `the bundle's signature does not hold now: ${reason}`,
      "Check the gateway's clock; if it is right, the bundle needs a new signature.",
    );
  }
  if (/signature verification failed|verify error|Unsupported certificate|no signature/i.test(reason)) {
    return new ScsigateError(
      "update-not-trusted",
      `the bundle is not signed with a key that this gateway trusts: ${reason}`,
      "Get the bundle from where the gateway's image came from. docs/update.md says how to use keys of your own.",
    );
  }
  if (/Compatible mismatch/i.test(reason)) {
    return new ScsigateError("update-wrong-board", `the bundle is for another board: ${reason}`, "Get this board's.");
  }
  if (/format '.+' not allowed/i.test(reason)) {
    return new ScsigateError(
      "update-no-bundle",
      `the bundle has a form that is not taken: ${reason}`,
      "Make it with the format verity; docs/update.md says how.",
    );
  }
  if (/Invalid bundle|Signature size|bundle size|too small|Failed to (parse|read)|asn1|CMS|not a valid/i.test(reason)) {
    return begins
      ? new ScsigateError(
          "update-damaged",
          `the bundle is not whole: ${reason}`,
          "Get it again, and compare its size or checksum with what it is to be.",
        )
      : new ScsigateError(
          "update-no-bundle",
          "the file is no update bundle",
          "Choose the file whose name ends with .raucb. An image to flash (.img.xz) cannot be installed from here.",
        );
  }
  return new ScsigateError(
    "update-failed",
    `the update failed: ${reason}`,
    "The slot that runs was not touched. Try again; if it stays, report it with a support bundle.",
  );
}

/** Without RAUC's log, and without the command line that it was called with. */
function lastWords(words: string): string {
  const parts = words.replace(/^rauc [^:]*: /, "").split(/; |\n/);
  const said = parts.filter((part) => part.trim() !== "" && !/rauc-Message/.test(part));
  return said.join("; ") || words;
}

function missing(reason: string): ScsigateError {
  return new ScsigateError("update-failed", `the bundle that was received is not there: ${reason}`, "Send it again.");
}
