// SPDX-License-Identifier: Apache-2.0
/** What the schema cannot say about the mesh and about segments that span gateways. */
import type { ConfigError } from "../api/status.ts";
import { isUnicast, networkOf, parseInterface, parseIpv4 } from "../shared/ipv4.ts";
import { parseNetwork6 } from "../shared/ipv6.ts";
import { VXLAN_PORT } from "../shared/ports.ts";
import { PUBLIC_KEY_PATTERN } from "../shared/publicKey.ts";
import type { Config, Mode, SegmentConfig } from "./types.ts";

export function checkMesh({ mesh: { peers, accept }, lan }: Config, errors: ConfigError[]): void {
  checkPeers(peers, lan, "/mesh/peers", errors);
  accept.forEach((text, index) => {
    if (isNetwork(text)) return;
    errors.push({
      path: `/mesh/accept/${index}`,
      message: `${text} is not a network with a prefix length of 8 to 32 (IPv4) or 16 to 128 (IPv6)`,
      nextStep: "Write the first address of the network, as in 203.0.113.0/24 or 2001:db8:7::/48.",
    });
  });
}

function isNetwork(text: string): boolean {
  const value = parseInterface(text);
  if (value !== undefined) return value.prefix >= 8 && value.address === networkOf(value);
  const prefix = parseNetwork6(text)?.prefix;
  return prefix !== undefined && prefix >= 16;
}

const PUBLIC_KEY = new RegExp(PUBLIC_KEY_PATTERN);

/** Gateways whose tunnels are encrypted: each has a tunnel, a place in the list, and a key of its own. */
export function checkEncryption({ encryption, mesh, segments }: Config, errors: ConfigError[]): void {
  const { peers, port } = encryption;
  const tunnels = [...mesh.peers, ...segments.flatMap(({ extend }) => extend?.peers ?? [])];
  peers.forEach(({ address, publicKey, port: remote }, index) => {
    const path = `/encryption/peers/${index}`;
    const earlier = peers.slice(0, index);
    if (earlier.some((other) => other.address === address)) {
      const nextStep = "Remove one of the two.";
      errors.push({ path: `${path}/address`, message: `${address} is in the list already`, nextStep });
    } else if (!tunnels.includes(address)) {
      errors.push({
        path: `${path}/address`,
        message: `no tunnel leads to ${address}`,
        nextStep: "Add it to mesh.peers or to the peers of a segment that spans gateways, or remove it here.",
      });
    }
    if (!PUBLIC_KEY.test(publicKey)) {
      errors.push({
        path: `${path}/publicKey`,
        message: "it is not a public key: 43 letters, digits, + and /, and = at the end",
        nextStep: "Copy it from that gateway: page Network, or `scsigate status` there.",
      });
    } else if (earlier.some((other) => other.publicKey === publicKey)) {
      const message = "another gateway has this public key";
      errors.push({ path: `${path}/publicKey`, message, nextStep: "Copy the key of each gateway from itself." });
    }
    if (remote === VXLAN_PORT) errors.push(portOfVxlan(`${path}/port`));
  });
  if (port === VXLAN_PORT) errors.push(portOfVxlan("/encryption/port"));
}

/** What goes to it is what is encrypted. */
function portOfVxlan(path: string): ConfigError {
  return { path, message: `port ${VXLAN_PORT} is that of VXLAN`, nextStep: "Use another one, such as 51820." };
}

/** Modes in which a segment has a subnet that may span gateways. */
const EXTENDING: readonly Mode[] = ["routed", "nat", "mesh"];

/** @param path of the segment */
export function checkExtend(
  { extend, ipv4, ipv6 }: SegmentConfig,
  path: string,
  { mode, lan }: Pick<Config, "mode" | "lan">,
  earlier: readonly SegmentConfig[],
  errors: ConfigError[],
): void {
  if (extend === undefined) return;
  checkPeers(extend.peers, lan, `${path}/extend/peers`, errors);
  if (earlier.some((other) => other.extend?.vni === extend.vni)) {
    const nextStep = "Use a number of its own for each segment.";
    errors.push({ path: `${path}/extend/vni`, message: `another segment uses ${extend.vni}`, nextStep });
  }
  if (!EXTENDING.includes(mode)) {
    errors.push({
      path: `${path}/extend`,
      message: `mode ${mode} cannot extend a segment: its hosts have addresses of the LAN`,
      nextStep: `Use mode ${EXTENDING.join(", ")}, or remove extend.`,
    });
    return;
  }
  const message = "a segment that spans gateways cannot choose its subnet: it is the same on all of them";
  if (ipv4.address === "auto") {
    const nextStep = "Set it on each gateway, in one subnet: 10.150.0.1/24 here, 10.150.0.2/24 there.";
    errors.push({ path: `${path}/ipv4/address`, message, nextStep });
  }
  if (ipv6.enabled && ipv6.address === "auto") {
    const nextStep = "Set it on each gateway, in one /64: fd6e:0:0:1::1/64 here, fd6e:0:0:1::2/64 there.";
    errors.push({ path: `${path}/ipv6/address`, message, nextStep });
  }
}

function checkPeers(peers: readonly string[], { ipv4 }: Config["lan"], path: string, errors: ConfigError[]): void {
  const own = ipv4.method === "static" ? ipv4.address.split("/")[0] : undefined;
  peers.forEach((text, index) => {
    if (text === own) {
      const nextStep = "Remove it: each gateway names the others.";
      errors.push({ path: `${path}/${index}`, message: `${text} is this gateway itself`, nextStep });
      return;
    }
    const value = parseIpv4(text);
    if (value !== undefined && isUnicast(value)) return;
    const nextStep = "Write the other gateway's LAN address, as in 192.168.1.3.";
    errors.push({ path: `${path}/${index}`, message: `${text} is not the address of a gateway`, nextStep });
  });
}
