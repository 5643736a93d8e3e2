// SPDX-License-Identifier: Apache-2.0
/** The API's route for adapters of ours, which hang on segments. What they say is in the status. */
import type { AdapterWatch } from "../../adapter/watch.ts";
import type { Panel } from "../panel/panel.ts";
import { json, NOTHING, problem, type Route } from "./router.ts";

export function adapterRoutes(adapters: AdapterWatch, panel: Panel): Route[] {
  return [
    {
      method: "POST",
      path: "/api/v1/segments/{segment}/adapter/update",
      access: "admin",
      summary:
        "Begins to put the firmware that came with this gateway onto the segment's adapter; segments[].bus.update tells how far it is",
      answers: { 202: "AdapterUpdate" },
      handler({ params: { segment = "" } }) {
        const update = adapters.update(segment);
        if (update !== undefined) return json(update, 202);
        const nextStep = "Name a segment whose fabric is adapter: `scsigate status` shows them.";
        return problem(404, "segment-not-configured", `no segment ${segment} has an adapter on USB`, nextStep);
      },
    },
    {
      method: "POST",
      path: "/api/v1/adapter-reset",
      access: "operate",
      summary: "Pulls the reset line of the adapter on USB (panel.adapterReset): its bus is reset, and it starts anew",
      async handler() {
        await panel.resetAdapter();
        return NOTHING;
      },
    },
  ];
}
