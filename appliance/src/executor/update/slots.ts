// SPDX-License-Identifier: Apache-2.0
/** The image's slots: which one runs, what is in them, and what the boot loader does next. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ImageState, SLOTS, type SlotName, type SlotState } from "../../protocol/messages.ts";
import { readJson, writeDurably } from "../../shared/durable.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { asObject } from "../../shared/json.ts";
import type { ExecutorContext } from "../context.ts";

/** Reads and changes what the boot loader does next; docs/image.md. */
const BOOT = "scsigate-boot";
/** It mounts, writes and syncs a FAT on a slow card, milliseconds. */
const BOOT_TIMEOUT_MS = 60_000;

/** Root's own folder for updates. */
export function updateFolder(context: Pick<ExecutorContext, "paths">): string {
  return join(context.paths.data, "update");
}

/** The slot that runs; undefined on a machine that was not started from an image. */
export async function currentSlot({ paths }: Pick<ExecutorContext, "paths">): Promise<SlotName | undefined> {
  const text = await readFile(join(paths.run, "image/slot"), "utf8").catch(() => "");
  return SLOTS.find((slot) => slot === text.trim());
}

export function otherSlot(slot: SlotName): SlotName {
  return slot === "A" ? "B" : "A";
}

/** What runs, and what the boot loader does next; null on a machine that was not started from an image. */
export async function readImage(context: ExecutorContext): Promise<ImageState | null> {
  const slot = await currentSlot(context);
  if (slot === undefined) return null;
  const text = asTexts(await readJson(context.paths.image));
  const version = text["version"] ?? "unknown";
  const versions = { ...(await readVersions(context)), [slot]: version };
  const boot = parseBoot(await context.run(BOOT, ["show"], { timeoutMs: BOOT_TIMEOUT_MS }));
  const stateOf = (name: SlotName): SlotState => ({
    version: versions[name] ?? null,
    mayStart: boot.get(`${name}_OK`) === "1",
    confirmed: boot.get(`${name}_GOOD`) === "1",
    tries: boot.get(`${name}_TRY`)?.length ?? 0,
  });
  return {
    board: text["board"] ?? "unknown",
    compatible: text["compatible"] ?? "unknown",
    version,
    slot,
    first: SLOTS.find((name) => boot.get("ORDER")?.trim().startsWith(name)) ?? slot,
    slots: { A: stateOf("A"), B: stateOf("B") },
  };
}

/** Writes down what the running slot contains: once the other one runs, nothing else says so. */
export async function rememberRunning(context: ExecutorContext): Promise<void> {
  const slot = await currentSlot(context);
  const version = asTexts(await readJson(context.paths.image))["version"];
  if (slot !== undefined && version !== undefined) await rememberVersion(slot, version, context);
}

/** @param version undefined: nothing whole is in it */
export async function rememberVersion(
  slot: SlotName,
  version: string | undefined,
  context: ExecutorContext,
): Promise<void> {
  const before = await readVersions(context);
  if (before[slot] === version) return;
  const { [slot]: _, ...others } = before;
  const now = version === undefined ? others : { ...others, [slot]: version };
  await writeDurably(versionsFile(context), `${JSON.stringify(now)}\n`);
}

export async function confirmSlot(context: ExecutorContext): Promise<void> {
  const slot = await currentSlot(context);
  if (slot === undefined) throw noImage();
  await context.run(BOOT, ["set-state", slot, "good"], { timeoutMs: BOOT_TIMEOUT_MS });
}

/** @throws ScsigateError update-no-slot when nothing that could be started is there */
export async function selectSlot(slot: SlotName, context: ExecutorContext): Promise<void> {
  const image = await readImage(context);
  if (image === null) throw noImage();
  if (slot !== image.slot && !isUsable(image.slots[slot])) {
    throw new ScsigateError(
      "update-no-slot",
      `slot ${slot} has no image that has ever run well`,
      "There is nothing to go back to; install an update instead.",
    );
  }
  if (image.first !== slot) await context.run(BOOT, ["set-primary", slot], { timeoutMs: BOOT_TIMEOUT_MS });
}

/** Whether the machine can be left to this slot. */
export function isUsable({ mayStart, confirmed }: SlotState): boolean {
  return mayStart && confirmed;
}

export function noImage(): ScsigateError {
  return new ScsigateError(
    "update-no-image",
    "this machine does not run the image",
    "Update it with its package manager.",
  );
}

function versionsFile(context: ExecutorContext): string {
  return join(updateFolder(context), "slots.json");
}

async function readVersions(context: ExecutorContext): Promise<Partial<Record<SlotName, string>>> {
  const text = asTexts(await readJson(versionsFile(context)));
  return Object.fromEntries(SLOTS.flatMap((slot) => (text[slot] === undefined ? [] : [[slot, text[slot]]])));
}

/** NAME=value, a line each. */
function parseBoot(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

function asTexts(value: unknown): Partial<Record<string, string>> {
  const entries = Object.entries(asObject(value));
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
