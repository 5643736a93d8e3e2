// SPDX-License-Identifier: Apache-2.0
/**
 * Which tunnels go through WireGuard. A gateway is the same address inside and outside: what a tunnel sends there is encrypted on its
 * way, and nothing of the tunnel changes but what fits into it.
 */
import type { Config, SegmentConfig } from "../config/types.ts";
import type { Operation, PlanGroup } from "../protocol/operations.ts";
import { isWithin } from "../shared/ipv4.ts";
import { isMeshed } from "./meshed.ts";

/** What VXLAN puts before each packet: IPv4, UDP, its own header, and the frame's. */
const VXLAN_BYTES = 50;

export type EncryptedPeer = Config["encryption"]["peers"][number];

/** Whether there are tunnels, or will be: then there is a key, for the other side to be told. */
export function mayEncrypt(config: Config): boolean {
  return isMeshed(config) || config.segments.some(({ extend }) => extend !== undefined);
}

/** Those that a tunnel leads to. */
export function encryptedPeers(config: Config): EncryptedPeer[] {
  const tunnels = [
    ...(isMeshed(config) ? config.mesh.peers : []),
    ...config.segments.flatMap(({ extend }) => extend?.peers ?? []),
  ];
  return config.encryption.peers.filter(({ address }) => tunnels.includes(address));
}

/** @param own our "address/prefix" on the LAN, of IPv4, as they are now */
export function encryptionGroup(config: Config, own: readonly string[]): PlanGroup | undefined {
  if (!mayEncrypt(config)) return undefined;
  const peers = encryptedPeers(config);
  const { port, mtu } = config.encryption;
  const [source] = own.map((cidr) => cidr.split("/")[0]);
  const operations: Operation[] = [
    ...(peers.length === 0 ? [] : [{ kind: "modules" as const, names: ["wireguard" as const] }]),
    { kind: "wireguard", port, mtu, ...(source === undefined ? {} : { source }), peers },
  ];
  return { name: "encryption", needs: ["firewall"], operations };
}

/**
 * Whether gateways of the LAN speak to each other without tunnels. Not where one of them wants its tunnel encrypted: the straight way
 * would be taken, and is not.
 * @param own as above
 */
export function speaksOnLan(config: Config, own: readonly string[]): boolean {
  const tunnels = isMeshed(config) ? config.mesh.peers : [];
  return !encryptedPeers(config).some(
    ({ address }) => tunnels.includes(address) && own.some((cidr) => isWithin(address, cidr)),
  );
}

/** What the hosts of a segment that spans gateways are told. */
export function hostsMtu(config: Pick<Config, "encryption">, extend: NonNullable<SegmentConfig["extend"]>): number {
  const encrypted = config.encryption.peers.some(({ address }) => extend.peers.includes(address));
  return encrypted ? Math.min(extend.mtu, config.encryption.mtu - VXLAN_BYTES) : extend.mtu;
}
