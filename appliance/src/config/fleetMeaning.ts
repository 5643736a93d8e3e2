// SPDX-License-Identifier: Apache-2.0
/** A fleet's server that is to be asked needs an address and one token. */
import type { ConfigError } from "../api/status.ts";
import type { FleetConfig } from "./types.ts";
import { checkUrl } from "./urlMeaning.ts";

export function checkFleet({ enabled, server, targetToken, gatewayToken }: FleetConfig, errors: ConfigError[]): void {
  const add = (name: string, message: string, nextStep: string) =>
    errors.push({ path: `/update/fleet/${name}`, message, nextStep });
  if (server !== undefined) checkUrl("/update/fleet/server", server, errors);
  if (!enabled) return;
  if (server === undefined) {
    add("server", "nobody says which server is asked", "Set it, for example https://hawkbit.example.org.");
  }
  if (targetToken === undefined && gatewayToken === undefined) {
    add("targetToken", "the server needs a token", "Set targetToken: the server shows it with the target.");
  }
  if (targetToken !== undefined && gatewayToken !== undefined) {
    add("gatewayToken", "there are two tokens", "Remove this one, unless the server takes no other.");
  }
}
