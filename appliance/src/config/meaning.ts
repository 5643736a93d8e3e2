// SPDX-License-Identifier: Apache-2.0
/**
 * What a JSON Schema cannot say about a configuration: addresses that exist, names that differ, subnets that do not
 * overlap.
 */
import type { ConfigError } from "../api/status.ts";
import {
  formatInterface,
  type Ipv4Interface,
  isHostAddress,
  isUnicast,
  overlaps,
  parseInterface,
  parseIpv4,
} from "../shared/ipv4.ts";
import { isGlobal6, parseNetwork6, prefixOf } from "../shared/ipv6.ts";
import { checkDhcp } from "./dhcpMeaning.ts";
import { checkFleet } from "./fleetMeaning.ts";
import { checkEncryption, checkExtend, checkMesh } from "./meshMeaning.ts";
import { checkMqtt } from "./mqttMeaning.ts";
import { checkNames } from "./namesMeaning.ts";
import { checkPorts } from "./portMeaning.ts";
import { checkRoutes } from "./routesMeaning.ts";
import { checkSsh } from "./sshMeaning.ts";
import { checkStations } from "./stationMeaning.ts";
import { checkZone } from "./timeMeaning.ts";
import type { AdapterFabric, ChapConfig, Config, Ipv4Method, IscsiFabric, PortFabric, SegmentConfig } from "./types.ts";
import { isTakenAsSegment } from "./words.ts";

interface Subnet {
  path: string;
  value: Ipv4Interface;
}

export function checkMeaning(config: Config): ConfigError[] {
  const errors: ConfigError[] = [];
  const subnets: Subnet[] = [];
  checkMethod(config.lan.ipv4, "/lan/ipv4", errors, subnets);
  if (config.storage) {
    checkMethod(config.storage.ipv4, "/storage/ipv4", errors, subnets);
    if (config.storage.interface === "auto") {
      errors.push({
        path: "/storage/interface",
        message: "the storage interface cannot be auto",
        nextStep: "Name the interface, for example eth1; `ip link` on the console lists them.",
      });
    }
    // With a VLAN, both may come by one cable.
    if (config.storage.interface === config.lan.interface && config.lan.vlan === undefined) {
      errors.push({
        path: "/storage/interface",
        message: `${config.lan.interface} is the LAN interface already`,
        nextStep:
          "Use another interface for storage, set lan.vlan if both are on one cable, or remove the storage section.",
      });
    }
  }
  config.segments.forEach((segment, index) => {
    checkSegment(segment, index, config, errors, subnets);
  });
  checkOverlaps(config.mode === "proxy" ? subnets.filter(({ path }) => !path.startsWith("/lan")) : subnets, errors);
  checkMode(config, errors);
  checkFirewall(config, errors);
  checkMesh(config, errors);
  checkEncryption(config, errors);
  checkMqtt(config.mqtt, errors);
  checkFleet(config.update.fleet, errors);
  checkZone(config.time.zone, errors);
  checkNames(config, errors);
  checkRoutes(
    config.routes,
    config.mode === "bridge" ? subnets.filter(({ path }) => !path.startsWith("/seg")) : subnets,
    errors,
  );
  checkSsh(config, errors);
  if (config.snmp.enabled && config.snmp.community === undefined) {
    errors.push({
      path: "/snmp/community",
      message: "SNMP needs a community: whoever knows it may ask",
      nextStep: "Set one that nobody guesses, and tell it to whatever is to ask; or leave snmp.enabled off.",
    });
  }
  if (config.chap.password !== undefined && config.chap.password === config.chap.gatewayPassword) {
    errors.push({
      path: "/chap/gatewayPassword",
      message: "it is the hosts' password, too: a host could give the gateway's answer back as its own",
      nextStep: "Use another one (RFC 7143, section 9.2.1).",
    });
  }
  checkPorts(config, errors);
  return errors;
}

