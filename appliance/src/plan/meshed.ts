// SPDX-License-Identifier: Apache-2.0
/** Whether there are other gateways, and tunnels to them. */
import type { Config } from "../config/types.ts";
import { tunnelName } from "../protocol/operations.ts";

/** Whether gateways are spoken to: mode mesh, and a key to do so with. */
export function isMeshed({ mode, mesh }: Config): boolean {
  return mode === "mesh" && mesh.key !== undefined;
}

/** Interfaces of the tunnels. */
export function meshTunnels(config: Config): string[] {
  return isMeshed(config) ? config.mesh.peers.map(tunnelName) : [];
}
