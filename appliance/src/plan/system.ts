// SPDX-License-Identifier: Apache-2.0
/** Settings of the machine as a whole, and what others see of it. */
import type { Config } from "../config/types.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import type { Operation, PlanGroup } from "../protocol/operations.ts";
import type { Identity } from "../shared/identity.ts";
import { hasIpv6, ipv6Settings } from "./ipv6.ts";
import { findLanPort } from "./lan.ts";
import { proxying } from "./neighbours.ts";
import type { Observed } from "./observed.ts";

export function systemSettings(
  config: Config,
  { ethernets }: Observed,
  lan: EthernetInterface | undefined,
): Operation[] {
  return [
    { kind: "hostname", name: config.hostname },
    { kind: "timeZone", zone: config.time.zone },
    { kind: "nameServers", servers: config.names.nameServers },
    ...[...ethernets, ...(lan === undefined || config.lan.vlan === undefined ? [] : [lan])].flatMap((ethernet) =>
      proxying(config, ethernet, lan),
    ),
  ];
}

/**
 * So many connections are remembered, of 320 bytes each, whatever the kernel makes of the machine's memory; eight stations with all that
 * one may have (operations/firewall.ts) fill it.
 */
const CONNECTIONS: Operation = { kind: "sysctl", name: "net.netfilter.nf_conntrack_max", value: 65_536 };

export function forwardingSettings(config: Config, guest: boolean, face: string | undefined): Operation[] {
  const ipv4: Operation = { kind: "sysctl", name: "net.ipv4.ip_forward", value: 1 };
  if (!guest) return [ipv4, ...ipv6Settings(config, face), CONNECTIONS];
  const forwards = config.segments.length > 0 && config.mode !== "bridge";
  const ipv6 = config.segments.some((segment) => hasIpv6(segment, config.mode));
  return [...(forwards ? [ipv4] : []), ...(ipv6 ? ipv6Settings(config, face) : [])];
}

export function mdnsGroup(
  { hostname, http }: Config,
  interfaces: string[],
  { id }: Identity,
  version = "unknown",
): PlanGroup {
  const ports = { http: http.port, https: http.httpsPort };
  return { name: "mdns", operations: [{ kind: "mdns", hostname, interfaces, ports, id, version }] };
}

/** What others see the gateway by. In groups of their own: one that fails takes nothing away from the other. */
export function monitoringGroups(
  config: Config,
  { ethernets, version = "unknown" }: Observed,
  face: string | undefined,
): PlanGroup[] {
  const { hostname, lldp, snmp } = config;
  const { enabled, community, location, contact } = snmp;
  const port = lldp.enabled ? findLanPort(config, ethernets)?.name : undefined;
  const said = { hostname, version };
  const seen = { face: face ?? "none", ...(port === undefined ? {} : { port }) };
  const told = { location, contact, ...(enabled && community !== undefined ? { community } : {}) };
  return [
    { name: "lldp", operations: [{ kind: "lldp", ...said, ...seen }] },
    { name: "snmp", operations: [{ kind: "snmp", ...said, ...told }] },
  ];
}

/** A host's clock is the host's, and so is what it serves. */
export function servesTime({ time }: Config, guest: boolean): boolean {
  return time.serve && !guest;
}