/** Segments of these modes have what the others choose by themselves. */
function checkMode(config: Config, errors: ConfigError[]): void {
  if (config.mode !== "proxy") return;
  config.segments.forEach((segment, index) => {
    if (segment.ipv6.enabled && segment.ipv6.address !== "auto") {
      errors.push({
        path: `/segments/${index}/ipv6/address`,
        message: "mode proxy takes a part of the LAN's own prefix, and no address beside it",
        nextStep: "Set it to auto.",
      });
    }
    if (segment.ipv4.address !== "auto") return;
    errors.push({
      path: `/segments/${index}/ipv4/address`,
      message: "mode proxy cannot choose a segment's address: only you know what is free on the LAN",
      nextStep:
        "Set it to a part of the LAN's subnet that its DHCP server does not give out, for example 192.168.1.225/28.",
    });
  });
}

const SIDES = ["lan", "storage", "segments"];

/** Where a port can be forwarded to; undefined while that is not known, as a segment's subnet is chosen. */
function forwardable({ segments, routes }: Config): Ipv4Interface[] | undefined {
  if (segments.some(({ ipv4 }) => ipv4.address === "auto")) return undefined;
  const networks = [...segments.map(({ ipv4 }) => ipv4.address), ...routes.map(({ destination }) => destination)];
  return networks.map(parseInterface).filter((value) => value !== undefined);
}

function checkFirewall(config: Config, errors: ConfigError[]): void {
  const { firewall, segments, mode } = config;
  const names = segments.map((segment) => segment.name);
  const behind = forwardable(config);
  firewall.managementSources.forEach((text, index) => {
    checkRange(text, `/firewall/managementSources/${index}`, errors);
  });
  firewall.rules.forEach((rule, index) => {
    const path = `/firewall/rules/${index}`;
    const check = (key: "from" | "to", special: string[]) => {
      const known = [...special, ...SIDES, ...names];
      if (known.includes(rule[key])) return;
      errors.push({
        path: `${path}/${key}`,
        message: `${rule[key]} is neither a side nor a segment`,
        nextStep: `Use one of: ${known.join(", ")}.`,
      });
    };
    check("from", ["any"]);
    check("to", ["gateway", "any"]);
    if (rule.ports.length > 0 && rule.protocol !== "tcp" && rule.protocol !== "udp") {
      errors.push({
        path: `${path}/ports`,
        message: `${rule.protocol} has no ports`,
        nextStep: "Set protocol to tcp or udp, or leave ports out.",
      });
    }
    rule.ports.forEach((text, place) => {
      const [first = 0, last = first] = text.split("-").map(Number);
      if (first <= last && last <= 65535) return;
      const nextStep = "Write a port as 22 and a range as 8000-8010, up to 65535.";
      errors.push({ path: `${path}/ports/${place}`, message: `${text} is no range of ports`, nextStep });
    });
    for (const key of ["sources", "destinations"] as const) {
      rule[key].forEach((text, place) => {
        checkRange(text, `${path}/${key}/${place}`, errors);
      });
    }
    const six = (list: readonly string[]) => new Set(list.map((text) => text.includes(":")));
    const [sources, destinations] = [six(rule.sources), six(rule.destinations)];
    if (sources.size > 0 && destinations.size > 0 && ![...sources].some((family) => destinations.has(family))) {
      const message = "no packet has an IPv4 address on one side and an IPv6 address on the other";
      const nextStep = "Give sources and destinations of the same kind.";
      errors.push({ path: `${path}/destinations`, message, nextStep });
    }
  });
  firewall.portForwards.forEach(({ protocol, port, to }, index) => {
    const path = `/firewall/portForwards/${index}`;
    const host = parseIpv4(to);
    if (host === undefined) errors.push(notAnAddress(`${path}/to`, to));
    else if (behind !== undefined && !behind.some((subnet) => overlaps(subnet, { address: host, prefix: 32 }))) {
      errors.push({
        path: `${path}/to`,
        message: `${to} is on no segment, and behind no router`,
        nextStep: "Give the address of a host on a segment; a station keeps its own by stations[].ipv4.",
      });
    }
    if (mode !== "nat") {
      const nextStep =
        'Set mode to "nat", or remove the port forward: in the other modes, hosts reach each other without.';
      errors.push({ path, message: `mode ${mode} forwards no ports`, nextStep });
    }
    const same = (other: { protocol: string; port: number }) => other.protocol === protocol && other.port === port;
    if (firewall.portForwards.slice(0, index).some(same)) {
      errors.push({
        path: `${path}/port`,
        message: `${protocol} port ${port} is forwarded already`,
        nextStep: "Use another port.",
      });
    }
  });
}

