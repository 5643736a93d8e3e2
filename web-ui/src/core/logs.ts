// SPDX-License-Identifier: Apache-2.0
/** The lines of the gateway's log, as they come: those that are there keep their place. */
import { call } from "./api.ts";

/** At the first look, and the most that one answer has. */
const LINES = 500;
/** More are not kept here. */
const KEPT = 2000;

export type LogLine = Record<string, unknown> & { cursor: string };

/** @param known what is shown, oldest first @returns the same with what is new behind it @throws ApiError */
export async function readLog(known: readonly LogLine[]): Promise<readonly LogLine[]> {
  const last = known.at(-1)?.cursor;
  const after = last === undefined ? "" : `&after=${encodeURIComponent(last)}`;
  const { value } = await call<LogLine[]>("GET", `/api/v1/logs?lines=${LINES}${after}`);
  const [first] = value;
  if (first === undefined) return known;
  // The service was started anew, or more has come than it keeps: what is between is not known.
  return follows(last, first.cursor) ? [...known, ...value].slice(-KEPT) : value;
}

function follows(last: string | undefined, next: string): boolean {
  const [name, number] = (last ?? "").split("-");
  return next === `${name}-${Number(number) + 1}`;
}

/** Whether a line is about a call of the API, and not about something that happened. */
export function isRequest(line: LogLine): boolean {
  return line["msg"] === "request" && typeof line["method"] === "string";
}
