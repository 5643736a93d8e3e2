// SPDX-License-Identifier: Apache-2.0
// When the source was made: what is made of it tells this time and no other, so that the same source gives the same bytes.
import { repoDir } from "../paths.ts";
import { exec } from "../process.ts";

/** For a source without history: 2026-01-01. */
const WITHOUT_HISTORY = "1767225600";

/** Seconds since 1970: SOURCE_DATE_EPOCH, or the time of the last commit. */
export async function sourceDate(): Promise<string> {
  const given = process.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined) return given;
  const git = await exec("git", ["-C", repoDir, "log", "-1", "--format=%ct"], { accept: [128] });
  return git.code === 0 ? git.stdout.trim() : WITHOUT_HISTORY;
}