function checkRange(text: string, path: string, errors: ConfigError[]): void {
  const whole = (bits: number) => (text.includes("/") ? text : `${text}/${bits}`);
  if (parseInterface(whole(32)) !== undefined || parseNetwork6(whole(128)) !== undefined) return;
  errors.push({
    path,
    message: `${text} is neither an address nor a subnet`,
    nextStep: "Write it as 192.168.1.5, 192.168.1.0/24, 2001:db8::5 or 2001:db8:7::/48.",
  });
}

function checkMethod(method: Ipv4Method, path: string, errors: ConfigError[], subnets: Subnet[]): void {
  if (method.method !== "static") return;
  const address = checkInterface(method.address, `${path}/address`, errors);
  if (address) subnets.push({ path: `${path}/address`, value: address });
  if (method.gateway !== undefined) {
    const gateway = parseIpv4(method.gateway);
    if (gateway === undefined) errors.push(notAnAddress(`${path}/gateway`, method.gateway));
    else if (address && (gateway === address.address || !isHostAddress({ ...address, address: gateway }))) {
      errors.push({
        path: `${path}/gateway`,
        message: `${method.gateway} is ${gateway === address.address ? "this gateway itself" : "no host's address"}, and no router`,
        nextStep: "Give the router's address, or leave it out where there is none.",
      });
    } else if (address && !overlaps(address, { address: gateway, prefix: 32 })) {
      errors.push({
        path: `${path}/gateway`,
        message: `${method.gateway} is not in the subnet of ${method.address}`,
        nextStep: "Give the router's address in this subnet, or correct the prefix length.",
      });
    }
  }
  method.dns.forEach((server, index) => {
    if (parseIpv4(server) === undefined) errors.push(notAnAddress(`${path}/dns/${index}`, server));
  });
}

function checkSegment(
  segment: SegmentConfig,
  index: number,
  config: Config,
  errors: ConfigError[],
  subnets: Subnet[],
): void {
  const path = `/segments/${index}`;
  const earlier = config.segments.slice(0, index);
  if (earlier.some((other) => other.name === segment.name)) {
    errors.push({
      path: `${path}/name`,
      message: `there are two segments named ${segment.name}`,
      nextStep: "Give each segment its own name, for example seg0 and seg1.",
    });
  }
  if (isTakenAsSegment(segment.name)) {
    errors.push({
      path: `${path}/name`,
      message: `${segment.name} means something else in the settings or to the kernel`,
      nextStep: "Give the segment another name, for example seg0.",
    });
  } else if ([config.lan.interface, config.storage?.interface].includes(segment.name)) {
    errors.push({
      path: `${path}/name`,
      message: `${segment.name} is the name of an Ethernet interface of this configuration`,
      nextStep: "Give the segment another name, for example seg0.",
    });
  }
  if (segment.ipv4.address !== "auto") {
    const address = checkInterface(segment.ipv4.address, `${path}/ipv4/address`, errors);
    if (address) subnets.push({ path: `${path}/ipv4/address`, value: address });
    if (address && segment.dhcp.enabled && address.prefix > 30) {
      errors.push({
        path: `${path}/ipv4/address`,
        message: `a /${address.prefix} leaves no address to give out`,
        nextStep: "Use a prefix length of 30 or less, or turn dhcp off.",
      });
    }
  }
  checkStations(segment, config.hostname, path, errors);
  checkDhcp(segment, path, errors);
  checkExtend(segment, path, config, earlier, errors);
  checkIpv6(segment, path, earlier, errors);
  const { fabric } = segment;
  if (fabric.type === "iscsi") checkIscsi(fabric, path, earlier, config.chap, errors);
  if (fabric.type === "qla2xxx" || fabric.type === "srpt" || fabric.type === "sbp") {
    checkPort(fabric, path, earlier, errors);
  }
  if (fabric.type === "adapter") checkAdapter(fabric, path, earlier, errors);
}

