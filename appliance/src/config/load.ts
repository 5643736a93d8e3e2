// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the configuration document. A gateway must stay reachable whatever is in it: of an invalid document, every part
 * that is valid is used, and the rest falls back to defaults (for a segment: it is left out, so nothing is exported by mistake).
 */
import { readFile } from "node:fs/promises";
import type { ConfigError } from "../api/status.ts";
import { errnoOf } from "../shared/errors.ts";
import type { Config } from "./types.ts";
import { defaultConfig, validate } from "./validate.ts";

export interface LoadedConfig {
  /** What the gateway runs with. */
  config: Config;
  source: "file" | "defaults";
  /** Empty when the document is valid, or absent. */
  errors: ConfigError[];
}

/** Longest document that is read, bytes: 16 segments with 63 initiators each stay below. */
const MAX_DOCUMENT = 1024 * 1024;

/** @param path the document's file. Never throws. */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return { config: defaultConfig(), source: "defaults", errors: [] };
    return fallback(
      `${path} cannot be read: ${String(error)}`,
      "Check the file's owner and mode, and the data partition.",
    );
  }
  if (text.length > MAX_DOCUMENT) return fallback("the document is longer than 1 MiB", "Restore a backup.");
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return fallback(`this is not JSON: ${String(error)}`, "Correct the syntax, or restore a backup.");
  }
  return salvage(document);
}

/** The document as far as it is valid; the errors of all that is not. */
export function salvage(document: unknown): LoadedConfig {
  const first = validate(document);
  if (first.valid) return { config: first.config, source: "file", errors: [] };
  const remaining: unknown = structuredClone(document);
  if (isRecord(remaining)) {
    // Each round removes at least one part, so it ends; 64 rounds are 16 segments and all sections with room to spare.
    for (let round = 0; round < 64; round++) {
      const result = validate(remaining);
      if (result.valid) return { config: result.config, source: "file", errors: first.errors };
      const paths = result.errors.map((error) => error.path);
      if (!removeParts(remaining, paths)) break;
    }
  }
  return { config: defaultConfig(), source: "defaults", errors: first.errors };
}

/** Removes the sections, or single segments, that the paths point into. False when there is nothing to remove. */
function removeParts(document: Record<string, unknown>, paths: string[]): boolean {
  let removed = false;
  const segments = document["segments"];
  const badSegments = new Set<number>();
  for (const path of paths) {
    const [, section = "", index = ""] = path.split("/");
    if (section === "segments" && Array.isArray(segments) && /^[0-9]+$/.test(index)) badSegments.add(Number(index));
    else if (section !== "" && section !== "version" && section in document) {
      // An invalid list of segments must not turn into the default segment.
      if (section === "segments") document["segments"] = Array.isArray(segments) ? segments.slice(0, 16) : [];
      else delete document[section];
      removed = true;
    }
  }
  if (Array.isArray(segments) && badSegments.size > 0) {
    document["segments"] = segments.filter((_, index) => !badSegments.has(index));
    removed = true;
  }
  return removed;
}

function fallback(message: string, nextStep: string): LoadedConfig {
  return { config: defaultConfig(), source: "defaults", errors: [{ path: "", message, nextStep }] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
