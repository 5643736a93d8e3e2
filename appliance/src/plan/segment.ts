// SPDX-License-Identifier: Apache-2.0
/** A segment's interface, its DHCP and DNS, and what its hosts are told last. */
import { optionBytes } from "../config/dhcpMeaning.ts";
import type { ChapConfig, Config, SegmentConfig } from "../config/types.ts";
import {
  type DhcpOption,
  type DnsmasqOperation,
  extensionBridge,
  type Operation,
  type PlanGroup,
  segmentFace,
} from "../protocol/operations.ts";
import { type Identity, stationAddress } from "../shared/identity.ts";
import { formatInterface, formatIpv4, type Ipv4Interface } from "../shared/ipv4.ts";
import { prefixOf } from "../shared/ipv6.ts";
import { hostsMtu } from "./encryption.ts";
import { fabricOperations } from "./fabric.ts";
import { type Bindings, settingsOf } from "./initiators.ts";
import { proxyArp } from "./neighbours.ts";
import { dhcpRange } from "./subnets.ts";

/** What has the segment's name: an interface of the driver, or that of an adapter of ours, which is a hub by itself. */
function segmentInterface({ name, fabric }: SegmentConfig, identity: Identity): Operation[] {
  if (fabric.type === "adapter") {
    return [
      { kind: "modules", names: ["cdc_ncm", "cdc_acm"] },
      { kind: "adapter", segment: name, serial: fabric.serial },
      { kind: "link", name },
    ];
  }
  return [
    { kind: "modules", names: ["ipscsi"] },
    { kind: "link", name, create: { kind: "ipscsi", address: stationAddress(identity, name) } },
  ];
}

export interface SegmentGroups {
  link: PlanGroup;
  dhcp: PlanGroup;
  fabric: PlanGroup;
}

export function segmentGroups(
  segment: SegmentConfig,
  address: Ipv4Interface,
  address6: string | undefined,
  identity: Identity,
  config: Config,
  bindings: Bindings,
): SegmentGroups {
  const { name, extend } = segment;
  const face = segmentFace(segment);
  const { hostname, mode } = config;
  const text = formatInterface(address);
  const [first, last] = dhcpRange(address);
  const prefix6 = address6 === undefined ? undefined : prefixOf(address6);
  return {
    link: {
      name,
      needs: ["firewall"],
      operations: [
        ...segmentInterface(segment, identity),
        // Stations of one segment reach each other directly or through us, both rightly: no advice to do otherwise.
        { kind: "interfaceSysctl", interface: name, name: "send_redirects", value: 0 },
        proxyArp(name, mode === "proxy"),
        ...extension(segment, identity),
        { kind: "address", interface: face, address: text },
        { kind: "address6", interface: face, ...(address6 === undefined ? {} : { address: address6 }) },
      ],
    },
    dhcp: {
      name: `${name}-dhcp`,
      needs: [name],
      operations: [
        {
          kind: "dnsmasq",
          segment: name,
          ...(extend === undefined ? {} : { interface: face, mtu: hostsMtu(config, extend) }),
          running: segment.dhcp.enabled,
          address: text,
          ...(prefix6 === undefined ? {} : { prefix6 }),
          range: [formatIpv4(first), formatIpv4(last)],
          leaseSeconds: segment.dhcp.leaseSeconds,
          hostname,
          timeServer: config.time.serve,
          ...hostsOf(segment, bindings),
          ...(segment.dhcp.boot === undefined ? {} : { boot: segment.dhcp.boot }),
          ...optionsOf(segment),
          ...namesOf(config),
        },
      ],
    },
    fabric: {
      name: `${name}-fabric`,
      needs: [name],
      operations: [
        ...fabricOperations(segment, identity, config.chap),
        ...renewal(segment, segment.dhcp.enabled ? text : "elsewhere"),
      ],
    },
  };
}

