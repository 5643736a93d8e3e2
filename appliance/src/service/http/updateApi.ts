// SPDX-License-Identifier: Apache-2.0
/** The API's routes for updates of the image. */
import type { IncomingMessage } from "node:http";
import { asObject } from "../../shared/json.ts";
import { MAX_BUNDLE } from "../update/receive.ts";
import type { Updates } from "../update/updates.ts";
import { json, NOTHING, problem, type Route } from "./router.ts";

const TYPE = /^application\/octet-stream\s*(;|$)/i;

export function updateRoutes(updates: Updates): Route[] {
  return [
    {
      method: "GET",
      path: "/api/v1/update",
      access: "read",
      summary: "The image that runs and the one in the other slot, how far an update is, and what the last one did",
      answers: { 200: "Update" },
      handler: () => json(updates.view),
    },
    {
      method: "POST",
      path: "/api/v1/update/bundle",
      access: "admin",
      summary: "Takes an update bundle in and checks it; the answer comes when that is done",
      upload: true,
      query: { name: "Of the file, to show it." },
      answers: { 200: "Update" },
      handler: async ({ raw, query }) => {
        if (!TYPE.test(raw.headers["content-type"] ?? "")) {
          const nextStep = "Send the file itself, with the header Content-Type: application/octet-stream.";
          return problem(415, "not-a-file", "the body is not marked as a file", nextStep);
        }
        const name = query.get("name") ?? "";
        try {
          return json(
            await updates.receive({ name, size: sizeOf(raw), data: chunksOf(raw), stop: () => raw.destroy() }),
          );
        } catch (error) {
          await drain(raw);
          throw error;
        }
      },
    },
    {
      method: "POST",
      path: "/api/v1/update/download",
      access: "admin",
      summary: "Begins to fetch an update bundle from a web server, and checks it then",
      body: "UpdateUrl",
      answers: { 202: "Update" },
      handler: ({ body }) => json(updates.fetch(String(asObject(body)["url"])), 202),
    },
    {
      method: "POST",
      path: "/api/v1/update/install",
      access: "admin",
      summary: "Begins to write the bundle that is there to the slot that does not run",
      body: "UpdateInstall",
      answers: { 202: "Update" },
      handler: async ({ body }) => {
        const { allowDowngrade, restart } = asObject(body);
        return json(await updates.install({ allowDowngrade: allowDowngrade === true, restart: restart === true }), 202);
      },
    },
    {
      method: "POST",
      path: "/api/v1/update/restart",
      access: "admin",
      summary: "Restarts the machine into the image that was installed or chosen",
      handler: async () => {
        await updates.restart();
        return NOTHING;
      },
    },
    {
      method: "POST",
      path: "/api/v1/update/back",
      access: "admin",
      summary: "Chooses the image in the other slot for the next start",
      body: "UpdateBack",
      answers: { 200: "Update" },
      handler: async ({ body }) => json(await updates.back(asObject(body)["restart"] === true)),
    },
    {
      method: "DELETE",
      path: "/api/v1/update",
      access: "admin",
      summary: "Stops what is received, drops the bundle or the choice of the other slot, takes note of a failure",
      answers: { 200: "Update" },
      handler: async () => json(await updates.cancel()),
    },
  ];
}

/** A break in the middle leaves the connection open, for the answer. */
function chunksOf(raw: IncomingMessage): AsyncIterable<Buffer> {
  return raw.iterator({ destroyOnReturn: false });
}

/** Most clients read no answer before they have sent everything. */
async function drain(raw: IncomingMessage): Promise<void> {
  if (raw.readableEnded || raw.destroyed || (sizeOf(raw) ?? 0) > MAX_BUNDLE) return;
  await new Promise<void>((resolve) => {
    raw.once("close", resolve).once("end", resolve).once("error", resolve).resume();
  });
}

function sizeOf({ headers }: IncomingMessage): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}
