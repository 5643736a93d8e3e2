// SPDX-License-Identifier: Apache-2.0
/** The API's route that says where the page will be after a factory reset. */
import { defaultConfig } from "../../config/validate.ts";
import { Sysfs } from "../../observe/sysfs.ts";
import type { Part } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import { resetOutlook } from "../resetOutlook.ts";
import { json, type Route } from "./router.ts";

export function resetRoutes({ paths, guest }: Part<"guest", "sys">, state: GatewayState, monitor: Monitor): Route[] {
  return [
    {
      method: "GET",
      path: "/api/v1/factory-reset",
      access: "admin",
      summary: "Where the page would be after a factory reset",
      answers: { 200: "ResetOutlook" },
      handler: ({ raw }) =>
        json(
          resetOutlook({
            present: state.config.config,
            defaults: defaultConfig(guest),
            ethernets: new Sysfs(paths.sys).ethernets(),
            lanAddresses: monitor.status.lan.addresses,
            guest: guest ?? false,
            asked: raw.socket.localAddress,
          }),
        ),
    },
  ];
}
