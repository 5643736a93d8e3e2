// SPDX-License-Identifier: Apache-2.0
/** On a machine that is somebody's: only what is needed, and what the host is to leave alone. */
import type { Config } from "../config/types.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import {
  BRIDGE,
  extensionBridge,
  extensionTunnel,
  type FirewallOperation,
  type Operation,
  WIREGUARD,
} from "../protocol/operations.ts";
import { encryptedPeers } from "./encryption.ts";
import { meshTunnels } from "./meshed.ts";
import { proxying } from "./neighbours.ts";

/** On a host: nothing that is not needed for what was configured, and nothing is switched off that is the host's. */
export function guestSettings(config: Config, lan: EthernetInterface | undefined): Operation[] {
  return lan === undefined || config.segments.length === 0 ? [] : proxying(config, lan, lan);
}

/** Interfaces whose addresses are ours to give; those of the host stay, where the method is none. */
function takenEthernets(config: Config, lan: EthernetInterface | undefined): string[] {
  const { storage, mode } = config;
  return [
    ...(lan === undefined || (config.lan.ipv4.method === "none" && mode !== "bridge") ? [] : [lan.name]),
    ...(storage === undefined || storage.ipv4.method === "none" ? [] : [storage.interface]),
  ];
}

/** All that the host's own network management is to leave alone. */
export function claimOperation(config: Config, lan: EthernetInterface | undefined): Operation {
  const made = config.segments.flatMap(({ name, extend }) =>
    extend === undefined ? [name] : [name, extensionBridge(name), extensionTunnel(name)],
  );
  const bridge = config.mode === "bridge" ? [BRIDGE] : [];
  const tunnels = [...meshTunnels(config), ...(encryptedPeers(config).length === 0 ? [] : [WIREGUARD])];
  return { kind: "claim", interfaces: [...takenEthernets(config, lan), ...made, ...bridge, ...tunnels] };
}

/** Filters what is ours, and leaves the host's other interfaces to the host. */
export function guestFirewall(rules: FirewallOperation, config: Config, lan: EthernetInterface | undefined): Operation {
  const taken = takenEthernets(config, lan);
  const faces = taken.map((name) => (name === lan?.name && config.mode === "bridge" ? BRIDGE : name));
  const only = [...faces, ...rules.segments.map(({ name }) => name), ...rules.mesh.tunnels];
  if (rules.encrypted !== undefined) only.push(WIREGUARD);
  return only.length === 0 ? { kind: "noFirewall" } : { ...rules, timeServer: false, only };
}
