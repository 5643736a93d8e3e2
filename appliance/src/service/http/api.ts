// SPDX-License-Identifier: Apache-2.0
/** The API's routes. Read only: what changes something comes with a login. */
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import type { EventStream } from "./eventStream.ts";
import { json, type Route } from "./router.ts";

export function apiRoutes(state: GatewayState, monitor: Monitor, events: EventStream): Route[] {
  return [
    {
      // 503 only while starting: a degraded gateway still forwards, and a checker should not take it out of use.
      method: "GET",
      path: "/health",
      handler: () => json(monitor.status.health, monitor.status.health.status === "starting" ? 503 : 200),
    },
    { method: "GET", path: "/version", handler: () => json(state.version) },
    { method: "GET", path: "/api/v1/status", handler: () => json(monitor.status) },
    {
      method: "GET",
      path: "/api/v1/events",
      handler: (request, response) => {
        if (request.method === "HEAD") return { status: 200, headers: { "Content-Type": "text/event-stream" } };
        return events.add(response);
      },
    },
  ];
}
