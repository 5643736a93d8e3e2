// SPDX-License-Identifier: Apache-2.0
/** The API's routes about the software itself: its log, starting anew, a bundle for support, its own description. */
import { ScsigateError } from "../../shared/errors.ts";
import type { LogBuffer } from "../../shared/logBuffer.ts";
import type { SupportArchive } from "../support.ts";
import { describeApi } from "./openApi.ts";
import { type Answer, json, NOTHING, type Route } from "./router.ts";

const USUAL_LINES = 100;
/** More than are kept. */
const MAX_LINES = 10_000;

export interface SystemApi {
  /** The API's other routes, for the description. */
  others: readonly Route[];
  version: string;
  /** Files are named after it. */
  hostname: () => string;
  logs: LogBuffer;
  /** Ends the service shortly after the answer; it is started again. */
  restart: () => void;
  /** Restarts the machine. @throws ScsigateError executor-gone */
  reboot: () => Promise<void>;
  support: () => Promise<SupportArchive>;
}

export function systemRoutes({ others, version, hostname, logs, restart, reboot, support }: SystemApi): Route[] {
  const routes: Route[] = [
    {
      method: "GET",
      path: "/api/v1/logs",
      access: "operate",
      summary: "The last lines of the log, oldest first: the supervisor's and the kernel's",
      query: {
        lines: `How many, 1 to ${MAX_LINES}, of the 500 or so that are kept; ${USUAL_LINES} unless told.`,
        after:
          "The cursor of a line: only those that came after it. One that is not known any more counts as not told.",
      },
      answers: { 200: "LogLines" },
      handler: ({ query }) => json(logs.last(linesOf(query), query.get("after") ?? undefined)),
    },
    {
      method: "GET",
      path: "/api/v1/logs/file",
      access: "operate",
      summary: "The log as a file: a line of JSON for each line, oldest first",
      answers: { 200: "text" },
      handler: (): Answer => {
        const headers = {
          "Content-Type": "text/plain; charset=utf-8",
          "Cache-Control": "no-store",
          "Content-Disposition": `attachment; filename="${hostname()}-log.jsonl"`,
        };
        const lines = logs.last(Number.POSITIVE_INFINITY).map((line) => `${JSON.stringify(line)}\n`);
        return { status: 200, headers, body: lines.join("") };
      },
    },
    {
      method: "GET",
      path: "/api/v1/system/support",
      access: "admin",
      summary: "An archive for whoever helps: state, settings, diagnosis, log, the machine. Secrets are not in it",
      answers: { 200: "archive" },
      handler: async (): Promise<Answer> => {
        const { name, data } = await support();
        const headers = {
          "Content-Type": "application/gzip",
          "Cache-Control": "no-store",
          "Content-Disposition": `attachment; filename="${name}"`,
        };
        return { status: 200, headers, body: data };
      },
    },
    {
      method: "POST",
      path: "/api/v1/system/restart",
      access: "admin",
      summary: "Starts the supervisor anew; forwarding goes on meanwhile",
      handler: () => {
        restart();
        return NOTHING;
      },
    },
    {
      method: "POST",
      path: "/api/v1/system/reboot",
      access: "admin",
      summary: "Restarts the machine: hosts of the segments lose their connections",
      handler: async () => {
        await reboot();
        return NOTHING;
      },
    },
    {
      method: "GET",
      path: "/api/v1/openapi.json",
      access: "open",
      summary: "This description",
      answers: { 200: "Document" },
      handler: () => json(describeApi([...others, ...routes], version)),
    },
  ];
  return routes;
}

/** @throws ScsigateError range-invalid */
function linesOf(query: URLSearchParams): number {
  const text = query.get("lines");
  if (text === null) return USUAL_LINES;
  const lines = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (lines >= 1 && lines <= MAX_LINES) return lines;
  const message = `lines is no whole number from 1 to ${MAX_LINES}`;
  throw new ScsigateError("range-invalid", message, "Ask for 500 to get all that are kept.");
}
