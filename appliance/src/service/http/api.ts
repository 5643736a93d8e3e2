// SPDX-License-Identifier: Apache-2.0
/** The API's routes for the state of the gateway. */
import { type Access, mayDo } from "../access/access.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import type { EventStream } from "./eventStream.ts";
import { json, type Route } from "./router.ts";

export function apiRoutes(state: GatewayState, monitor: Monitor, events: EventStream, access: Access): Route[] {
  return [
    {
      // 503 only while starting: a degraded gateway still forwards, and a checker should not take it out of use.
      method: "GET",
      path: "/health",
      access: "open",
      summary: "Whether the gateway does its job, and if not, why; 503 while starting",
      answers: { 200: "Health", 503: "Health" },
      handler: async () => {
        const { health } = await monitor.fresh();
        return json(health, health.status === "starting" ? 503 : 200);
      },
    },
    {
      method: "GET",
      path: "/version",
      access: "open",
      summary: "Which software this is",
      answers: { 200: "Version" },
      handler: () => json(state.version),
    },
    {
      method: "GET",
      path: "/api/v1/status",
      access: "read",
      summary: "The state as a whole",
      answers: { 200: "Status" },
      handler: async () => json(await monitor.fresh()),
    },
    {
      method: "GET",
      path: "/api/v1/peers",
      access: "read",
      summary: "All stations of all segments",
      answers: { 200: "Peers" },
      handler: async () => {
        const { segments } = await monitor.fresh();
        return json(segments.flatMap(({ name, stations }) => stations.map((s) => ({ segment: name, ...s }))));
      },
    },
    {
      method: "GET",
      path: "/api/v1/adapters",
      access: "read",
      summary: "Ports that can export a segment, what they export, and what keeps one from being used",
      answers: { 200: "Adapters" },
      handler: () => json(monitor.adapters()),
    },
    {
      method: "GET",
      path: "/api/v1/events",
      access: "read",
      summary:
        "Server-sent events, both also on opening: status once a second, transaction when a change of the configuration gets on",
      answers: { 200: "stream" },
      handler: ({ raw, response, caller }) => {
        if (raw.method === "HEAD") return { status: 200, headers: { "Content-Type": "text/event-stream" } };
        return events.add(response, () => caller.via === "console" || mayDo(access.identify(raw).scope, "read"));
      },
    },
  ];
}
