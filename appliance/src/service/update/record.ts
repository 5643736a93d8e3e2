// SPDX-License-Identifier: Apache-2.0
/** What the last update did, on disk: a start in the wrong slot is told by it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LastUpdate } from "../../api/update.ts";
import { readJson, writeDurably } from "../../shared/durable.ts";
import { isObject } from "../../shared/json.ts";
import { updateFolder } from "./receive.ts";

export interface UpdateRecord extends LastUpdate {
  /** Names the start of the machine in which it was written. */
  bootId: string;
  /** Codes of what was wrong already before the update: the new image is not the cause. */
  before: string[];
  /** Somebody has seen how it ended. */
  seen: boolean;
}

export async function readRecord(data: string): Promise<UpdateRecord | undefined> {
  const value = await readJson(recordFile(data));
  // Ours; what an older version has written in another form is of no use any more.
  return isObject(value) && isObject(value["from"]) && isObject(value["to"]) && Array.isArray(value["before"])
    ? (value as unknown as UpdateRecord)
    : undefined;
}

export async function writeRecord(data: string, record: UpdateRecord): Promise<void> {
  await writeDurably(recordFile(data), `${JSON.stringify(record)}\n`);
}

/** What the API shows of it. */
export function lastUpdate({ kind, result, time, from, to, problem }: UpdateRecord): LastUpdate {
  return { kind, result, time, from, to, problem };
}

/** Another one after each start of the machine. */
export async function readBootId(proc: string): Promise<string> {
  return (await readFile(join(proc, "sys/kernel/random/boot_id"), "utf8").catch(() => "")).trim();
}

function recordFile(data: string): string {
  return join(updateFolder(data), "last.json");
}