function checkIpv6(segment: SegmentConfig, path: string, earlier: SegmentConfig[], errors: ConfigError[]): void {
  const { address } = segment.ipv6;
  if (address === "auto") return;
  if (prefixOf(address) === undefined) {
    const nextStep = "Write it as 2001:db8:0:1::1/64, without leading zeros where they can be left out.";
    errors.push({ path: `${path}/ipv6/address`, message: `${address} is not an IPv6 address`, nextStep });
  } else if (!isGlobal6(address)) {
    const message = `${address} is of a range that hosts do not give themselves addresses of`;
    const nextStep = "Use a prefix of your own: 2001:db8:0:1::1/64, or fd6e:0:0:1::1/64.";
    errors.push({ path: `${path}/ipv6/address`, message, nextStep });
  } else if (earlier.some((other) => prefixOf(other.ipv6.address) === prefixOf(address))) {
    const nextStep = "Use a prefix of its own for each segment, or auto.";
    errors.push({ path: `${path}/ipv6/address`, message: "another segment has this prefix", nextStep });
  }
}

function openOnNetwork(type: string, path: string): ConfigError {
  return {
    path: `${path}/fabric/open`,
    message: `${type} is reachable over a network: open would let everybody on it read and send for any host`,
    nextStep: "Name the hosts in initiators, and set open to false. Only a bus of its own (qla2xxx, sbp) may be open.",
  };
}

function checkAdapter(fabric: AdapterFabric, path: string, earlier: SegmentConfig[], errors: ConfigError[]): void {
  const { serial, scsiId, daynaport } = fabric;
  if (daynaport?.enabled === true && daynaport.scsiId === scsiId) {
    errors.push({
      path: `${path}/fabric/daynaport/scsiId`,
      message: `the adapter itself has the ID ${scsiId}`,
      nextStep: "Give the DaynaPORT another one that nothing on the bus has.",
    });
  }
  if (!earlier.some(({ fabric }) => fabric.type === "adapter" && fabric.serial === serial)) return;
  errors.push({
    path: `${path}/fabric/serial`,
    message: `another segment uses the adapter ${serial}`,
    nextStep: "Give each segment its own adapter; `scsigate adapters` lists them.",
  });
}

/** A port leads to one segment, and says whom it admits. */
function checkPort(fabric: PortFabric, path: string, earlier: SegmentConfig[], errors: ConfigError[]): void {
  const { type, port, open } = fabric;
  if (earlier.some((other) => other.fabric.type === type && other.fabric.port === port)) {
    errors.push({
      path: `${path}/fabric/port`,
      message: `another segment uses ${port}`,
      nextStep: "Give each segment its own port; `scsigate adapters` lists them.",
    });
  }
  if (type === "srpt" && open) errors.push(openOnNetwork(type, path));
  if (type === "sbp" && !open) {
    errors.push({
      path: `${path}/fabric/open`,
      message: "the kernel's FireWire target admits every host on the bus, and cannot be told otherwise",
      nextStep: "Set open to true if everybody on this FireWire bus may use the segment; else use another fabric.",
    });
  }
  if (type !== "qla2xxx") return;
  if (open && fabric.initiators.length > 0) {
    errors.push({
      path: `${path}/fabric/initiators`,
      message: "an open port admits every host, not only these",
      nextStep: "Set open to false, or leave initiators out.",
    });
  }
  if (!open && fabric.initiators.length === 0) {
    errors.push({
      path: `${path}/fabric/initiators`,
      message: "nobody may use the segment",
      nextStep: "Name the hosts' port names, or set open to true if every host on this fabric may use it.",
    });
  }
}

