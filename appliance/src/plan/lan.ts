// SPDX-License-Identifier: Apache-2.0
/** The LAN's Ethernet, the VLAN on it, and the addresses there. */
import type { Config, Ipv4Method } from "../config/types.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import { BRIDGE, lanVlan, type Operation } from "../protocol/operations.ts";
import { parseInterface } from "../shared/ipv4.ts";
import { prefixOf } from "../shared/ipv6.ts";
import type { Observed } from "./observed.ts";

/** More addresses than an Ethernet has; the rest is left out. */
const MAX_RESERVED = 32;

/**
 * The Ethernet with the LAN's cable: the named one, or the first physical one that is not the storage one; with a VLAN it may be that
 * one, too. A guest takes none that it was not given.
 */
export function findLanPort(
  config: Config,
  ethernets: readonly EthernetInterface[],
  guest = false,
): EthernetInterface | undefined {
  if (guest && config.lan.interface === "auto") return undefined;
  const others = ethernets.filter((ethernet) => ethernet.name !== config.storage?.interface);
  const candidates = config.lan.vlan === undefined ? others : [...others, ...ethernets];
  if (config.lan.interface === "auto") return candidates[0];
  return candidates.find((ethernet) => ethernet.name === config.lan.interface);
}

/** The LAN interface: that Ethernet, or the VLAN on it. */
export function findLan(
  config: Config,
  ethernets: readonly EthernetInterface[],
  guest = false,
): EthernetInterface | undefined {
  const port = findLanPort(config, ethernets, guest);
  const { vlan } = config.lan;
  return port === undefined || vlan === undefined ? port : { ...port, name: lanVlan(vlan) };
}

/** The interface that has the LAN's address. */
export function lanFace(config: Config, ethernets: readonly EthernetInterface[], guest = false): string | undefined {
  const lan = findLan(config, ethernets, guest);
  return lan !== undefined && config.mode === "bridge" ? BRIDGE : lan?.name;
}

/** First of all, for settings of the LAN's interface are made before it gets its address. */
export function vlanOperations(config: Config, { ethernets, guest = false }: Observed): Operation[] {
  const { vlan } = config.lan;
  const port = findLanPort(config, ethernets, guest);
  if (vlan === undefined || port === undefined) return [];
  // A host's cable is the host's.
  const up: Operation[] = guest ? [] : [{ kind: "link", name: port.name }];
  return [...up, { kind: "vlan", id: vlan, port: port.name }];
}

/** "address/prefix" of the LAN's and the storage's interface, as they are now, of IPv6 the prefix. */
export function ethernetSubnets({ addresses }: Observed, face: string | undefined, config: Config): string[] {
  const names = [face, config.storage?.interface].filter((name) => name !== undefined);
  return names
    .flatMap((name) => addresses.get(name) ?? [])
    .filter(({ scope }) => scope === "global")
    .map(({ cidr }) => ((parseInterface(cidr)?.prefix ?? 0) >= 8 ? cidr : prefixOf(cidr)))
    .filter((cidr) => cidr !== undefined)
    .filter((cidr) => !cidr.endsWith("/122"))
    .sort()
    .slice(0, MAX_RESERVED);
}

/** Our own "address/prefix" on the LAN, of IPv4. */
export function ipv4Of({ addresses }: Observed, face: string | undefined): string[] {
  return (addresses.get(face ?? "") ?? [])
    .filter(({ family, scope }) => family === "inet" && scope === "global")
    .map(({ cidr }) => cidr);
}

/** The LAN interface; in mode bridge it gives its address to the bridge over it. */
export function lanOperations(config: Config, lan: EthernetInterface): Operation[] {
  const { hostname, mode } = config;
  const { ipv4 } = config.lan;
  if (mode !== "bridge") {
    return ethernetOperations(lan.name, ipv4, hostname, true);
  }
  return [
    { kind: "link", name: lan.name },
    { kind: "dhcpClient", interface: lan.name, running: false, hostname, defaultRoute: true },
    { kind: "noAddress", interface: lan.name },
    { kind: "bridge", address: lan.address, port: lan.name },
    ...ethernetOperations(BRIDGE, ipv4, hostname, true),
  ];
}

export function ethernetOperations(
  name: string,
  ipv4: Ipv4Method,
  hostname: string,
  defaultRoute: boolean,
): Operation[] {
  const operations: Operation[] = [{ kind: "link", name }];
  const running = ipv4.method === "dhcp";
  operations.push({ kind: "dhcpClient", interface: name, running, hostname, defaultRoute });
  if (ipv4.method === "static") {
    operations.push({ kind: "address", interface: name, address: ipv4.address });
    if (defaultRoute) {
      const { gateway } = ipv4;
      operations.push({ kind: "route", interface: name, ...(gateway === undefined ? {} : { gateway }) });
      operations.push({ kind: "resolver", interface: name, servers: ipv4.dns });
    }
  }
  return operations;
}

export function isEthernet(segment: string, { ethernets }: Observed): boolean {
  return ethernets.some(({ name }) => name === segment);
}
