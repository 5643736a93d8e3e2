// SPDX-License-Identifier: Apache-2.0
/** Mode mesh: what BIRD is to do, and the tunnels to gateways that are not on this LAN. */
import type { Config } from "../config/types.ts";
import { type MeshOperation, type Operation, type PlanGroup, tunnelName } from "../protocol/operations.ts";
import { type Identity, linkLocalAddress, routerId } from "../shared/identity.ts";
import { encryptedPeers } from "./encryption.ts";
import { isMeshed, meshTunnels } from "./meshed.ts";

/** What a tunnel puts before each packet: IPv4 and GRE. */
const GRE_BYTES = 24;

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
  const encrypted = encryptedPeers(config).map(({ address }) => address);
  // GRE (RFC 2784) without key and sequence number, in IPv4.
  const inside = (remote: string) => (encrypted.includes(remote) ? { mtu: config.encryption.mtu - GRE_BYTES } : {});
  const operations: Operation[] = [
    ...(peers.length === 0 ? [] : [{ kind: "modules" as const, names: ["ip_gre" as const] }]),
    ...peers.map((remote): Operation => {
      const name = tunnelName(remote);
      return { kind: "tunnel", name, remote, address: linkLocalAddress(identity, name), ...inside(remote) };
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