/** The segment stays, and its stations reach each other; nothing of it is in the LAN's way. */
export function withoutAddress({ link, dhcp, fabric }: SegmentGroups, segment: SegmentConfig): SegmentGroups {
  const bare = (operation: Operation): Operation =>
    operation.kind === "address" ? { kind: "noAddress", interface: segmentFace(segment) } : operation;
  const silent = (operation: Operation): Operation =>
    operation.kind === "dnsmasq" ? { ...operation, running: false } : operation;
  return {
    link: { ...link, operations: link.operations.map(bare) },
    dhcp: { ...dhcp, operations: dhcp.operations.map(silent) },
    fabric: { ...fabric, operations: fabric.operations.filter(({ kind }) => kind !== "renewal") },
  };
}

/** A segment that spans gateways becomes the port of a bridge, and the bridge has its addresses. */
function extension({ name, extend }: SegmentConfig, identity: Identity): Operation[] {
  if (extend === undefined) return [];
  const { vni, peers } = extend;
  return [
    { kind: "noAddress", interface: name },
    { kind: "address6", interface: name },
    { kind: "modules", names: ["vxlan"] },
    { kind: "extension", segment: name, address: stationAddress(identity, name), vni, peers },
    { kind: "interfaceSysctl", interface: extensionBridge(name), name: "send_redirects", value: 0 },
  ];
}

/** Layer 2 only: no address, no DHCP of our own. */
export function bridgedSegment(segment: SegmentConfig, identity: Identity, chap: ChapConfig): SegmentGroups {
  const { name } = segment;
  return {
    link: {
      name,
      needs: ["firewall", "lan"],
      operations: [
        ...segmentInterface(segment, identity),
        proxyArp(name, false),
        { kind: "noAddress", interface: name },
        { kind: "address6", interface: name },
        { kind: "bridgePort", port: name },
      ],
    },
    dhcp: { name: `${name}-dhcp`, operations: [] },
    fabric: {
      name: `${name}-fabric`,
      needs: [name],
      operations: [...fabricOperations(segment, identity, chap), ...renewal(segment, "the LAN")],
    },
  };
}

/**
 * Last of all, when who gives the addresses is there. An adapter's stations have their carrier from the adapter, which no driver here takes from them.
 *
 * @param from whose addresses the hosts have
 */
function renewal({ name, fabric }: SegmentConfig, from: string): Operation[] {
  return fabric.type === "adapter" ? [] : [{ kind: "renewal", segment: name, from }];
}

/** In a group of its own: a kernel that cannot filter here takes nothing but this away from the segment. */
export function stationFilter({ segments }: Config, segment: string, bindings: Bindings): PlanGroup {
  const settings = settingsOf(
    segments.find(({ name }) => name === segment),
    bindings,
  );
  // Who is blocked by its initiator's name, the fabric does not let in.
  const blocked = settings.flatMap(({ address, initiator, access }) =>
    access === "block" && initiator === undefined && address !== undefined ? [address] : [],
  );
  return { name: `${segment}-stations`, needs: [segment], operations: [{ kind: "stationFilter", segment, blocked }] };
}

/** Stations that DHCP and DNS know by the configuration. */
function hostsOf(segment: SegmentConfig, bindings: Bindings): Pick<DnsmasqOperation, "hosts"> {
  const hosts = settingsOf(segment, bindings).flatMap(({ address, ipv4, name }) => {
    if (ipv4 === undefined && name === undefined) return [];
    return [
      {
        ...(address === undefined ? {} : { address }),
        ...(ipv4 === undefined ? {} : { ipv4 }),
        ...(name === undefined ? {} : { name }),
      },
    ];
  });
  return hosts.length === 0 ? {} : { hosts };
}

function optionsOf({ dhcp }: SegmentConfig): Pick<DnsmasqOperation, "options"> {
  const options = dhcp.options.map((option): DhcpOption => {
    const { number, type, value } = option;
    return type === "addresses"
      ? { number, addresses: value.split(",").map((text) => text.trim()) }
      : { number, bytes: optionBytes(option) ?? [] };
  });
  return options.length === 0 ? {} : { options };
}

function namesOf({ names: { nameServers: servers, records } }: Config): Pick<DnsmasqOperation, "dns"> {
  return servers.length === 0 && records.length === 0 ? {} : { dns: { servers, records } };
}
