// SPDX-License-Identifier: Apache-2.0
/** Mode mesh: what BIRD is to do, and the tunnels to gateways that are not on this LAN. */
import type { Config } from "../config/types.ts";
import { type MeshOperation, type Operation, type PlanGroup, tunnelName } from "../protocol/operations.ts";
import { type Identity, linkLocalAddress, routerId } from "../shared/identity.ts";

/** Whether gateways are spoken to: mode mesh, and a key to do so with. */
export function isMeshed({ mode, mesh }: Config): boolean {
  return mode === "mesh" && mesh.key !== undefined;
}

/** Interfaces of the tunnels. */
export function meshTunnels(config: Config): string[] {
  return isMeshed(config) ? config.mesh.peers.map(tunnelName) : [];
}

/**
 * @param lan the interface that has the LAN's address
 * @param segments what is announced
 * @param reserved "address/prefix" of our Ethernets
 */
export function meshGroup(
  config: Config,
  lan: string | undefined,
  segments: MeshOperation["segments"],
  reserved: string[],
  identity: Identity,
): PlanGroup | undefined {
  const { key, peers, accept } = config.mesh;
  if (!isMeshed(config) || key === undefined) return undefined;
  const tunnels = meshTunnels(config);
  const operations: Operation[] = [
    ...(peers.length === 0 ? [] : [{ kind: "modules" as const, names: ["ip_gre" as const] }]),
    ...peers.map((remote): Operation => {
      const name = tunnelName(remote);
      return { kind: "tunnel", name, remote, address: linkLocalAddress(identity, name) };
    }),
    {
      kind: "mesh",
      routerId: routerId(identity),
      key,
      lan: lan === undefined ? [] : [lan],
      tunnels,
      segments,
      reserved,
      peers,
      accept,
    },
  ];
  return { name: "mesh", operations };
}
