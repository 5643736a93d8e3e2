// SPDX-License-Identifier: Apache-2.0
/** The API's routes about the software itself: its log and its own description. */
import type { LogBuffer } from "../../shared/logBuffer.ts";
import { describeApi } from "./openApi.ts";
import { json, type Route } from "./router.ts";

const USUAL_LINES = 100;

/** @param others the API's other routes, for the description */
export function systemRoutes(others: readonly Route[], version: string, logs: LogBuffer): Route[] {
  const routes: Route[] = [
    {
      method: "GET",
      path: "/api/v1/logs",
      access: "operate",
      summary: "The last lines of the service's log, oldest first",
      query: { lines: "How many, 500 at most; 100 unless told." },
      answers: { 200: "LogLines" },
      handler: ({ query }) => json(logs.last(Math.max(1, Number(query.get("lines")) || USUAL_LINES))),
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