/** What a segment asks of section chap and is not there, in words. */
function missingChap(authentication: IscsiFabric["authentication"], chap: ChapConfig): string | undefined {
  const { user, password, gatewayUser, gatewayPassword } = chap;
  if (authentication === "none") return undefined;
  if (user === undefined || password === undefined) return "chap.user and chap.password are";
  if (authentication === "chap") return undefined;
  return gatewayUser === undefined || gatewayPassword === undefined
    ? "chap.gatewayUser and chap.gatewayPassword are"
    : undefined;
}

function checkIscsi(
  fabric: IscsiFabric,
  path: string,
  earlier: SegmentConfig[],
  chap: ChapConfig,
  errors: ConfigError[],
): void {
  if (fabric.open) errors.push(openOnNetwork("iscsi", path));
  const missing = missingChap(fabric.authentication, chap);
  if (missing !== undefined) {
    errors.push({
      path: `${path}/fabric/authentication`,
      message: `${fabric.authentication} is asked for, and ${missing} not set`,
      nextStep: "Set them, or set authentication to none.",
    });
  }
  if (earlier.some((other) => other.fabric.type === "iscsi" && other.fabric.target === fabric.target)) {
    errors.push({
      path: `${path}/fabric/target`,
      message: `another segment uses ${fabric.target}`,
      nextStep: "Give each segment its own target name.",
    });
  }
  fabric.portals.forEach((portal, index) => {
    const [host = "", port = ""] = portal.split(":");
    if (parseIpv4(host) === undefined || Number(port) < 1 || Number(port) > 65535) {
      errors.push({
        path: `${path}/fabric/portals/${index}`,
        message: `${portal} is not an IPv4 address and a port`,
        nextStep: "Write it as 10.0.2.15:3260, or 0.0.0.0:3260 for all addresses.",
      });
    }
  });
}

function checkInterface(text: string, path: string, errors: ConfigError[]): Ipv4Interface | undefined {
  const value = parseInterface(text);
  if (value === undefined || value.prefix < 8) {
    errors.push({
      path,
      message: `${text} is not an IPv4 address with a prefix length of 8 to 32`,
      nextStep: "Write it as 10.143.0.1/24.",
    });
    return undefined;
  }
  if (!isUnicast(value.address)) {
    errors.push({
      path,
      message: `${text} is of a range that no machine has an address of on a network`,
      nextStep: "Use a private address, for example 10.143.0.1/24.",
    });
    return undefined;
  }
  if (!isHostAddress(value)) {
    errors.push({
      path,
      message: `${text} is the first or last address of its subnet, which no machine can have`,
      nextStep: `Use another one, for example ${formatInterface({ ...value, address: value.address ^ 1 })}.`,
    });
    return undefined;
  }
  return value;
}

function notAnAddress(path: string, text: string): ConfigError {
  return { path, message: `${text} is not an IPv4 address`, nextStep: "Write it as 192.168.1.1." };
}

/** Reported at the later of the two, which is the one that was probably added last. */
function checkOverlaps(subnets: Subnet[], errors: ConfigError[]): void {
  subnets.forEach((subnet, index) => {
    const clash = subnets.slice(0, index).find((other) => overlaps(other.value, subnet.value));
    if (!clash) return;
    errors.push({
      path: subnet.path,
      message: `${formatInterface(subnet.value)} overlaps ${formatInterface(clash.value)} at ${clash.path}`,
      nextStep: "Use a subnet of its own for each interface, or auto for the segment.",
    });
  });
}
